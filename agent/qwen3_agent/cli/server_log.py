"""Writes the log messages of MCP servers to a file in the user's state folder."""

from __future__ import annotations

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path

_MOST_BYTES = 1_000_000


def log_servers_to(path: Path) -> None:
    """Append the log messages of MCP servers to a file, and rotate it after a megabyte.

    The file is created with the first message. If it cannot be written, messages are dropped.
    """
    logger = logging.getLogger("qwen3_tools.mcp.server_log")
    if logger.handlers:
        return
    logger.propagate = False
    logger.setLevel(logging.INFO)
    handler = _Log(path, maxBytes=_MOST_BYTES, backupCount=1, encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger.addHandler(handler)


class _Log(RotatingFileHandler):
    def emit(self, record: logging.LogRecord) -> None:
        try:
            Path(self.baseFilename).parent.mkdir(parents=True, exist_ok=True)
            super().emit(record)
        except OSError:
            pass

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        pass
