"""Reading and writing JSON: whole files, and JSON lines."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .outcome import wrong_usage

STANDARD_INPUT = Path("-")


def read_json(path: Path, option: str) -> Any:
    """Return the JSON value in a file, or on standard input for `-`.

    Raises:
        typer.BadParameter: The file cannot be read or is not JSON; the message says where.
    """
    with wrong_usage(option):
        try:
            return loads(sys.stdin.buffer.read() if path == STANDARD_INPUT else path.read_bytes())
        except OSError as error:
            raise ValueError(f"cannot read {path}: {error.strerror}.") from None
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None


def loads(text: str | bytes) -> Any:
    """Return a JSON value.

    Raises:
        ValueError: The text is not valid JSON; the message is a sentence.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        from qwen3_tools.json_errors import json_problem

        raise ValueError(f"{json_problem(error)}.") from None


def answer_lines(answer: Callable[[Any], dict[str, Any]]) -> int:
    """Answer each line of JSON on standard input with one line of JSON. Return the exit code.

    If `answer` raises ValueError, the reply is `{"error": ...}`, and the next line follows.
    """
    failed = False
    for number, line in enumerate(sys.stdin.buffer, start=1):
        if not line.strip():
            continue
        try:
            reply = answer(loads(line))
        except ValueError as error:
            failed = True
            reply = {"error": f"line {number}: {error}"}
        write_json(reply)
    return 1 if failed else 0


def write_json(value: Any, *, indent: int | None = None) -> None:
    """Write JSON to standard output, in ASCII unless it is encoded as UTF-8."""
    in_ascii = sys.stdout.encoding.lower() != "utf-8"
    print(json.dumps(value, ensure_ascii=in_ascii, indent=indent), flush=True)
