"""What MCP servers log goes to a file in the user's state folder, never to the terminal."""

from __future__ import annotations

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path

_MOST_BYTES = 1_000_000


def log_servers_to(path: Path) -> None:
    """Append what servers log to the file at `path`, and begin it anew after a megabyte.

    The file is made when a server first logs something. One that cannot be written is done
    without: it is nothing to fail for.
    """
    said = logging.getLogger("qwen3_tools.mcp.server_log")
    if said.handlers:
        return
    said.propagate = False
    said.setLevel(logging.INFO)
    handler = _Log(path, maxBytes=_MOST_BYTES, backupCount=1, encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    said.addHandler(handler)


class _Log(RotatingFileHandler):
    def emit(self, record: logging.LogRecord) -> None:
        try:
            Path(self.baseFilename).parent.mkdir(parents=True, exist_ok=True)
            super().emit(record)
        except OSError:
            pass

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        pass
