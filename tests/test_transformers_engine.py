"""The Transformers engine, on a small Qwen3 with random weights."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from qwen3_agent.engines.request import Chunk, GenerationRequest
from qwen3_agent.engines.transformers import TransformersEngine
from qwen3_agent.errors import EngineError
from qwen3_agent.sampling import Sampling

pytestmark = pytest.mark.model

torch = pytest.importorskip("torch", reason="the engine needs torch")
transformers = pytest.importorskip("transformers", reason="the engine needs transformers")

GREEDY = Sampling(temperature=0)
NO_STOP: frozenset[int] = frozenset()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint whose weights make it say different things."""
    torch.manual_seed(0)
    config = transformers.Qwen3Config(
        vocab_size=64,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        initializer_range=0.5,
    )
    folder = tmp_path_factory.mktemp("random-qwen3")
    transformers.Qwen3ForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    return folder


@pytest.fixture
def model(folder: Path) -> Any:
    return transformers.Qwen3ForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


@pytest.fixture
def engine(model: Any) -> TransformersEngine:
    return TransformersEngine(model)


async def chunks_of(engine: TransformersEngine, prompt: list[int], **options: Any) -> list[Chunk]:
    settings: dict[str, Any] = {"sampling": GREEDY, "max_tokens": 8, "stop_ids": NO_STOP} | options
    return [chunk async for chunk in engine.generate(GenerationRequest(prompt, **settings))]


async def ids_of(engine: TransformersEngine, prompt: list[int], **options: Any) -> list[int]:
    return [token for chunk in await chunks_of(engine, prompt, **options) for token in chunk.ids]


@pytest.mark.anyio
async def test_greedy_tokens_are_those_of_transformers_itself(
    engine: TransformersEngine, folder: Path
) -> None:
    prompt = [3, 14, 15, 9, 26]
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    expected = model.generate(
        torch.tensor([prompt]),
        attention_mask=torch.ones(1, len(prompt)),
        max_new_tokens=20,
        do_sample=False,
        eos_token_id=None,
        pad_token_id=0,
    )
    assert await ids_of(engine, prompt, max_tokens=20) == expected[0, len(prompt) :].tolist()


@pytest.mark.anyio
async def test_the_stop_token_ends_a_generation_and_is_part_of_it(
    engine: TransformersEngine,
) -> None:
    free = await ids_of(engine, [1, 2, 3])
    stop = free[3]
    chunks = await chunks_of(engine, [1, 2, 3], stop_ids=frozenset({stop}))
    ids = [token for chunk in chunks for token in chunk.ids]
    assert ids == free[: free.index(stop) + 1]
    assert [chunk.finish for chunk in chunks] == [None] * (len(ids) - 1) + ["stop"]


@pytest.mark.anyio
async def test_without_a_stop_token_the_room_ends_it(engine: TransformersEngine) -> None:
    chunks = await chunks_of(engine, [1, 2, 3], max_tokens=5)
    assert [chunk.finish for chunk in chunks] == [None] * 4 + ["length"]


@pytest.mark.anyio
async def test_a_prompt_that_goes_on_costs_only_what_is_new(engine: TransformersEngine) -> None:
    prompt = [5, 6, 7, 8]
    sampled = await ids_of(engine, prompt, max_tokens=6)
    assert engine.computed_tokens == 4 + 5, "the last sampled token has not been computed on"
    longer = [*prompt, *sampled, 30, 31]
    [first, *_] = await chunks_of(engine, longer, max_tokens=1)
    assert first.cached_tokens == 9
    assert engine.computed_tokens == len(longer)


@pytest.mark.anyio
async def test_conversations_in_turns_each_keep_what_was_computed(
    engine: TransformersEngine,
) -> None:
    head = [1, 2, 3, 4, 5, 6]
    prompts = {name: [*head, name, name + 1] for name in (10, 20, 30)}
    for turn in range(3):
        for name, prompt in prompts.items():
            [first, *_] = chunks = await chunks_of(engine, prompt, max_tokens=4)
            if turn:
                assert first.cached_tokens == len(prompt) - 2
            elif name != 10:
                assert first.cached_tokens == len(head), "the common head is computed once"
            prompt.extend(token for chunk in chunks for token in chunk.ids)
            prompt.append(name)


