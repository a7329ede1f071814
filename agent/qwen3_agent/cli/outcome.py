"""What a command ends with: an exit code, and one clear sentence when it failed."""

from __future__ import annotations

import io
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Callable

from qwen3_tools.state import state_folder

from ..errors import LimitReached, Qwen3AgentError
from .printable import printable
from .server_log import log_servers_to

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
        return work()
    except LimitReached as error:
        _say(str(error), error, verbose)
        return LIMIT_REACHED
    except Qwen3AgentError as error:
        _say(str(error), error, verbose)
        return FAILED
    except BrokenPipeError:
        # Whoever read the output has left, as `head` does; Python must not try to flush again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except OSError as error:
        _say(f"The operating system refused: {error}.", error, verbose)
        return FAILED
    except Exception as error:
        what = f"{type(error).__name__}: {error}".rstrip(": ")
        hint = "" if verbose else " --verbose shows where."
        _say(f"This is a fault in qwen3-agent or in a tool. {what}.{hint}", error, verbose)
        return FAILED


def _say(sentence: str, error: Exception, verbose: bool) -> None:
    if verbose:
        traceback.print_exception(error)
    print(f"Error: {printable(sentence)}", file=sys.stderr)
