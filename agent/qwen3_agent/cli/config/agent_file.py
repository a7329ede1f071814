"""`--agent FILE.py[:name]`: an agent defined in a Python file of the user."""

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
    """The file cannot be run, or does not define the agent. The message gives file and line."""


def split_spec(spec: str) -> tuple[Path, str]:
    """Split FILE.py:name into the file and the name, which is `agent` by default.

    FILE.toml has no name.

    Raises:
        ValueError: The text has another form, or the file does not exist.
    """
    whole = spec.endswith((".py", ".toml"))
    file, _, name = (spec, "", DEFAULT_NAME) if whole else spec.rpartition(":")
    path = Path(file)
    if not (spec.endswith(".toml") or (path.suffix == ".py" and name.isidentifier())):
        raise ValueError(f"expected FILE.py, FILE.py:name or FILE.toml, not {spec!r}.")
    if not path.is_file():
        raise ValueError(f"there is no file {path}.")
    return path, name


def load_agent(path: Path, name: str) -> Agent:
    """Return the agent that the file defines under that name.

    Raises:
        AgentFileError: The file cannot be run, or defines no such agent.
    """
    from ...agent import Agent

    module = _run_file(path)
    agent = getattr(module, name, None)
    if isinstance(agent, Agent):
        return agent
    wrong = (
        f"{path}: {name} is of type {type(agent).__name__}, not Agent."
        if hasattr(module, name)
        else f"{path} defines no {name}."
    )
    found = [f"{path}:{key}" for key, value in vars(module).items() if isinstance(value, Agent)]
    hint = (
        f"Use {' or '.join(found)}."
        if found
        else "It must define an Agent at its top level: agent = Agent(...)."
    )
    raise AgentFileError(f"{wrong} {hint}")


def load_object(path: Path, name: str) -> Any:
    """Return what a file defines under a name, such as a function to use as a tool.

    Raises:
        AgentFileError: The file does not exist, cannot be run, or does not define the name.
    """
    if not path.is_file():
        raise AgentFileError(f"There is no file {path}.")
    module = _run_file(path)
    if not hasattr(module, name):
        raise AgentFileError(f"{path} defines no {name}.")
    return getattr(module, name)


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
    """Return the innermost line of the file itself in the traceback."""
    lines = [
        frame.lineno or 0
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).absolute() == path.absolute()
    ]
    return lines[-1] if lines else 1
