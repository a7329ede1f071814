"""The result of a cell, and its text for the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Status = Literal["ok", "error", "timeout", "killed", "failed"]
Stream = Literal["stdout", "stderr"]
Listener = Callable[[Stream, str], None]
"""Receives text of a stream as the cell writes it."""

TIMEOUT_ERROR = "Timeout: Code execution exceeded the time limit."
STATE_LOST = "The interpreter was restarted: variables, functions and imports are lost."


@dataclass(frozen=True, slots=True)
class CodeResult:
    """The result of running one cell."""

    status: Status
    """`ok`; `error`: the code raised; `timeout`: it ran too long; `killed`: it ended its process
    or exceeded a limit; `failed`: the sandbox did not work."""
    stdout: str = ""
    stderr: str = ""
    result: str | None = None
    """The `repr` of the last expression, unless that is None."""
    error: str | None = None
    """The traceback with the cell's own frames, or a description."""
    images: tuple[Path, ...] = ()
    """PNG files of figures that were open when the cell ended, in the work folder."""
    files: tuple[str, ...] = ()
    """New files in the work folder except images, relative to it."""
    state_lost: bool = False
    """True if the process was restarted, so that earlier definitions are lost."""
    seconds: float = 0.0


def format_result(result: CodeResult) -> str:
    """Format a result as Qwen-Agent's `code_interpreter` does, which Qwen3 knows from training.

    Non-empty blocks for stdout, stderr, execute_result and error, then the images, separated by
    blank lines; `Finished execution.` if there are none. Lines that Qwen-Agent does not have follow
    if the state was lost or there are new files.

    The format is that of `qwen_agent/tools/code_interpreter.py` (QwenLM/Qwen-Agent, 0.0.34).
    """
    blocks = [
        f"{name}:\n\n```\n{text}\n```"
        for name, text in (
            ("stdout", result.stdout),
            ("stderr", result.stderr),
            ("execute_result", result.result),
            ("error", result.error),
        )
        if text
    ]
    blocks += [f"![fig-{n:03d}]({path})" for n, path in enumerate(result.images, start=1)]
    blocks = blocks or ["Finished execution."]
    if result.state_lost:
        blocks.append(STATE_LOST)
    if result.files:
        blocks.append(f"New files: {', '.join(result.files)}")
    return "\n\n".join(blocks)
