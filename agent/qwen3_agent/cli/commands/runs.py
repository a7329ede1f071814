"""`qwen3-agent runs`: what was done before, to be looked at, gone on with, taken along, removed."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ..config.agent_options import AgentOptions
from ..config.approval_options import YesOption
from ..config.options import MaxStepsOption, RunsOption, TimeoutOption, VerboseOption
from .run import work_on

if TYPE_CHECKING:
    from ...journal import Runs, RunSummary

runs = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Runs of the past: list, show, resume, export and delete them.",
)

OutputOption = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="Where to write it; - is standard output."),
]
RunArgument = Annotated[
    str,
    typer.Argument(metavar="RUN", help="Its id, the beginning of it, or latest."),
]


@runs.command("list")
def list_runs(
    folder: RunsOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    verbose: VerboseOption = False,
) -> None:
    """All runs, the newest first."""

    def show(found: Runs) -> None:
        summaries = found.summaries()
        if as_json:
            import json
            from dataclasses import asdict

            for each in summaries:
                print(json.dumps(asdict(each), ensure_ascii=sys.stdout.encoding.lower() != "utf-8"))
        elif summaries:
            _print_table(summaries)
        else:
            print(f"No runs in {found.folder}.", file=sys.stderr)

    _with_runs(folder, show, verbose=verbose)


@runs.command()
def show(
    run: RunArgument = "latest",
    as_html: Annotated[
        bool, typer.Option("--html", help="Write one page that holds everything.")
    ] = False,
    output: OutputOption = None,
    folder: RunsOption = None,
    verbose: VerboseOption = False,
) -> None:
    """Show a run: what it was asked, its steps, its answer."""

    def work(found: Runs) -> None:
        recorded = found.read(run)
        if as_html:
            from ...journal.page import html_page

            _write(html_page(recorded), output or Path(f"{recorded.id}.html"))
        else:
            from ..terminal.run_text import run_text

            _write(run_text(recorded, verbose=verbose), output)

    _with_runs(folder, work, verbose=verbose)


@runs.command()
def export(
    run: RunArgument = "latest",
    shape: Annotated[
        Literal["chat", "training", "otlp"],
        typer.Option(
            "--as",
            help="chat: messages of OpenAI's API. training: token ids and who wrote them, JSON "
            "lines. otlp: an OpenTelemetry trace.",
        ),
    ] = "chat",
    output: OutputOption = None,
    folder: RunsOption = None,
    verbose: VerboseOption = False,
) -> None:
    """Write a run in a shape that other programs read."""

    def work(found: Runs) -> None:
        import json

        from ...journal.exports import chat_json, training_records
        from ...journal.telemetry import otlp_json

        recorded = found.read(run)
        match shape:
            case "chat":
                text = json.dumps(chat_json(recorded), ensure_ascii=False, indent=2)
            case "training":
                text = "\n".join(json.dumps(each) for each in training_records(recorded))
            case "otlp":
                text = json.dumps(otlp_json(recorded), ensure_ascii=False)
        _write(text + "\n", output)

    _with_runs(folder, work, verbose=verbose)


@runs.command()
def resume(
    run: RunArgument = "latest",
    agent: Annotated[
        str | None,
        typer.Option(metavar="FILE.py[:name]", help="The run's agent, where a program made it."),
    ] = None,
    max_steps: MaxStepsOption = None,
    timeout: TimeoutOption = None,
    yes: YesOption = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON event a line on standard output.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="The answer alone.")] = False,
    folder: RunsOption = None,
    verbose: VerboseOption = False,
) -> None:
    """Go on with a run that was cut off, from where it was.

    The agent is the one that it began with. Nothing that was finished is done again. A call that
    was under way is made again if its tool only reads; of another one the model is told that its
    outcome is unknown. Limits that are given replace those of the run. A run that has its answer
    gives it again.
    """
    from ..outcome import exit_code_of

    def work() -> int:
        from ...errors import JournalError
        from ...journal import Runs

        recorded = Runs(folder).read(run)
        if recorded.command is None and agent is None and recorded.status != "answered":
            raise JournalError(
                f"Run {recorded.id} was made by a program, which knows its tools: resume it there "
                f"with agent.resume({recorded.id!r}), or name its agent with --agent FILE.py."
            )
        given = AgentOptions(
            agent=agent, max_steps=max_steps, timeout=timeout, yes=yes, runs=folder, verbose=verbose
        )
        options = given.over_those_of(recorded)
        work_on(
            lambda chosen: chosen.stream_resume(recorded.id),
            options,
            as_json=as_json,
            quiet=quiet,
        )

    raise typer.Exit(exit_code_of(work, verbose=verbose))


@runs.command()
def delete(
    run: Annotated[
        list[str] | None, typer.Argument(metavar="RUN...", help="Ids, or beginnings of them.")
    ] = None,
    older_than: Annotated[
        float | None,
        typer.Option(metavar="DAYS", min=0, help="All runs that began more than DAYS ago."),
    ] = None,
    folder: RunsOption = None,
    verbose: VerboseOption = False,
) -> None:
    """Remove runs and all files that were kept with them."""
    if not run and older_than is None:
        raise typer.BadParameter("Name runs, or give --older-than DAYS.")

    def remove(found: Runs) -> None:
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
            print(f"deleted {found.delete(each)}")

    _with_runs(folder, remove, verbose=verbose)


def _write(text: str, output: Path | None) -> None:
    """To a file, whose name is told, or to standard output."""
    data = text.encode("utf-8", "replace")
    if output is None or str(output) == "-":
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
    else:
        output.write_bytes(data)
        print(output)


def _with_runs(folder: Path | None, work: Any, *, verbose: bool) -> None:
    from ..outcome import exit_code_of, prepare_output

    def on_runs() -> int:
        from ...journal import Runs

        prepare_output(verbose=verbose)
        work(Runs(folder))
        return 0

    raise typer.Exit(exit_code_of(on_runs, verbose=verbose))


def _print_table(summaries: list[RunSummary]) -> None:
    from ..terminal.printable import printable

    width = os.get_terminal_size().columns if sys.stdout.isatty() else 0
    for each in summaries:
        title = " ".join(printable(each.title).split())
        line = f"{each.id}  {each.status:<11}  {each.steps:>3} steps  {each.model or '-':<16}  "
        print(line + (title[: max(10, width - len(line))] if width else title))
