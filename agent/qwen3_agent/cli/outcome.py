"""What a command ends with: an exit code, and one clear sentence when it failed."""

from __future__ import annotations

import io
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Callable

import typer

from qwen3_tools.state import state_folder

from ..errors import LimitExceededError, Qwen3AgentError
from .server_log import log_servers_to
from .terminal.printable import printable

FAILED = 1
LIMIT_REACHED = 3


def prepare_output(*, verbose: bool) -> None:
    """Print what the locale cannot write as escapes, and hush libraries unless asked not to."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    logging.basicConfig(level=logging.WARNING if verbose else logging.CRITICAL)
    log_servers_to(state_folder() / "mcp.log")
    if not verbose:
        warnings.simplefilter("ignore")


def exit_code_of(work: Callable[[], int], *, verbose: bool) -> int:
    """Do the work and return its exit code, or say what went wrong and return the right one."""
    try:
        code = work()
        sys.stdout.flush()  # What cannot be written is told here, and not by Python at its exit
        return code
    except (typer.BadParameter, typer.Exit):
        raise  # Both are for typer to tell
    except BrokenPipeError:
        # Whoever read the output has left, as `head` does; Python must not try to flush again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:
        print(sentence_of(error, verbose=verbose), file=sys.stderr)
        return LIMIT_REACHED if isinstance(error, LimitExceededError) else FAILED


def sentence_of(error: Exception, *, verbose: bool) -> str:
    """What went wrong, in a sentence for a terminal; with `verbose`, also where."""
    if isinstance(error, Qwen3AgentError):
        sentence = str(error)
    elif isinstance(error, OSError):
        sentence = _of_the_system(error)
    else:
        what = f"{type(error).__name__}: {error}".rstrip(": ")
        hint = "" if verbose else " --verbose shows where."
        sentence = f"This is a fault in qwen3-agent, or in code of the agent's. {what}.{hint}"
    trace = "".join(traceback.format_exception(error)) if verbose else ""
    return printable(f"{trace}Error: {sentence}")


def _of_the_system(error: OSError) -> str:
    """What the operating system refused, and of what."""
    if isinstance(error, FileNotFoundError) and error.filename is None and not _is_anywhere():
        return "The folder that you are in was removed: go to another one."
    what = error.strerror or str(error)
    return f"The operating system refused: {what}{f': {error.filename}' if error.filename else ''}."


def _is_anywhere() -> bool:
    try:
        os.getcwd()
    except FileNotFoundError:
        return False
    return True
