"""What is raised to the caller.

    Qwen3AgentError
    ├── ToolDefinitionError      a tool with an unusable signature, two tools of one name
    ├── MCPConfigError           a configuration of servers that cannot be read
    ├── MCPServerError           a server, or a tool of it, that is not there
    ├── SandboxUnavailable       no isolation on this machine for the code interpreter
    ├── ModelNotFound            a model that is neither a folder nor in reach, nor served
    ├── ChatFormatError          a checkpoint whose chat format is missing or unknown
    ├── ThinkingUnavailable      a thinking mode that the model does not have
    ├── ToolChoiceUnavailable    a choice of tools that the model cannot be held to
    ├── EngineError              an engine that cannot start or has failed
    │   ├── ServerUnreachable    a URL behind which nothing answers
    │   ├── NotAChatServer       a URL behind which something else answers
    │   └── NotAuthorised        a chat server that wants an API key, or another one
    ├── PromptTooLong            a prompt that leaves no room in the model's context
    ├── JournalError             a run on disk that is not there, damaged, or at work elsewhere
    ├── NoAnswer                 a model that ended its turn twice without saying anything
    ├── InvalidAnswer            a model whose answer was twice not of the type that is wanted
    └── LimitReached             a run that hit its limit; holds what it got so far

What is meant for the model is not here: a tool raises `ToolError`, and its message goes to the
model as an error result. `ToolError` is never raised to the caller of a run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwen3_tools.errors import (
    MCPConfigError,
    MCPServerError,
    Qwen3AgentError,
    SandboxUnavailable,
    ToolDefinitionError,
    ToolError,
)

if TYPE_CHECKING:
    from .limits import Stop
    from .result import RunResult

__all__ = [
    "ChatFormatError",
    "EngineError",
    "InvalidAnswer",
    "JournalError",
    "LimitReached",
    "MCPConfigError",
    "MCPServerError",
    "ModelNotFound",
    "NoAnswer",
    "NotAChatServer",
    "NotAuthorised",
    "PromptTooLong",
    "Qwen3AgentError",
    "SandboxUnavailable",
    "ServerUnreachable",
    "ThinkingUnavailable",
    "ToolChoiceUnavailable",
    "ToolDefinitionError",
    "ToolError",
]


class ModelNotFound(Qwen3AgentError):  # noqa: N818 - reads as what happened
    """The model is not a folder, not known by name, not on the hub, or not served by the server."""


class ChatFormatError(Qwen3AgentError):
    """The checkpoint has no chat template, or one of no known family."""


class ThinkingUnavailable(Qwen3AgentError):  # noqa: N818 - reads as what happened
    """The model cannot think, or cannot do without, and the thinking policy asked for it."""


class ToolChoiceUnavailable(Qwen3AgentError):  # noqa: N818 - reads as what happened
    """The model cannot be held to the `tool_choice`, since nothing constrains what it says."""


class EngineError(Qwen3AgentError):
    """The engine cannot start, or failed while it generated."""


class ServerUnreachable(EngineError):  # noqa: N818 - reads as what happened
    """Nothing answers at the URL."""


class NotAChatServer(EngineError):  # noqa: N818 - reads as what happened
    """What answers at the URL is not an OpenAI-compatible server."""


class NotAuthorised(EngineError):  # noqa: N818 - reads as what happened
    """The server wants an API key, or does not accept the one that it got."""


class PromptTooLong(Qwen3AgentError):  # noqa: N818 - reads as what happened
    """The prompt leaves no room for an answer in the model's context.

    Attributes:
        prompt_tokens, context_length: 0 where a server has said so in words only (`said`).
    """

    def __init__(self, prompt_tokens: int, context_length: int, *, said: str = "") -> None:
        self.prompt_tokens = prompt_tokens
        self.context_length = context_length
        if said:
            super().__init__(f"The prompt is too long for the server's context: {said}")
            return
        over = prompt_tokens - context_length + 1
        super().__init__(
            f"The prompt has {prompt_tokens} tokens and the model's context holds "
            f"{context_length}, one of them for the answer: shorten it by at least {over}."
        )


class JournalError(Qwen3AgentError):
    """A run cannot be journalled; or there is none of that id, or it cannot be gone on with."""


class NoAnswer(Qwen3AgentError):  # noqa: N818 - reads as what happened
    """The model ended its turn without an answer and without a tool call, and did so again."""


class InvalidAnswer(Qwen3AgentError):  # noqa: N818 - reads as what happened
    """The answer is not of the type that is wanted, and the model was told so once before.

    Attributes:
        result: what the run got; its `output` is the last answer.
    """

    def __init__(self, why: str, result: RunResult) -> None:
        self.result = result
        super().__init__(f"The answer is not what was asked for: {why}.")


class LimitReached(Qwen3AgentError):  # noqa: N818 - reads as what happened
    """A limit ended the run, and there was no answer, or none was wanted then.

    Attributes:
        limit: which one.
        stop: the same, with how much was allowed and what the run waited for.
        result: what the run got so far; its `output` is what was said in the last step.
    """

    def __init__(self, stop: Stop, result: RunResult) -> None:
        self.limit = stop.limit
        self.stop = stop
        self.result = result
        super().__init__(str(stop))
