"""Where this user's lasting files are: logs and tokens."""

from __future__ import annotations

import os
from pathlib import Path


def state_folder() -> Path:
    """The folder for what should outlast a run. It may not exist yet.

    `$XDG_STATE_HOME/qwen3-agent`, as the XDG base directory specification has it
    (https://specifications.freedesktop.org/basedir-spec/latest/).
    """
    base = os.environ.get("XDG_STATE_HOME", "")
    # The specification wants a path that is not absolute to be ignored.
    return (Path(base) if base.startswith("/") else Path.home() / ".local/state") / "qwen3-agent"
