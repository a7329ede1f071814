"""The folder of all recorded runs, which has a folder for each run."""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from qwen3_tools.state import state_folder

from ..errors import JournalError
from .format import FILE_NAME
from .reader import read_run, summarize
from .recorded import RecordedRun, RunSummary
from .redaction import Redactor, secrets_in_environment
from .writer import Journal

LATEST = "latest"
_APPENDING = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC


class Runs:
    """A folder of recorded runs.

    Args:
        folder: Default: `runs` in the user's state folder, `~/.local/state/qwen3-agent`. It is
            created when it is needed, and only the user can read it.
        command: The options of `qwen3-agent run` to record in new runs, for resuming them.
    """

    def __init__(
        self, folder: str | os.PathLike[str] | None = None, *, command: dict[str, Any] | None = None
    ) -> None:
        self.folder = Path(folder) if folder is not None else state_folder() / "runs"
        self._command = command

    def begin(self, *, task: str | None = None, secrets: Iterable[str] = ()) -> Journal:
        """Create a run and return its journal.

        Args:
            task: The task, if it is known already.
            secrets: Values that must not be written, in addition to those in the environment.

        Raises:
            JournalError: The folder is not writable.
        """
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder = self._new_folder()
            file = os.open(folder / FILE_NAME, _APPENDING | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise JournalError(
                f"Runs cannot be recorded in {self.folder}: {error.strerror}. "
                "Choose another folder, or disable recording."
            ) from error
        fcntl.flock(file, fcntl.LOCK_EX)
        journal = Journal(folder, file, _redactor(secrets))
        journal.begin(task=task, command=self._command)
        return journal

    def reopen(self, run: str, *, secrets: Iterable[str] = ()) -> tuple[RecordedRun, Journal]:
        """Return a run and its journal, in order to resume it.

        Raises:
            JournalError: The run does not exist, is damaged, or is in use by another process.
        """
        folder = self.find(run)
        path = folder / FILE_NAME
        try:
            file = os.open(path, _APPENDING)
        except OSError as error:
            raise JournalError(f"{path} cannot be written: {error.strerror}.") from error
        try:
            if not _locked(file):
                raise _in_use(folder.name)
            recorded = read_run(folder)
            _cut_torn_line(file)
        except BaseException:
            os.close(file)
            raise
        return recorded, Journal(folder, file, _redactor(secrets))

    def read(self, run: str) -> RecordedRun:
        """Return a run by its id, the beginning of its id, or "latest".

        Raises:
            JournalError: The run does not exist or is damaged.
        """
        return read_run(self.find(run))

    def summaries(self) -> list[RunSummary]:
        """Return all runs, newest first, including unreadable ones."""
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
        """Return whether a process is working on the run with this id."""
        try:
            file = os.open(self.folder / run / FILE_NAME, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            return not _locked(file)
        finally:
            os.close(file)

    def delete(self, run: str) -> str:
        """Delete a run with all of its files, and return its id.

        Raises:
            JournalError: The run does not exist, is in use, or cannot be deleted.
        """
        from qwen3_tools.code_interpreter.folder import remove_tree

        folder = self.find(run)
        if self.is_running(folder.name):
            raise _in_use(folder.name)
        try:
            remove_tree(folder)
        except OSError as error:
            raise JournalError(f"{folder} cannot be deleted: {error.strerror}.") from error
        return folder.name

    def find(self, run: str) -> Path:
        """Return the folder of a run by its id, the beginning of its id, or "latest".

        Raises:
            JournalError: There is no such run, or several match.
        """
        ids = [folder.name for folder in sorted(self._folders(), key=_last_written)]
        if run == LATEST and ids:
            return self.folder / ids[-1]
        matching = [run] if run in ids else [each for each in ids if run and each.startswith(run)]
        if len(matching) == 1:
            return self.folder / matching[0]
        if matching:
            shown = ", ".join(matching[:3]) + (", ..." if len(matching) > 3 else "")
            raise JournalError(f"{len(matching)} runs match {run!r}: {shown}.")
        newest = f" The latest is {ids[-1]}." if ids else " There are no runs yet."
        raise JournalError(f"There is no run {run!r} in {self.folder}.{newest}")

    def _folders(self) -> list[Path]:
        return [each.parent for each in self.folder.glob(f"*/{FILE_NAME}")]

    def _new_folder(self) -> Path:
        while True:
            folder = self.folder / f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"
            with suppress(FileExistsError):
                folder.mkdir(mode=0o700)
                return folder


def _last_written(folder: Path) -> tuple[float, str]:
    try:
        return (folder / FILE_NAME).stat().st_mtime, folder.name
    except OSError:
        return 0.0, folder.name


def _redactor(known: Iterable[str]) -> Redactor:
    return Redactor([*known, *secrets_in_environment()])


def _in_use(run: str) -> JournalError:
    return JournalError(f"Run {run} is in use by another process.")


def _locked(file: int) -> bool:
    """Lock an open journal if possible, and return whether it is locked now."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _cut_torn_line(file: int) -> None:
    """Remove an incomplete line at the end."""
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
