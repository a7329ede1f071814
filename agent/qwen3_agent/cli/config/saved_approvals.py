"""Saved approvals: tools that may always run in a folder."""

from __future__ import annotations

from pathlib import Path

from .state_file import StateFile

_SAVED = StateFile("approvals.json", dict[str, list[str]], {}, '{"folder": ["tool", ...]}')


def saved_file() -> Path:
    """Return the file of the approvals, for people to read and edit."""
    return _SAVED.path


def saved_approvals(folder: Path) -> list[str]:
    """Return the tools that may always run in `folder`.

    Raises:
        Qwen3AgentError: The file is invalid.
    """
    return _SAVED.read().get(str(folder.resolve()), [])


def save_approval(folder: Path, tool: str) -> None:
    """Always allow `tool` in `folder`. Several processes may save at once.

    Raises:
        Qwen3AgentError: The file is invalid.
        OSError: The file cannot be written.
    """
    here = str(folder.resolve())

    def with_it(saved: dict[str, list[str]]) -> dict[str, list[str]]:
        tools = saved.get(here, [])
        return saved | {here: tools if tool in tools else [*tools, tool]}

    _SAVED.change(with_it)
