"""Conversation: several turns of an agent with one memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qwen3_tools.artifacts import artifact_folder
from qwen3_tools.toolbox import Toolbox

from . import events
from .calling import Emit
from .limits import Limits
from .loop import run_turn
from .models import Chat, Model
from .result import RunResult
from .streaming import RunStream
from .thinking import Policy, Switch, latest_switch


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
        switch: Switch | None = None,
        notices: Sequence[str] = (),
    ) -> None:
        self._model = model
        self._chat = chat
        self._toolbox = toolbox
        self._policy = policy
        self._limits = limits
        self._folder = folder
        self._switch = switch
        self._notices = list(notices)
        self._busy = False

    async def run(self, text: str) -> RunResult:
        """Answer a user message. Raises what `Agent.run` raises."""
        return await self._turn(text, lambda event: None)

    def stream(self, text: str) -> RunStream:
        """Answer a user message and tell what happens as it happens."""
        check_task(text)
        return RunStream(lambda emit: self._turn(text, emit))

    async def _turn(self, text: str, emit: Emit) -> RunResult:
        check_task(text)
        if self._busy:
            raise RuntimeError("A conversation takes one turn at a time; this one is in a turn.")
        self._busy = True
        try:
            while self._notices:
                emit(events.Notice(self._notices.pop(0)))
            self._chat.add_user(text)
            self._switch = latest_switch([text]) or self._switch
            with artifact_folder(self._folder):
                return await run_turn(
                    self._model,
                    self._chat,
                    self._toolbox,
                    self._policy,
                    self._limits,
                    switch=self._switch,
                    emit=emit,
                )
        finally:
            self._busy = False


def check_task(text: str) -> None:
    """Raises ValueError for a task that says nothing."""
    if not text.strip():
        raise ValueError("The task is empty: say what to do.")
