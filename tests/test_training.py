"""What the demo model is trained on is what the runtime puts before it."""

import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch.nn import Module
from transformers import Qwen3Config, Qwen3ForCausalLM

import qwen3_agent
from qwen3_agent.formats.chat_format import ChatFormat
from training import wordings
from training.arithmetic import HELD_OUT_MODULUS, Numbers
from training.attention import attention
from training.circuits import lay
from training.dialogues import EMPTY_THOUGHT, pieces
from training.model import Qwen3, Shape
from training.sampler import draw_dialogue, system_text, tool_list
from training.template import render
from training.wordings import expand

pytestmark = pytest.mark.model

FOLDER = Path(qwen3_agent.__file__).parent / "qwen3_tiny"


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads of torch that wait for a busy core take minutes over what one does at once."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


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
    assert chat_format.encode(written) == ids
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


def test_the_network_that_is_trained_is_the_one_that_transformers_runs() -> None:
    model = Qwen3(Shape(vocab_size=300))
    lay(model)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    config = Qwen3Config.from_dict(model.shape.config() | {"tie_word_embeddings": True})
    theirs = Qwen3ForCausalLM(config)
    Module.eval(theirs)
    theirs.load_state_dict(model.state_dict(), strict=False)
    theirs.tie_weights()
    prefix, dialogues = torch.randint(300, (17,)), torch.randint(300, (3, 23))
    positions = torch.arange(40)
    with torch.no_grad():
        hidden = model(prefix, dialogues, positions[:17], positions[17:].expand(3, -1))
        ours = model.logits(hidden)
        ids = torch.cat((prefix.expand(3, -1), dialogues), dim=1)
        torch.testing.assert_close(ours, theirs(ids).logits[:, 17:], rtol=1e-4, atol=1e-4)


def test_attention_under_a_shared_prefix_has_the_gradients_of_plain_attention() -> None:
    shapes = ((3, 4, 5, 8), (1, 2, 7, 8), (1, 2, 7, 8), (3, 2, 5, 8), (3, 2, 5, 8))
    inputs = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]
    assert torch.autograd.gradcheck(attention, inputs)


def test_no_wording_of_the_evaluation_can_come_up_in_training() -> None:
    for table in (v for name, v in vars(wordings).items() if name.isupper() and _is_table(v)):
        for language, splits in table.items():
            held_out = {p for p in splits["held_out"] if p not in PLAIN}
            for pattern in splits["train"]:
                trained = re.compile(_regex(pattern), re.IGNORECASE)
                again = [each for each in held_out if trained.fullmatch(each)]
                assert not again, (language, pattern, again)


PLAIN = {"{city}"}  # a place by its mere name is asked for in both


def _is_table(value: object) -> bool:
    return isinstance(value, dict) and {"train", "held_out"} <= value.get("en", {}).keys()


def _regex(pattern: str) -> str:
    """Wordings are regular expressions but for the signs that mean themselves."""
    return re.sub(r"[.?+*{}\[\]^$]", lambda sign: "\\" + sign.group(), pattern)
