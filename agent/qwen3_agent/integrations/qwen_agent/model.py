"""Our engines as a model of Qwen-Agent, which this module requires."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from qwen_agent.llm.base import BaseChatModel, ModelServiceError
from qwen_agent.llm.schema import Message

from ...errors import Qwen3AgentError
from ...messages import ToolCall
from ...models.session import Model, SessionOptions
from ...parsing.parser import ContentDelta, ReasoningDelta
from ...runtime import load_model
from ...streaming import Stream, iterate
from ...thinking import StepState, Thinking, decide
from .messages import as_chat, call_message, text_messages
from .settings import Settings


class Qwen3AgentModel(BaseChatModel):  # type: ignore[misc]
    """Writes one message at a time; the loop and the tools are those of Qwen-Agent.

    The model is loaded for the first message.
    """

    def __init__(self, cfg: dict[str, Any] | None = None) -> None:
        super().__init__(cfg)
        self._llm = {key: value for key, value in (cfg or {}).items() if key != "generate_cfg"}
        self._model: Model | None = None
        if Settings.of(self._llm | {"generate_cfg": self.generate_cfg}).base_url is not None:
            raise Qwen3AgentError("llm: use the model_type oai for a model on a server.")

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
            raise ModelServiceError(code="400", message="delta_stream is not supported.")
        answers = self._answers(messages, functions, generate_cfg)
        return answers if stream else list(answers)[-1]

    def _chat_stream(
        self, messages: list[Message], delta_stream: bool, generate_cfg: dict[str, Any]
    ) -> Any:
        return self._chat_with_functions(messages, [], True, delta_stream, generate_cfg, "")

    def _chat_no_stream(self, messages: list[Message], generate_cfg: dict[str, Any]) -> Any:
        return self._chat_with_functions(messages, [], False, False, generate_cfg, "")

    def _answers(
        self, messages: list[Message], functions: list[dict[str, Any]], generate: dict[str, Any]
    ) -> Iterator[list[Message]]:
        """Yield all messages of the model so far, again and again until they are complete."""
        if "temperature" not in generate:  # Qwen-Agent adds a random seed
            generate = {key: value for key, value in generate.items() if key != "seed"}
        settings = Settings.of(self._llm | {"generate_cfg": generate})
        if self._model is None:
            self._model = load_model(settings.agent([]).spec)
        tools = [{"type": "function", "function": function} for function in functions]
        session = self._model.session(
            as_chat([message.model_dump() for message in messages]),
            SessionOptions(tools=tools, sampling=settings.sampling),
        )
        mode = settings.thinking
        if mode is None:
            mode = "on" if self._model.thinks_by_default else "off"
        state = StepState(0, "user", 0, session.context_left, 1)
        plan = decide(Thinking(mode), state, can_skip=self._model.can_skip_thinking)

        async def work(emit: Callable[[list[Message]], None]) -> None:
            thought = content = ""

            def add(delta: object) -> None:
                nonlocal thought, content
                if isinstance(delta, ReasoningDelta):
                    thought += delta.text
                elif isinstance(delta, ContentDelta):
                    content += delta.text
                emit(_as_messages(text_messages(thought, content)))

            step = await session.step(plan, max_tokens=None, on_delta=add)
            calls = [
                call_message(number, call.name, call.arguments)
                if isinstance(call, ToolCall)
                else {"role": "assistant", "content": call.raw}
                for number, call in enumerate(step.calls, 1)
            ]
            emit(_as_messages([*text_messages(thought, content), *calls]))

        try:
            yield from iterate(Stream(work))
        except Qwen3AgentError as error:
            raise ModelServiceError(exception=error) from error


def _as_messages(messages: list[dict[str, Any]]) -> list[Message]:
    return [Message(**message) for message in messages]
