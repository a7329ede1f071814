"""The vLLM engine: the real one, on the bundled model. `make test-vllm` runs this file."""

from __future__ import annotations

import gc
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import aclosing, suppress
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import anyio
import pytest

from qwen3_agent import Agent, LimitExceededError, Limits, tool
from qwen3_agent.engines.options import EngineOptions
from qwen3_agent.engines.request import Chunk, GenerationRequest
from qwen3_agent.engines.transformers import TransformersEngine
from qwen3_agent.engines.vllm import VllmEngine, _sampling_params
from qwen3_agent.engines.vllm_process import settings_for_vllm
from qwen3_agent.errors import EngineError, NoAnswerError, PromptTooLongError
from qwen3_agent.formats.chat_format import ChatFormat
from qwen3_agent.models.choose import DEMO_FOLDER
from qwen3_agent.models.local import LocalModel
from qwen3_agent.models.session import SessionOptions
from qwen3_agent.sampling import Sampling

pytest.importorskip("vllm", reason="make test-vllm installs vLLM and runs this")

pytestmark = [pytest.mark.anyio, pytest.mark.model]

GREEDY = Sampling(temperature=0)
NO_STOP: frozenset[int] = frozenset()
OPTIONS = EngineOptions.of({"enforce_eager": True, "kv_cache_memory_bytes": 2**28})
"""Compiling takes longer than all that is sampled here."""


@pytest.fixture(scope="module")
def engine() -> Iterator[VllmEngine]:
    engine = VllmEngine.start(DEMO_FOLDER, OPTIONS)
    yield engine
    anyio.run(engine.aclose)


@pytest.fixture(scope="module")
def chat_format() -> ChatFormat:
    return ChatFormat.from_folder(DEMO_FOLDER)


@pytest.fixture(scope="module")
def prompt(chat_format: ChatFormat) -> list[int]:
    head = chat_format.head([{"role": "user", "content": "What is 48213 * 977?"}])
    return head + chat_format.generation_prompt(thinking=True)


async def chunks_of(engine: Any, prompt: list[int], **options: Any) -> list[Chunk]:
    settings: dict[str, Any] = {"sampling": GREEDY, "max_tokens": 8, "stop_ids": NO_STOP} | options
    return [chunk async for chunk in engine.generate(GenerationRequest(prompt, **settings))]


async def ids_of(engine: Any, prompt: list[int], **options: Any) -> list[int]:
    return [token for chunk in await chunks_of(engine, prompt, **options) for token in chunk.ids]


@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_greedy_tokens_and_log_probabilities_are_those_of_transformers(
    engine: VllmEngine, prompt: list[int]
) -> None:
    options: dict[str, Any] = {"max_tokens": 60, "logprobs": True}
    other = await chunks_of(TransformersEngine.load(DEMO_FOLDER), prompt, **options)
    ours = await chunks_of(engine, prompt, **options)
    assert [token_id for chunk in ours for token_id in chunk.ids] == [
        token_id for c in other for token_id in c.ids
    ]
    scores = [score for chunk in ours for score in chunk.logprobs or ()]
    expected = [score for chunk in other for score in chunk.logprobs or ()]
    assert scores == pytest.approx(expected, abs=1e-3)


async def test_the_stop_token_ends_a_generation_and_is_part_of_it(
    engine: VllmEngine, prompt: list[int], chat_format: ChatFormat
) -> None:
    free = await ids_of(engine, prompt)
    chunks = await chunks_of(engine, prompt, stop_ids=frozenset({free[3]}))
    ids = [token for chunk in chunks for token in chunk.ids]
    assert ids == free[: free.index(free[3]) + 1]
    assert [chunk.finish for chunk in chunks][-1] == "stop"
    assert all(chunk.finish is None for chunk in chunks[:-1])


async def test_nothing_but_the_stop_tokens_ends_it_before_there_is_no_room(
    engine: VllmEngine, prompt: list[int], chat_format: ChatFormat
) -> None:
    [end] = chat_format.close_step()
    chunks = await chunks_of(engine, prompt, max_tokens=300)
    ids = [token for chunk in chunks for token in chunk.ids]
    assert (len(ids), chunks[-1].finish) == (300, "length")
    assert end in ids[:-1], "the model ended its message, and nobody asked to stop there"


