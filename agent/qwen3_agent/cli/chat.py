"""`qwen3-agent chat`: a conversation at the terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
from .recording import NoJournalOption, RunsOption, for_journal, from_journal, set_journal
from .servers import McpOption

if TYPE_CHECKING:
    from ..agent import Agent
    from ..events import Event
    from ..limits import AtLimit
    from ..models import Model
    from ..models.choose import EngineName, Hub
    from .terminal_person import TerminalPerson


def chat(
    context: typer.Context,
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
    resume: Annotated[
        str | None,
        typer.Option(
            metavar="RUN",
            help="Go on with an earlier chat: its id, the beginning of it, or latest. Options "
            "that are not given are as they were.",
        ),
    ] = None,
    runs: RunsOption = None,
    no_journal: NoJournalOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Talk with an agent: several turns with one memory, at a terminal.

    Ctrl-C stops a turn and keeps the conversation; Ctrl-D leaves. Limits are for each turn. The
    chat is journalled as a run is: --resume goes on with it.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        print("Error: A chat needs a terminal. For a pipe: qwen3-agent run -", file=sys.stderr)
        raise typer.Exit(2)
    options = dict(context.params)
    if resume is not None:
        from .outcome import exit_code_of

        if code := exit_code_of(lambda: _as_before(options), verbose=verbose):
            raise typer.Exit(code)
    _chat(**options)


def _as_before(options: dict[str, Any]) -> int:
    """Fill in what the chat that is to be resumed was begun with, and go where that was."""
    from ..journal import Runs

    recorded = Runs(options["runs"]).read(options["resume"])
    before = from_journal(recorded.command or {})
    options |= {name: before[name] for name in options if before.get(name) and not options[name]}
    options["resume"] = recorded.id
    if options["runs"] is not None:
        options["runs"] = options["runs"].absolute()
    if Path(recorded.cwd).is_dir():
        os.chdir(recorded.cwd)
    return 0


def _chat(
    *,
    model: str | None,
    base_url: str | None,
    engine: EngineName | None,
    engine_option: list[str] | None,
    hub: Hub | None,
    mcp: list[Path] | None,
    no_mcp: bool,
    agent: str | None,
    work_dir: Path | None,
    upload: list[Path] | None,
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
    resume: str | None,
    runs: Path | None,
    no_journal: bool,
    verbose: bool,
) -> None:
    command = for_journal(locals())
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

        prepare_output(verbose=verbose)
        person = person_at_terminal()
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
        for warning in config_warnings(chosen):
            print(f"Warning: {warning}", file=sys.stderr)
        shown = approver.shown if approver else lambda event: None
        return _hold(chosen, person, shown, resume=resume, verbose=verbose)

    raise typer.Exit(exit_code_of(work, verbose=verbose))


def _hold(
    agent: Agent,
    person: TerminalPerson | None,
    shown: Callable[[Event], None],
    *,
    resume: str | None,
    verbose: bool,
) -> int:
    """Hold a conversation with the agent, and tell `shown` of each event that has been shown.

    Returns:
        The exit code.
    """
    from ..models.choose import DEMO
    from .chat_session import ChatSession
    from .interrupt import run_until_interrupted
    from .keyboard import Keyboard
    from .live_view import LiveView
    from .run import DEMO_NOTE

    keyboard = Keyboard()
    view = LiveView(verbose=verbose, names_model=False, keyboard=keyboard)
    if person is not None:
        person.say = view.note

    async def main() -> int:
        keyboard.hush()
        view.wait("Loading the model")
        try:
            async with agent.conversation(resume=resume) as conversation:
                session = ChatSession(
                    agent,
                    conversation,
                    view,
                    keyboard,
                    shown,
                    thinking=_name_of_thinking(agent, conversation.model),
                    verbose=verbose,
                )
                if person is not None:
                    person.read = session.answer
                view.close()
                if (
                    agent.model is None
                    and agent.base_url is None
                    and conversation.model.name == DEMO
                ):
                    view.note(DEMO_NOTE)
                session.greet()
                await session.hold()
                session.part()
                view.wait("Closing")
            run = session.conversation.run_id
            if agent.journal and run and not (resume or session.turns):
                agent.journal.delete(run)  # Nothing was said: nothing to come back to
        finally:
            view.close()
        return 0

    def leave_screen() -> None:
        view.close()
        keyboard.restore()

    try:
        return run_until_interrupted(main, leave_screen=leave_screen)
    finally:
        keyboard.restore()


def _name_of_thinking(agent: Agent, model: Model) -> str:
    """What `/think` calls it."""
    match agent.thinking:
        case None:
            return "on" if model.thinks_by_default else "off"
        case "adaptive":
            return "auto"
        case str() | int() as mode:
            return str(mode)
    return "as the agent has it"
