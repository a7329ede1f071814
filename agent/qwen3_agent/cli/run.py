"""`qwen3-agent run TASK`: one task, worked on until there is an answer."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .approval_options import AllowOption, DenyOption, YesOption, approvals_of, check_patterns
from .options import (
    AgentOption,
    AtLimitOption,
    BaseUrlOption,
    EngineOption,
    EngineSettingOption,
    HubOption,
    MaxCallsOption,
    MaxStepsOption,
    MaxTokensOption,
    ModelOption,
    NoMcpOption,
    ThinkOption,
    ThinkTotalOption,
    TimeoutOption,
    UploadOption,
    VerboseOption,
    WorkDirOption,
    check_options,
    engine_options,
)
from .recording import NoJournalOption, RunsOption, for_journal, set_journal
from .servers import McpOption

if TYPE_CHECKING:
    from ..agent import Agent
    from ..events import Event
    from ..limits import AtLimit
    from ..models.choose import EngineName, Hub
    from ..streaming import RunStream
    from .views import View

DEMO_NOTE = "No GPU: using qwen3-tiny, a demo model. For a real one: --model Qwen/Qwen3-4B"


def run(
    context: typer.Context,
    task: Annotated[
        str,
        typer.Argument(metavar="TASK", help="What to do; - reads it from standard input."),
    ],
    model: ModelOption = None,
    base_url: BaseUrlOption = None,
    engine: EngineOption = None,
    engine_option: EngineSettingOption = None,
    hub: HubOption = None,
    mcp: McpOption = None,
    no_mcp: NoMcpOption = False,
    agent: AgentOption = None,
    work_dir: WorkDirOption = None,
    upload: UploadOption = None,
    think: ThinkOption = None,
    think_total: ThinkTotalOption = None,
    max_steps: MaxStepsOption = None,
    max_calls: MaxCallsOption = None,
    max_tokens: MaxTokensOption = None,
    timeout: TimeoutOption = None,
    at_limit: AtLimitOption = None,
    yes: YesOption = False,
    allow: AllowOption = None,
    deny: DenyOption = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON event a line on standard output.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="The answer alone.")] = False,
    runs: RunsOption = None,
    no_journal: NoJournalOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Work on one task until there is an answer.

    The run is journalled: `qwen3-agent runs` shows it, and resumes it when it was cut off.

    Exit codes: 0 answered, 1 failed, 2 wrong usage, 3 a limit was reached before there was an
    answer, 130 interrupted.
    """
    text = _read_task(task)
    options = {name: value for name, value in context.params.items() if name != "task"}
    work_on(lambda agent: agent.stream(text), **options)


def work_on(
    start: Callable[[Agent], RunStream],
    *,
    model: str | None,
    base_url: str | None,
    engine: EngineName | None,
    engine_option: Sequence[str] | None,
    hub: Hub | None,
    mcp: Sequence[Path] | None,
    no_mcp: bool,
    agent: str | None,
    work_dir: Path | None,
    upload: Sequence[Path] | None,
    think: str | None,
    think_total: int | None,
    max_steps: int | None,
    max_calls: int | None,
    max_tokens: int | None,
    timeout: float | None,
    at_limit: AtLimit | None,
    yes: bool,
    allow: list[str] | None,
    deny: list[str] | None,
    as_json: bool,
    quiet: bool,
    runs: Path | None,
    no_journal: bool,
    verbose: bool,
) -> None:
    """Show the run that `start` begins with the agent that the options of `run` describe."""
    command = for_journal(locals())
    if as_json and quiet:
        raise typer.BadParameter("--json and --quiet exclude each other.")
    thinking, file = check_options(
        think=think,
        think_total=think_total,
        agent=agent,
        base_url=base_url,
        mcp=mcp,
        no_mcp=no_mcp,
        timeout=timeout,
    )
    check_patterns(allow, deny)
    settings = engine_options(engine_option)

    from .outcome import exit_code_of, prepare_output

    def work() -> int:
        from .approving import InOrder
        from .build import build_agent, config_warnings
        from .terminal_person import person_at_terminal
        from .views import choose_view

        prepare_output(verbose=verbose)
        person = None if as_json or quiet else person_at_terminal()
        approver = InOrder(person.approve) if person else None
        chosen = build_agent(
            file=file,
            model=model,
            base_url=base_url,
            engine=engine,
            engine_options=settings,
            hub=hub,
            mcp=mcp,
            no_mcp=no_mcp,
            person=person,
            work_dir=work_dir,
            uploads=upload or (),
            thinking=thinking,
            thinking_total=think_total,
            max_steps=max_steps,
            max_calls=max_calls,
            max_tokens=max_tokens,
            timeout=timeout,
            at_limit=at_limit,
            approvals=partial(approvals_of, yes=yes, allow=allow, deny=deny, approver=approver),
        )
        set_journal(chosen, runs, no_journal=no_journal, command=command)
        for warning in () if quiet else config_warnings(chosen):
            print(f"Warning: {warning}", file=sys.stderr)
        view = choose_view(as_json=as_json, quiet=quiet, verbose=verbose)
        if person is not None:
            person.say = view.note
        shown = approver.shown if approver else lambda event: None
        return _show(start, chosen, view, shown, tell_if_demo=not quiet)

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


def _show(
    start: Callable[[Agent], RunStream],
    agent: Agent,
    view: View,
    shown: Callable[[Event], None],
    *,
    tell_if_demo: bool,
) -> int:
    """Show the run as it happens, and tell `shown` of each event that has been; its exit code."""
    from ..events import RunStarted
    from ..models.choose import DEMO
    from .interrupt import run_until_interrupted

    tell_if_demo = agent.model is None and agent.base_url is None and tell_if_demo

    async def main() -> int:
        try:
            async with start(agent) as events:
                async for event in events:
                    if tell_if_demo and isinstance(event, RunStarted) and event.model == DEMO:
                        view.note(DEMO_NOTE)
                    view.show(event)
                    shown(event)
        finally:
            view.close()
        return 0

    return run_until_interrupted(main, leave_screen=view.close)
