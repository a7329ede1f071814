"""The question before a tool call, as shown at a terminal, and the answers to it."""

from __future__ import annotations

import shutil

from ...approvals import Approval, ApprovalRequest

_CONTINUED = "\n  ┆ "


def question(request: ApprovalRequest) -> str:
    """Return the question: the exact call, and the possible answers."""
    does = "The tool says it is read-only." if request.tool.read_only else "It may change things."
    always = "[a] yes, always in this folder\n" if request.can_be_saved else ""
    return (
        f"\nRun this call? {does}\n\n{in_rows(request.text)}\n\n"
        f"[y] yes, once\n[r] yes, and allow {request.tool.name} for the rest of this run\n{always}"
        '[n] no (text after "n" is sent to the model as the reason)'
    )


def in_rows(text: str) -> str:
    """Break long lines, so that the terminal does not: a continuation must not look like ours."""
    from rich.cells import chop_cells

    width = max(20, shutil.get_terminal_size().columns - len(_CONTINUED) - 1)
    rows = (_CONTINUED.join(chop_cells(line, width)) for line in text.split("\n"))
    return "\n".join(rows)


def answer_of(typed: str, request: ApprovalRequest) -> Approval | None:
    """Return the answer: `y`, `r`, `a`, or `n` and a reason. None: anything else."""
    word, _, reason = typed.strip().partition(" ")
    match word.rstrip(":,.").lower():
        case "y" | "yes":
            return None if reason.strip() else Approval("once")
        case "r" | "run":
            return None if reason.strip() else Approval("run")
        case "a" | "always" if request.can_be_saved and not reason.strip():
            return Approval("always")
        case "n" | "no":
            return Approval("no", reason.strip())
    return None


async def approve_all(request: ApprovalRequest, /) -> Approval:
    """The approver of `--yes`."""
    return Approval("once")
