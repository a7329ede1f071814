"""Conversation: several turns of an agent with one memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from qwen3_tools.artifacts import artifact_folder
from qwen3_tools.tool import Tool
from qwen3_tools.toolbox import Toolbox

from . import events
from .approvals import Approvals
from .calling import Emit
from .gate import Gate
from .limits import Limits
from .loop import run_turn
from .models import Chat, Model
from .result import RunResult
from .streaming import RunStream
from .thinking import Mode, Policy, Switch, as_policy, latest_switch


class Conversation:
    """Several turns with one memory; the code interpreter keeps its state between them.

    Made by `Agent.conversation`. One turn at a time.
    """

    def __init__(
        self,
        model: Model,
        chat: Chat,
        toolbox: Toolbox,
        policy: Policy,
        limits: Limits,
        folder: Path,
        *,
        approvals: Approvals,
        switch: Switch | None = None,
        notices: Sequence[str] = (),
    ) -> None:
        self._model = model
        self._chat = chat
        self._toolbox = toolbox
        self._policy = policy
        self._limits = limits
        self._folder = folder
        self._gate = Gate(approvals, toolbox)
        self._switch = switch
        self._notices = list(notices)
        self._busy = False
        self._turns: list[tuple[str, Switch | None]] = []
        """What each turn asked, and the soft switch before it."""

    @property
    def model(self) -> Model:
        """The model that it is held with."""
        return self._model

    @property
    def tools(self) -> Sequence[Tool]:
        """What the model can call, in the order in which it is told of them."""
        return self._toolbox.tools

    @property
    def folder(self) -> Path:
        """Where the files of the code interpreter and of other tools are."""
        return self._folder

    @property
    def messages(self) -> Sequence[Mapping[str, Any]]:
        """What was said, the oldest first, as messages of the chat completions protocol."""
        return self._chat.messages

    @property
    def context_left(self) -> int:
        """Tokens that still fit into the model's context."""
        return self._chat.context_left

    def set_thinking(self, thinking: Mode | Literal["adaptive"] | Policy) -> None:
        """Change how the steps of later turns may think; an earlier soft switch is forgotten.

        Raises:
            ValueError: `thinking` names no policy.
        """
        self._policy = as_policy(thinking) or self._policy
        self._switch = None

    def undo(self) -> str:
        """Take the last turn back, whether it was answered or not, and return what it asked.

        The model is not told of it any more. What its tools did stays done: files that were
        written, and the variables of the code interpreter.

        Raises:
            LookupError: there is no turn to take back.
        """
        self._check_idle()
        self._chat.take_back_turn()
        text, self._switch = self._turns.pop()
        return text

    async def run(self, text: str) -> RunResult:
        """Answer a user message. Raises what `Agent.run` raises."""
        return await self._turn(text, lambda event: None)

    def stream(self, text: str) -> RunStream:
        """Answer a user message and tell what happens as it happens."""
        check_task(text)
        return RunStream(lambda emit: self._turn(text, emit))

    async def _turn(self, text: str, emit: Emit) -> RunResult:
        check_task(text)
        self._check_idle()
        self._busy = True
        try:
            while self._notices:
                emit(events.Notice(self._notices.pop(0)))
            self._turns.append((text, self._switch))
            self._chat.add_user(text)
            self._switch = latest_switch([text]) or self._switch
            with artifact_folder(self._folder):
                return await run_turn(
                    self._model,
                    self._chat,
                    self._toolbox,
                    self._policy,
                    self._limits,
                    gate=self._gate,
                    switch=self._switch,
                    emit=emit,
                )
        finally:
            self._busy = False

    def _check_idle(self) -> None:
        if self._busy:
            raise RuntimeError("A conversation takes one turn at a time; this one is in a turn.")


def check_task(text: str) -> None:
    """Raises ValueError for a task that says nothing."""
    if not text.strip():
        raise ValueError("The task is empty: say what to do.")
