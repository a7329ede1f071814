"""xgrammar itself, over the bundled vocabulary: what a grammar accepts, and draws from it."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest

from qwen3_agent.engines.xgrammar import Grammars
from qwen3_agent.formats.tokenizer import Tokenizer
from qwen3_agent.grammar.constraint import Constraint
from qwen3_agent.grammar.tool_grammar import WHITESPACE
from qwen3_agent.models.choose import DEMO_FOLDER

xgrammar = pytest.importorskip("xgrammar", reason="grammars need xgrammar")

CLOSING = (b'"', b"}", b"]", b",", b"<")


@cache
def tokenizer() -> Tokenizer:
    return Tokenizer.from_file(DEMO_FOLDER / "tokenizer.json")


@cache
def grammars() -> Grammars:
    config = json.loads((DEMO_FOLDER / "config.json").read_text())
    found = Grammars.of_checkpoint(DEMO_FOLDER, config["vocab_size"])
    assert found is not None
    return found


@cache
def stop_ids() -> frozenset[int]:
    return frozenset(tokenizer().control_ids[text] for text in ("<|im_end|>", "<|endoftext|>"))


def matcher(constraint: Constraint) -> Any:
    """Of the whole generation, from its first token on."""
    compiled = grammars().compile(constraint).result()
    return xgrammar.GrammarMatcher(compiled, override_stop_tokens=sorted(stop_ids()))


def accepts(constraint: Constraint | None, text: str, *, plain: bool = False) -> bool:
    """Whether a generation may say `text`, and then end."""
    assert constraint is not None
    state = matcher(constraint)
    ids = tokenizer().encode_plain(text) if plain else tokenizer().encode(text)
    return all(map(state.accept_token, [*ids, tokenizer().control_ids["<|im_end|>"]]))


def of_schema(schema: dict[str, Any]) -> Constraint:
    form = {"type": "json_schema", "json_schema": schema, "max_whitespace_cnt": WHITESPACE}
    tag = json.dumps({"type": "structural_tag", "format": form})
    return Constraint(lambda: tag)


def accepts_json(schema: dict[str, Any], text: str) -> bool:
    """Whether a schema's grammar accepts JSON text."""
    return accepts(of_schema(schema), text, plain=True)


def sampled_values(schema: dict[str, Any], *, count: int) -> Iterator[Any]:
    """Values drawn from a schema's grammar."""
    for seed in range(count):
        yield json.loads(drawn(of_schema(schema), seed), strict=False)


def drawn(constraint: Constraint, seed: int, *, most: int = 3000) -> str:
    """A text drawn token by token from all that a constraint allows, with a leaning to an end."""
    draw = random.Random(seed)
    state = matcher(constraint)
    bits = xgrammar.allocate_token_bitmask(1, grammars().size)
    ids: list[int] = []
    said = b""
    while len(ids) < most:
        if not state.fill_next_token_bitmask(bits):
            return tokenizer().decode(ids)  # anything may be said now, and nothing need be
        mask = np.unpackbits(bits.numpy().view(np.uint8), bitorder="little")
        allowed = np.flatnonzero(mask[: grammars().size])
        if stop_ids() & set(allowed[-100:].tolist()):
            return tokenizer().decode(ids)
        closing = allowed[_closes()[allowed]]
        if (rest := _rest_of_value_end(said)) and draw.random() < 0.9:
            closing = np.array(
                [token_id for token_id in allowed if rest.startswith(_bytes()[token_id])]
            )
        ends = len(closing) and draw.random() < 0.6
        token = int(draw.choice(closing if ends else allowed))
        assert state.accept_token(token)
        ids.append(token)
        said += _bytes()[token]
    raise AssertionError(f"no end after {most} tokens: {tokenizer().decode(ids)[:200]!r}")


@cache
def _bytes() -> list[bytes]:
    return [tokenizer().token_bytes(token_id) or b"?" for token_id in range(grammars().size)]


@cache
def _closes() -> Any:
    return np.array([text[:1] in CLOSING for text in _bytes()])


def _rest_of_value_end(said: bytes) -> bytes:
    """What is missing of the end of an XML value that has begun."""
    end = b"</parameter>"
    begun = next(size for size in range(len(end) - 1, -1, -1) if said.endswith(end[:size]))
    return end[begun:] if begun else b""
