"""A model on this machine: an engine plus the checkpoint's chat format."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Self

from ..engines.options import EngineOptions
from ..engines.request import Engine
from ..errors import PromptTooLongError, ThinkingUnavailableError, ToolChoiceUnavailableError
from ..formats.chat_format import ChatFormat
from ..grammar.tool_grammar import CallGrammar, ToolChoice
from ..messages import AssistantMessage, Message, ToolResultMessage
from ..messages.encoding import for_template
from ..parsing.parser import Parser
from ..result import ModelStep, Route, Usage
from ..sampling import Finish, Sampling
from ..thinking import Plan
from ..transcript import Transcript
from .choose import EngineName, engine_for_this_machine
from .generation import ConstraintFor, Generation
from .session import Model, ModelSession, OnDelta, SessionOptions

_KEPT_GRAMMARS = 16


class LocalModel(Model):
    """An engine plus a chat format.

    Args:
        engine: samples token ids.
        chat_format: the format of the same checkpoint.
        name: the name that is shown.
        sampling: the default. None: it follows the thinking mode.
        route: "server_tokens" if the engine is on a server.
    """

    def __init__(
        self,
        engine: Engine,
        chat_format: ChatFormat,
        *,
        name: str,
        sampling: Sampling | None = None,
        route: Route = "engine",
    ) -> None:
        self.name = name
        self.route: Route = route
        self.can_think = chat_format.can_think
        self.can_skip_thinking = chat_format.can_skip_thinking
        self.thinks_by_default = chat_format.thinks_by_default
        self.engine = engine
        self.notices = engine.notices
        self.fills_memory = engine.fills_memory
        self.chat_format: ChatFormat = chat_format
        self._sampling = sampling
        self._grammar_of = lru_cache(_KEPT_GRAMMARS)(
            lambda written: CallGrammar(chat_format, *json.loads(written))
        )

    @classmethod
    def load(
        cls,
        folder: Path,
        *,
        name: str | None = None,
        engine: EngineName = "auto",
        options: Mapping[str, Any] | None = None,
    ) -> Self:
        """Load a checkpoint's folder onto an engine.

        Takes seconds to minutes; call it in a worker thread.

        Args:
            folder: the folder of the checkpoint.
            name: the name that is shown. None: the name of the folder.
            engine: "auto" is vLLM if it is installed and there is a GPU, or else Transformers.
            options: see `EngineOptions`.

        Raises:
            ChatFormatError: the chat format is missing or unknown.
            EngineError: the checkpoint cannot be loaded with these options.
        """
        chat_format = ChatFormat.from_folder(folder)
        if engine == "auto":
            engine = engine_for_this_machine()
        loaded: Engine
        if engine == "vllm":
            from ..engines.vllm import VllmEngine

            loaded = VllmEngine.start(folder, EngineOptions.of(options))
        else:
            from ..engines.transformers import TransformersEngine

            loaded = TransformersEngine.load(folder, EngineOptions.of(options))
        return cls(loaded, chat_format, name=name or folder.name, sampling=own_sampling(folder))

    def session(
        self, messages: Sequence[Message] = (), options: SessionOptions | None = None
    ) -> LocalSession:
        """See `Model.session`."""
        for_template(messages)  # An image is refused now, not when the first turn is over
        options = options or SessionOptions()
        grammar = None
        if options.constrain and self.engine.constrains:
            grammar = self.grammar(options.tools, options.output)
        options = replace(options, sampling=options.sampling or self._sampling)
        return LocalSession(self, messages, options, grammar)

    def grammar(
        self, tools: Sequence[Mapping[str, Any]], output: Mapping[str, Any] | None = None
    ) -> CallGrammar:
        """Return the grammar of a list of tools, the same object for the same list."""
        return self._grammar_of(json.dumps([list(tools), output]))

    async def aclose(self) -> None:
        """Close the engine."""
        await self.engine.aclose()


class LocalSession(ModelSession):
    """One conversation, as token ids that only grow within a turn."""

    def __init__(
        self,
        model: LocalModel,
        messages: Sequence[Message],
        options: SessionOptions,
        grammar: CallGrammar | None,
    ) -> None:
        super().__init__(messages, options)
        self._model = model
        self._format = model.chat_format
        self._grammar = grammar
        self._steps = 0

    @property
    def context_length(self) -> int:
        """See `ModelSession.context_length`."""
        return self._model.engine.context_length

    @property
    def context_left(self) -> int:
        """See `ModelSession.context_left`."""
        return max(0, self.context_length - len(self.transcript))

    def count(self, messages: Sequence[Message]) -> int:
        """See `ModelSession.count`; exact."""
        opening = self._format.generation_prompt(thinking=not self._model.can_skip_thinking)
        return len(self._format.head(for_template(messages), self.options.tools)) + len(opening)

    def _append_message(self) -> None:
        """`Generation` appends the tokens as they are sampled."""

    def _append_results(self, results: Sequence[ToolResultMessage]) -> None:
        self._close_message()
        texts = [result.text_for_model for result in results]
        self.transcript.append("tool_results", self._format.tool_results(texts))

    def _start_transcript(self) -> None:
        self.transcript = Transcript()
        messages = for_template(self._messages)
        self.transcript.append("head", self._format.head(messages, self.options.tools))

    def _drop_thoughts(self) -> None:
        """The chat template leaves them out."""

    def _append_user(self, text: str) -> None:
        ids = self._format.user_turn(text)
        if not self._close_message():  # The turn before ends with it
            ids = ids[len(self._format.between_messages()) :]
        self.transcript.append("user", ids)

    async def step(
        self,
        plan: Plan,
        *,
        max_tokens: int | None,
        on_delta: OnDelta,
        tool_choice: ToolChoice = "auto",
    ) -> ModelStep:
        """See `ModelSession.step`."""
        self._check(plan)
        held_to = self._held_to(tool_choice)
        self.unfinished = None
        if not self.transcript.segments:  # the session began with messages to be answered
            self._start_transcript()
        if self._close_message():
            self.transcript.append("forced", self._format.between_messages())
        opening = self._format.generation_prompt(thinking=plan.on)
        prompt_tokens = len(self.transcript) + len(opening)
        if prompt_tokens >= self.context_length:
            raise PromptTooLongError(prompt_tokens, self.context_length)
        self.transcript.append("generation_prompt", opening)
        new_parser = partial(
            Parser,
            self._format.call_format,
            thinking_open=plan.on and self._format.opens_thought,
            tools=self.options.tools,
        )
        generation = Generation(
            self._model.engine,
            self._format,
            self.transcript,
            new_parser,
            plan,
            on_delta,
            may_call=tool_choice != "none" or held_to("none") is not None,
            constraint=held_to,
            priority=-self._steps,  # a run in progress goes before one that begins
        )
        self._steps += 1
        finish: Finish | None = None
        try:
            finish = await generation.run(
                max_tokens, self._sampling_for(plan), logprobs=self.options.logprobs
            )
        finally:
            generation.parser.finish(truncated=True)
            parts = generation.parser.parts
            self.add_message(AssistantMessage(parts))
            step = ModelStep(
                parts=parts,
                finish=finish or "cut",
                usage=Usage(
                    prompt_tokens,
                    generation.sampled_tokens,
                    generation.cached_tokens or 0,
                    generation.thinking_tokens,
                ),
                closed_by_force=generation.closed_by_force,
            )
            self.unfinished = None if finish else step
        for warning in self._grammar.warnings if self._grammar is not None else ():
            self._notify(on_delta, warning)
        return step

    def _held_to(self, tool_choice: ToolChoice) -> ConstraintFor:
        if self._grammar is not None:
            return partial(self._grammar.constraint, choice=tool_choice)
        if tool_choice not in ("auto", "none"):
            raise ToolChoiceUnavailableError(
                f'{self._model.name} cannot be held to tool_choice="{tool_choice}" without a '
                "constraint: leave constrain on, and have xgrammar installed, which "
                'pip install "qwen3-agent[local]" does.'
            )
        return lambda thought: None

    def _check(self, plan: Plan) -> None:
        name = self._model.name
        if plan.on and not self._model.can_think:
            raise ThinkingUnavailableError(
                f"{name} cannot think: take a hybrid model such as Qwen/Qwen3-4B, or a Thinking "
                "one, or turn thinking off."
            )
        if not plan.on and not self._model.can_skip_thinking:
            raise ThinkingUnavailableError(
                f"{name} always thinks: take a hybrid model such as Qwen/Qwen3-4B, or an Instruct "
                "one, or give it a thinking budget."
            )

    def _close_message(self) -> bool:
        """End a message that was cut off. Return whether a message came last."""
        segments = self.transcript.segments
        if segments[-1].kind not in ("sampled", "forced", "generation_prompt"):
            return False
        end = self._format.close_step()
        if list(segments[-1].ids[-len(end) :]) != end:
            self.transcript.append("forced", end)
        return True


def own_sampling(folder: Path) -> Sampling | None:
    """Return greedy sampling if generation_config.json says `"do_sample": false`, or else None."""
    try:
        config = json.loads((folder / "generation_config.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    is_greedy = isinstance(config, dict) and config.get("do_sample") is False
    return Sampling(temperature=0) if is_greedy else None
