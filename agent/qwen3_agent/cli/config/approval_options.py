"""The options of a command that say which tool calls may run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ...approvals import Approvals, Approver

YesOption = Annotated[
    bool,
    typer.Option(
        "--yes", "-y", help="Say yes to every call that would be asked about. Denied is denied."
    ),
]
AllowOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="PATTERN",
        help="Run these tools unasked: files__*, 'files__*:read-only', '*:writes'. May be "
        "repeated. Default: what only reads, and what is contained or approved where it is set up.",
    ),
]
DenyOption = Annotated[
    list[str] | None,
    typer.Option(metavar="PATTERN", help="Never run these tools. May be repeated."),
]


def check_patterns(allow: list[str] | None, deny: list[str] | None) -> None:
    """Raises typer.BadParameter for what is no pattern."""
    for option, patterns in (("--allow", allow), ("--deny", deny)):
        if patterns:
            from ...approvals import check_pattern

            for pattern in patterns:
                try:
                    check_pattern(pattern)
                except ValueError as error:
                    raise typer.BadParameter(str(error), param_hint=option) from None


def approvals_of(
    below: Approvals,
    *,
    yes: bool,
    allow: list[str] | None,
    deny: list[str] | None,
    approver: Approver | None,
) -> Approvals:
    """What the options say, over the policy below them; `approver` is there if no other is."""
    from ...approvals import Approvals
    from ..terminal.approving import say_yes

    return Approvals(
        allow=tuple(allow or ()),
        deny=tuple(deny or ()),
        default=below.default,
        approver=say_yes if yes else below.approver or approver,
        save=below.save,
        below=below,
    )
