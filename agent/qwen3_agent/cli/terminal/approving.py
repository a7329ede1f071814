"""The question before a tool call, in words for a terminal, and what may be typed as an answer."""

from __future__ import annotations

import shutil

import anyio

from ...approvals import Approval, ApprovalRequest, Approver
from ...events import Event, SubagentEvent, ToolCallAsked

_GOES_ON = "\n  ┆ "


def question(request: ApprovalRequest) -> str:
    """What is asked: the exact call, and the answers that there are."""
    does = "It says that it only reads." if request.tool.read_only else "It may change things."
    always = "[a] yes, and always in this folder\n" if request.can_be_saved else ""
    return (
        f"\nMay this call run? {does}\n\n{in_rows(request.text)}\n\n"
        f"[y] yes, once\n[r] yes, and {request.tool.name} from now on in this run\n{always}"
        "[n] no; words behind the n are told to the model"
    )


def in_rows(text: str) -> str:
    """No row that the terminal would break itself: what follows must not look like ours."""
    from rich.cells import chop_cells

    width = max(20, shutil.get_terminal_size().columns - len(_GOES_ON) - 1)
    rows = (_GOES_ON.join(chop_cells(line, width)) for line in text.split("\n"))
    return "\n".join(rows)


def answer_of(typed: str, request: ApprovalRequest) -> Approval | None:
    """The answer that was typed, None when it is none: `y`, `r`, `a`, or `n` and a reason."""
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


class InOrder:
    """An approver that asks when all that happened before the question has been shown.

    What is shown and what asks are two tasks: without this a question could stand above the words
    that led to it.

    Args:
        approver: asks.
    """

    def __init__(self, approver: Approver) -> None:
        self._approver = approver
        self._shown = anyio.Semaphore(0)

    def shown(self, event: Event) -> None:
        """To be called with each event once it is on the screen."""
        while isinstance(event, SubagentEvent):
            event = event.event
        if isinstance(event, ToolCallAsked):
            self._shown.release()

    async def __call__(self, request: ApprovalRequest, /) -> Approval | bool:
        """See `Approver`."""
        await self._shown.acquire()
        return await self._approver(request)


async def say_yes(request: ApprovalRequest, /) -> Approval:
    """The approver of `--yes`."""
    return Approval("once")
