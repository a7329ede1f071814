"""Answers requests from servers to their client: elicitation, sampling and roots.

https://modelcontextprotocol.io/specification/2025-11-25/client
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio

from ..json_schema import problems_with
from .config.server_config import ServerConfig
from .timeouts import Timeouts
from .user import SamplingHandler, UserPrompter

if TYPE_CHECKING:
    import mcp_types as types
    from mcp import MCPError
    from mcp.client import ClientRequestContext

logger = logging.getLogger(__name__)

_MOST_TOKENS = 2_048
_MOST_SAMPLES = 20
_SHOWN_CHARS = 600


class Responders:
    """The user and the model that answer requests of all servers of a config."""

    def __init__(self, user: UserPrompter | None) -> None:
        self.user = user
        """None: every request is declined."""
        self.model: SamplingHandler | None = None
        """The model of the agent that uses the servers."""
        self.one_at_a_time = anyio.Lock()


class ClientRequests:
    """Answers the requests of one server."""

    def __init__(
        self, server: str, config: ServerConfig, responders: Responders, timeouts: Timeouts
    ) -> None:
        self._server = server
        self._roots = [Path(root).resolve() for root in config.roots]
        self._responders = responders
        self.timeouts = timeouts
        """The server's timeouts, paused while a request is open."""
        self._samples = 0

    def callbacks(self) -> dict[str, Any]:
        """Callbacks for the SDK's client. The server is told not to request anything else."""
        offered: dict[str, Any] = {"elicitation_callback": self._elicit}
        if self._responders.user is not None:
            offered["sampling_callback"] = self._sample
        if self._roots:
            offered["list_roots_callback"] = self._list_roots
        return offered

    async def open_page(self, message: str, url: str) -> bool:
        """Ask the user to open a page. Return False if there is no user, or the user declines."""
        user = self._responders.user
        if user is None or not url.startswith(("https://", "http://")):
            return False
        async with self._responders.one_at_a_time:
            with self.timeouts.paused():
                return await user.open_page(self._server, message, url)

    async def complete_required_pages(self, error: MCPError) -> bool:
        """If a call failed because the user must open a page first, ask for that.

        Returns:
            True if the user has done what the pages require, so the call can be repeated.
        """
        import mcp_types as types

        user = self._responders.user
        if error.code != types.URL_ELICITATION_REQUIRED or user is None:
            return False
        required = types.ElicitationRequiredErrorData.model_validate(error.data or {})
        for page in required.elicitations:
            if not await self.open_page(page.message, page.url):
                return False
        async with self._responders.one_at_a_time:
            with self.timeouts.paused():
                return await user.confirm(self._server, "Have you done what the page asks for?")

    async def _elicit(
        self, context: ClientRequestContext, params: types.ElicitRequestParams
    ) -> types.ElicitResult | types.ErrorData:
        import mcp_types as types

        if isinstance(params, types.ElicitRequestURLParams):
            opened = await self.open_page(params.message, params.url)
            return types.ElicitResult(action="accept" if opened else "decline")
        schema = params.requested_schema
        user = self._responders.user
        if user is None:
            logger.warning("MCP server %r: declined a question; no user to ask", self._server)
            return types.ElicitResult(action="decline")
        async with self._responders.one_at_a_time:
            with self.timeouts.paused():
                answer = await user.fill_in(self._server, params.message, schema)
        if answer is None:
            return types.ElicitResult(action="decline")
        content = _defaults(schema) | answer
        if problems_with(content, schema):
            logger.warning("MCP server %r: the answer does not match its form", self._server)
            return types.ElicitResult(action="cancel")
        return types.ElicitResult(action="accept", content=content)

    async def _sample(
        self, context: ClientRequestContext, params: types.CreateMessageRequestParams
    ) -> types.CreateMessageResult | types.ErrorData:
        import mcp_types as types

        def refused(why: str) -> types.ErrorData:
            return types.ErrorData(code=types.INVALID_REQUEST, message=why)

        model, user = self._responders.model, self._responders.user
        if model is None or user is None:
            return refused("No model is available.")
        if params.tools:
            return refused("The model cannot use tools here.")
        try:
            messages = _chat_messages(params)
        except ValueError as error:
            return refused(str(error))
        self._samples += 1
        if self._samples > _MOST_SAMPLES:
            return refused(f"The limit of {_MOST_SAMPLES} sampling requests was reached.")
        tokens = min(params.max_tokens, _MOST_TOKENS)
        question = f"It asks your model for an answer of up to {tokens} tokens:\n{_shown(messages)}"
        async with self._responders.one_at_a_time:
            with self.timeouts.paused():
                agreed = await user.confirm(self._server, question)
        if not agreed:
            return refused("The user refused.")
        result = await model(messages, tokens)
        return types.CreateMessageResult(
            role="assistant",
            content=types.TextContent(text=result.text),
            model=result.model,
            stop_reason="endTurn" if result.finished else "maxTokens",
        )

    async def _list_roots(self, context: ClientRequestContext) -> types.ListRootsResult:
        import mcp_types as types

        roots = [types.Root(uri=path.as_uri(), name=path.name) for path in self._roots]  # type: ignore[arg-type]
        return types.ListRootsResult(roots=roots)


def _defaults(schema: dict[str, Any]) -> dict[str, Any]:
    properties = schema.get("properties", {})
    return {name: field["default"] for name, field in properties.items() if "default" in field}


def _chat_messages(params: types.CreateMessageRequestParams) -> list[dict[str, str]]:
    """Convert a sampling request to chat messages.

    Raises:
        ValueError: It contains anything but text, or does not end with a user message.
    """
    import mcp_types as types

    messages = []
    if params.system_prompt:
        messages.append({"role": "system", "content": params.system_prompt})
    for message in params.messages:
        blocks = message.content_as_list
        if not all(isinstance(block, types.TextContent) for block in blocks):
            raise ValueError("The model accepts only text.")
        text = "\n".join(block.text for block in blocks if isinstance(block, types.TextContent))
        messages.append({"role": message.role, "content": text})
    if not messages or messages[-1]["role"] != "user":
        raise ValueError("The last message must be from the user.")
    return messages


def _shown(messages: list[dict[str, str]]) -> str:
    text = "\n".join(f"{message['role']}: {message['content']}" for message in messages)
    return text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + " …"
