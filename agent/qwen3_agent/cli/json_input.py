"""Reading and writing JSON: whole files, and JSON lines."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer

from qwen3_tools.json_errors import json_problem

STANDARD_INPUT = Path("-")


def read_json(path: Path, option: str) -> Any:
    """Return the JSON value in a file, or on standard input for `-`.

    Raises:
        typer.BadParameter: The file cannot be read or is not JSON; the message says where.
    """
    try:
        data = sys.stdin.buffer.read() if path == STANDARD_INPUT else path.read_bytes()
        return json.loads(data)
    except OSError as error:
        raise typer.BadParameter(
            f"cannot read {path}: {error.strerror}.", param_hint=option
        ) from None
    except (ValueError, RecursionError) as error:
        raise typer.BadParameter(
            f"{path} is not JSON: {json_problem(error)}.", param_hint=option
        ) from None


def answer_lines(answer: Callable[[Any], dict[str, Any]]) -> int:
    """Answer each line of JSON on standard input with one line of JSON. Return the exit code.

    If `answer` raises ValueError, the reply is `{"error": ...}`, and the next line follows.
    """
    failed = False
    for number, line in enumerate(sys.stdin.buffer, start=1):
        if not line.strip():
            continue
        try:
            reply = answer(_loads(line))
        except ValueError as error:
            failed = True
            reply = {"error": f"line {number}: {error}"}
        write_json(reply)
    sys.stdout.buffer.flush()
    return 1 if failed else 0


def write_json(value: Any) -> None:
    """Write one line of JSON to standard output."""
    try:
        line = json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which only an escape can express
        line = json.dumps(value).encode()
    sys.stdout.buffer.write(line + b"\n")


def _loads(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON: {json_problem(error)}.") from None
