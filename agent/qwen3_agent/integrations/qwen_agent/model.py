"""Our models as a model of Qwen-Agent, which this imports: see `qwen_agent.register_model_type`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from qwen_agent.llm.base import BaseChatModel, ModelServiceError, register_llm
from qwen_agent.llm.schema import FunctionCall, Message

from ...errors import Qwen3AgentError
from ...messages import MalformedCall, ToolCall
from ...models.session import Model, SessionOptions
from ...parsing.parser import ContentDelta, ReasoningDelta
from ...runtime import load_model
from ...streaming import Stream, iterate
from ...thinking import StepState, Thinking, as_policy, decide
from .assistant import as_chat
from .settings import Settings


def register(model_type: str) -> None:
    """Make `Qwen3AgentModel` known to Qwen-Agent under `model_type`."""
    register_llm(model_type)(Qwen3AgentModel)


class Qwen3AgentModel(BaseChatModel):  # type: ignore[misc]
    """Writes one message at a time; the loop and the tools are Qwen-Agent's.

    The model is loaded at the first message.
    """

    def __init__(self, cfg: dict[str, Any] | None = None) -> None:
        super().__init__(cfg)
        self._place = {
            key: value for key, value in (cfg or {}).items() if key not in ("generate_cfg",)
        }
        self._model: Model | None = None
        if Settings.of(self._place | {"generate_cfg": self.generate_cfg}).base_url is not None:
            raise Qwen3AgentError("llm: a model on a server is of the model_type oai.")

    def _chat_with_functions(
        self,
        messages: list[Message],
        functions: list[dict[str, Any]],
        stream: bool,
        delta_stream: bool,
        generate_cfg: dict[str, Any],
        lang: str,
    ) -> Any:
        if delta_stream:
            raise ModelServiceError(code="400", message="delta_stream is not offered.")
        said = self._said(messages, functions, generate_cfg)
        return said if stream else list(said)[-1]

    def _chat_stream(
        self, messages: list[Message], delta_stream: bool, generate_cfg: dict[str, Any]
    ) -> Any:
        return self._chat_with_functions(messages, [], True, delta_stream, generate_cfg, "")

    def _chat_no_stream(self, messages: list[Message], generate_cfg: dict[str, Any]) -> Any:
        return self._chat_with_functions(messages, [], False, False, generate_cfg, "")

    def _said(
        self, messages: list[Message], functions: list[dict[str, Any]], generate: dict[str, Any]
    ) -> Iterator[list[Message]]:
        if "temperature" not in generate:
            generate = {key: value for key, value in generate.items() if key != "seed"}
        settings = Settings.of(self._place | {"generate_cfg": generate})
        if self._model is None:
            self._model = load_model(settings.agent([]).spec)
        tools = [{"type": "function", "function": function} for function in functions]
        session = self._model.session(
            as_chat([message.model_dump() for message in messages]),
            SessionOptions(tools=tools, sampling=settings.sampling),
        )
        policy = as_policy(settings.thinking) or Thinking(
            "on" if self._model.thinks_by_default else "off"
        )
        state = StepState(0, "user", 0, session.context_left, 1)
        plan = decide(policy, state, can_skip=self._model.can_skip_thinking)

        async def work(tell: Callable[[list[Message]], None]) -> None:
            thought = content = ""

            def hear(delta: object) -> None:
                nonlocal thought, content
                if isinstance(delta, ReasoningDelta):
                    thought += delta.text
                elif isinstance(delta, ContentDelta):
                    content += delta.text
                tell(_messages(thought, content, ()))

            step = await session.step(plan, max_tokens=None, on_delta=hear)
            tell(_messages(thought, content, step.calls))

        try:
            yield from iterate(Stream(work))
        except Qwen3AgentError as error:
            raise ModelServiceError(exception=error) from error


def _messages(
    thought: str, content: str, calls: tuple[ToolCall | MalformedCall, ...]
) -> list[Message]:
    said = []
    if thought.strip():
        said.append(Message("assistant", "", reasoning_content=thought.strip()))
    if content.strip():
        said.append(Message("assistant", content.strip()))
    for number, call in enumerate(calls, 1):
        if isinstance(call, MalformedCall):
            said.append(Message("assistant", call.raw))
            continue
        spoken = FunctionCall(call.name, json.dumps(call.arguments, ensure_ascii=False))
        extra = {"function_id": str(number)}
        said.append(Message("assistant", "", function_call=spoken, extra=extra))
    return said
