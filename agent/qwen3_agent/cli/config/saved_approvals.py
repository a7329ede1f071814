"""What was answered with "always": tools that run unasked in one folder, from then on."""

from __future__ import annotations

from pathlib import Path

from .state_file import StateFile

_SAVED = StateFile("approvals.json", dict[str, list[str]], {}, '{"folder": ["tool", ...]}')


def saved_file() -> Path:
    """Where the answers are, for people to read and to take back."""
    return _SAVED.path


def saved_approvals(folder: Path) -> list[str]:
    """The tools that run unasked in `folder`.

    Raises:
        Qwen3AgentError: the file is not as it was written.
    """
    return _SAVED.read().get(str(folder.resolve()), [])


def save_approval(folder: Path, tool: str) -> None:
    """Let `tool` run unasked in `folder` from now on. Several processes may do so at once.

    Raises:
        Qwen3AgentError: as for `saved_approvals`.
        OSError: it cannot be written.
    """
    here = str(folder.resolve())

    def with_it(saved: dict[str, list[str]]) -> dict[str, list[str]]:
        tools = saved.get(here, [])
        return saved | {here: tools if tool in tools else [*tools, tool]}

    _SAVED.change(with_it)
