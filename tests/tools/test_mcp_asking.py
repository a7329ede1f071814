"""What servers ask of us, and what they have beside tools, in both eras of the protocol."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
import pytest

from qwen3_tools import MCPServerError, RunResources, Toolbox
from qwen3_tools.mcp import MCPServers, UserPrompter, mcp_servers
from qwen3_tools.mcp.user import SamplingResult
from qwen3_tools.progress import Progress, progress_to

pytestmark = [pytest.mark.anyio, pytest.mark.servers]

ASKING = str(Path(__file__).parent / "asking_mcp_server.py")
both_backends = pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
both_eras = pytest.mark.parametrize("era", ["", "handshake"])


class Ada:
    """Answers as she was told to, and remembers what she was asked."""

    def __init__(self, *, willing: bool = True, seconds: float = 0) -> None:
        self.willing = willing
        self.seconds = seconds
        self.asked: list[Any] = []

    async def fill_in(
        self, server: str, message: str, schema: dict[str, Any]
    ) -> dict[str, Any] | None:
        self.asked.append((server, message))
        await anyio.sleep(self.seconds)
        return {"name": "Ada"} if self.willing else None

    async def open_page(self, server: str, message: str, url: str) -> bool:
        self.asked.append((server, message, url))
        return self.willing

    async def confirm(self, server: str, question: str) -> bool:
        self.asked.append((server, question))
        return self.willing


def asking(era: str, person: UserPrompter | None = None, **more: Any) -> MCPServers:
    entry = {"command": sys.executable, "args": ["-I", ASKING, *era.split()], **more}
    return mcp_servers({"mcpServers": {"s": entry}}, user=person)


@both_eras
async def test_the_era_is_told_apart(era: str) -> None:
    async with asking(era) as servers:
        [status] = servers.status
    assert status.protocol == ("2025-11-25" if era else "2026-07-28")
    assert status.era == ("handshake" if era else "stateless")
    assert status.version == ("asking 2" if era else None)


@both_eras
@both_backends
async def test_a_form_is_put_to_the_person_and_defaults_fill_the_rest(era: str) -> None:
    ada = Ada()
    async with asking(era, ada) as servers:
        result = await servers.call("s__fill_in")
    assert json.loads(result.text) == {"action": "accept", "content": {"name": "Ada", "size": 3}}
    assert ada.asked == [("s", "Who?")]


@both_eras
async def test_without_a_person_and_when_the_person_declines_the_server_is_told(era: str) -> None:
    for person in (None, Ada(willing=False)):
        async with asking(era, person) as servers:
            for tool in ("s__fill_in", "s__visit"):
                assert json.loads((await servers.call(tool)).text)["action"] == "decline"


@both_eras
@both_backends
async def test_no_bound_runs_while_a_person_answers(era: str) -> None:
    async with asking(era, Ada(seconds=1.5), callTimeout=1) as servers:
        with anyio.fail_after(20):
            result = await servers.call("s__fill_in")
    assert not result.is_error


@both_eras
async def test_a_page_is_shown_to_the_person_who_then_goes_there(era: str) -> None:
    ada = Ada()
    async with asking(era, ada) as servers:
        assert json.loads((await servers.call("s__visit")).text) == {"action": "accept"}
    assert ada.asked == [("s", "Pay", "https://pay.test/1")]


@both_eras
async def test_the_model_answers_with_the_persons_consent_and_within_a_limit(era: str) -> None:
    ada = Ada()
    given: list[Any] = []

    async def model(messages: Sequence[dict[str, str]], max_tokens: int) -> SamplingResult:
        given.append((list(messages), max_tokens))
        return SamplingResult("Hi.", "tiny", finished=True)

    servers = asking(era, ada)
    servers.bind(RunResources(sampler=model))
    async with servers:
        answer = json.loads((await servers.call("s__sample")).text)
        ada.willing = False
        refused = await servers.call("s__sample")
    assert answer["content"] == {"type": "text", "text": "Hi."}
    assert (answer["model"], answer["stopReason"]) == ("tiny", "endTurn")
    messages = [
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": "Say hi"},
    ]
    assert given == [(messages, 50)]
    assert "Say hi" in ada.asked[0][1]
    assert "The user refused." in refused.text


@both_eras
async def test_roots_are_the_folders_of_the_config(era: str, tmp_path: Path) -> None:
    async with asking(era, roots=[str(tmp_path)]) as servers:
        answer = json.loads((await servers.call("s__roots")).text)
    assert answer == {"roots": [{"uri": tmp_path.as_uri(), "name": tmp_path.name}]}


@both_eras
@both_backends
async def test_progress_reaches_whoever_made_the_call(era: str) -> None:
    heard: list[Progress] = []
    async with asking(era) as servers:
        with progress_to(heard.append):
            result = await servers.call("s__progress")
    assert result.text == "done"
    assert heard == [Progress(1, 2, "half"), Progress(2, 2, "half")]


async def test_what_a_server_logs_goes_to_a_logger_of_its_own(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with asking("handshake") as servers:
        with caplog.at_level(logging.INFO, logger="qwen3_tools.mcp.server_log"):
            await servers.call("s__log")
    [record] = [each for each in caplog.records if each.name == "qwen3_tools.mcp.server_log"]
    assert record.levelno == logging.CRITICAL
    assert record.getMessage() == "MCP server 's' says: the disk is full"


@both_eras
async def test_resources_are_listed_over_all_pages_and_read(era: str) -> None:
    async with asking(era) as servers:
        catalog = servers.catalog("s")
        assert [each.uri for each in await catalog.resources()] == ["note://today", "note://later"]
        assert [each.uri_template for each in await catalog.templates()] == ["note://{day}"]
        assert (await catalog.read("note://today")).text == "at note://today"


@both_eras
async def test_prompts__are_listed_and_filled_in(era: str) -> None:
    async with asking(era) as servers:
        catalog = servers.catalog("s")
        [prompt] = await catalog.prompts()
        given = prompt.arguments or ()
        assert [(each.name, bool(each.required)) for each in given] == [
            ("who", True),
            ("how", False),
        ]
        [message] = await catalog.prompt("greet", {"who": "Ada"})
        assert (message.role, message.text) == ("user", "Hello, Ada!")


async def test_a_server_or_a_method_that_is_not_there_is_raised_to_the_caller() -> None:
    async with asking("") as servers:
        with pytest.raises(MCPServerError, match="no MCP server is named 'x'; the servers are: s"):
            servers.catalog("x")
    broken = Path(ASKING).with_name("broken_mcp_server.py")
    entry = {"command": sys.executable, "args": ["-I", str(broken), "floods"]}
    async with mcp_servers({"mcpServers": {"s": entry}}) as servers:
        assert await servers.catalog("s").resources() == []
        with pytest.raises(MCPServerError, match="server 's': Method not found"):
            await servers.catalog("s").read("note://today")


async def test_switched_on_they_are_tools_of_the_model() -> None:
    async with asking("", resourcesAsTools=True, promptsAsTools=True) as servers:
        toolbox = Toolbox(servers.tools)
        listed = await toolbox.call("s__list_resources", {})
        read = await toolbox.call("s__read_resource", {"uri": "note://x"})
        prompts = await toolbox.call("s__list_prompts", {})
        prompt = await toolbox.call("s__get_prompt", {"name": "greet", "arguments": {"who": "Bo"}})
        wrong = await toolbox.call("s__get_prompt", {"name": "greet", "arguments": {"who": 1}})
    assert listed.text.splitlines()[0] == "note://today (text/plain)"
    assert read.text == "at note://x"
    assert prompts.text == "greet(who, how?) A greeting."
    assert prompt.text == "user: Hello, Bo!"
    assert not wrong.is_error
    async with asking("") as servers:
        assert not {tool.name for tool in servers.tools} & {"s__list_resources", "s__get_prompt"}
