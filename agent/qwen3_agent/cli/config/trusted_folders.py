"""What the files of a folder may say before its user has agreed: a folder may come from anywhere.

`./qwen3-agent.toml` and `./mcp_servers.json` count because they lie where a command was started,
not because anybody named them. So what takes something from the user waits for a yes, which is
asked for once and kept for the folder. What only limits always counts.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

from ...approvals import Decision
from ...call_display import visible
from ...engines.options import EngineOptions
from .state_file import StateFile

Agreement = Literal["yes", "no", "nobody asked"]

_TRUSTED = StateFile("trusted_folders.json", list[str], [], '["folder", ...]')

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_OPENS_SANDBOX = {"sandbox", "python", "allow_domains", "preload"}
_LOOSEST_FIRST = get_args(Decision)


def trusted_file() -> Path:
    """Where the folders are listed, for people to read and to take back."""
    return _TRUSTED.path


def trusts(folder: Path) -> bool:
    """Whether its user has agreed to what the folder's files say.

    Raises:
        Qwen3AgentError: the list is not as it was written.
    """
    return str(folder.resolve()) in _TRUSTED.read()


def trust(folder: Path, *, no_more: bool = False) -> None:
    """Let the folder's files count in full from now on, or no more.

    Raises:
        Qwen3AgentError: as for `trusts`.
        OSError: the list cannot be written.
    """
    here = [str(folder.resolve())]
    _TRUSTED.change(
        lambda known: [each for each in known if each not in here] + here * (not no_more)
    )


def keys_that_wait(values: Mapping[str, Any], *, default: Decision, folder: Path) -> list[str]:
    """The keys of a folder's settings that do not count before its user has agreed.

    Args:
        values: of `./qwen3-agent.toml`, by dotted key, paths absolute.
        default: what `approvals.default` is without the file.
        folder: where the file is.
    """
    return [key for key, value in values.items() if _takes(key, value, default, folder)]


def _takes(key: str, value: Any, default: Decision, folder: Path) -> bool:
    match key:
        case "approvals.allow" | "tools.functions":
            return bool(value)
        case "approvals.default":
            return _LOOSEST_FIRST.index(value) < _LOOSEST_FIRST.index(default)
        case "tools.code_interpreter":
            return isinstance(value, dict) and not _OPENS_SANDBOX.isdisjoint(value)
        case "engine_options":  # vLLM's own, such as trust_remote_code
            return not EngineOptions.model_fields.keys() >= value.keys()
        case "base_url":  # It gets what is said, and the API key
            return urlsplit(value).hostname not in _LOOPBACK
        case "work_dir":
            return not Path(value).resolve().is_relative_to(folder.resolve())
    return False


def somebody_to_ask() -> bool:
    """Whether there is a terminal."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def agreement(folder: Path, wants: Sequence[str], *, ask: bool) -> Agreement:
    """Whether the folder's files count in full: as was said before, or as is said now.

    Args:
        folder: whose files they are.
        wants: what they want, a line each.
        ask: False: what was not said before is a no.
    """
    if not wants or trusts(folder):
        return "yes"
    if not ask:
        return "no"
    if not somebody_to_ask():
        return "nobody asked"
    import termios

    from ..terminal.approving import in_rows

    listed = in_rows("\n".join(f"  {visible(line)}" for line in wants))
    print(
        f"\nThe files of this folder want what needs your agreement:\n\n{listed}\n\n"
        f"[y] yes: trust {visible(str(folder.resolve()))} from now on\n[n] no: go on without it",
        file=sys.stderr,
    )
    termios.tcflush(sys.stdin, termios.TCIFLUSH)  # What was typed before is no answer to it
    while True:
        print("> ", end="", file=sys.stderr, flush=True)
        typed = sys.stdin.readline()
        match typed.strip().lower():
            case "y" | "yes":
                try:
                    trust(folder)
                except OSError as error:  # It counts now even so
                    print(f"Warning: the answer could not be kept: {error}", file=sys.stderr)
                return "yes"
            case "n" | "no":
                return "no"
            case _ if not typed:
                return "no"


def servers_in(files: Iterable[Path], *, same_as: Mapping[str, Any]) -> Iterator[str]:
    """What files of MCP servers start, a line each. Nothing for one that has just `same_as`.

    Raises:
        MCPConfigError: a file cannot be used.
    """
    from qwen3_tools.mcp import mcp_servers

    for path in files:
        if not path.is_file():
            continue
        with suppress(OSError, ValueError):  # That is told below, or it is more than plain JSON
            if json.loads(path.read_text("utf-8")) == {"mcpServers": same_as}:
                continue
        for name, server in mcp_servers(path).config.servers.items():
            what = " ".join([server.command, *server.args]) if server.command else server.address
            yield f"{path.name} starts {name}: {what}"
