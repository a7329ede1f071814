"""The command line: one module a command, nothing heavy imported before it is needed."""

from __future__ import annotations


def main() -> None:
    """What `qwen3-agent` and `python -m qwen3_agent` start."""
    try:
        from .app import app

        app()
    except KeyboardInterrupt:
        import sys

        print("Interrupted.", file=sys.stderr)
        sys.exit(130)
