"""Servers that misbehave: none hangs us, none takes another down, none outlives us."""

from __future__ import annotations

import gc
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

import anyio
import pytest

from qwen3_tools.mcp import mcp_servers

pytestmark = [pytest.mark.anyio, pytest.mark.servers]

SCRIPT = str(Path(__file__).parent / "broken_mcp_server.py")
TIME = {"command": "mcp-server-time"}
START_SECONDS = 30.0


both_backends = pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])


def broken(way: str, **more: Any) -> dict[str, Any]:
    return {"command": sys.executable, "args": ["-I", SCRIPT, way], **more}


def one(way: str, **more: Any) -> dict[str, Any]:
    return {"mcpServers": {"s": broken(way, **more)}}


def processes_of_this_one() -> set[int]:
    """All live descendants of this process, and their groups, by what /proc says."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] != "Z":
            parents[int(stat.parent.name)] = int(fields[1])
    found = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {os.getpid()}


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


WAYS = (
    *("silent", "discovery_only", "exits", "dies_in_call", "never_answers_calls", "floods"),
    *("big_line", "invalid_schema", "invalid_result", "stubborn", "leaves_a_child"),
    *(
        "hangs_on_close",
        "stops_reading",
        "many_pages",
        "endless_pages",
        "odd_names",
        "grows",
        "demands_tasks",
    ),
)


@both_backends
async def test_broken_servers__do_not_affect_one_that_works(tmp_path: Path) -> None:
    env = {"PIDS": str(tmp_path / "pids"), "CALLS": str(tmp_path / "calls")}
    # A machine that is busy may take its time with so many interpreters, but not with those.
    never = {"silent", "discovery_only"}
    bounds = {way: 3 if way in never else START_SECONDS for way in WAYS}
    config = {way: broken(way, env=env, startTimeout=bounds[way]) for way in WAYS}
    before = processes_of_this_one()
    started = time.monotonic()
    async with mcp_servers({"mcpServers": config | {"time": TIME}}) as servers:
        assert time.monotonic() - started < START_SECONDS + 2
        assert set(servers.failures) == {"silent", "discovery_only", "exits"}
        zone = {"timezone": "Asia/Tokyo"}
        with anyio.fail_after(5):
            assert not (await servers.call("time__get_current_time", zone)).is_error
        running = processes_of_this_one() - before
        assert len(running) > 2 * (len(WAYS) - 3)  # each has one that watches over it
        left = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
        assert len(left) == 3
        started = time.monotonic()
    assert time.monotonic() - started < 5
    assert processes_of_this_one() <= before
    assert not any(is_running(pid) for pid in {*running, *left})
    gc.collect()  # what was left open would warn now, and a warning is an error


@both_backends
async def test_broken_servers__can_be_left_during_calls(tmp_path: Path) -> None:
    ways = ("never_answers_calls", "dies_in_call", "leaves_a_child", "stubborn", "big_line")
    env = {"PIDS": str(tmp_path / "pids"), "CALLS": str(tmp_path / "calls")}
    config = {way: broken(way, env=env, callTimeout=600) for way in ways}
    before = processes_of_this_one()
    with anyio.move_on_after(60) as scope:
        async with mcp_servers({"mcpServers": config}) as servers:
            assert servers.failures == {}
            running = processes_of_this_one() - before

            async def leave() -> None:
                await anyio.sleep(0.2)
                scope.cancel()

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(leave)
                for way in ways:
                    arguments = {"size": 30_000_000} if way == "big_line" else {}
                    tasks.start_soon(servers.call, f"{way}__act", arguments)
                tasks.start_soon(servers.call, "never_answers_calls__hang", {})
    assert scope.cancelled_caught
    assert processes_of_this_one() <= before
    pids = {int(pid) for pid in (tmp_path / "pids").read_text().split()}
    assert not any(is_running(pid) for pid in running | pids)
    gc.collect()


@pytest.mark.parametrize(
    ("way", "reason"),
    [
        ("silent", "it was not ready within 0.8 seconds (startTimeout)"),
        ("discovery_only", "it was not ready within 0.8 seconds (startTimeout)"),
        ("speaks_in_tongues", "Unsupported protocol version from the server: 1999-01-01"),
        ("exits", "it exited with status 7; its stderr ends with:\ncannot start: no license"),
    ],
)
async def test_failed_start__says_why(way: str, reason: str) -> None:
    bound = 0.8 if "startTimeout" in reason else 20
    started = time.monotonic()
    async with mcp_servers(one(way, startTimeout=bound)) as servers:
        assert time.monotonic() - started < bound + 10  # of which our own imports are most
        assert servers.failures == {"s": reason}


@both_backends
async def test_call_timeout__ends_a_call_that_is_never_answered() -> None:
    async with mcp_servers(one("never_answers_calls", callTimeout=0.3)) as servers:
        started = time.monotonic()
        hung = await servers.call("s__hang")
        assert time.monotonic() - started < 2
        assert hung.is_error
        assert hung.text == (
            "The server 's' did not answer within 0.3 seconds, and the call was cancelled."
        )
        assert (await servers.call("s__act")).text == "fine"


@both_backends
async def test_call_timeout__holds_when_the_server_no_longer_reads() -> None:
    async with mcp_servers(one("stops_reading", callTimeout=0.3)) as servers:
        for size in (1, 1_000_000, 1):  # a pipe holds 64 kB
            started = time.monotonic()
            assert (await servers.call("s__act", {"text": "x" * size})).is_error
            assert time.monotonic() - started < 3


@both_backends
async def test_cancelled_call__is_cancelled_at_the_server_too(tmp_path: Path) -> None:
    told = tmp_path / "told"
    async with mcp_servers(one("never_answers_calls", env={"CALLS": str(told)})) as servers:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(servers.call, "s__hang")
            await until_it_says(told, "called\n")
            tasks.cancel_scope.cancel()
        await until_it_says(told, "called\ncancelled\n")
        assert (await servers.call("s__act")).text == "fine"


async def until_it_says(path: Path, text: str) -> None:
    """Wait for what another process writes."""

    def says() -> bool:
        return path.exists() and path.read_text() == text

    with anyio.fail_after(20):
        while not says():  # noqa: ASYNC110
            await anyio.sleep(0.02)


@both_backends
async def test_death_in_a_call__is_reported_at_once_and_the_call_is_not_repeated(
    tmp_path: Path,
) -> None:
    calls = tmp_path / "calls"
    async with mcp_servers(one("dies_once", env={"CALLS": str(calls)})) as servers:
        with anyio.fail_after(10):
            died = await servers.call("s__act")
            assert died.is_error
            assert "stopped while it worked on this call" in died.text
            assert calls.read_text() == "called\n"
            # It is started again meanwhile, and a later call waits for that.
            assert (await servers.call("s__act")).text == "fine"


async def test_read_only_call__is_repeated_after_a_death(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    async with mcp_servers(one("dies_once", env={"CALLS": str(calls)})) as servers:
        with anyio.fail_after(10):
            assert (await servers.call("s__read")).text == "fine"
    assert calls.read_text() == "called\ncalled\n"


async def test_server_that_dies_in_every_call__fails_each_and_hangs_none(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    async with mcp_servers(one("dies_in_call", env={"CALLS": str(calls)})) as servers:
        with anyio.fail_after(10):
            died = await servers.call("s__read")
    assert died.is_error
    assert calls.read_text() == "called\ncalled\n"


async def test_restart_false__server_is_reported_as_failed(tmp_path: Path) -> None:
    config = one("dies_in_call", env={"CALLS": str(tmp_path / "calls")}, restart=False)
    async with mcp_servers(config) as servers:
        await servers.call("s__act")
        with anyio.fail_after(10):
            again = await servers.call("s__act")
        assert again.is_error
        assert "is not running" in again.text


async def test_server_that_keeps_dying__is_given_up_with_its_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("qwen3_tools.mcp.server._FIRST_PAUSE_SECONDS", 0.001)
    monkeypatch.setattr("qwen3_tools.mcp.server._MAX_RAPID_DEATHS", 2)
    async with mcp_servers(one("dies_idle")) as servers:
        with anyio.fail_after(20):
            while not servers.failures:  # noqa: ASYNC110
                await anyio.sleep(0.01)
        assert servers.failures == {"s": "it exited with status 4"}
        result = await servers.call("s__act")
    assert result.text == "The server 's' is not running."


@both_backends
async def test_child_that_holds_the_pipes__does_not_hide_a_death(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    async with mcp_servers(one("leaves_a_child", env={"PIDS": str(pids)})) as servers:
        with anyio.fail_after(8):
            died = await servers.call("s__act")
        assert "stopped while it worked on this call" in died.text
    assert not any(is_running(int(pid)) for pid in pids.read_text().split())


async def test_invalid_lines_on_stdout__are_skipped_and_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with mcp_servers(one("floods")) as servers:
        assert servers.status[0].invalid_lines > 50_000
        assert (await servers.call("s__act")).text == "fine"
    assert (
        caplog.text.count("skipping output on stdout that is not a message, such as b'starting up'")
        == 1
    )


async def test_stderr__goes_to_a_file_whose_end_is_kept(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path))
        async with mcp_servers(one("floods")) as servers:
            assert servers.status[0].stderr_file is None
            for _ in range(4):
                await servers.call("s__act")  # each with 600 kB of noise
            [status] = servers.status
    assert status.stderr_file == tmp_path / "qwen3-agent/mcp-stderr/s.log"
    written = list(status.stderr_file.parent.iterdir())
    assert {path.name for path in written} == {"s.log", "s.log.1"}
    assert 1_000_000 < sum(path.stat().st_size for path in written) < 2_200_000
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in written)
    assert status.stderr_file.read_text().rstrip().endswith("noise")


async def test_line_of_20_mb__takes_linear_time() -> None:
    async with mcp_servers(one("big_line", maxResultChars=100_000_000)) as servers:
        started = time.monotonic()
        result = await servers.call("s__act", {"size": 20_000_000})
        assert time.monotonic() - started < 8
        assert len(result.text) == 20_000_000


async def test_line_over_the_limit__is_an_error_of_its_call_only() -> None:
    async with mcp_servers(one("big_line")) as servers:
        result = await servers.call("s__act", {"size": 70_000_000})
        assert result.is_error
        assert result.text == "The answer was longer than 64 MiB and was dropped."
        assert (await servers.call("s__act", {"size": 3})).text == "xxx"


async def test_invalid_schema__does_not_affect_other_tools(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with mcp_servers(one("invalid_schema")) as servers:
        assert [tool.name for tool in servers.tools] == ["s__act", "s__typeless"]
        assert servers.tools[1].parameters["type"] == "object"
        assert "ignoring invalid tool 'wrong_type'" in caplog.text


async def test_include_tools__warns_of_unknown_names(
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = one(
        "invalid_schema", includeTools=["act", "atc", "typeless"], excludeTools=["typeless"]
    )
    async with mcp_servers(config) as servers:
        assert [tool.name for tool in servers.tools] == ["s__act"]
    assert (
        "server 's': includeTools names unknown tools: 'atc'; its tools: act, typeless"
        in caplog.text
    )


async def test_invalid_result__is_an_error_for_the_model() -> None:
    async with mcp_servers(one("invalid_result")) as servers:
        result = await servers.call("s__act")
    assert result.is_error
    assert result.text == "The server 's' gave an invalid result."


async def test_tool_list__is_read_to_its_last_page() -> None:
    async with mcp_servers(one("many_pages")) as servers:
        assert len(servers.tools) == 300


async def test_tool_names__are_valid_unique_and_stable() -> None:
    seen = []
    for _ in range(2):
        async with mcp_servers(one("odd_names")) as servers:
            seen.append([tool.name for tool in servers.tools])
            answers = [(await servers.call(tool.name)).text for tool in servers.tools]
    assert seen[0] == seen[1]
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name) for name in seen[0])
    assert len(set(seen[0])) == 5
    assert sorted(answers) == sorted(
        ["get.file", "get/file", "größe", "n" * 100 + "1", "n" * 100 + "2"]
    )


@both_backends
async def test_server_that_ignores_signals__is_killed_with_its_children(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    async with mcp_servers(one("stubborn", env={"PIDS": str(pids)})):
        running = [int(pid) for pid in pids.read_text().split()]
        assert all(is_running(pid) for pid in running)
        started = time.monotonic()
    assert time.monotonic() - started < 5
    assert not any(is_running(pid) for pid in running)


@both_backends
async def test_cancelled_start__leaves_nothing_behind() -> None:
    before = processes_of_this_one()
    with anyio.move_on_after(0.6) as scope:
        async with mcp_servers(one("silent")):
            pass
    assert scope.cancelled_caught
    assert processes_of_this_one() <= before
