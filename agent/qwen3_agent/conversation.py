"""Conversation: several turns of an agent with one memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Generic, Literal, TypedDict

from typing_extensions import Unpack

from qwen3_tools.artifacts import artifact_folder
from qwen3_tools.context import RunContext, call_context
from qwen3_tools.tool import Tool
from qwen3_tools.toolbox import Toolbox

from . import events
from .errors import PromptTooLongError
from .events import Emit
from .grammar.tool_grammar import ToolChoice, check_choice
from .hooks import HookRunner
from .journal import Journal, RecordedRun
from .journal.resume import past_steps
from .limits import Budget, Limits
from .loop.authorizer import CallAuthorizer
from .loop.compaction import compact
from .loop.output import OutputSpec
from .loop.run import run_turn
from .loop.turn import Turn
from .messages import Message, unanswered, without_thoughts
from .messages.encoding import for_chat_api
from .models.session import Model, ModelSession, SessionOptions
from .result import OutputT, PastStep, RunResult
from .spec import AgentSpec
from .streaming import RunStream
from .thinking import Mode, Policy, Switch, Thinking, as_policy, latest_switch


class SpecOptions(TypedDict, total=False):
    """Options of the agent that a single turn can override."""

    limits: Limits | None
    thinking: Mode | Literal["adaptive"] | Policy | None
    tool_choice: ToolChoice | None


class TurnOptions(SpecOptions, total=False):
    """Options of a single turn."""

    context: Any
    """Passed to tools as `RunContext.context`."""


class Conversation(Generic[OutputT]):
    """Several turns with one memory; the code interpreter keeps its state between them.

    Made by `Agent.conversation`. One turn at a time.
    """

    def __init__(
        self,
        spec: AgentSpec,
        model: Model,
        session: ModelSession,
        toolbox: Toolbox,
        *,
        folder: Path,
        notices: Sequence[str] = (),
        journal: Journal | None = None,
        recorded: RecordedRun | None = None,
        lend_model: Callable[[Model], None] | None = None,
    ) -> None:
        self._spec = spec
        self._model = model
        self._session = session
        self._toolbox = toolbox
        self._policy = as_policy(spec.thinking)
        """None: the model's own default."""
        self._lend_model = lend_model
        self._folder = folder
        self._authorizer = CallAuthorizer(spec.approvals, recorded.granted if recorded else ())
        self._switch = latest_switch([spec.instructions or ""])
        self._notices = list(notices)
        self._journal = journal
        self._recorded = recorded
        self._busy = False
        self._turns: list[tuple[str, Switch | None]] = []
        """The message of each turn, and the soft switch before it."""
        if recorded is not None and recorded.last_turn is not None:
            self._turns.append((recorded.last_turn.text, self._switch))

    @property
    def model(self) -> Model:
        """The current model."""
        return self._model

    @property
    def tools(self) -> Sequence[Tool]:
        """The tools that the model can call, in the order of its prompt."""
        return self._toolbox.tools

    @property
    def folder(self) -> Path:
        """The folder for the files of the code interpreter and of other tools."""
        return self._folder

    @property
    def messages(self) -> Sequence[Mapping[str, Any]]:
        """All messages, oldest first, in the form of the chat completions protocol."""
        return tuple(for_chat_api(self._session.messages))

    @property
    def context_left(self) -> int:
        """Tokens that still fit into the model's context."""
        return self._session.context_left

    def set_thinking(self, thinking: Mode | Literal["adaptive"] | Policy) -> None:
        """Set the thinking policy of later turns; an earlier soft switch no longer applies.

        Raises:
            ValueError: `thinking` is not a valid policy.
        """
        self._policy = as_policy(thinking) or self._policy
        self._switch = None

    def switch_model(self, model: Model, *, source: str | None = None) -> None:
        """Use another model for the next turns. It gets the conversation in its own format.

        Thoughts are left out, since they belong to the model that had them. Of the turns until now
        only the last can still be undone. Agents and MCP servers that use the conversation's model
        use the new one from then on, unless they are shared with other conversations, as inside
        `async with agent`.

        Args:
            model: the caller remains responsible for closing it, and for the previous one if the
                caller created it.
            source: the value for `Agent(model=...)` to resume the run with.

        Raises:
            EngineError: the model does not support an option of the agent, such as
                log-probabilities.
            JournalError: the change cannot be recorded.
        """
        self._check_idle()
        before = self._session
        messages = without_thoughts([*before.messages, *unanswered(before.messages)])
        session = new_session(self._spec, model, self._toolbox, messages)
        if self._turns:
            session.restart(messages, turn=before.turn)
        if self._journal is not None:
            self._journal.model_changed(model, session, source)
        self._model, self._session, self._recorded = model, session, None
        self._notices += model.notices
        if self._lend_model is not None:
            self._lend_model(model)

    def undo(self) -> str:
        """Undo the last turn, whether it was answered or not, and return its message.

        The model no longer sees the turn. The effects of its tools remain: files that were
        written, and the variables of the code interpreter.

        Raises:
            LookupError: There is no turn to undo.
        """
        self._check_idle()
        return self._undo_turn()

    def _undo_turn(self) -> str:
        self._session.undo_turn()
        text, self._switch = self._turns.pop()
        if self._journal is not None:
            self._journal.turn_undone()
        return text

    @property
    def run_id(self) -> str | None:
        """The id of the recorded run. None: the conversation is not recorded."""
        return self._journal.id if self._journal else None

    @property
    def unfinished(self) -> str | None:
        """The message that a resumed conversation has not answered yet; see `resume`."""
        if self._recorded is None or self._recorded.status == "answered":
            return None
        turn = self._recorded.last_turn
        return turn.text if turn else self._recorded.task

    async def resume(self) -> RunResult[OutputT]:
        """Complete the turn in which a recorded run was interrupted.

        Nothing that was finished is repeated, neither a message of the model nor a tool call. An
        interrupted call is repeated if its tool is read-only; otherwise the model is told that its
        outcome is unknown. A turn after which the conversation was compacted, or changed to
        another model, is undone and asked again.

        Raises:
            RuntimeError: no turn is `unfinished`.
        """
        return await self._resume(lambda event: None)

    def resume_stream(self) -> RunStream[OutputT]:
        """`resume`, and report events as they occur."""
        return RunStream(self._resume)

    def take_notices(self) -> list[str]:
        """Remove and return the notices that the next turn would report first."""
        notices, self._notices = self._notices, []
        return notices

    async def compact(self) -> int:
        """Compact the conversation now, and return the number of tokens saved.

        Tool results are shortened, all turns before the newest are summed up by the model, and so
        is what it did in that one between question and answer. Turns that were summed up cannot
        be taken back any more.

        Raises:
            RuntimeError: a turn is `unfinished`: what it has done is still needed as it is.
        """
        if self.unfinished is not None:
            raise RuntimeError(
                "A turn is unfinished: resume it, or take it back, and then compact."
            )
        with self._one_turn(), artifact_folder(self._folder):
            before = self._session.context_left
            try:
                return await compact(self._model, self._session, lambda event: None)
            finally:
                after = self._session.context_left
                if self._journal is not None and after != before:
                    length = self._session.context_length
                    self._journal.compacted(length - before, length - after)

    async def run(self, text: str, **options: Unpack[TurnOptions]) -> RunResult[OutputT]:
        """Answer a user message.

        Args:
            text: the message.
            options: for this turn only.

        Raises:
            Qwen3AgentError: see `Agent.run`.
        """
        return await self._turn(text, lambda event: None, **options)

    def stream(self, text: str, **options: Unpack[TurnOptions]) -> RunStream[OutputT]:
        """Answer a user message and report events as they occur."""
        check_task(text)
        check_options(options, TurnOptions.__optional_keys__)
        return RunStream(lambda emit: self._turn(text, emit, **options))

    async def _turn(
        self, text: str, emit: Emit, *, context: Any = None, **options: Unpack[SpecOptions]
    ) -> RunResult[OutputT]:
        check_task(text)
        check_options(options, TurnOptions.__optional_keys__)
        spec = self._spec.with_overrides(**options)
        check_choice(spec.tool_choice, [tool.name for tool in self.tools])
        with self._one_turn():
            self._recorded = None
            self._turns.append((text, self._switch))
            self._session.add_user(text)
            self._switch = latest_switch([text]) or self._switch
            if self._journal is not None:
                self._journal.turn(text)
            try:
                return await self._work(
                    emit, spec=spec, policy=as_policy(options.get("thinking")), context=context
                )
            except PromptTooLongError:
                if self._session.turn == len(self._session.messages) - 1:
                    # It can never fit, and would keep every later message from being answered
                    self._undo_turn()
                raise

    async def _resume(self, emit: Emit) -> RunResult[OutputT]:
        text, recorded = self.unfinished, self._recorded
        if text is None or recorded is None:
            raise RuntimeError("Nothing is unfinished in this conversation.")
        turn = recorded.last_turn
        if turn is None:
            return await self._turn(text, emit)
        if turn.is_closed:
            return await self._turn(self._undo_turn(), emit)
        with self._one_turn():
            self._recorded = None
            self._switch = latest_switch([turn.text for turn in recorded.turns]) or self._switch
            return await self._work(emit, past_steps(turn, self._toolbox.tools))

    def _check_idle(self) -> None:
        if self._busy:
            raise RuntimeError("A conversation takes one turn at a time; this one is in a turn.")

    @contextmanager
    def _one_turn(self) -> Iterator[None]:
        self._check_idle()
        self._busy = True
        try:
            yield
        finally:
            self._busy = False

    async def _work(
        self,
        emit: Emit,
        past: Sequence[PastStep] = (),
        *,
        spec: AgentSpec | None = None,
        policy: Policy | None = None,
        context: Any = None,
    ) -> RunResult[OutputT]:
        spec = spec or self._spec
        switch = self._switch if policy is None else None
        policy = policy or self._policy
        recording = self._journal.recording(emit) if self._journal else nullcontext(emit)
        run = RunContext(context, self.run_id, work_folder=self._folder)
        with recording as emit, call_context(run):
            for notice in self.take_notices():
                emit(events.Notice(notice))
            turn = Turn(
                self._model,
                self._session,
                self._toolbox,
                policy or Thinking("on" if self._model.thinks_by_default else "off"),
                Budget(spec.limits),
                HookRunner(spec.hooks),
                self._authorizer,
                emit,
                OutputSpec(spec.tool_choice, spec.answer),
                switch,
            )
            result = await run_turn(turn, past)
        return replace(result, run_id=self.run_id)


def check_task(text: str) -> None:
    """Raises ValueError for a task that says nothing, and TypeError for one that is no text."""
    if not isinstance(text, str):
        raise TypeError(f"The task must be a string, not {text!r}.")
    if not text.strip():
        raise ValueError("The task is empty: say what to do.")


def check_options(given: Iterable[str], known: Iterable[str]) -> None:
    """Raise TypeError for an option that a single run or turn does not have."""
    if unknown := sorted({*given}.difference(known)):
        raise TypeError(f"{unknown[0]} cannot be set here, only {', '.join(sorted(known))}.")


def new_session(
    spec: AgentSpec, model: Model, toolbox: Toolbox, messages: Sequence[Message]
) -> ModelSession:
    """Begin a session of a model for an agent, with all messages until now."""
    options = SessionOptions(
        tools=toolbox.schemas(),
        keep_thoughts=spec.keep_thoughts,
        sampling=spec.sampling,
        logprobs=spec.logprobs,
        constrain=spec.constrain,
        output=spec.answer.schema if spec.answer else None,
    )
    return model.session(messages, options)