@pytest.mark.anyio
async def test_what_is_remembered_changes_nothing_that_is_sampled(
    engine: TransformersEngine, folder: Path
) -> None:
    await ids_of(engine, [1, 2, 3, 4, 5, 6, 7], max_tokens=30)
    for prompt in ([1, 2, 3, 4, 9, 9], [1, 2, 3, 4, 5, 6, 7], [1, 2, 3]):
        fresh = TransformersEngine.load(folder)
        assert await ids_of(engine, prompt) == await ids_of(fresh, prompt)


@pytest.mark.anyio
async def test_a_seed_repeats_the_draws_wherever_a_generation_is_cut(
    engine: TransformersEngine,
) -> None:
    sampling = Sampling(temperature=1.0, top_p=0.95, top_k=20, seed=7)
    whole = await ids_of(engine, [1, 2], sampling=sampling, max_tokens=20)
    start = await ids_of(engine, [1, 2], sampling=sampling, max_tokens=9)
    rest = await ids_of(engine, [1, 2, *start], sampling=sampling, max_tokens=11)
    assert start + rest == whole
    unseeded = Sampling(temperature=1.0)
    assert await ids_of(engine, [1, 2], sampling=unseeded, max_tokens=20) != whole


@pytest.mark.anyio
@pytest.mark.parametrize(
    "only_the_most_likely",
    [Sampling(1.0, top_k=1), Sampling(1.0, top_p=1e-9), Sampling(1.0, min_p=1.0)],
)
async def test_each_filter_narrowed_to_one_token_is_greedy(
    engine: TransformersEngine, only_the_most_likely: Sampling
) -> None:
    assert await ids_of(engine, [4, 4], sampling=only_the_most_likely) == await ids_of(
        engine, [4, 4]
    )


@pytest.mark.anyio
async def test_draws_follow_the_distribution_of_the_model(
    engine: TransformersEngine, model: Any
) -> None:
    with torch.inference_mode():
        logits = model(torch.tensor([[1, 2, 3]])).logits[0, -1]
    expected = torch.softmax(logits, -1)
    counts = torch.zeros(64)
    for seed in range(600):
        [token] = await ids_of(engine, [1, 2, 3], sampling=Sampling(1.0, seed=seed), max_tokens=1)
        counts[token] += 1
    assert (counts / 600 - expected).abs().max() < 0.07


@pytest.mark.anyio
async def test_log_probabilities_are_the_models_own(engine: TransformersEngine, model: Any) -> None:
    [chunk] = await chunks_of(
        engine, [1, 2, 3], sampling=Sampling(0.1), max_tokens=1, logprobs=True
    )
    with torch.inference_mode():
        logits = model(torch.tensor([[1, 2, 3]])).logits[0, -1]
    assert chunk.logprobs is not None
    assert chunk.logprobs[0] == pytest.approx(float(logits.log_softmax(-1)[chunk.ids[0]]), abs=1e-4)


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_cancelling_stops_within_one_pass_and_loses_nothing(
    engine: TransformersEngine,
) -> None:
    seen: list[int] = []
    with anyio.CancelScope() as scope:
        options: Any = {"sampling": GREEDY, "max_tokens": 400, "stop_ids": NO_STOP}
        async with aclosing(engine.generate(GenerationRequest([1, 2, 3], **options))) as generation:
            async for chunk in generation:
                seen.extend(chunk.ids)
                if len(seen) == 10:
                    scope.cancel()
    assert len(seen) == 10
    assert engine.computed_tokens <= 3 + 10
    again = await chunks_of(engine, [1, 2, 3], max_tokens=12)
    assert [token for chunk in again for token in chunk.ids][:10] == seen


