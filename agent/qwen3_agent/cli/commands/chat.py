"""`qwen3-agent chat`: a conversation at the terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..config.agent_options import AgentOptions, takes_agent_options
from ..outcome import command

if TYPE_CHECKING:
    from ...agent import Agent
    from ...thinking import Mode, Policy
    from ..terminal.user import TerminalUser


@takes_agent_options
@command
def chat(
    options: AgentOptions,
    resume: Annotated[
        str | None,
        typer.Option(
            metavar="RUN",
            help="Continue an earlier chat: its id, the beginning of its id, or latest. Other "
            "options override those that it was started with.",
        ),
    ] = None,
) -> int:
    """Chat with an agent at a terminal; it remembers the conversation.

    Ctrl-C stops a turn and keeps the conversation; Ctrl-D exits. Limits apply to each turn. The
    chat is recorded like a run, and --resume continues it.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        print("Error: chat requires a terminal. In a pipe, use: qwen3-agent run -", file=sys.stderr)
        raise typer.Exit(2)

    from ...journal import Runs
    from ..config.build import build_agent
    from ..terminal.user import user_at_terminal

    chosen, run = options, None
    if resume is not None:
        recorded = Runs(options.runs).read(resume)
        chosen, run = options.over_those_of(recorded), recorded.id
    chosen.check()
    user = user_at_terminal()
    agent = build_agent(chosen, user=user)
    return _hold(agent, user, resume=run, verbose=options.verbose)


def _hold(agent: Agent, user: TerminalUser | None, *, resume: str | None, verbose: bool) -> int:
    """Hold a conversation. Return the exit code."""
    from ...models.choose import DEMO
    from ..terminal.chat_session import ChatSession
    from ..terminal.interrupt import run_until_interrupted
    from ..terminal.keyboard import Keyboard
    from ..terminal.live_view import LiveView
    from ..terminal.slash_commands import CommandCompleter, hold_chat
    from .run import DEMO_NOTE

    keyboard = Keyboard()
    view = LiveView(verbose=verbose, names_model=False, keyboard=keyboard)
    if user is not None:
        user.say = view.note

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
                    CommandCompleter(),
                    user,
                    thinking=_named(agent.spec.thinking),
                    verbose=verbose,
                )
                if user is not None:
                    user.read = session.answer
                view.close()
                if not agent.spec.names_model and conversation.model.name == DEMO:
                    view.note(DEMO_NOTE)
                try:
                    session.greet()
                    await hold_chat(session)
                    session.part()
                    view.wait("Closing")
                finally:
                    await session.aclose()
            run = session.conversation.run_id
            journal = agent.spec.journal
            if journal and run and not (resume or session.turns):
                journal.delete(run)  # empty: there is nothing to resume
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


def _named(thinking: Mode | Literal["adaptive"] | Policy | None) -> str | None:
    """Return the name of a thinking policy, as `/think` takes it."""
    if thinking is None:
        return None
    if thinking == "adaptive":
        return "auto"
    return str(thinking) if isinstance(thinking, str | int) else "as the agent sets it"
