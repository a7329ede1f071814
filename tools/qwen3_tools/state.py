"""Where this user's lasting files are: settings, runs, logs and tokens."""

from __future__ import annotations

import os
from pathlib import Path

from .errors import Qwen3AgentError


def state_folder() -> Path:
    """The folder for what should outlast a run. It may not exist yet.

    `$XDG_STATE_HOME/qwen3-agent`, as the XDG base directory specification has it
    (https://specifications.freedesktop.org/basedir-spec/latest/).

    Raises:
        Qwen3AgentError: this user has no home folder.
    """
    return xdg_folder("XDG_STATE_HOME", ".local/state")


def xdg_folder(variable: str, in_home: str) -> Path:
    """Our folder in the one that an XDG variable names, or in its usual place in the home folder.

    Raises:
        Qwen3AgentError: neither is there, as for a user of a container whom nobody has named.
    """
    base = os.environ.get(variable, "")
    if base.startswith("/"):  # The specification wants a path that is not absolute to be ignored
        return Path(base) / "qwen3-agent"
    try:
        return Path.home() / in_home / "qwen3-agent"
    except RuntimeError:
        raise Qwen3AgentError(
            f"There is no home folder here: set HOME, or {variable}, to a folder that is yours."
        ) from None
