"""What a cell gave, and the text that a model reads of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Status = Literal["ok", "error", "timeout", "killed", "failed"]
Stream = Literal["stdout", "stderr"]

TIMEOUT_ERROR = "Timeout: Code execution exceeded the time limit."
STATE_LOST = "The interpreter was restarted: variables, functions and imports are lost."


@dataclass(frozen=True, slots=True)
class CodeResult:
    """What running one cell gave."""

    status: Status
    """`ok`; `error`: the code raised; `timeout`: it ran too long; `killed`: it ended its own
    process or broke a limit; `failed`: the sandbox itself did not work."""
    stdout: str = ""
    stderr: str = ""
    result: str | None = None
    """The `repr` of the last expression, when it is not None."""
    error: str | None = None
    """The traceback (the cell's own frames only), or a sentence that says what happened."""
    images: tuple[Path, ...] = ()
    """Figures that were open when the cell ended, as PNG files in the work folder."""
    files: tuple[str, ...] = ()
    """Files that are new in the work folder, relative to it; images not among them."""
    state_lost: bool = False
    """The process was restarted: what earlier cells defined is gone."""
    seconds: float = 0.0


def format_result(result: CodeResult) -> str:
    """The text of a result as Qwen-Agent's `code_interpreter` writes it: what Qwen3 has seen.

    A block for each of stdout, stderr, execute_result and error that is not empty, then the
    images, joined by blank lines; `Finished execution.` where there are none. Lines that Qwen-Agent
    does not have follow only where they apply: the state was lost, there are new files.

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