async def test_a_prompt_that_goes_on_is_in_the_cache(engine: VllmEngine, prompt: list[int]) -> None:
    long = (prompt * 20)[:1000]
    sampled = await ids_of(engine, long, max_tokens=30)
    [first, *_] = await chunks_of(engine, [*long, *sampled], max_tokens=1)
    block = 128  # tokens; what vLLM caches by on a CPU
    assert first.cached_tokens is not None
    assert len(long) - block < first.cached_tokens <= len(long) + 30


async def test_a_seed_repeats_the_draws(engine: VllmEngine, prompt: list[int]) -> None:
    hot = {"sampling": Sampling(2.0, seed=7), "max_tokens": 30}
    assert await ids_of(engine, prompt, **hot) == await ids_of(engine, prompt, **hot)
    unseeded = {"sampling": Sampling(2.0), "max_tokens": 30}
    assert await ids_of(engine, prompt, **unseeded) != await ids_of(engine, prompt, **unseeded)


@pytest.mark.parametrize(
    "only_the_most_likely",
    [Sampling(1.0, top_k=1), Sampling(1.0, top_p=1e-9), Sampling(1.0, min_p=1.0)],
)
async def test_each_filter_narrowed_to_one_token_is_greedy(
    engine: VllmEngine, prompt: list[int], only_the_most_likely: Sampling
) -> None:
    assert await ids_of(engine, prompt, sampling=only_the_most_likely) == await ids_of(
        engine, prompt
    )


@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_cancelling_ends_it_in_the_engine_too(engine: VllmEngine, prompt: list[int]) -> None:
    seen: list[int] = []
    with anyio.CancelScope() as scope:
        options: Any = {"sampling": GREEDY, "max_tokens": 3000, "stop_ids": NO_STOP}
        async with aclosing(engine.generate(GenerationRequest(prompt, **options))) as generation:
            async for chunk in generation:
                seen.extend(chunk.ids)
                if len(seen) >= 5:
                    scope.cancel()
    assert len(seen) < 100
    with anyio.fail_after(30):
        while engine.unfinished:  # noqa: ASYNC110 - vLLM tells of no event
            await anyio.sleep(0.01)
    assert await ids_of(engine, prompt, max_tokens=5) == seen[:5]


@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_generations_at_once_get_what_they_get_alone(
    engine: VllmEngine, prompt: list[int]
) -> None:
    results: dict[int, list[int]] = {}

    async def generate(number: int) -> None:
        results[number] = await ids_of(engine, prompt[: len(prompt) - number], max_tokens=40)

    async with anyio.create_task_group() as group:
        for number in range(8):
            group.start_soon(generate, number)
    for number, ids in results.items():
        assert ids == await ids_of(engine, prompt[: len(prompt) - number], max_tokens=40)


async def test_event_loops_in_several_threads_share_an_engine(
    engine: VllmEngine, prompt: list[int]
) -> None:
    expected = await ids_of(engine, prompt)
    got: list[list[int]] = []

    def elsewhere(backend: str) -> None:
        got.append(anyio.run(ids_of, engine, prompt, backend=backend))

    async with anyio.create_task_group() as group:
        for backend in ("asyncio", "trio"):
            group.start_soon(anyio.to_thread.run_sync, elsewhere, backend)
    assert got == [expected] * 2


async def test_the_same_again_is_a_share_in_the_engine_that_runs(
    engine: VllmEngine, prompt: list[int]
) -> None:
    again = VllmEngine.start(DEMO_FOLDER, OPTIONS)
    assert again._process is engine._process
    await again.aclose()
    await again.aclose()
    with pytest.raises(EngineError, match="closed"):
        await ids_of(again, prompt)
    dropped = VllmEngine.start(DEMO_FOLDER, OPTIONS)
    assert engine._process.users == 2
    del dropped
    gc.collect()
    assert engine._process.users == 1, "a share that nobody holds is given back"
    assert await ids_of(engine, prompt, max_tokens=1)


async def test_what_vllm_does_not_sample_with_is_an_engine_error(
    engine: VllmEngine, prompt: list[int]
) -> None:
    with pytest.raises(EngineError, match="rejects these sampling parameters: temperature"):
        await ids_of(engine, prompt, sampling=Sampling(3.0))


# Its start, its end, and what goes wrong -------------------------------------------------------


