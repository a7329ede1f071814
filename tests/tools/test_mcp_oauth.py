"""Signing in to a server over HTTP, against a real authorization server."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest

from qwen3_tools.mcp import MCPServers, UserPrompter, mcp_servers

pytestmark = [pytest.mark.anyio, pytest.mark.servers]

GUARDED = str(Path(__file__).parent / "guarded_mcp_server.py")
both_backends = pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])


@dataclass
class Guarded:
    """The server, and what was done at its authorization server."""

    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/mcp"

    @property
    def done(self) -> list[str]:
        return self.log.read_text().split() if self.log.exists() else []


def start(folder: Path, seconds: int) -> tuple[Guarded, subprocess.Popen[bytes]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = folder / "log"
    process = subprocess.Popen(
        [sys.executable, GUARDED, str(port), str(seconds), str(log)], stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return Guarded(port, log), process
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.fixture
def guarded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Guarded]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    server, process = start(tmp_path, seconds=3600)
    yield server
    process.kill()
    process.wait()


@pytest.fixture
def hasty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Guarded]:
    """Its tokens are taken for expired at once: they last less than is kept in reserve."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    server, process = start(tmp_path, seconds=10)
    yield server
    process.kill()
    process.wait()


class Ada:
    """Goes to each page with a browser that has no eyes."""

    def __init__(self, *, willing: bool = True) -> None:
        self.willing = willing
        self.went: list[str] = []

    async def fill_in(self, server: str, message: str, schema: dict[str, Any]) -> None: ...

    async def open_page(self, server: str, message: str, url: str) -> bool:
        self.went.append(url)
        if self.willing:
            async with httpx2.AsyncClient(follow_redirects=True) as browser:
                answer = await browser.get(url)
            assert "You are signed in" in answer.text
        return self.willing

    async def confirm(self, server: str, question: str) -> bool:
        return False


def one(guarded: Guarded, person: UserPrompter | None = None, **more: Any) -> MCPServers:
    entry = {"url": guarded.url, "type": "http", **more}
    return mcp_servers({"mcpServers": {"s": entry}}, user=person)


@both_backends
async def test_a_person_signs_in_once_and_the_token_is_kept(
    guarded: Guarded, tmp_path: Path
) -> None:
    ada = Ada()
    async with one(guarded, ada) as servers:
        assert servers.failures == {}
        assert (await servers.call("s__secret")).text == "42"
    assert guarded.done == ["register", "authorize"]
    async with one(guarded) as servers:
        assert (await servers.call("s__secret")).text == "42"
    assert len(ada.went) == 1
    [kept] = (tmp_path / "qwen3-agent/mcp-tokens").iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600
    assert json.loads(kept.read_text())["address"] == guarded.url


async def test_without_a_person_the_failure_says_what_to_do(guarded: Guarded) -> None:
    for person in (None, Ada(willing=False)):
        async with one(guarded, person) as servers:
            assert servers.failures == {
                "s": "it requires you to sign in: run `qwen3-agent mcp check` in a terminal"
            }


async def test_a_refused_sign_in_is_not_tried_again_over_the_other_transport(
    guarded: Guarded,
) -> None:
    ada = Ada(willing=False)
    async with one(guarded, ada, type=None) as servers:
        assert "it requires you to sign in" in servers.failures["s"]
    assert len(ada.went) == 1


async def test_oauth_false_never_signs_in(guarded: Guarded) -> None:
    ada = Ada()
    async with one(guarded, ada, oauth=False) as servers:
        assert "s" in servers.failures
    async with one(guarded, ada, headers={"Authorization": "Bearer wrong"}) as servers:
        assert "s" in servers.failures
    assert ada.went == []


async def test_a_token_that_has_ended_is_renewed_without_the_person(hasty: Guarded) -> None:
    async with one(hasty, Ada()) as servers:
        assert (await servers.call("s__secret")).text == "42"
    authorized = hasty.done.count("authorize")
    async with one(hasty) as servers:
        assert servers.failures == {}
        assert (await servers.call("s__secret")).text == "42"
    assert hasty.done.count("authorize") == authorized == 1
    assert "refresh" in hasty.done


async def test_calls_need_not_wait_for_each_other(guarded: Guarded) -> None:
    async with one(guarded, Ada()) as servers:
        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(servers.call, "s__secret")
        assert (await servers.call("s__secret")).text == "42"


async def test_settings_that_cannot_work_are_named(guarded: Guarded) -> None:
    async with one(guarded, oauth={"grantType": "client_credentials"}) as servers:
        assert "needs clientId, issuer, and clientSecret" in servers.failures["s"]
