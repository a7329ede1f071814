"""Folders for the user's persistent files: settings, runs, logs and tokens."""

from __future__ import annotations

import os
from pathlib import Path

from .errors import Qwen3AgentError


def state_folder() -> Path:
    """Return the folder for persistent state, `$XDG_STATE_HOME/qwen3-agent`. It may not exist.

    See https://specifications.freedesktop.org/basedir-spec/latest/.

    Raises:
        Qwen3AgentError: The user has no home folder.
    """
    return xdg_folder("XDG_STATE_HOME", ".local/state")


def xdg_folder(variable: str, in_home: str) -> Path:
    """Return our folder in the one of an XDG variable, or in its default place in the home folder.

    Raises:
        Qwen3AgentError: There is no home folder, as for an unnamed user of a container.
    """
    base = os.environ.get(variable, "")
    if base.startswith("/"):  # the specification says to ignore relative paths
        return Path(base) / "qwen3-agent"
    try:
        return Path.home() / in_home / "qwen3-agent"
    except RuntimeError:
        raise Qwen3AgentError(
            f"No home folder was found: set HOME or {variable} to a folder of yours."
        ) from None
