"""Exit codes of commands, and error messages of one sentence."""

from __future__ import annotations

import inspect
import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Annotated, Any

import typer

FAILED = 1
LIMIT_REACHED = 3

TracebackOption = Annotated[bool, typer.Option("--verbose", "-v", help="Show tracebacks.")]


def command(function: Callable[..., int | None]) -> Callable[..., None]:
    """Make a function a command, which exits with the code that the function returns.

    An error is printed as one sentence, with a traceback if the command was given `--verbose`:
    an option that each command has, whether the function takes it or not.
    """
    signature = inspect.signature(function, eval_str=True)
    parameters = list(signature.parameters.values())
    takes_verbose = not signature.parameters.keys().isdisjoint(("verbose", "options"))
    if not takes_verbose:
        keyword = inspect.Parameter.KEYWORD_ONLY
        parameters.append(
            inspect.Parameter("verbose", keyword, default=False, annotation=TracebackOption)
        )

    @wraps(function)
    def run(**arguments: Any) -> None:
        options = arguments.get("options")
        verbose = options.verbose if options else arguments["verbose"]
        if not takes_verbose:
            del arguments["verbose"]

        def work() -> int:
            prepare_output(verbose=verbose)
            return function(**arguments) or 0

        raise typer.Exit(exit_code_of(work, verbose=verbose))

    vars(run)["__signature__"] = signature.replace(parameters=parameters)
    return run


@contextmanager
def wrong_usage(option: str) -> Iterator[None]:
    """Turn a ValueError into a typer.BadParameter about an option."""
    try:
        yield
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None


def prepare_output(*, verbose: bool) -> None:
    """Escape characters that the locale cannot encode, and silence libraries unless verbose."""
    import logging
    import warnings

    from qwen3_tools.state import state_folder

    from .server_log import log_servers_to

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    logging.basicConfig(level=logging.WARNING if verbose else logging.CRITICAL)
    log_servers_to(state_folder() / "mcp.log")
    if not verbose:
        warnings.simplefilter("ignore")


def exit_code_of(work: Callable[[], int], *, verbose: bool) -> int:
    """Return the exit code of `work`; print its error, if it raises one, and return that code."""
    from ..errors import LimitExceededError

    try:
        code = work()
        sys.stdout.flush()  # so that an error is reported here, not by Python when it exits
        return code
    except (typer.BadParameter, typer.Exit):
        raise  # typer reports both
    except BrokenPipeError:
        # The reader has exited, as `head` does. Python must not try to flush again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:
        print(sentence_of(error, verbose=verbose), file=sys.stderr)
        return LIMIT_REACHED if isinstance(error, LimitExceededError) else FAILED


def sentence_of(error: Exception, *, verbose: bool) -> str:
    """Return the error message of one sentence; with `verbose`, with a traceback."""
    import traceback

    from ..errors import Qwen3AgentError
    from .terminal.printable import printable

    if isinstance(error, Qwen3AgentError):
        sentence = str(error)
    elif isinstance(error, OSError):
        sentence = _of_the_system(error)
    else:
        what = f"{type(error).__name__}: {error}".rstrip(": ")
        hint = "" if verbose else " Use --verbose for a traceback."
        sentence = f"Internal error in qwen3-agent or in your agent's code. {what}.{hint}"
    trace = "".join(traceback.format_exception(error)) if verbose else ""
    return printable(f"{trace}Error: {sentence}")


def _of_the_system(error: OSError) -> str:
    """Return the error message of the operating system, with the file."""
    if isinstance(error, FileNotFoundError) and error.filename is None and not _is_anywhere():
        return "The current directory was deleted; change to another one."
    what = error.strerror or str(error)
    return (
        f"The operating system reported: {what}{f': {error.filename}' if error.filename else ''}."
    )


def _is_anywhere() -> bool:
    try:
        os.getcwd()
    except FileNotFoundError:
        return False
    return True