@pytest.mark.parametrize(("tag", "grammar_stop"), [("{}", 3), ("{}", None), (None, 3)])
def test_constrained_text__stops_that_its_grammar_does_not_know_are_never_sampled(
    tag: str | None, grammar_stop: int | None
) -> None:
    request = GenerationRequest([1], GREEDY, max_tokens=8, stop_ids=frozenset({3, 4}))
    params = _sampling_params(request, tag, grammar_stop)
    assert params.logit_bias == ({4: -100.0} if tag and grammar_stop else None)
    assert params.stop_token_ids == [3, 4]


def test_a_cache_without_room_for_one_text_says_how_long_texts_may_be() -> None:
    before = processes()
    small = {"enforce_eager": True, "kv_cache_memory_bytes": 2 * 10**6}
    with pytest.raises(EngineError) as caught:
        VllmEngine.start(DEMO_FOLDER, EngineOptions.of(small))
    assert re.fullmatch(
        r"vLLM cannot start: the KV cache is too small for one sequence of the maximum length\. "
        r"Set max_model_len to at most \d+, or raise kv_cache_memory_bytes \(now 2000000\)\.",
        str(caught.value),
    )
    assert processes() == before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"max_model_length": 10}, "vLLM has no engine option max_model_length: did you mean"),
        ({"model": "other"}, "vLLM has no engine option model"),
        ({"max_model_len": 10**6}, "at most 16384 tokens, 4 times the 4096"),
        ({"quantization": "nonsense"}, "nonsense"),
        ({"lora": "/nowhere"}, "is not a LoRA adapter"),
    ],
)
def test_options_that_cannot_be_are_one_sentence(options: dict[str, Any], said: str) -> None:
    before = processes()
    with pytest.raises(EngineError, match=re.escape(said)):
        VllmEngine.start(DEMO_FOLDER, EngineOptions.of(options))
    assert processes() == before


@tool
async def look(place: str) -> str:
    """Look somewhere."""
    return f"Nothing at {place}."


async def test_when_the_engine_is_killed_each_run_ends_with_one_clear_error() -> None:
    """16 runs, on an engine with an extended context."""
    before = processes()
    options = {**OPTIONS.given(), "max_model_len": 8192}
    model = await anyio.to_thread.run_sync(
        lambda: LocalModel.load(DEMO_FOLDER, engine="vllm", options=options)
    )
    assert isinstance(model.engine, VllmEngine)
    assert model.engine.context_length == 8192
    assert "extended to 8192 tokens (YaRN, factor 2)" in model.notices[0]
    beyond = await chunks_of(model.engine, [5] * 5000, max_tokens=1)
    assert beyond[-1].finish == "length"

    process = model.engine._process
    memory = process._shared_memory
    assert memory
    assert all(file.exists() for file in memory)
    hot = Sampling(2.0)  # it does not come to an end, and calls nothing
    agent = Agent(model, tools=[look], sampling=hot, thinking="on", limits=Limits(steps=1000))
    failures: list[str] = []
    ended: list[float] = []

    async def run() -> None:
        try:
            while True:
                with suppress(NoAnswerError, LimitExceededError, PromptTooLongError):
                    await agent.run("Go on")
        except EngineError as error:
            failures.append(str(error))
            ended.append(anyio.current_time())

    async with anyio.create_task_group() as group:
        for _ in range(16):
            group.start_soon(run)
        await anyio.sleep(2)
        assert not failures
        killed = anyio.current_time()
        [child] = process._children
        assert child.pid
        os.kill(child.pid, signal.SIGKILL)
    assert len(failures) == 16
    assert max(ended) - killed < 5
    assert set(failures) == {failures[0]}
    assert failures[0].startswith("The vLLM engine died (killed by SIGKILL, probably because")
    with pytest.raises(EngineError, match="engine died"):
        await agent.run("Again")
    await model.aclose()
    with anyio.fail_after(10):
        while processes() - before:  # noqa: ASYNC110 - the kernel reports no end of a grandchild
            await anyio.sleep(0.05)
    assert not any(file.exists() for file in memory)


SCRIPT = """
import sys
print("once", flush=True)
from qwen3_agent import Agent
agent = Agent("qwen3-tiny", engine="vllm", engine_options={options!r}, thinking="off")
with agent:
    first, second = agent.run_sync("Hello!"), agent.run_sync("Thanks!")
    print(first.output, second.output, first.route)
    print("ready", flush=True)
    sys.stdin.read()
"""


