"""What was answered with "always": tools that run unasked in one folder, from then on."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path

from qwen3_tools.state import state_folder

from ..errors import Qwen3AgentError

FILE_NAME = "approvals.json"


def saved_file() -> Path:
    """`{"folder": ["tool", ...]}`, for people to read and to take back."""
    return state_folder() / FILE_NAME


def saved_approvals(folder: Path) -> list[str]:
    """The tools that run unasked in `folder`.

    Raises:
        Qwen3AgentError: the file is not as it was written.
    """
    return _read(saved_file()).get(str(folder.resolve()), [])


def save_approval(folder: Path, tool: str) -> None:
    """Let `tool` run unasked in `folder` from now on. Several processes may do so at once.

    Raises:
        Qwen3AgentError: as for `saved_approvals`.
        OSError: it cannot be written.
    """
    path = saved_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        saved = _read(path)
        tools = saved.setdefault(str(folder.resolve()), [])
        if tool not in tools:
            tools.append(tool)
        new = path.with_suffix(".new")
        new.write_text(json.dumps(saved, indent=2, ensure_ascii=False) + "\n", "utf-8")
        os.replace(new, path)


def _read(path: Path) -> dict[str, list[str]]:
    try:
        saved = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise Qwen3AgentError(f"{path} cannot be read: {error}. Mend it, or remove it.") from None
    if not isinstance(saved, dict) or not all(
        isinstance(tools, list) and all(isinstance(tool, str) for tool in tools)
        for tools in saved.values()
    ):
        raise Qwen3AgentError(
            f'{path} should be {{"folder": ["tool", ...]}}. Mend it, or remove it.'
        )
    return saved