@pytest.mark.anyio
async def test_a_long_prompt_is_computed_in_pieces_between_which_it_can_be_cancelled(
    engine: TransformersEngine, model: Any
) -> None:
    engine._pass_tokens = 8
    computing = threading.Event()
    compute = model.forward

    def forward(*args: Any, **kwargs: Any) -> Any:
        computing.set()
        return compute(*args, **kwargs)

    model.forward = forward
    prompt = [token % 64 for token in range(400)]
    async with anyio.create_task_group() as group:
        group.start_soon(ids_of, engine, prompt)
        await anyio.to_thread.run_sync(computing.wait, 10)
        group.cancel_scope.cancel()
    assert 0 < engine.computed_tokens < 400
    before = engine.computed_tokens
    [first, *_] = await chunks_of(engine, prompt, max_tokens=1)
    assert first.cached_tokens == before, "what was computed before the end is not computed again"


@pytest.mark.anyio
async def test_generations_at_once_take_turns_and_do_not_disturb_each_other(
    engine: TransformersEngine, folder: Path
) -> None:
    order: list[int] = []
    results: dict[int, list[int]] = {}

    async def generate(name: int) -> None:
        options: Any = {"sampling": GREEDY, "max_tokens": 10, "stop_ids": NO_STOP}
        results[name] = []
        async for chunk in engine.generate(GenerationRequest([name, name], **options)):
            order.append(name)
            results[name].extend(chunk.ids)

    async with anyio.create_task_group() as group:
        for name in (1, 2, 3):
            group.start_soon(generate, name)
    assert sorted(order[:3]) == [1, 2, 3], "nobody waits for another to end"
    for name, ids in results.items():
        assert ids == await ids_of(TransformersEngine.load(folder), [name, name], max_tokens=10)


@pytest.mark.anyio
async def test_a_failed_pass_is_an_engine_error_and_is_not_remembered(
    engine: TransformersEngine, model: Any
) -> None:
    expected = await ids_of(engine, [1, 2, 3], max_tokens=4)
    layer = model.model.layers[1].mlp
    whole = layer.forward

    def out_of_memory(*args: Any) -> Any:
        raise torch.OutOfMemoryError("out of memory")

    layer.forward = out_of_memory
    with pytest.raises(EngineError, match="out of memory"):
        await ids_of(engine, [9, 9, 9])
    layer.forward = whole
    assert await ids_of(engine, [1, 2, 3], max_tokens=4) == expected
    [again, *_] = await chunks_of(engine, [9, 9, 9, 9])
    assert again.cached_tokens == 0


@pytest.mark.anyio
async def test_a_closed_engine_says_so(engine: TransformersEngine) -> None:
    await engine.aclose()
    await engine.aclose()
    with pytest.raises(EngineError, match="closed"):
        await ids_of(engine, [1])


def test_a_folder_without_weights_is_an_engine_error(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "qwen3"}')
    with pytest.raises(EngineError, match="Cannot load the model"):
        TransformersEngine.load(tmp_path)


@pytest.mark.parametrize(
    "values", [{"temperature": -1}, {"top_p": 0}, {"top_p": 1.1}, {"top_k": -1}, {"min_p": 2}]
)
def test_sampling_out_of_range_is_refused(values: dict[str, float]) -> None:
    settings: dict[str, Any] = {"temperature": 1.0} | values
    with pytest.raises(ValueError, match=next(iter(values))):
        Sampling(**settings)


def test_models_that_are_loaded_in_several_threads_at_once_are_whole(folder: Path) -> None:
    with ThreadPoolExecutor(6) as pool:
        engines = list(pool.map(lambda _: TransformersEngine.load(folder), range(12)))
    prompt = [3, 14, 15, 9, 26]
    first, *others = [anyio.run(ids_of, engine, prompt) for engine in engines]
    assert others == [first] * 11
    assert torch.empty(1).device.type == "cpu", "nothing of the loading is left behind"
