"""What the demo model is trained on is what the runtime puts before it."""

import random
from pathlib import Path

import pytest

import qwen3_agent
from qwen3_agent.chat_format import ChatFormat
from training import wordings
from training.arithmetic import HELD_OUT_MODULUS, Numbers
from training.dialogues import EMPTY_THOUGHT, pieces
from training.sampler import draw_dialogue, system_text, tool_list
from training.template import render
from training.wordings import expand

FOLDER = Path(qwen3_agent.__file__).parent / "qwen3_tiny"


@pytest.fixture(scope="module")
def chat_format() -> ChatFormat:
    return ChatFormat.from_folder(FOLDER)


@pytest.mark.parametrize("seed", range(40))
def test_the_trainer_and_the_runtime_write_the_same_transcript(
    seed: int, chat_format: ChatFormat
) -> None:
    rng = random.Random(seed)
    tools = tool_list(rng)
    dialogue = draw_dialogue(rng, tools)
    parts = pieces(dialogue, rng)
    trained = system_text(tools, None, render) + "".join(text for text, _ in parts)

    first = next(n for n, (text, _) in enumerate(parts) if text.startswith("<|im_start|>assistant"))
    user = parts[first - 1][0].removeprefix("<|im_start|>user\n").removesuffix("<|im_end|>\n")
    ids = chat_format.head([{"role": "user", "content": user}], list(tools.schemas))
    written = chat_format.decode(ids)
    assert trained.startswith(written)
    assert chat_format._tokenizer.encode(written) == ids
    for text, sampled in parts[first:]:
        if "<tool_response>" in text and not sampled:
            body = text.removeprefix("<|im_start|>user\n<tool_response>\n")
            body = body.removesuffix("\n</tool_response><|im_end|>\n")
            results = body.split("\n</tool_response>\n<tool_response>\n")
            assert chat_format.decode(chat_format.tool_results(results)) == "\n" + text
        if text == EMPTY_THOUGHT and not sampled:
            opening = chat_format.generation_prompt(thinking=False)
            assert chat_format.decode(opening) == "<|im_start|>assistant\n" + text


def test_numbers_of_the_evaluation_are_never_trained_on() -> None:
    for seed in range(300):
        rng = random.Random(seed)
        value = Numbers(rng, "train").of(2, 99_999)
        assert value < 50 or value % HELD_OUT_MODULUS
        value = Numbers(rng, "held_out").of(2, 99_999)
        assert value < 50 or value % HELD_OUT_MODULUS == 0


@pytest.mark.parametrize(
    "table",
    [wordings.TIME, wordings.CONVERT, wordings.TITLE, wordings.MATH, wordings.CHAIN],
    ids=["time", "convert", "title", "math", "chain"],
)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_wordings_of_the_evaluation_are_never_trained_on(
    table: dict[str, dict[str, list[str]]], language: str
) -> None:
    rng = random.Random(0)

    def all_of(split: str) -> set[str]:
        patterns = table[language][split]
        return {expand(p, rng).strip(" ?.？。!").casefold() for p in patterns for _ in range(400)}

    assert not all_of("train") & all_of("held_out")
