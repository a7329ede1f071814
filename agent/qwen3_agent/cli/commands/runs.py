"""`qwen3-agent runs`: list, show, resume, export and delete past runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..config.agent_options import AgentOptions
from ..config.options import MaxStepsOption, RunsOption, TimeoutOption, VerboseOption, YesOption
from ..json_io import write_json
from ..outcome import command
from ..terminal.printable import echo
from .run import work_on

if TYPE_CHECKING:
    from ...journal import RunSummary

runs = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="List, show, resume, export and delete past runs.",
)

OutputOption = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="The file to write; - is standard output."),
]
RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="The id of the run, the beginning of it, or latest.")
]


@runs.command("list")
@command
def list_runs(
    folder: RunsOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON lines.")] = False,
) -> None:
    """List all runs, the newest first."""
    from ...journal import Runs

    found = Runs(folder)
    summaries = found.summaries()
    if as_json:
        from dataclasses import asdict

        for each in summaries:
            write_json(asdict(each))
    elif summaries:
        _print_table(summaries)
    else:
        echo(f"No runs in {found.folder}.", err=True)


@runs.command()
@command
def show(
    run: RunArgument = "latest",
    as_html: Annotated[
        bool, typer.Option("--html", help="Write a self-contained HTML page.")
    ] = False,
    output: OutputOption = None,
    folder: RunsOption = None,
    verbose: VerboseOption = False,
) -> None:
    """Show a run: its task, steps and answer."""
    from ...journal import Runs

    recorded = Runs(folder).read(run)
    if as_html:
        from ...journal.page import html_page

        _write(html_page(recorded), output or Path(f"{recorded.id}.html"))
    else:
        from ..terminal.run_text import run_text

        _write(run_text(recorded, verbose=verbose), output)


@runs.command()
@command
def export(
    run: RunArgument = "latest",
    shape: Annotated[
        Literal["chat", "training", "otlp"],
        typer.Option(
            "--as",
            help="chat: messages of OpenAI's API. training: token ids and their authors, as JSON "
            "lines. otlp: an OpenTelemetry trace.",
        ),
    ] = "chat",
    output: OutputOption = None,
    folder: RunsOption = None,
) -> None:
    """Write a run in a format for other programs."""
    import json

    from ...journal import Runs
    from ...journal.exports import chat_json, training_records
    from ...journal.telemetry import otlp_json

    recorded = Runs(folder).read(run)
    match shape:
        case "chat":
            text = json.dumps(chat_json(recorded), ensure_ascii=False, indent=2)
        case "training":
            text = "\n".join(json.dumps(each) for each in training_records(recorded))
        case "otlp":
            text = json.dumps(otlp_json(recorded), ensure_ascii=False)
    _write(text + "\n", output)


@runs.command()
@command
def resume(
    run: RunArgument = "latest",
    agent: Annotated[
        str | None,
        typer.Option(metavar="FILE.py[:name]", help="The run's agent, if a program started it."),
    ] = None,
    max_steps: MaxStepsOption = None,
    timeout: TimeoutOption = None,
    yes: YesOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print events as JSON lines.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print only the answer.")] = False,
    folder: RunsOption = None,
    verbose: VerboseOption = False,
) -> int:
    """Continue an interrupted run where it stopped.

    The agent is the one that started it. Nothing that was finished is repeated. An interrupted
    call is repeated if its tool is read-only; otherwise the model is told that its outcome is
    unknown. Limits given here replace those of the run. If the run has an answer, it is printed.
    """
    from ...errors import JournalError
    from ...journal import Runs

    recorded = Runs(folder).read(run)
    if recorded.command is None and agent is None and recorded.status != "answered":
        raise JournalError(
            f"Run {recorded.id} was started by a program, which has its tools: resume it there "
            f"with agent.resume({recorded.id!r}), or specify its agent with --agent FILE.py."
        )
    given = AgentOptions(
        agent=agent, max_steps=max_steps, timeout=timeout, yes=yes, runs=folder, verbose=verbose
    )
    options = given.over_those_of(recorded)
    return work_on(
        lambda chosen: chosen.resume_stream(recorded.id), options, as_json=as_json, quiet=quiet
    )


@runs.command()
@command
def delete(
    run: Annotated[
        list[str] | None, typer.Argument(metavar="RUN...", help="Ids, or the beginnings of ids.")
    ] = None,
    older_than: Annotated[
        float | None,
        typer.Option(metavar="DAYS", min=0, help="All runs that started more than DAYS ago."),
    ] = None,
    folder: RunsOption = None,
) -> None:
    """Delete runs and all their files."""
    if not run and older_than is None:
        raise typer.BadParameter("Specify runs, or --older-than DAYS.")

    from ...journal import Runs

    found = Runs(folder)
    import time

    chosen = [found.find(each).name for each in run or ()]
    if older_than is not None:
        before = time.time() - older_than * 86_400
        chosen += [
            each.id
            for each in found.summaries()
            if 0 < each.started < before and each.status != "running"
        ]
    for each in dict.fromkeys(chosen):
        echo(f"deleted {found.delete(each)}")


def _write(text: str, output: Path | None) -> None:
    """Write to a file and print its name, or write to standard output."""
    data = text.encode("utf-8", "replace")
    if output is None or str(output) == "-":
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
    else:
        output.write_bytes(data)
        echo(str(output))


def _print_table(summaries: list[RunSummary]) -> None:
    width = os.get_terminal_size().columns if sys.stdout.isatty() else 0
    for each in summaries:
        title = " ".join(each.title.split())
        line = f"{each.id}  {each.status:<11}  {each.steps:>3} steps  {each.model or '-':<16}  "
        echo(line + (title[: max(10, width - len(line))] if width else title))
