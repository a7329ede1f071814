"""Trusted folders: the files of other folders may restrict an agent, but not give it permissions.

`./qwen3-agent.toml` and `./mcp_servers.json` are read because they are in the current folder, not
because the user named them. So settings that need the user's approval are ignored until the user
trusts the folder, which is asked once. Settings that only restrict always apply.
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

Agreement = Literal["yes", "no", "not asked"]

_TRUSTED = StateFile("trusted_folders.json", list[str], [], '["folder", ...]')

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_OPENS_SANDBOX = {"sandbox", "python", "allow_domains", "preload"}
_LOOSEST_FIRST = get_args(Decision)


def trusted_file() -> Path:
    """Return the file that lists the trusted folders, for people to read and edit."""
    return _TRUSTED.path


def trusts(folder: Path) -> bool:
    """Return whether the user trusts the files of a folder.

    Raises:
        Qwen3AgentError: The list of folders is invalid.
    """
    return str(folder.resolve()) in _TRUSTED.read()


def trust(folder: Path, *, no_more: bool = False) -> None:
    """Trust the files of a folder from now on, or no longer.

    Raises:
        Qwen3AgentError: The list of folders is invalid.
        OSError: The list cannot be written.
    """
    here = [str(folder.resolve())]
    _TRUSTED.change(
        lambda known: [each for each in known if each not in here] + here * (not no_more)
    )


def keys_that_wait(values: Mapping[str, Any], *, default: Decision, folder: Path) -> list[str]:
    """Return the keys of a folder's settings that apply only if the user trusts the folder.

    Args:
        values: The settings in `./qwen3-agent.toml` by dotted key, with absolute paths.
        default: The value of `approvals.default` without the file.
        folder: The folder of the file.
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
        case "base_url":  # it receives the conversation and the API key
            return urlsplit(value).hostname not in _LOOPBACK
        case "work_dir":
            return not Path(value).resolve().is_relative_to(folder.resolve())
    return False


def agreement(folder: Path, wants: Sequence[str], *, ask: bool) -> Agreement:
    """Return whether the user trusts the files of a folder; ask if that is not known.

    Args:
        folder: The folder.
        wants: The settings that need approval, one line each.
        ask: False: answer no without asking.
    """
    if not wants or trusts(folder):
        return "yes"
    if not ask:
        return "no"
    from ..terminal.approving import in_rows
    from ..terminal.user import ask_yes_or_no, can_ask

    if not can_ask():
        return "not asked"
    listed = in_rows("\n".join(f"  {visible(line)}" for line in wants))
    agreed = ask_yes_or_no(
        f"\nFiles in this folder request settings that need your approval:\n\n{listed}\n\n"
        f"[y] yes: trust {visible(str(folder.resolve()))} from now on\n"
        "[n] no: continue without them"
    )
    if agreed:
        try:
            trust(folder)
        except OSError as error:  # it applies to this run anyway
            print(f"Warning: the answer could not be saved: {error}", file=sys.stderr)
    return "yes" if agreed else "no"


def servers_in(files: Iterable[Path], *, same_as: Mapping[str, Any]) -> Iterator[str]:
    """Yield what files of MCP servers start, a line each. Skip files equal to `same_as`.

    Raises:
        MCPConfigError: A file is invalid.
    """
    from qwen3_tools.mcp import mcp_servers

    for path in files:
        if not path.is_file():
            continue
        with suppress(OSError, ValueError):  # reported below, or not plain JSON
            if json.loads(path.read_text("utf-8")) == {"mcpServers": same_as}:
                continue
        for name, server in mcp_servers(path).config.servers.items():
            what = " ".join([server.command, *server.args]) if server.command else server.address
            yield f"{path.name} starts {name}: {what}"
