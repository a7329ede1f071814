"""`qwen3-agent run TASK`: one task, worked on until there is an answer."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from .servers import McpOption

if TYPE_CHECKING:
    from ..agent import Agent
    from ..thinking import Mode
    from .views import View

DEMO_NOTE = "No GPU: using qwen3-tiny, a demo model. For a real one: --model Qwen/Qwen3-4B"


def run(
    task: Annotated[
        str,
        typer.Argument(metavar="TASK", help="What to do; - reads it from standard input."),
    ],
    model: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER|ID",
            help="A checkpoint's folder, or its id on the hub, such as Qwen/Qwen3-4B. "
            "Default: Qwen/Qwen3-4B where there is a CUDA GPU, else the bundled demo model.",
        ),
    ] = None,
    base_url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="An OpenAI-compatible server, such as http://localhost:8000/v1, and --model the "
            "name there. A key is taken from OPENAI_API_KEY.",
        ),
    ] = None,
    mcp: McpOption = None,
    no_mcp: Annotated[bool, typer.Option("--no-mcp", help="No MCP servers.")] = False,
    agent: Annotated[
        str | None,
        typer.Option(
            metavar="FILE.py[:name]",
            help="An Agent that a Python file defines, with its own tools; the other options "
            "change it. The name is `agent` when none is given.",
        ),
    ] = None,
    work_dir: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            file_okay=False,
            help="Where the code interpreter works and files stay. Default: a temporary folder.",
        ),
    ] = None,
    upload: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            readable=True,
            help="Copy a file to where the code interpreter works. May be repeated.",
        ),
    ] = None,
    think: Annotated[
        str | None,
        typer.Option(
            metavar="auto|on|off|N",
            help="Think before each step; N: at most so many tokens; auto: at the start and after "
            "errors. Default: as the model does by itself.",
        ),
    ] = None,
    think_total: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Think so many tokens in the whole run, at most."),
    ] = None,
    max_steps: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="At most so many steps. Default: 20."),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="At most so much time, the start not counted."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON event a line on standard output.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="The answer alone.")] = False,
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose", "-v", help="Whole tool results, what each step cost, and tracebacks."
        ),
    ] = False,
) -> None:
    """Work on one task until there is an answer.

    Exit codes: 0 answered, 1 failed, 2 wrong usage, 3 a limit was reached, 130 interrupted.
    """
    text = _read_task(task)
    if mcp and no_mcp:
        raise typer.BadParameter("--mcp and --no-mcp exclude each other.")
    if as_json and quiet:
        raise typer.BadParameter("--json and --quiet exclude each other.")
    if timeout is not None and not timeout > 0:
        raise typer.BadParameter(f"--timeout must be more than 0 seconds, not {timeout:g}.")

    thinking = _thinking(think)
    if thinking == "off" and think_total is not None:
        raise typer.BadParameter("--think off leaves nothing for --think-total to bound.")
    file = _agent_file(agent)
    _check_url(base_url)

    from .outcome import exit_code_of, prepare_output

    def work() -> int:
        from .build import build_agent, config_warnings
        from .terminal_person import person_at_terminal
        from .views import choose_view

        prepare_output(verbose=verbose)
        person = None if as_json or quiet else person_at_terminal()
        chosen = build_agent(
            file=file,
            model=model,
            base_url=base_url,
            mcp=mcp,
            no_mcp=no_mcp,
            person=person,
            work_dir=work_dir,
            uploads=upload or (),
            thinking=thinking,
            thinking_total=think_total,
            max_steps=max_steps,
            timeout=timeout,
        )
        for warning in () if quiet else config_warnings(chosen):
            print(f"Warning: {warning}", file=sys.stderr)
        view = choose_view(as_json=as_json, quiet=quiet, verbose=verbose)
        if person is not None:
            person.say = view.note
        return _stream(chosen, text, view, tell_if_demo=not quiet)

    raise typer.Exit(exit_code_of(work, verbose=verbose))


def _read_task(task: str) -> str:
    """The task in words, from standard input for `-`."""
    try:
        # As bytes, since UTF-8 is what a task is in, whatever the locale says.
        given = sys.stdin.buffer.read() if task == "-" else os.fsencode(task)
        text = given.decode().strip()
    except UnicodeError:
        raise typer.BadParameter("it is not valid UTF-8.", param_hint="TASK") from None
    if not text:
        raise typer.BadParameter("it is empty; say what to do.", param_hint="TASK")
    return text


def _thinking(given: str | None) -> Mode | Literal["adaptive"] | None:
    """What `Agent(thinking=...)` calls it."""
    match given:
        case None | "on" | "off":
            return given
        case "auto":
            return "adaptive"
        case _ if given.isdecimal():
            return int(given)
    raise typer.BadParameter(
        f"{given!r} is none of auto, on, off and a number of tokens.", param_hint="--think"
    )


def _agent_file(spec: str | None) -> tuple[Path, str] | None:
    from .agent_file import split_spec

    try:
        return split_spec(spec) if spec is not None else None
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--agent") from None


def _check_url(base_url: str | None) -> None:
    from ..server_client import ServerClient

    try:
        if base_url is not None:
            ServerClient(base_url)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--base-url") from None


def _stream(agent: Agent, task: str, view: View, *, tell_if_demo: bool) -> int:
    """Show the run as it happens; its exit code."""
    from ..events import RunStarted
    from ..models.choose import DEMO
    from .interrupt import run_until_interrupted

    tell_if_demo = agent.model is None and agent.base_url is None and tell_if_demo

    async def main() -> int:
        try:
            async with agent.stream(task) as events:
                async for event in events:
                    if tell_if_demo and isinstance(event, RunStarted) and event.model == DEMO:
                        view.note(DEMO_NOTE)
                    view.show(event)
        finally:
            view.close()
        return 0

    return run_until_interrupted(main, leave_screen=view.close)
