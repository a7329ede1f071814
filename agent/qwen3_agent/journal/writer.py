"""Writes the journal of a run."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

from anyio import get_cancelled_exc_class

from qwen3_tools.tool import Tool

from .. import events
from ..errors import JournalError, LimitExceededError
from ..events import Emit
from ..models.session import Model, ModelSession
from ..result import RunResult
from .format import FORMAT_VERSION
from .images import keep_image
from .ledger import LedgerWriter
from .redaction import Redactor

_PIECES = (events.ReasoningText, events.ContentText, events.ToolCallProgress)


def _innermost(event: events.Event) -> events.Event:
    while isinstance(event, events.SubagentEvent):
        event = event.event
    return event


@dataclass(slots=True)
class _Message:
    """The message that the model is writing."""

    is_whole: bool = True
    """Also between two messages, when nothing can be cut off."""
    said: dict[str, list[str]] = field(default_factory=lambda: {"reasoning": [], "content": []})
    first_text: float | None = None
    thought_until: float | None = None

    def add(self, kind: str, text: str) -> None:
        self.said[kind].append(text)
        self.first_text = self.first_text or time.time()


class Journal:
    """Appends to the journal of a run. Made by `Runs`; only one process at a time can have it.

    Args:
        folder: The folder of the run.
        file: Descriptor of its locked journal, open for appending. Closed by `close`.
        redactor: Removes secrets from everything that is written.

    Raises:
        JournalError: In every method that writes, if writing fails.
    """

    def __init__(self, folder: Path, file: int, redactor: Redactor) -> None:
        self.id = folder.name
        self.folder = folder
        self.work_folder = folder / "work"
        """The folder for files of the run's tools. It may not exist."""
        self._file = file
        self._redactor = redactor
        self._ledger: LedgerWriter | None = None
        self._changing: frozenset[str] = frozenset()
        self._turns = 0
        self._usable = True
        self._message = _Message()

    def begin(self, *, task: str | None, command: dict[str, Any] | None) -> None:
        """Write the first record.

        Args:
            task: The task, if it is known already.
            command: The options of `qwen3-agent run`, for resuming.
        """
        self._write(
            {
                "type": "journal",
                "version": FORMAT_VERSION,
                "id": self.id,
                "program": f"qwen3-agent {version('qwen3-agent')}",
                "task": task,
                "cwd": os.getcwd(),
                "command": command,
            }
        )

    def opened(
        self,
        model: Model,
        tools: Sequence[Tool],
        session: ModelSession,
        *,
        turns: int | None = None,
    ) -> None:
        """Record the model and the tools, once they are open.

        Args:
            model: The model.
            tools: All tools.
            session: The session to follow.
            turns: The number of recorded turns of a resumed run. None: the run is new.
        """
        self._turns = turns or 0
        self._changing = frozenset(tool.name for tool in tools if not tool.read_only)
        ledger = self._follow(model, session)
        if turns is not None:
            ledger.seen()
        fields = ("name", "description", "parameters", "read_only")
        self._write(
            {
                "type": "opened",
                "model": model.name,
                "route": model.route,
                "tools": [{name: getattr(tool, name) for name in fields} for tool in tools],
                "resumed": turns is not None,
            }
        )

    def turn(self, text: str) -> None:
        """Record a user message that was added to the session."""
        self._write({"type": "turn", "index": self._turns, "text": text}, with_ledger=True)
        self._turns += 1

    def turn_undone(self) -> None:
        """Record that the last turn was removed from the session."""
        self._write({"type": "turn_undone"}, with_ledger=True)

    def compacted(self, before: int, after: int) -> None:
        """Record that the user had the session compacted, with its token counts."""
        record = {"type": "compacted", "before": before, "after": after}
        self._write(record, with_ledger=True, to_disk=True)

    def model_changed(self, model: Model, session: ModelSession, source: str | None) -> None:
        """Record that the conversation continues with another model.

        Args:
            model: The new model.
            session: The new session to follow.
            source: The name of the model for `--model`.
        """
        self._follow(model, session)
        record = {"type": "model_changed", "model": model.name, "route": model.route}
        self._write(record | {"source": source}, with_ledger=True, to_disk=True)

    def _follow(self, model: Model, session: ModelSession) -> LedgerWriter:
        self._ledger = LedgerWriter(
            session, self._redactor, model.chat_format, with_ids=model.route == "server_chat"
        )
        return self._ledger

    @contextmanager
    def recording(self, emit: Emit) -> Iterator[Emit]:
        """Record each event before `emit` receives it, and the end of a turn without an answer."""
        try:
            yield partial(self._pass_on, emit)
        except BaseException as error:
            if isinstance(error, LimitExceededError):
                how = "limit"
                error.result = replace(cast(RunResult, error.result), run_id=self.id)
            elif isinstance(error, get_cancelled_exc_class()) or not isinstance(error, Exception):
                how = "interrupted"
            else:
                how = "failed"
            said = {"type": type(error).__name__, "message": str(error)}
            with suppress(JournalError):
                self._write(
                    {
                        "type": "ended",
                        "how": how,
                        "error": said if how != "interrupted" else None,
                        "said": {
                            kind: "".join(texts) for kind, texts in self._message.said.items()
                        },
                    },
                    to_disk=True,
                )
            raise

    def close(self) -> None:
        """Release the run to other processes. Safe to call twice."""
        file, self._file = self._file, -1
        if file >= 0:
            with suppress(OSError):
                self.work_folder.rmdir()  # only if it is empty
            os.close(file)

    def _pass_on(self, emit: Emit, event: events.Event) -> None:
        match event:
            case events.ReasoningText():
                self._message.add("reasoning", event.text)
                self._message.thought_until = time.time()
            case events.ContentText():
                self._message.add("content", event.text)
            case events.ToolCallProgress():
                pass
            case events.SubagentEvent() if isinstance(_innermost(event), _PIECES):
                pass
            case events.StepStarted():
                self._message = _Message(is_whole=False)
                self._write(event.to_json(), with_ledger=True)
            case events.MessageFinished():
                message, self._message = self._message, _Message()
                times = {"first_text": message.first_text, "thought_until": message.thought_until}
                self._write(event.to_json() | times, with_ledger=True)
            case events.ToolCallStarted():
                self._write(event.to_json(), to_disk=event.name in self._changing)
            case events.ToolCallFinished():
                kept = [keep_image(file, self.folder) for file in event.files]
                self._write(event.to_json() | {"images": [name for name in kept if name]})
            case events.StepFinished():
                # A resumed run begins before an incomplete message
                self._write(event.to_json(), with_ledger=self._message.is_whole, to_disk=True)
            case events.RunStarted():
                event = replace(event, run_id=self.id)
                self._write(event.to_json())
            case events.RunFinished():
                event = replace(event, result=replace(event.result, run_id=self.id))
                self._write(event.to_json(), to_disk=True)
            case _:
                self._write(event.to_json())
        emit(event)

    def _write(
        self, record: dict[str, Any], *, with_ledger: bool = False, to_disk: bool = False
    ) -> None:
        """Append a record."""
        if not self._usable:
            return
        written = {"type": record["type"], "at": round(time.time(), 4)}
        written |= self._redactor.json(record)
        if with_ledger:
            assert self._ledger is not None, "`opened` comes first"
            written["ledger"] = self._ledger.news()
        line = json.dumps(written, ensure_ascii=False, separators=(",", ":"))
        left = memoryview(line.encode("utf-8", "replace") + b"\n")
        try:
            while left:
                left = left[os.write(self._file, left) :]
            if to_disk:
                os.fsync(self._file)
        except OSError as error:
            self._usable = False  # nothing may follow an incomplete line
            raise JournalError(
                f"The run cannot be recorded in {self.folder}: {error.strerror}. "
                "Free some space or choose another folder. The run can be resumed."
            ) from error
