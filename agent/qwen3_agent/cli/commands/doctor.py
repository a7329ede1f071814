"""`qwen3-agent doctor`: check that a task can run on this machine."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..config.options import (
    BUNDLED_SERVERS,
    BaseUrlOption,
    EngineOption,
    HubOption,
    McpOption,
    ModelOption,
    NoMcpOption,
    check_servers,
    check_url,
)
from ..outcome import command
from ..terminal.printable import echo

if TYPE_CHECKING:
    from qwen3_tools.mcp import ServerStatus

    from ..doctor import Finding, State

_MARKS = {"ok": "ok", "note": "--", "missing": "!!"}


@command
def doctor(
    model: ModelOption = None,
    base_url: BaseUrlOption = None,
    engine: EngineOption = None,
    hub: HubOption = None,
    mcp: McpOption = None,
    no_mcp: NoMcpOption = False,
) -> int:
    """Check this machine and whether a task can run on it.

    Starts only the sandbox and the MCP servers, to test them. Exit codes: 0 if a task can run, 1
    if not. Lines with !! show why; the lines below them show how to fix it.
    """
    check_servers(mcp, no_mcp=no_mcp)
    check_url(base_url)

    from itertools import chain

    from ..config.settings_agent import servers_of
    from ..doctor import examine_machine, examine_model, examine_server
    from ..terminal.interrupt import run_until_interrupted

    async def main() -> int:
        if base_url is None:
            chosen = engine or "auto"
            found = chain(
                examine_machine(chosen), examine_model(model, chosen, hub or "huggingface")
            )
        else:
            found = chain(examine_server(base_url, model, os.environ.get("OPENAI_API_KEY")))
        missing = [_show(finding) for finding in found]
        missing.append(_show(await _sandbox()))
        if not no_mcp:
            async with servers_of(mcp, None) as servers:
                missing += [_show(_server(status)) for status in servers.status]
        echo("\nA task cannot run here." if any(missing) else "\nA task can run here.")
        return 1 if any(missing) else 0

    return run_until_interrupted(main)


def _show(finding: Finding) -> bool:
    """Show a finding. Return whether a task cannot run because of it."""
    first, *more = finding.text.splitlines() or [""]
    echo(f"{_MARKS[finding.state]}  {finding.name:<13} {first}")
    for line in (*more, *([f"-> {finding.fix}"] if finding.fix else [])):
        echo(f"{'':<17} {line}")
    return finding.state == "missing"


async def _sandbox() -> Finding:
    from qwen3_tools.code_interpreter.self_test import self_test

    from ..doctor import Finding

    outcome = await self_test()
    if outcome.backend is None:
        return Finding("sandbox", "missing", outcome.isolation)
    tried = [f"{name}: {failure or 'available'}" for name, failure in outcome.tried.items()]
    bounded = [f"{what}: {by}" for what, by in outcome.limits.items()]
    return Finding("sandbox", "ok", "\n".join([outcome.isolation, *tried, *bounded]))


def _server(status: ServerStatus) -> Finding:
    from ..doctor import Finding

    name = f"mcp {status.name}"
    if status.reason:
        # The default task needs the bundled servers; a run continues without the user's
        state: State = "missing" if status.name in BUNDLED_SERVERS else "note"
        return Finding(name, state, f"failed to start: {status.reason}")
    tools = ", ".join(status.tools)
    return Finding(name, "ok", f"{status.start_seconds or 0:.1f} s; {tools}")
