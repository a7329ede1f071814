"""Every error that is raised to the caller.

    Qwen3AgentError
    ├── ToolDefinitionError          a function cannot be a tool, or two tools share a name
    ├── MCPConfigError               an MCP configuration is invalid
    ├── MCPServerError               an MCP server or one of its tools is not available
    ├── SandboxUnavailableError      this machine offers no isolation for the code interpreter
    ├── ModelNotFoundError           the model is not a folder, not on the hub, or not served
    ├── ChatFormatError              the checkpoint's chat format is missing or unknown
    ├── ThinkingUnavailableError     the model does not support the thinking mode
    ├── ToolChoiceUnavailableError   the model cannot be held to the `tool_choice`
    ├── EngineError                  the engine cannot start, or failed
    │   ├── ConnectionFailedError    nothing answers at the URL
    │   ├── NotAChatServerError      something other than a chat server answers at the URL
    │   └── AuthenticationError      the server requires an API key, or rejects the one given
    ├── PromptTooLongError           the prompt does not fit into the model's context
    ├── JournalError                 a run could not be recorded, found or resumed
    ├── NoAnswerError                the model ended its turn twice without saying anything
    ├── InvalidAnswerError           the answer is not of the `output_type`, after one retry
    └── LimitExceededError           the run reached a limit; holds the result so far

Every error can be pickled. Errors for the model are not here: a tool raises `ToolError`, whose
message goes to the model as an error result and is never raised to the caller of a run.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from qwen3_tools.errors import MCPConfigError as MCPConfigError
from qwen3_tools.errors import MCPServerError as MCPServerError
from qwen3_tools.errors import Qwen3AgentError as Qwen3AgentError
from qwen3_tools.errors import SandboxUnavailableError as SandboxUnavailableError
from qwen3_tools.errors import ToolDefinitionError as ToolDefinitionError
from qwen3_tools.errors import ToolError as ToolError
from qwen3_tools.renamed import missing_name

RENAMED = {
    "InvalidAnswer": "InvalidAnswerError",
    "LimitReached": "LimitExceededError",
    "ModelNotFound": "ModelNotFoundError",
    "NoAnswer": "NoAnswerError",
    "NotAChatServer": "NotAChatServerError",
    "NotAuthorised": "AuthenticationError",
    "PromptTooLong": "PromptTooLongError",
    "SandboxUnavailable": "SandboxUnavailableError",
    "ServerUnreachable": "ConnectionFailedError",
    "ThinkingUnavailable": "ThinkingUnavailableError",
    "ToolChoiceUnavailable": "ToolChoiceUnavailableError",
}
"""Names of earlier versions, and the names that replace them."""


def __getattr__(name: str) -> Any:
    raise missing_name(__name__, name, RENAMED)


class ResultSoFar(Protocol):
    """The `RunResult` that an error holds."""

    @property
    def output(self) -> Any:
        """The text of the last step."""

    @property
    def output_text(self) -> str:
        """The same."""

    @property
    def steps(self) -> Sequence[Any]:
        """One `StepReport` for each step."""

    @property
    def transcript(self) -> Any:
        """The `Transcript` of the run."""

    @property
    def limit(self) -> str | None:
        """The limit that ended the run."""

    @property
    def seconds(self) -> float:
        """The duration of the run."""

    @property
    def files(self) -> Sequence[Path]:
        """Files made by tools."""

    @property
    def run_id(self) -> str | None:
        """The id of the run, if it is recorded."""

    @property
    def usage(self) -> Any:
        """The `Usage` of all steps."""

    @property
    def calls(self) -> Sequence[Any]:
        """One `CallReport` for each tool call."""

    @property
    def messages(self) -> Sequence[Any]:
        """The conversation, in the form of the chat completions protocol."""

    def to_json(self) -> dict[str, Any]:
        """Return the result as a JSON object."""


class StopReason(Protocol):
    """The limit that ended a run; see `limits.Stop`."""

    @property
    def limit(self) -> str:
        """The name of the limit."""

    @property
    def allowed(self) -> float:
        """How much the limit allowed, in its own unit."""


class ModelNotFoundError(Qwen3AgentError):
    """The model is not a folder, not known by name, not on the hub, or not served by the server.

    Attributes:
        model: the name that was asked for, if there was one.
        available: names of the models that the server serves, as far as it listed them.
    """

    def __init__(
        self, message: str, *, model: str | None = None, available: Sequence[str] = ()
    ) -> None:
        super().__init__(message)
        self.model = model
        self.available = tuple(available)


class ChatFormatError(Qwen3AgentError):
    """The checkpoint has no chat template, or one of an unknown family."""


class ThinkingUnavailableError(Qwen3AgentError):
    """The thinking policy requires a mode that the model does not support."""


class ToolChoiceUnavailableError(Qwen3AgentError):
    """The model cannot be held to the `tool_choice`, because its output is not constrained."""


class EngineError(Qwen3AgentError):
    """The engine cannot start, or failed while generating.

    Attributes:
        status_code: the HTTP status of a server's answer, or the code in an error event.
        retry_after: seconds after which the server asks to try again.
    """

    def __init__(
        self, message: str, *, status_code: int | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.retry_after = retry_after


class ConnectionFailedError(EngineError):
    """Nothing answers at the URL."""


class NotAChatServerError(EngineError):
    """The server at the URL is not OpenAI-compatible."""


class AuthenticationError(EngineError):
    """The server requires an API key, or rejects the one it got."""


class PromptTooLongError(Qwen3AgentError):
    """The prompt does not fit into the model's context with room for an answer.

    Attributes:
        prompt_tokens, context_length: None when a server stated no numbers.
    """

    def __init__(
        self,
        prompt_tokens: int | None = None,
        context_length: int | None = None,
        *,
        server_message: str = "",
    ) -> None:
        self.prompt_tokens = prompt_tokens
        self.context_length = context_length
        if prompt_tokens is None or context_length is None:
            super().__init__(f"The prompt is too long for the server's context: {server_message}")
            return
        over = prompt_tokens - context_length + 1
        super().__init__(
            f"The prompt has {prompt_tokens} tokens and the model's context holds "
            f"{context_length}, one of them for the answer: shorten it by at least {over}."
        )


class JournalError(Qwen3AgentError):
    """A run could not be recorded, found or resumed."""


class NoAnswerError(Qwen3AgentError):
    """The model ended its turn twice without an answer or a tool call."""


class InvalidAnswerError(Qwen3AgentError):
    """The answer does not match the `output_type`, and neither did the one before.

    Attributes:
        problem: what is wrong with the answer.
        result: the `RunResult` so far; its `output` is the last answer.
    """

    def __init__(self, problem: str, result: ResultSoFar) -> None:
        self.problem = problem
        self.result = result
        super().__init__(f"The answer is not what was asked for: {problem}.")


class LimitExceededError(Qwen3AgentError):
    """A limit ended the run without an answer.

    Attributes:
        limit: the name of the limit.
        allowed: how much it allowed, in its own unit.
        stop: the `limits.Stop` with both, and what the run was waiting for.
        problem: why the answer at the limit does not match the `output_type`, if there is one.
        result: the `RunResult` so far; its `output` is the text of the last step.
    """

    def __init__(self, stop: StopReason, result: ResultSoFar, *, problem: str = "") -> None:
        self.limit = stop.limit
        self.allowed = stop.allowed
        self.stop = stop
        self.problem = problem
        self.result = result
        answer = f" Its answer is not what was asked for: {problem}." if problem else ""
        super().__init__(f"{stop}{answer}")


__all__ = sorted(
    name for name, each in vars().items() if isinstance(each, type) and issubclass(each, Exception)
)
