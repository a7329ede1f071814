"""The folder where runs are recorded: each in a folder of its own, under its id."""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from qwen3_tools.state import state_folder

from ..errors import JournalError
from .reader import RecordedRun, RunSummary, read_run, summarize
from .redaction import Redactor, secrets_in_environment
from .writer import FILE_NAME, Journal

LATEST = "latest"
_APPENDING = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC


class Runs:
    """A folder of recorded runs.

    Args:
        folder: by default `runs` in the user's state folder, `~/.local/state/qwen3-agent`. It is
            made when it is needed, and only the user may look into it.
        command: the options of `qwen3-agent run`, which a run that begins here is resumed with.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str] | None = None,
        *,
        command: dict[str, Any] | None = None,
    ) -> None:
        self.folder = Path(folder) if folder is not None else state_folder() / "runs"
        self._command = command

    def begin(self, *, task: str | None = None, secrets: Iterable[str] = ()) -> Journal:
        """The journal of a new run.

        Args:
            task: what it is asked to do, where that is known already.
            secrets: values that must not be written, besides those in the environment.

        Raises:
            JournalError: the folder cannot be written.
        """
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder = self._new_folder()
            file = os.open(folder / FILE_NAME, _APPENDING | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise JournalError(
                f"Runs cannot be recorded in {self.folder}: {error.strerror}. "
                "Name another folder, or go without a journal."
            ) from error
        fcntl.flock(file, fcntl.LOCK_EX)
        journal = Journal(folder, file, _redactor(secrets))
        journal.begin(task=task, command=self._command)
        return journal

    def reopen(self, run: str, *, secrets: Iterable[str] = ()) -> tuple[RecordedRun, Journal]:
        """What is known of a run, and its journal to go on with.

        Raises:
            JournalError: there is no such run, it is damaged, or another process is at work on it.
        """
        folder = self.find(run)
        path = folder / FILE_NAME
        try:
            file = os.open(path, _APPENDING)
        except OSError as error:
            raise JournalError(f"{path} cannot be written: {error.strerror}.") from error
        try:
            if not _locked(file):
                raise JournalError(f"Run {folder.name} is at work in another process.")
            recorded = read_run(folder, FILE_NAME)
            _cut_torn_line(file)
        except BaseException:
            os.close(file)
            raise
        return recorded, Journal(folder, file, _redactor(secrets))

    def read(self, run: str) -> RecordedRun:
        """A run by its id, the beginning of one, or "latest".

        Raises:
            JournalError: there is no such run, or it is damaged.
        """
        return read_run(self.find(run), FILE_NAME)

    def summaries(self) -> list[RunSummary]:
        """All runs, the newest first; an unreadable one is among them, and says so."""
        found = []
        for folder in self._folders():
            try:
                summary = summarize(folder / FILE_NAME)
                if summary.status == "unfinished" and self.is_running(folder.name):
                    summary = replace(summary, status="running")
            except (JournalError, KeyError) as error:
                summary = RunSummary(folder.name, 0.0, str(error), "", "unreadable", 0, 0)
            found.append(summary)
        return sorted(found, key=lambda each: (each.started, each.id), reverse=True)

    def is_running(self, run: str) -> bool:
        """Whether a process is at work on the run of that id."""
        try:
            file = os.open(self.folder / run / FILE_NAME, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            return not _locked(file)
        finally:
            os.close(file)

    def delete(self, run: str) -> str:
        """Remove a run and all that is kept with it; its id.

        Raises:
            JournalError: there is no such run, it is at work, or it cannot be removed.
        """
        from qwen3_tools.code_interpreter.folder import remove_tree

        folder = self.find(run)
        if self.is_running(folder.name):
            raise JournalError(f"Run {folder.name} is at work in another process.")
        try:
            remove_tree(folder)
        except OSError as error:
            raise JournalError(f"{folder} cannot be removed: {error.strerror}.") from error
        return folder.name

    def find(self, run: str) -> Path:
        """The folder of a run by its id, the beginning of one, or "latest".

        Raises:
            JournalError: there is none, or several begin so.
        """
        ids = [folder.name for folder in sorted(self._folders(), key=_last_written)]
        if run == LATEST and ids:
            return self.folder / ids[-1]
        fitting = [run] if run in ids else [each for each in ids if run and each.startswith(run)]
        if len(fitting) == 1:
            return self.folder / fitting[0]
        if fitting:
            shown = ", ".join(fitting[:3]) + (", ..." if len(fitting) > 3 else "")
            raise JournalError(f"{len(fitting)} runs begin with {run!r}: {shown}.")
        newest = f" The latest is {ids[-1]}." if ids else " There are no runs yet."
        raise JournalError(f"There is no run {run!r} in {self.folder}.{newest}")

    def _folders(self) -> list[Path]:
        try:
            return [each.parent for each in self.folder.glob(f"*/{FILE_NAME}")]
        except OSError:
            return []

    def _new_folder(self) -> Path:
        while True:
            folder = self.folder / f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"
            try:
                folder.mkdir(mode=0o700)
            except FileExistsError:
                continue
            return folder


def _last_written(folder: Path) -> tuple[float, str]:
    try:
        return (folder / FILE_NAME).stat().st_mtime, folder.name
    except OSError:
        return 0.0, folder.name


def _redactor(known: Iterable[str]) -> Redactor:
    return Redactor([*known, *secrets_in_environment()])


def _locked(file: int) -> bool:
    """Take the lock of an open journal, if nobody has it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _cut_torn_line(file: int) -> None:
    """Remove what a write that was cut off has left at the end."""
    size = os.fstat(file).st_size
    end = size
    while end > 0:
        start = max(0, end - 65536)
        newline = os.pread(file, end - start, start).rfind(b"\n")
        if newline >= 0:
            end = start + newline + 1
            break
        end = start
    if end < size:
        os.ftruncate(file, end)
