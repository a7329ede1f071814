"""`qwen3-agent doctor`: check that a task can run on this machine."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ..config.options import (
    BaseUrlOption,
    EngineOption,
    HubOption,
    ModelOption,
    NoMcpOption,
    VerboseOption,
)
from ..config.servers import McpOption

if TYPE_CHECKING:
    from ..doctor import Finding, State

_MARKS = {"ok": "ok", "note": "--", "missing": "!!"}


def doctor(
    model: ModelOption = None,
    base_url: BaseUrlOption = None,
    engine: EngineOption = None,
    hub: HubOption = None,
    mcp: McpOption = None,
    no_mcp: NoMcpOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Check this machine and whether a task can run on it.

    Starts the sandbox and the MCP servers to test them, and nothing else. Exit codes: 0 if a task
    can run, 1 if not: lines with !! show the reason, and the lines below them how to fix it.
    """
    if mcp and no_mcp:
        raise typer.BadParameter("--mcp and --no-mcp cannot be used together.")
    from ..config.options import check_url

    check_url(base_url)

    from ..outcome import exit_code_of, prepare_output

    def work() -> int:
        from ..doctor import examine_machine, examine_model, examine_server
        from ..terminal.interrupt import run_until_interrupted

        prepare_output(verbose=verbose)
        missing = False

        def show(finding: Finding) -> None:
            nonlocal missing
            missing |= finding.state == "missing"
            _show(finding)

        async def main() -> int:
            if base_url is None:
                for finding in examine_machine(engine or "auto"):
                    show(finding)
                for finding in examine_model(model, engine or "auto", hub or "huggingface"):
                    show(finding)
            else:
                for finding in examine_server(base_url, model, os.environ.get("OPENAI_API_KEY")):
                    show(finding)
            show(await _sandbox())
            if not no_mcp:
                async for finding in _servers(mcp):
                    show(finding)
            print("\nA task cannot run here." if missing else "\nA task can run here.")
            return 1 if missing else 0

        return run_until_interrupted(main)

    raise typer.Exit(exit_code_of(work, verbose=verbose))


def _show(finding: Finding) -> None:
    from ..terminal.printable import printable

    first, *more = printable(finding.text).splitlines() or [""]
    print(f"{_MARKS[finding.state]}  {finding.name:<13} {first}", flush=True)
    for line in (*more, *([f"-> {printable(finding.fix)}"] if finding.fix else [])):
        print(f"{'':<17} {line}", flush=True)


async def _sandbox() -> Finding:
    from qwen3_tools.code_interpreter.self_test import self_test

    from ..doctor import Finding

    outcome = await self_test()
    if outcome.backend is None:
        return Finding("sandbox", "missing", outcome.isolation)
    tried = [f"{name}: {failure or 'available'}" for name, failure in outcome.tried.items()]
    bounded = [f"{what}: {by}" for what, by in outcome.limits.items()]
    return Finding("sandbox", "ok", "\n".join([outcome.isolation, *tried, *bounded]))


async def _servers(files: Sequence[Path] | None) -> AsyncIterator[Finding]:
    """Start the servers that a run would start, and report on each."""
    from ..config.servers import BUNDLED_SERVERS, servers_of
    from ..doctor import Finding

    async with servers_of(files, None) as servers:
        for status in servers.status:
            name = f"mcp {status.name}"
            if status.reason:
                # The default task needs the bundled servers; a run continues without the user's
                state: State = "missing" if status.name in BUNDLED_SERVERS else "note"
                yield Finding(name, state, f"failed to start: {status.reason}")
            else:
                tools = ", ".join(status.tools)
                yield Finding(name, "ok", f"{status.start_seconds or 0:.1f} s; {tools}")
