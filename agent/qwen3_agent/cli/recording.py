"""`--runs` and `--no-journal`: where a command journals its run, and what it takes to resume it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from ..agent import Agent

RunsOption = Annotated[
    Path | None,
    typer.Option(
        "--runs",
        metavar="DIR",
        file_okay=False,
        help="The folder of journalled runs. Default: ~/.local/state/qwen3-agent/runs.",
    ),
]
NoJournalOption = Annotated[
    bool, typer.Option("--no-journal", help="Leave no record: the run cannot be resumed.")
]

_OF_ONE_TIME = {"start", "as_json", "quiet", "verbose", "runs", "no_journal", "upload", "resume"}
"""Options that say nothing of the agent; files that were uploaded once are in the run's folder."""
_PATHS = {"work_dir", "mcp"}


def set_journal(
    agent: Agent, runs: Path | None, *, no_journal: bool, command: dict[str, Any] | None
) -> None:
    """Let the agent journal its runs, unless that is not wanted; in its own folder if it has one.

    Args:
        agent: to be changed.
        runs: the folder of `--runs`.
        no_journal: whether `--no-journal` is given.
        command: the options of `run`, which the run is resumed with. None: it cannot be.
    """
    from ..journal import Runs

    if no_journal:
        agent.journal = None
    else:
        own = agent.journal.folder if agent.journal is not None else None
        agent.journal = Runs(runs or own, command=command)


def for_journal(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of `run` that a run is resumed with, as JSON."""
    kept = {name: value for name, value in options.items() if name not in _OF_ONE_TIME}
    for name in _PATHS & kept.keys():
        value = kept[name]
        kept[name] = (
            [str(each) for each in value] if isinstance(value, list) else value and str(value)
        )
    return kept


def from_journal(options: Mapping[str, Any]) -> dict[str, Any]:
    """What `for_journal` was given."""
    given = dict(options)
    for name in _PATHS & given.keys():
        value = given[name]
        given[name] = (
            [Path(each) for each in value] if isinstance(value, list) else value and Path(value)
        )
    return given
