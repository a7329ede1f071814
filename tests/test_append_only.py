"""Twenty steps on the Transformers engine: each prompt extends the last, and only that is computed.

The engine, its memory and its forward passes are real; the draw is replaced, so that a model with
random weights says what the test needs it to say.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from scripted import STOP, bundled, call, encode

from qwen3_agent import Agent, Limits, tool
from qwen3_agent.engines.request import GenerationRequest
from qwen3_agent.models.local import LocalModel
from qwen3_agent.thinking import Plan, StepState

pytestmark = pytest.mark.model

torch = pytest.importorskip("torch", reason="the engine needs torch")
transformers = pytest.importorskip("transformers", reason="the engine needs transformers")

STEPS = 20


@tool
async def look(place: int) -> str:
    """What is at a place."""
    return f"At {place} there is nothing. <|im_end|> 什么都没有"


def changing(state: StepState) -> Plan:
    """On, off, and with a budget that is too small, in turns."""
    kinds = (Plan(True, None, "all"), Plan(False, None, "none"), Plan(True, 4, "a little"))
    return kinds[state.index % 3]


def says(index: int) -> list[str]:
    """What the model samples in a step: one text, or two where its thought is cut off."""
    said = "Done." if index == STEPS - 1 else call("look", place=index)
    thought = f"<think>\nNow I look at place {index}, and then at the next.\n</think>\n\n"
    return [[thought + said], [said], [thought, said]][index % 3]


@pytest.mark.anyio
async def test_twenty_steps_with_changing_modes(monkeypatch: pytest.MonkeyPatch) -> None:
    from qwen3_agent.engines import transformers as module

    tokenizer, chat_format = bundled()
    torch.manual_seed(0)
    config = transformers.Qwen3Config(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=8,
        max_position_embeddings=8192,
        tie_word_embeddings=True,
    )
    engine = module.TransformersEngine(transformers.Qwen3ForCausalLM(config).eval())
    prompts: list[list[int]] = []
    script = iter([text for index in range(STEPS) for text in says(index)])
    generate = engine.generate

    def watched(request: GenerationRequest) -> Any:
        prompts.append(list(request.prompt_ids))
        ids = [*encode(next(script)), STOP]
        start = len(request.prompt_ids)
        monkeypatch.setattr(
            module, "draw", lambda logits, sampling, seed, position: ids[position - start]
        )
        return generate(request)

    monkeypatch.setattr(engine, "generate", watched)
    model = LocalModel(engine, chat_format, name="random")
    agent = Agent(model, tools=[look], thinking=changing, limits=Limits(steps=STEPS))
    result = await agent.run("Look everywhere.")

    assert [step.thinking for step in result.steps[:3]] == ["on", "off", "on"]
    assert [step.closed_by_force for step in result.steps[:3]] == [False, False, True]
    assert len(result.steps) == STEPS
    for before, after in pairwise(prompts):
        assert after[: len(before)] == before
    # Whatever was once in a prompt or sampled went through the model once, but for the very last
    # token, after which nothing is asked.
    assert engine.computed_tokens == len(result.transcript) - 1
    for earlier, later in pairwise(result.steps):
        # The last token that was sampled is computed with the next prompt
        known = earlier.usage.input_tokens + earlier.usage.output_tokens - 1
        assert later.usage.cached_tokens >= known
