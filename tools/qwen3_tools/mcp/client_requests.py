"""What a server may ask of its client: elicitation, sampling, roots.

https://modelcontextprotocol.io/specification/2025-11-25/client
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio

from ..json_schema import problems_with
from .config.servers_file import ServerConfig
from .timeouts import Bounds
from .user import Person, Sampler

if TYPE_CHECKING:
    import mcp_types as types
    from mcp import MCPError
    from mcp.client import ClientRequestContext

logger = logging.getLogger(__name__)

_MOST_TOKENS = 2_048
_MOST_SAMPLES = 20
_SHOWN_CHARS = 600


class Host:
    """Who answers, for all servers of a config."""

    def __init__(self, person: Person | None) -> None:
        self.person = person
        """None: every question is declined."""
        self.sampler: Sampler | None = None
        """The model of the agent that uses the servers."""
        self.one_at_a_time = anyio.Lock()


class Asked:
    """Answers the questions of one server."""

    def __init__(self, server: str, config: ServerConfig, host: Host, bounds: Bounds) -> None:
        self._server = server
        self._roots = [Path(root).resolve() for root in config.roots]
        self._host = host
        self.bounds = bounds
        """Of the server; they are paused while a question is open."""
        self._samples = 0

    def callbacks(self) -> dict[str, Any]:
        """For the SDK's client. What is not offered here the server is told not to ask."""
        offered: dict[str, Any] = {"elicitation_callback": self._elicit}
        if self._host.person is not None:
            offered["sampling_callback"] = self._sample
        if self._roots:
            offered["list_roots_callback"] = self._list_roots
        return offered

    async def visit(self, message: str, url: str) -> bool:
        """Ask the person to go to a page."""
        person = self._host.person
        if person is None or not url.startswith(("https://", "http://")):
            return False
        async with self._host.one_at_a_time:
            with self.bounds.paused():
                return await person.open_page(self._server, message, url)

    async def went_where_it_must(self, error: MCPError) -> bool:
        """Whether a call failed because the person must go to a page first, and now has."""
        import mcp_types as types

        person = self._host.person
        if error.code != types.URL_ELICITATION_REQUIRED or person is None:
            return False
        required = types.ElicitationRequiredErrorData.model_validate(error.data or {})
        for page in required.elicitations:
            if not await self.visit(page.message, page.url):
                return False
        async with self._host.one_at_a_time:
            with self.bounds.paused():
                return await person.agree(self._server, "Have you done what the page asks for?")

    async def _elicit(
        self, context: ClientRequestContext, params: types.ElicitRequestParams
    ) -> types.ElicitResult | types.ErrorData:
        import mcp_types as types

        if isinstance(params, types.ElicitRequestURLParams):
            went = await self.visit(params.message, params.url)
            return types.ElicitResult(action="accept" if went else "decline")
        schema = params.requested_schema
        person = self._host.person
        if person is None:
            logger.warning("MCP server %r asks, and nobody is there to answer", self._server)
            return types.ElicitResult(action="decline")
        async with self._host.one_at_a_time:
            with self.bounds.paused():
                answer = await person.fill_in(self._server, params.message, schema)
        if answer is None:
            return types.ElicitResult(action="decline")
        content = _defaults(schema) | answer
        if problems_with(content, schema):
            logger.warning("MCP server %r: the answer does not fit its form", self._server)
            return types.ElicitResult(action="cancel")
        return types.ElicitResult(action="accept", content=content)

    async def _sample(
        self, context: ClientRequestContext, params: types.CreateMessageRequestParams
    ) -> types.CreateMessageResult | types.ErrorData:
        import mcp_types as types

        def refused(why: str) -> types.ErrorData:
            return types.ErrorData(code=types.INVALID_REQUEST, message=why)

        sampler, person = self._host.sampler, self._host.person
        if sampler is None or person is None:
            return refused("There is no model that could answer.")
        if params.tools:
            return refused("The model answers without tools only.")
        try:
            messages = _chat_messages(params)
        except ValueError as error:
            return refused(str(error))
        self._samples += 1
        if self._samples > _MOST_SAMPLES:
            return refused(f"A server may ask the model {_MOST_SAMPLES} times, and did.")
        tokens = min(params.max_tokens, _MOST_TOKENS)
        question = f"It wants your model to answer, in at most {tokens} tokens:\n{_shown(messages)}"
        async with self._host.one_at_a_time:
            with self.bounds.paused():
                agreed = await person.agree(self._server, question)
        if not agreed:
            return refused("The user refused.")
        sampled = await sampler(messages, tokens)
        return types.CreateMessageResult(
            role="assistant",
            content=types.TextContent(text=sampled.text),
            model=sampled.model,
            stop_reason="endTurn" if sampled.finished else "maxTokens",
        )

    async def _list_roots(self, context: ClientRequestContext) -> types.ListRootsResult:
        import mcp_types as types

        roots = [types.Root(uri=path.as_uri(), name=path.name) for path in self._roots]  # type: ignore[arg-type]
        return types.ListRootsResult(roots=roots)


def _defaults(schema: dict[str, Any]) -> dict[str, Any]:
    properties = schema.get("properties", {})
    return {name: field["default"] for name, field in properties.items() if "default" in field}


def _chat_messages(params: types.CreateMessageRequestParams) -> list[dict[str, str]]:
    """The request as a chat, in text.

    Raises:
        ValueError: It has something else than text, or no user's message at its end.
    """
    import mcp_types as types

    messages = []
    if params.system_prompt:
        messages.append({"role": "system", "content": params.system_prompt})
    for message in params.messages:
        blocks = message.content_as_list
        if not all(isinstance(block, types.TextContent) for block in blocks):
            raise ValueError("The model reads text only.")
        text = "\n".join(block.text for block in blocks if isinstance(block, types.TextContent))
        messages.append({"role": message.role, "content": text})
    if not messages or messages[-1]["role"] != "user":
        raise ValueError("The last message must be a user's.")
    return messages


def _shown(messages: list[dict[str, str]]) -> str:
    text = "\n".join(f"{message['role']}: {message['content']}" for message in messages)
    return text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + " …"
