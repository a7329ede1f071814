"""`qwen3-agent config`: each setting, its value, and the file that sets it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..json_io import write_json
from ..outcome import command
from ..terminal.printable import echo

if TYPE_CHECKING:
    from ..config.settings import Layers


@command
def config(
    agent: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.toml",
            exists=True,
            dir_okay=False,
            help="The TOML file of an agent, which overrides the other files.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show each setting, its value, and where it comes from.

    The project's file, ./qwen3-agent.toml, overrides the user's,
    ~/.config/qwen3-agent/qwen3-agent.toml. The options of a command override both.
    """
    from ..config.saved_approvals import saved_approvals, saved_file
    from ..config.settings import FILE_NAME, load_settings

    settings = load_settings(agent, ask=False)
    rows = list(_rows(settings))
    left_out = f"{FILE_NAME} (ignored until you run: qwen3-agent trust)"
    rows += [(key, value, left_out) for key, value in settings.waiting.items()]
    saved = saved_approvals(Path.cwd())
    if saved:
        rows.append(("approvals.saved", saved, str(saved_file())))
    if as_json:
        names = ("key", "value", "source")
        write_json([dict(zip(names, row, strict=True)) for row in rows], indent=2)
    else:
        _print(rows)


def _rows(settings: Layers) -> list[tuple[str, object, str]]:
    rows: list[tuple[str, object, str]] = []
    for key in settings.keys:
        values = list(settings.all(key))
        gathered = key in ("approvals.allow", "approvals.ask", "approvals.deny")
        # The patterns of all files apply; the default has none
        counting = (values[:-1] or values) if gathered else values[:1]
        rows += [(key, value, source) for value, source in counting]
    return rows


def _print(rows: list[tuple[str, object, str]]) -> None:
    shown = [
        (key, "" if value is None else json.dumps(value, ensure_ascii=False), source)
        for key, value, source in rows
    ]
    keys = max(len(key) for key, _, _ in shown)
    values = min(40, max(len(value) for _, value, _ in shown))
    for key, value, source in shown:
        echo(f"{key.ljust(keys)}  {value.ljust(values)}  {source}")
