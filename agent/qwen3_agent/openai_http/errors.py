"""Errors for a server's failures, with one clear message for each.

The patterns match the wording of vLLM, SGLang, llama.cpp, Ollama and DashScope.
"""

from __future__ import annotations

import json
import re
from typing import Any

from ..errors import (
    AuthenticationError,
    ConnectionFailedError,
    EngineError,
    ModelNotFoundError,
    NotAChatServerError,
    PromptTooLongError,
    Qwen3AgentError,
)

LONGEST_QUOTE = 300
"""Maximum characters of a server's own wording in a message."""


class TemporaryError(Exception):
    """A failure that may not recur when the request is retried. Never leaves the client.

    Args:
        error: raised to the caller if it persists.
        pause: seconds to wait before the retry, if the server says so.
    """

    def __init__(self, error: Qwen3AgentError, pause: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.pause = pause


class ServerErrors:
    """Creates the errors of one server.

    Args:
        shown: its URL, for messages.
        key: the API key, which is removed from messages.

    Attributes:
        served: names of the models that the server serves, if known.
    """

    def __init__(self, shown: str, key: str) -> None:
        self.shown = shown
        self.served: tuple[str, ...] = ()
        self._key = key

    def of_status(
        self, status: int, said: Any, path: str, retry_after: float | None = None
    ) -> Qwen3AgentError:
        """Return the error for an HTTP status.

        Args:
            status: of the response, or the code in an event.
            said: the JSON of the response.
            path: of the request.
            retry_after: seconds after which the server asks for a retry.
        """
        if isinstance(said, dict) and isinstance(said.get("error"), dict):
            said = said["error"]
        message = _message_of(said)
        about = self.clean(message)
        if status in (401, 403):
            if self._key:
                return AuthenticationError(
                    f"{self.shown} rejects the API key ({status}): check OPENAI_API_KEY or "
                    "api_key.",
                    status_code=status,
                )
            return AuthenticationError(
                f"{self.shown} requires an API key ({status}): set OPENAI_API_KEY or pass api_key.",
                status_code=status,
            )
        if status == 404 and "model" in message.lower():
            return self.not_served(None)
        if status == 404:
            return self.not_a_chat_server(f"{path} does not exist there")
        if status < 500 and (too_long := _too_long(said, message, about)) is not None:
            return too_long
        if status == 429:
            why = f"{self.shown} received too many requests (429): {about}"
        else:
            verb = "rejected the request" if status < 500 else "failed"
            why = f"{self.shown} {verb} ({status}): {about or 'no reason given'}"
        return EngineError(why, status_code=status, retry_after=retry_after)

    def not_served(self, model: str | None) -> ModelNotFoundError:
        """Return the error for a model that the server does not serve."""
        name = "the model" if model is None else repr(model)
        if not self.served:
            return ModelNotFoundError(f"{self.shown} does not serve {name}.", model=model)
        return ModelNotFoundError(
            f"{self.shown} does not serve {name}. It serves: {self.list_served()}.",
            model=model,
            available=self.served,
        )

    def list_served(self) -> str:
        """Return the names of the first twenty served models."""
        more = f" and {len(self.served) - 20} more" if len(self.served) > 20 else ""
        return ", ".join(self.served[:20]) + more

    def clean(self, text: str) -> str:
        """Return a server's wording as one short line without the API key."""
        if self._key:
            text = text.replace(self._key, "[key]")
        text = " ".join(text.split())
        return text if len(text) <= LONGEST_QUOTE else text[:LONGEST_QUOTE] + " …"

    def unreachable(self, why: str) -> ConnectionFailedError:
        """Return the error for a failed connection."""
        return ConnectionFailedError(
            f"Nothing answers at {self.shown} ({self.clean(why) or 'no connection'}): check that "
            "the server is running and that the address is right."
        )

    def no_answer(self, path: str, seconds: float) -> ConnectionFailedError:
        """Return the error for a connection without an answer."""
        return ConnectionFailedError(
            f"{self.shown} accepts connections but did not answer {path} within {seconds:g} "
            "seconds. It may be busy, still loading, or not a chat server."
        )

    def not_a_chat_server(self, why: str) -> NotAChatServerError:
        """Return the error for a server that is not a chat server."""
        hint = "" if self.shown.endswith("/v1") else " Most base URLs end in /v1."
        return NotAChatServerError(f"{self.shown} is not an OpenAI-compatible API: {why}.{hint}")

    def broken(self, error: Exception, when: str) -> EngineError:
        """Return the error for a broken connection; `when` completes the sentence."""
        why = self.clean(str(error)) or type(error).__name__
        return EngineError(f"The connection to {self.shown} broke {when}: {why}.")


_IS_CONTEXT = re.compile(
    r"context[_ ](?:length|size|window)|input length|longer than the model", re.IGNORECASE
)
_HOLDS = re.compile(r"context (?:length|size|window)\D{0,20}(\d+)", re.IGNORECASE)
_HAS = re.compile(
    r"(\d+) (?:input tokens|in the messages)|(?:request|input|prompt|input length) \((\d+)",
    re.IGNORECASE,
)


def _too_long(said: Any, message: str, shown: str) -> PromptTooLongError | None:
    """Return the error if a server's message means that the prompt exceeds its context.

    Knows the wording of vLLM, SGLang, llama.cpp (which has separate fields for the numbers) and
    DashScope.
    """
    fields = said if isinstance(said, dict) else {}
    if "n_prompt_tokens" in fields and "n_ctx" in fields:
        return PromptTooLongError(int(fields["n_prompt_tokens"]), int(fields["n_ctx"]))
    if fields.get("code") != "context_length_exceeded" and not _IS_CONTEXT.search(message):
        return None
    holds, has = _HOLDS.search(message), _HAS.search(message)
    if holds and has:
        return PromptTooLongError(int(has[1] or has[2]), int(holds[1]))
    return PromptTooLongError(server_message=shown)


def _message_of(said: Any) -> str:
    for key in ("message", "detail", "error"):
        if isinstance(said, dict) and isinstance(said.get(key), str):
            return str(said[key])
    return said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
