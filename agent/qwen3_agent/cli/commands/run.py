"""`qwen3-agent run TASK`: work on one task until there is an answer."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from ..config.agent_options import AgentOptions, takes_agent_options
from ..outcome import command, wrong_usage

if TYPE_CHECKING:
    from ...agent import Agent
    from ...streaming import RunStream

DEMO_NOTE = "No GPU: using qwen3-tiny, a demo model. For a real one: --model Qwen/Qwen3-4B"
"""Shown when the default model is the bundled one."""


@takes_agent_options
@command
def run(
    task: Annotated[
        str, typer.Argument(metavar="TASK", help="The task; - reads it from standard input.")
    ],
    options: AgentOptions,
    as_json: Annotated[bool, typer.Option("--json", help="Print events as JSON lines.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print only the answer.")] = False,
) -> int:
    """Work on one task until there is an answer.

    The run is recorded. `qwen3-agent runs` can show it, and resume it if it was interrupted.

    Exit codes: 0 answered, 1 failed, 2 wrong usage, 3 limit reached without an answer, 130
    interrupted.
    """
    text = _read_task(task)
    return work_on(lambda agent: agent.stream(text), options, as_json=as_json, quiet=quiet)


def work_on(
    start: Callable[[Agent], RunStream], options: AgentOptions, *, as_json: bool, quiet: bool
) -> int:
    """Start a run of the agent that the options describe, and show it. Return the exit code."""
    if as_json and quiet:
        raise typer.BadParameter("--json and --quiet cannot be used together.")
    options.check()

    from ...events import RunStarted
    from ...models.choose import DEMO
    from ..config.build import build_agent
    from ..terminal.interrupt import run_until_interrupted
    from ..terminal.user import user_at_terminal
    from ..terminal.views import choose_view

    user = None if as_json or quiet else user_at_terminal()
    agent = build_agent(options, user=user, quiet=quiet)
    view = choose_view(as_json=as_json, quiet=quiet, verbose=options.verbose)
    if user is not None:
        user.say = view.note
    show_if_demo = not (quiet or agent.spec.names_model)

    async def main() -> int:
        try:
            async with start(agent) as events:
                async for event in events:
                    if show_if_demo and isinstance(event, RunStarted) and event.model == DEMO:
                        view.note(DEMO_NOTE)
                    view.show(event)
                    if user is not None:
                        user.shown(event)
        finally:
            view.close()
        return 0

    return run_until_interrupted(main, leave_screen=view.close)


def _read_task(task: str) -> str:
    """Return the task, from standard input for `-`."""
    with wrong_usage("TASK"):
        # As bytes: a task is UTF-8, whatever the locale
        given = sys.stdin.buffer.read() if task == "-" else os.fsencode(task)
        try:
            text = given.decode().strip()
        except UnicodeError:
            raise ValueError("the task is not valid UTF-8.") from None
        if not text:
            raise ValueError("the task is empty.")
        return text
