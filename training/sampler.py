"""From a seed to training batches: tool lists, the dialogues under them, and plain copying."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from tokenizers import Tokenizer

from training import families, pages, smalltalk
from training.dialogues import Dialogue, pieces
from training.families import Context
from training.tool_schemas import ToolList, sample_tool_list

INSTRUCTIONS = (
    ["You are a helpful assistant."] * 4
    + ["You are Qwen, created by Alibaba Cloud. You are a helpful assistant.", "Be brief.", "Answer in one sentence."]
    + ["You are a careful assistant that uses tools.", "你是一个乐于助人的助手。", "Use the tools when they help.", "请简短回答。"]
)  # fmt: skip
WEIGHTS: dict[Callable[[Context], Dialogue], float] = {
    families.current_time: 1.2,
    families.convert: 8.0,
    families.page_title: 3.0,
    families.compute: 4.0,
    families.two_at_once: 5.0,
    families.chain: 2.0,
    families.tool_error: 4.0,
    families.follow_up: 4.0,
    smalltalk.no_tool: 1.2,
    smalltalk.missing_tool: 0.2,
    smalltalk.custom: 0.3,
}
# Families whose first steps hold what has to be known by heart: zones of places, Python for words.
DRILLS: dict[Callable[[Context], Dialogue], float] = {
    families.current_time: 3.0,
    families.convert: 15.0,
    families.page_title: 1.0,
    families.two_at_once: 3.5,
    families.chain: 1.0,
    families.tool_error: 5.0,
    families.compute: 7.0,
    smalltalk.no_tool: 2.5,
    smalltalk.custom: 0.2,
}
REAL_TOOLS = ["get_current_time", "convert_time", "fetch", "code_interpreter"]


def tool_list(rng: random.Random) -> ToolList:
    """All of the real tools more often than not, some of them otherwise; made-up ones beside them."""
    roll = rng.random()
    if roll < 0.36:
        wanted, count = REAL_TOOLS, rng.choice((0, 0, 0, 1, 2, 3))
    elif roll < 0.92:
        time = ["get_current_time", "convert_time"] if rng.random() < 0.6 else ["get_current_time"]
        servers = [time, ["fetch"], ["code_interpreter"]]
        chosen = rng.sample(servers, rng.randint(1, 2))
        wanted, count = [name for group in chosen for name in group], rng.choice((0, 0, 1, 2, 3))
    else:
        wanted, count = [], rng.choice((0, 1, 2, 3, 4))
    return sample_tool_list(rng, list(wanted), count)


def possible(tools: ToolList) -> dict[Callable[[Context], Dialogue], float]:
    """The families that make sense under `tools`, with their weights."""
    names = tools.names
    out = {}
    for family, weight in WEIGHTS.items():
        needs = families.NEEDS.get(family, ())
        if family is families.two_at_once and not {"get_current_time", "fetch"} & names.keys():
            continue
        if family is families.tool_error and not set(REAL_TOOLS) & (
            names.keys() - {"convert_time"}
        ):
            continue
        if family is smalltalk.custom and not tools.custom:
            continue
        if family is smalltalk.missing_tool and set(REAL_TOOLS) <= names.keys():
            continue
        if all(name in names for name in needs):
            out[family] = weight
    return out


def system_text(tools: ToolList, instructions: str | None, render: Callable[..., str]) -> str:
    """The system message as the template writes it, or nothing."""
    messages = [{"role": "system", "content": instructions}] if instructions else []
    messages.append({"role": "user", "content": "?"})
    text = render(messages, list(tools.schemas))
    return text[: text.rindex("<|im_start|>user\n")]


def draw_dialogue(
    rng: random.Random, tools: ToolList, split: str = "train", drill: bool = False
) -> Dialogue:
    """A dialogue of a random family that `tools` allow; for a drill, one of `DRILLS`."""
    choices = possible(tools)
    if drill:
        choices = {family: weight for family, weight in DRILLS.items() if family in choices}
    family = rng.choices(list(choices), list(choices.values()))[0]
    language = "en" if rng.random() < 0.58 else "zh"
    server = f"127.0.0.1:{rng.randint(1024, 65535)}" if rng.random() < 0.6 else None
    return family(Context(rng, split, language, tools, server))


@dataclass(frozen=True, slots=True)
class Sequence:
    """Ids of a dialogue, and for each whether the model is to learn to say it."""

    ids: list[int]
    learn: list[bool]


@dataclass(frozen=True, slots=True)
class Group:
    """A system prompt and dialogues under it."""

    prefix: list[int]
    sequences: list[Sequence]


class Sampler:
    """An endless stream of groups; the same seed gives the same stream."""

    def __init__(self, tokenizer: Tokenizer, render: Callable[..., str], seed: str) -> None:
        self.tokenizer, self.render = tokenizer, render
        self.rng = random.Random(seed)

    def encode(self, text: str) -> list[int]:
        return list(self.tokenizer.encode(text, add_special_tokens=False).ids)

    def sequence(self, dialogue: Dialogue, drill: bool = False) -> Sequence:
        """The ids of a dialogue; of a drill, up to the end of the last step in which there is a choice."""
        ids: list[int] = []
        learn: list[bool] = []
        parts = pieces(dialogue, self.rng)
        if drill:
            ends = [n for n, (text, said) in enumerate(parts) if said and "<|im_end|>" in text]
            parts = parts[: ends[1 if len(ends) == 3 else 0] + 1]
        for text, sampled in parts:
            part = self.encode(text)
            ids += part
            learn += [sampled] * len(part)
        return Sequence(ids, learn)

    def group(self, tokens: int, longest: int) -> Group:
        """About `tokens` ids of dialogues of similar length, none over `longest`."""
        tools = tool_list(self.rng)
        instructions = self.rng.choice(INSTRUCTIONS) if self.rng.random() < 0.4 else None
        prefix = self.encode(system_text(tools, instructions, self.render))
        drill = self.rng.random() < 0.5
        pool = [
            self.sequence(draw_dialogue(self.rng, tools, drill=drill), drill)
            for _ in range(2 * tokens // (60 if drill else 180))
        ]
        pool = sorted((s for s in pool if len(s.ids) <= longest), key=lambda s: len(s.ids))
        size = tokens * 1.0
        start = self.rng.randrange(len(pool))
        chosen = [pool[start]]
        low, high = start - 1, start + 1
        while low >= 0 or high < len(pool):  # neighbours in length, so that little is padding
            up = high < len(pool) and (low < 0 or self.rng.random() < 0.5)
            chosen.append(pool[high] if up else pool[low])
            high, low = (high + 1, low) if up else (high, low - 1)
            if len(chosen) * max(len(s.ids) for s in chosen) > size:
                chosen.pop()
                break
        return Group(prefix or self.encode("<|im_end|>\n")[:1], chosen)

    def recall(self, tokens: int) -> Group:
        """Records as the prefix, and each sequence says some of them again when given their keys.

        Digits that recur, titles and addresses, among many of their like: the copying on which
        answers rest, at all distances, and nearly every token of it is learnt.
        """
        size = self.tokenizer.get_vocab_size()
        alphabet = [self.rng.randrange(size) for _ in range(self.rng.choice((4, 16, 256)))]
        kind = self.rng.choice(("digits", "digits", "title", "title", "title", "url", "url", "any"))
        server = f"127.0.0.1:{self.rng.randint(1024, 65535)}" if self.rng.random() < 0.7 else None
        records: list[tuple[list[int], list[int]]] = []
        while sum(len(key) + len(value) for key, value in records) < 600:
            key = [self.rng.randrange(size) for _ in range(self.rng.randint(2, 3))]
            records.append((key, self._value(kind, alphabet, server)))
        sequences: list[Sequence] = []
        while sum(len(s.ids) for s in sequences) < tokens:
            sequence = Sequence([], [])
            while len(sequence.ids) < 80:
                key, value = self.rng.choice(records)
                sequence.ids.extend(key + value)
                sequence.learn.extend([False] * len(key) + [True] * len(value))
            sequences.append(Sequence(sequence.ids[:110], sequence.learn[:110]))
        return Group([token for key, value in records for token in key + value], sequences)

    def _value(self, kind: str, alphabet: list[int], server: str | None) -> list[int]:
        """What a record holds, with the sign that ends it."""
        if kind == "any":
            return self.rng.choices(alphabet, k=self.rng.randint(2, 16))
        if kind == "digits":
            digits = self.rng.sample("0123456789", self.rng.randint(2, 10))
            text = "".join(self.rng.choices(digits, k=self.rng.randint(2, 20)))
            point = self.rng.randrange(len(text)) if self.rng.random() < 0.3 else 0
            text = f"{text[:point]}.{text[point:]}" if point else text
        elif kind == "title":
            text = pages.title(self.rng, "train", self.rng.choice(("en", "en", "zh")))
        else:
            text = pages.url(self.rng, "train", server)
        return self.encode(text + self.rng.choice(('"', ".", ")", "\n", "</title>")))
