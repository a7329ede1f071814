"""A process that is forked while something is entered: an error, and never a wait without end."""

from __future__ import annotations

import multiprocessing
import warnings
from collections.abc import Callable

import pytest
from scripted import scripted_model

from qwen3_agent import Agent, CodeInterpreter

pytestmark = pytest.mark.command


def answer_of_child(task: Callable[[], object]) -> str:
    """Return what a forked child process says of `task`."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()

    def child() -> None:
        try:
            theirs.send(repr(task()))
        except BaseException as error:
            theirs.send(f"{type(error).__name__}: {error}")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # a fork while threads are running
        process = context.Process(target=child)
        process.start()
    try:
        assert ours.poll(20), "the child hangs"
        return str(ours.recv())
    finally:
        process.kill()
        process.join()


@pytest.mark.parametrize("work", ["run_sync", "map_sync", "stream_sync"])
def test_fork__inside_with_agent__a_run_is_an_error(work: str) -> None:
    task = "Hi" if work != "map_sync" else ["Hi"]
    with Agent(scripted_model("One.", "Two.")) as agent:
        assert answer_of_child(lambda: list(getattr(agent, work)(task))).startswith(
            "RuntimeError: The agent was entered before this process was forked"
        )
        assert agent.run_sync("Hi").output == "One."


def test_fork__inside_with_agent__leaving_the_block_returns() -> None:
    with Agent(scripted_model("One.")) as agent:
        assert answer_of_child(lambda: agent.__exit__(None, None, None)) == "None"
        assert agent.run_sync("Hi").output == "One."


def test_fork__inside_with_code_interpreter__a_cell_is_an_error() -> None:
    with CodeInterpreter() as interpreter:
        assert answer_of_child(lambda: interpreter.run_sync("1")).startswith(
            "RuntimeError: The code interpreter was entered before this process was forked"
        )
