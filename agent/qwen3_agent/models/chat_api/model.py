"""A model behind an OpenAI-compatible chat server: messages in, parts out.

The server renders the conversation and samples; its tokens are not seen here. Where it takes token
ids, `connect.py` gives a `LocalModel` over an engine on the server instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from ...engines.server import sampling_fields
from ...errors import EngineError, PromptTooLongError
from ...formats.chat_format import ChatFormat
from ...grammar.tool_grammar import ToolChoice
from ...messages import AssistantMessage, MalformedCall, Message, ToolCall
from ...openai_http.client import Event, ServerClient
from ...result import ModelStep, Route, Usage
from ...sampling import Finish, Sampling
from ...thinking import Plan
from ..session import Model, ModelSession, OnDelta, SessionOptions
from .dialects import OPTIONAL, Kind, thinking_fields
from .message_reader import MessageReader, has_content
from .request_body import EncodedOnce, json_bytes
from .usage import TokenEstimate, step_of

NATIVE_CONTEXT = 32_768
"""The context length of every Qwen3 model, for servers that do not report one."""

_FINISH: dict[str, Finish] = {
    "stop": "stop",
    "tool_calls": "stop",
    "function_call": "stop",
    "length": "length",
}


class ChatApiModel(Model):
    """A model on a chat server. Created by `connect`.

    Args:
        client: the client of the server.
        model: its name on the server.
        kind: the server software.
        context_length: in tokens. None: unknown.
        chat_format: shows the abilities of the model. None: its files are not on this machine.
        sampling: the default. None: it follows the thinking mode.
        why_chat: the reason why token ids are not exchanged.
    """

    route: Route = "server_chat"

    def __init__(
        self,
        client: ServerClient,
        model: str,
        *,
        kind: Kind = "other",
        context_length: int | None = None,
        chat_format: ChatFormat | None = None,
        sampling: Sampling | None = None,
        why_chat: str = "",
    ) -> None:
        self.name = model
        self.kind = kind
        self.client = client
        self.context_length = context_length
        self.chat_format = chat_format
        self.why_chat = why_chat
        self.can_think = chat_format is None or chat_format.can_think
        self.can_skip_thinking = chat_format is None or chat_format.can_skip_thinking
        self.thinks_by_default = chat_format is None or chat_format.thinks_by_default
        self.parses_calls = True
        """Whether the server is asked to parse tool calls."""
        self.refused: set[str] = set()
        """Fields that the server rejects."""
        self._sampling = sampling

    def session(
        self, messages: Sequence[Message] = (), options: SessionOptions | None = None
    ) -> ChatApiSession:
        """See `Model.session`.

        Kept thoughts are sent, but the server's template may drop them. `tool_choice` is passed
        on; the server decides whether calls are constrained. Without tools, the schema of the
        answer is sent as `response_format`. With tools that would forbid calls on some servers, so
        the answer is only validated.

        Raises:
            EngineError: log-probabilities, which need the tokens, were requested.
        """
        options = options or SessionOptions()
        if options.logprobs:
            raise EngineError(
                f"{self.client.shown} gives no token ids ({self.why_chat or 'chat protocol'}), and "
                "log-probabilities belong to them: leave logprobs out."
            )
        options = replace(options, sampling=options.sampling or self._sampling)
        return ChatApiSession(self, messages, options)

    async def aclose(self) -> None:
        """Close the connections."""
        await self.client.aclose()


class ChatApiSession(ModelSession):
    """One conversation, as messages."""

    def __init__(
        self, model: ChatApiModel, messages: Sequence[Message], options: SessionOptions
    ) -> None:
        super().__init__(messages, options)
        self._model = model
        self._tool_choice: ToolChoice = "auto"
        self._encoded = EncodedOnce()
        self._encoded_tools = json_bytes(list(options.tools))
        self._estimate = TokenEstimate()
        self._opens_thought = bool(model.chat_format and model.chat_format.opens_thought)

    @property
    def context_length(self) -> int:
        """See `ModelSession.context_length`."""
        return self._model.context_length or NATIVE_CONTEXT

    @property
    def context_left(self) -> int:
        """See `ModelSession.context_left`; an estimate from the server's latest count."""
        return max(0, self.context_length - self._estimate.of(self._size))

    @property
    def _size(self) -> int:
        """The size of the messages and tools in bytes."""
        return sum(map(len, self._encoded.of(self._messages))) + len(self._encoded_tools)

    def count(self, messages: Sequence[Message]) -> int:
        """See `ModelSession.count`; an estimate."""
        size = sum(map(len, EncodedOnce().of(messages))) + len(self._encoded_tools)
        return self._estimate.of(size)

    async def step(
        self,
        plan: Plan,
        *,
        max_tokens: int | None,
        on_delta: OnDelta,
        tool_choice: ToolChoice = "auto",
    ) -> ModelStep:
        """See `ModelSession.step`."""
        self.unfinished = None
        self._tool_choice = tool_choice
        if max_tokens is not None and max_tokens < 1:
            return ModelStep((), "length", Usage(self._estimate.of(self._size)))
        model = self._model
        if plan.budget is not None and model.kind not in ("dashscope", "llamacpp", "sglang"):
            because = f" ({model.why_chat})" if model.why_chat else ""
            self._notify(
                on_delta,
                f"{model.client.shown} has no thinking budget in its chat protocol{because}: "
                "thoughts may be longer than asked for.",
            )
        reader = await self._generate(plan, max_tokens, on_delta)
        finish = _FINISH.get(reader.finish_reason or "")
        if finish is None:
            raise EngineError(
                f"{model.client.shown} ended its message: {reader.finish_reason}."
                if reader.finish_reason
                else f"{model.client.shown} broke off in the middle of a message."
            )
        reader.finish(truncated=finish == "length")
        self._opens_thought = reader.opens_thought
        step = step_of(reader, finish)
        self._estimate.learn(self._size, step.usage.input_tokens)
        self._record(reader)
        self._check_thought(plan, step, on_delta)
        return step

    async def _generate(
        self, plan: Plan, max_tokens: int | None, on_delta: OnDelta
    ) -> MessageReader:
        """Request a message; again without the fields that the server rejects."""
        model = self._model
        while True:
            reader = MessageReader(
                self.options.tools,
                on_delta,
                call_format=model.chat_format.call_format if model.chat_format else "json",
                opens_thought=plan.on and self._opens_thought,
            )
            try:
                body = self._body(plan, max_tokens)
                async with model.client.stream(
                    "/chat/completions", body, has_output=_has_output
                ) as events:
                    with self._keeping_what_is_cut_off(reader):
                        async for event in events:
                            reader.feed(event)
                return reader
            except PromptTooLongError as error:
                room = (error.context_length or 0) - (error.prompt_tokens or 0)
                if max_tokens is None or not 0 < room < max_tokens:
                    model.context_length = error.context_length or model.context_length
                    self._estimate.learn(self._size, error.prompt_tokens or 0)
                    raise
                max_tokens = room  # vLLM wants to be asked for no more than there is
            except EngineError as error:
                said = str(error)
                refused = [name for name in OPTIONAL if name in said and name not in model.refused]
                if model.parses_calls and "tool-call-parser" in said:
                    model.parses_calls = False  # vLLM without a parser: calls come as raw text
                elif refused and error.status_code in (400, 422):
                    model.refused.update(refused)
                    self._notify(
                        on_delta,
                        f"{model.client.shown} does not support {', '.join(refused)}: "
                        "continuing without.",
                    )
                else:
                    raise

    @contextmanager
    def _keeping_what_is_cut_off(self, reader: MessageReader) -> Iterator[None]:
        """Keep the part of a message that the user has seen when the rest is cut off."""
        try:
            yield
        except BaseException:
            reader.finish(truncated=True)
            if reader.parts:
                self._record(reader)
                self.unfinished = step_of(reader, "cut")
            raise

    def _body(self, plan: Plan, max_tokens: int | None) -> bytes:
        fields: dict[str, Any] = {
            "model": self._model.name,
            "stream": True,
            "stream_options": {"include_usage": True},
            **sampling_fields(self._sampling_for(plan)),
            **thinking_fields(self._model.kind, plan),
        }
        if max_tokens is not None:
            fields["max_tokens"] = max_tokens
        if self.options.tools:
            fields["parallel_tool_calls"] = True
            if self._tool_choice != "auto":
                fields["tool_choice"] = _choice(self._tool_choice)
            if not self._model.parses_calls:
                fields["tool_choice"] = "none"
        elif self.options.output is not None and self.options.constrain:
            answer = {"name": "answer", "schema": self.options.output}
            fields["response_format"] = {"type": "json_schema", "json_schema": answer}
        taken = {name: value for name, value in fields.items() if name not in self._model.refused}
        tools = b', "tools": ' + self._encoded_tools if self.options.tools else b""
        messages = b", ".join(self._encoded.of(self._messages))
        return b"".join([json_bytes(taken)[:-1], tools, b', "messages": [', messages, b"]}"])

    def _record(self, reader: MessageReader) -> None:
        """Add what the model wrote, with an id for each call."""
        number = len(self._messages)
        ids = tuple(
            None
            if isinstance(part, MalformedCall)
            else reader.call_ids.get(place) or f"call_{number}_{place}"
            for place, part in enumerate(reader.parts)
            if isinstance(part, ToolCall | MalformedCall)
        )
        self.add_message(AssistantMessage(reader.parts, ids, reader.reasoning_field))

    def _check_thought(self, plan: Plan, step: ModelStep, on_delta: OnDelta) -> None:
        """Notify the user if the server ignored the plan."""
        shown = self._model.client.shown
        if not plan.on and step.usage.thinking_tokens:
            self._notify(on_delta, f"{shown} let the model think although thinking is off.")
        elif plan.budget is not None and step.usage.thinking_tokens > plan.budget:
            self._notify(on_delta, f"{shown} did not hold the thinking budget of a step.")


def _choice(tool_choice: ToolChoice) -> str | dict[str, Any]:
    if tool_choice in ("none", "required"):
        return tool_choice
    return {"type": "function", "function": {"name": tool_choice}}


def _has_output(event: Event) -> bool:
    return any(
        has_content(choice.get("delta") or {}) or choice.get("finish_reason")
        for choice in event.get("choices") or ()
    )
