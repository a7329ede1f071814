"""The whole thing, as a user meets it: the command, the bundled model, real servers, real code."""

from __future__ import annotations

import ctypes
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import pytest
from backends import COMMAND, Backend

from qwen3_agent import Agent, CodeInterpreter, mcp_servers
from qwen3_agent.engines.request import Chunk, Engine, GenerationRequest
from qwen3_agent.models.choose import has_gpu
from qwen3_agent.models.local import LocalModel
from qwen3_agent.sampling import Sampling

pytestmark = pytest.mark.model

Ask = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def ask(backend: Backend) -> Ask:
    """Run `qwen3-agent run` on what `--on` names."""

    def run(*arguments: str, cwd: Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return backend.run("run", *backend.options, *arguments, cwd=cwd, input=stdin)

    return run


def holds_the_time(text: str, zone: str, asked_at: datetime) -> bool:
    """Whether the text has a time of that zone between `asked_at` and now, to the minute."""
    moment, times = asked_at.astimezone(ZoneInfo(zone)), set()
    while moment <= datetime.now(ZoneInfo(zone)) + timedelta(minutes=1):
        times.add(f"{moment:%H:%M}")
        moment += timedelta(minutes=1)
    return any(each in text for each in times)


@pytest.mark.parametrize("task", ["What time is it in Tokyo right now?", "东京现在几点?"])
@pytest.mark.parametrize("think", ["on", "off"])
def test_it_tells_the_time_in_tokyo(ask: Ask, task: str, think: str, tmp_path: Path) -> None:
    asked_at = datetime.now(ZoneInfo("UTC"))
    done = ask(task, "--think", think, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert holds_the_time(done.stdout, "Asia/Tokyo", asked_at), done.stdout


@pytest.mark.parametrize("think", ["on", "off"])
def test_it_computes_by_running_code(ask: Ask, think: str, tmp_path: Path) -> None:
    done = ask("What is 48213 * 977?", "--think", think, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    (call,) = [event for event in events if event["type"] == "tool_call_started"]
    (result,) = [event for event in events if event["type"] == "tool_call_finished"]
    assert call["name"] == "code_interpreter"
    assert "48213" in call["arguments"]["code"]
    assert result["id"] == call["id"]
    assert "47104101" in result["text"]
    assert not result["is_error"]
    assert events[0]["type"] == "run_started"
    assert events[-1]["type"] == "run_finished"
    assert "47104101" in events[-1]["result"]["output"].replace(",", "")


def test_thinking_off_means_no_thoughts_and_on_means_some(ask: Ask, tmp_path: Path) -> None:
    for think, there in (("off", False), ("on", True)):
        done = ask("What is 48213 * 977?", "--think", think, "--json", cwd=tmp_path)
        types = {json.loads(line)["type"] for line in done.stdout.splitlines()}
        assert ("reasoning_text" in types) == there


def test_in_a_pipe_standard_output_has_the_answer_and_nothing_else(
    ask: Ask, tmp_path: Path
) -> None:
    done = ask("What is 48213 * 977?", cwd=tmp_path)
    assert "47104101" in done.stdout.replace(",", "")
    assert "code_interpreter" not in done.stdout
    assert "code_interpreter" in done.stderr
    assert re.search("qwen3[-_]tiny", done.stderr)
    assert "\x1b" not in done.stdout + done.stderr
    assert re.search(r"\d+ steps? · \d+ tokens · [\d.]+ s$", done.stderr.strip())


def test_demo_model__is_pointed_out_if_no_model_was_named(backend: Backend, tmp_path: Path) -> None:
    if backend.name != "transformers" or has_gpu():
        pytest.skip("the default is another model where there is a GPU")
    done = backend.run("run", "What is 48213 * 977?", cwd=tmp_path)
    assert "No GPU" in done.stderr
    assert "--model Qwen/Qwen3-4B" in done.stderr


def test_quiet_prints_the_answer_alone(ask: Ask, tmp_path: Path) -> None:
    done = ask("What is 48213 * 977?", "--quiet", cwd=tmp_path)
    assert "47104101" in done.stdout.replace(",", "")
    assert done.stderr == ""


def test_the_task_may_come_from_standard_input(ask: Ask, tmp_path: Path) -> None:
    done = ask("-", "--quiet", cwd=tmp_path, stdin="What is 48213 * 977?\n")
    assert "47104101" in done.stdout.replace(",", "")


def test_a_limit_is_exit_code_3(ask: Ask, tmp_path: Path) -> None:
    limits = ("--max-steps", "1", "--at-limit", "fail")
    done = ask("What is 48213 * 977?", *limits, cwd=tmp_path)
    assert done.returncode == 3
    assert done.stderr.splitlines()[-1] == "Error: The run reached its limit of 1 step."


def test_a_prompt_longer_than_the_context_is_one_sentence(
    ask: Ask, backend: Backend, tmp_path: Path
) -> None:
    if backend.name == "transformers-serve":
        pytest.skip("transformers serve tells no context length, and goes on beyond it")
    done = ask("-", "--no-mcp", cwd=tmp_path, stdin="word " * 10_000)
    assert done.returncode == 1
    assert re.fullmatch(
        r"Error: The prompt has \d+ tokens and the model's context holds 4096.*",
        done.stderr.splitlines()[-1],
    )


def test_an_agent_file_brings_its_own_tools(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from qwen3_agent import Agent, CodeInterpreter\n"
        "helper = Agent(tools=[CodeInterpreter()], thinking='off')\n"
    )
    done = ask("What is 1234 + 5678?", "--agent", "mine.py:helper", "--json", cwd=tmp_path)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[0]["tools"] == ["code_interpreter"]
    assert "6912" in events[-1]["result"]["output"].replace(",", "")


def test_a_server_that_does_not_start_is_named_and_the_rest_goes_on(
    ask: Ask, tmp_path: Path
) -> None:
    servers = {"time": {"command": "mcp-server-time"}, "nope": {"command": "no-such-command"}}
    (tmp_path / "mcp_servers.json").write_text(json.dumps({"mcpServers": servers}))
    asked_at = datetime.now(ZoneInfo("UTC"))
    done = ask("What time is it in Tokyo right now?", cwd=tmp_path)
    assert done.returncode == 0
    assert holds_the_time(done.stdout, "Asia/Tokyo", asked_at)
    (named,) = [line for line in done.stderr.splitlines() if "no-such-command" in line]
    assert "nope" in named


class Recorder(Engine):
    """An engine that keeps what it was given and what it gave."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.context_length = engine.context_length
        self.constrains = engine.constrains
        self.steps: list[tuple[list[int], list[int]]] = []

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[Chunk, None]:
        sampled: list[int] = []
        self.steps.append((list(request.prompt_ids), sampled))
        async for chunk in self.engine.generate(request):
            sampled += chunk.ids
            yield chunk

    async def aclose(self) -> None:
        await self.engine.aclose()


@pytest.mark.anyio
@pytest.mark.parametrize("thinking", ["on", "off"])
async def test_every_prompt_starts_with_the_prompt_and_the_output_of_the_step_before(
    thinking: Literal["on", "off"], backend: Backend
) -> None:
    model = backend.model()
    if not isinstance(model, LocalModel):
        pytest.skip(f"{backend.name} gives no token ids")
    recorder = model.engine = Recorder(model.engine)
    servers = {"mcpServers": {"time": {"command": "mcp-server-time"}}}
    agent = Agent(
        model,
        tools=[CodeInterpreter(), mcp_servers(servers)],
        thinking=thinking,
        sampling=Sampling(temperature=0),
    )
    result = await agent.run("What is 48213 * 977?")
    assert len(recorder.steps) == len(result.steps) >= 2
    for (prompt, sampled), (following, _) in zip(recorder.steps, recorder.steps[1:], strict=False):
        assert following[: len(prompt) + len(sampled)] == prompt + sampled
    last_prompt, last_sampled = recorder.steps[-1]
    assert result.transcript.ids[: len(last_prompt) + len(last_sampled)] == (
        last_prompt + last_sampled
    )
    block = 0 if backend.name == "transformers" else 128  # what vLLM caches by on a CPU
    assert result.steps[1].usage.cached_tokens > result.steps[0].usage.input_tokens - block


@pytest.fixture
def orphans_come_to_us() -> Iterator[None]:
    """Make this process the parent of whatever its children leave behind (prctl, Linux)."""
    set_child_subreaper = 36
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(set_child_subreaper, 1, 0, 0, 0) != 0:
        pytest.skip("needs prctl(PR_SET_CHILD_SUBREAPER)")
    yield
    libc.prctl(set_child_subreaper, 0, 0, 0, 0)


def children() -> set[int]:
    """Processes below this one that still run, not counting those that were only not waited for."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent, *_ = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(parent) == os.getpid() and state != "Z":
            found.add(int(stat.parent.name))
    return found


@pytest.mark.usefixtures("orphans_come_to_us")
@pytest.mark.parametrize("after", [0, 0.2, 0.5, 1, 1.5, 2.5, 4])
def test_ctrl_c_ends_it_at_any_moment_and_leaves_no_process(
    after: float, backend: Backend, tmp_path: Path
) -> None:
    # A server that never gets ready, so that the run cannot be over before it is interrupted.
    (tmp_path / "slow.py").write_text(
        "from qwen3_agent import Agent, CodeInterpreter, mcp_servers\n"
        "servers = {'time': {'command': 'mcp-server-time'},\n"
        "           'deaf': {'command': 'sleep', 'args': ['30']}}\n"
        "agent = Agent(tools=[CodeInterpreter(), mcp_servers({'mcpServers': servers})])\n"
        "print('ready', flush=True)\n"
    )
    before = children()
    process = subprocess.Popen(
        [COMMAND, "run", *backend.options, "--agent", "slow.py", "What is 48213 * 977?"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    time.sleep(after)
    interrupt_and_check(process, before)


@pytest.mark.usefixtures("orphans_come_to_us")
def test_ctrl_c_ends_code_that_runs(tmp_path: Path) -> None:
    # No model can be relied on to write code that never ends, so this one is scripted.
    (tmp_path / "busy.py").write_text(
        f"import sys\nsys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from scripted import call, scripted_model\n"
        "from qwen3_agent import Agent, CodeInterpreter\n"
        "code = call('code_interpreter', code='while True: pass')\n"
        "agent = Agent(scripted_model(code), tools=[CodeInterpreter()], thinking='off')\n"
    )
    before = children()
    process = subprocess.Popen(
        [COMMAND, "run", "--agent", "busy.py", "--json", "What is 48213 * 977?"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    while b'"tool_call_started"' not in process.stdout.readline():
        assert process.poll() is None
    time.sleep(0.3)
    interrupt_and_check(process, before)


def interrupt_and_check(process: subprocess.Popen[bytes], before: set[int]) -> None:
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert time.monotonic() - began < 2
    assert process.returncode == 130
    assert errors.endswith(b"Interrupted.\n")
    assert b"Traceback" not in errors
    time.sleep(0.1)
    assert children() - before == set()