def test_a_script_needs_no_guard_and_leaves_nothing_when_it_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(options=OPTIONS.given()))
    started = subprocess.Popen(
        [sys.executable, script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert started.stdout is not None
    assert started.stdout.readline() == "once\n"
    said = started.stdout.readline()
    assert said.endswith(" engine\n"), started.communicate()
    assert started.stdout.readline() == "ready\n"
    below = processes(started.pid)
    assert len(below) >= 2
    started.kill()
    assert started.communicate() == ("", "")
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{pid}/cmdline").exists() and not is_zombie(pid) for pid in below):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_sampler_of_flashinfer_is_wanted_only_where_it_is_there() -> None:
    there = SimpleNamespace(__spec__=ModuleSpec("flashinfer", None))
    for modules, wanted in (({}, "0"), ({"flashinfer": there}, None)):
        with patch.dict(sys.modules, modules), settings_for_vllm():
            assert os.environ.get("VLLM_USE_FLASHINFER_SAMPLER") == wanted
    assert "VLLM_USE_FLASHINFER_SAMPLER" not in os.environ


async def test_an_adapter_is_what_its_weights_make_of_the_model(
    prompt: list[int], tmp_path: Path
) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file, save_file

    torch.manual_seed(0)
    weights = load_file(DEMO_FOLDER / "model.safetensors")
    rank, alpha = 4, 8
    adapter: dict[str, Any] = {}
    for name in [each for each in weights if each.endswith("mlp.down_proj.weight")]:
        out, into = weights[name].shape
        a, b = torch.randn(rank, into) * 0.2, torch.randn(out, rank) * 0.2
        stem = "base_model.model." + name.removesuffix(".weight")
        adapter |= {f"{stem}.lora_A.weight": a, f"{stem}.lora_B.weight": b}
        weights[name] = weights[name].float() + (alpha / rank) * (b @ a)
    merged, apart = tmp_path / "merged", tmp_path / "adapter"
    shutil.copytree(DEMO_FOLDER, merged)
    float32 = {name: tensor.float() for name, tensor in weights.items()}
    save_file(float32, merged / "model.safetensors", {"format": "pt"})
    apart.mkdir()
    save_file(adapter, apart / "adapter_model.safetensors")
    config = {
        "peft_type": "LORA",
        "r": rank,
        "lora_alpha": alpha,
        "target_modules": ["down_proj"],
        "bias": "none",
    }
    (apart / "adapter_config.json").write_text(json.dumps(config))
    options = EngineOptions.of({**OPTIONS.given(), "lora": apart})
    engine = await anyio.to_thread.run_sync(VllmEngine.start, DEMO_FOLDER, options)
    plain = await ids_of(TransformersEngine.load(DEMO_FOLDER), prompt, max_tokens=30)
    expected = await ids_of(TransformersEngine.load(merged), prompt, max_tokens=30)
    assert plain != expected
    assert await ids_of(engine, prompt, max_tokens=30) == expected
    await engine.aclose()


def processes(root: int | None = None) -> set[int]:
    """Processes below one (this one) that run."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, parent, *_ = stat.read_text().rpartition(")")[2].split()
            if state != "Z":
                parents[int(stat.parent.name)] = int(parent)
    found, below = set[int](), {root or os.getpid()}
    while below := {pid for pid, parent in parents.items() if parent in below}:
        found |= below
    return {pid for pid in found if "multiprocessing.resource_tracker" not in command_of(pid)}


def command_of(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text("utf-8", "replace")
    return ""


def is_zombie(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return True


async def test_a_required_call_is_sampled_by_its_grammar_also_after_a_thought_that_was_closed(
    engine: VllmEngine, chat_format: ChatFormat
) -> None:
    from qwen3_agent.messages import ToolCall
    from qwen3_agent.thinking import Plan

    schema = {
        "type": "object",
        "properties": {"day": {"enum": ["mon", "tue"]}},
        "required": ["day"],
    }
    tools = [{"name": "book", "parameters": schema}, {"name": "cancel", "parameters": schema}]
    model = LocalModel(engine, chat_format, name="tiny")
    for plan in (Plan(on=False), Plan(on=True, budget=3)):
        for seed in range(3):
            sampling = Sampling(temperature=2, seed=seed)
            session = model.session(options=SessionOptions(tools=tools, sampling=sampling))
            session.add_user("Hello!")
            step = await session.step(
                plan, max_tokens=200, on_delta=lambda delta: None, tool_choice="cancel"
            )
            assert step.closed_by_force is plan.on
            [made] = step.calls
            assert isinstance(made, ToolCall)
            assert made.name == "cancel"
            assert made.arguments["day"] in ("mon", "tue")
