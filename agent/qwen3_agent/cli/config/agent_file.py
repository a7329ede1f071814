"""`--agent FILE.py[:name]`: an agent, or its tools, defined in a Python file of the user's."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import Qwen3AgentError

if TYPE_CHECKING:
    from types import ModuleType

    from ...agent import Agent

DEFAULT_NAME = "agent"


class AgentFileError(Qwen3AgentError):
    """The file does not run, or holds no agent of that name. The message says file and line."""


def split_spec(spec: str) -> tuple[Path, str]:
    """The file and the name of FILE.py:name; the name is `agent` when none is given.

    FILE.toml has no name.

    Raises:
        ValueError: it is not of that form, or there is no such file.
    """
    whole = spec.endswith((".py", ".toml"))
    file, _, name = (spec, "", DEFAULT_NAME) if whole else spec.rpartition(":")
    path = Path(file)
    if not (spec.endswith(".toml") or (path.suffix == ".py" and name.isidentifier())):
        raise ValueError(f"{spec!r} is not of the form FILE.py, FILE.py:name or FILE.toml.")
    if not path.is_file():
        raise ValueError(f"there is no file {path}.")
    return path, name


def load_agent(path: Path, name: str) -> Agent:
    """The agent that the file defines under that name.

    Raises:
        AgentFileError: the file does not run, or defines no such agent.
    """
    from ...agent import Agent

    module = _run_file(path)
    agent = getattr(module, name, None)
    if isinstance(agent, Agent):
        return agent
    there = [key for key, value in vars(module).items() if isinstance(value, Agent)]
    wrong = (
        f"{path}: {name} is not an Agent but of type {type(agent).__name__}."
        if hasattr(module, name)
        else f"{path} defines no {name}."
    )
    raise AgentFileError(f"{wrong} {_would_be_right(path, there)}")


def defined_in(path: Path, name: str) -> Any:
    """What a file defines under a name, such as a function that is to be a tool.

    Raises:
        AgentFileError: there is no such file, it does not run, or defines no such name.
    """
    if not path.is_file():
        raise AgentFileError(f"There is no file {path}.")
    module = _run_file(path)
    if not hasattr(module, name):
        raise AgentFileError(f"{path} defines no {name}.")
    return getattr(module, name)


def _would_be_right(path: Path, there: list[str]) -> str:
    if there:
        return "Name one that is there: " + ", ".join(f"{path}:{name}" for name in there) + "."
    return "It must hold an Agent at its top level: agent = Agent(...)."


def _run_file(path: Path) -> ModuleType:
    """Import the file with its own folder on the path, as Python does with a script."""
    name = f"_agent_file_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(path.parent.absolute()))
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise AgentFileError(f"{error.filename}:{error.lineno}: {error.msg}.") from error
    except (Exception, SystemExit) as error:
        said = f": {error}" if str(error) else ""
        raise AgentFileError(
            f"{path}:{_line(path, error)}: {type(error).__name__}{said}"
        ) from error
    return module


def _line(path: Path, error: BaseException) -> int:
    """The innermost line of the file itself that led to the error."""
    lines = [
        frame.lineno or 0
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).absolute() == path.absolute()
    ]
    return lines[-1] if lines else 1
