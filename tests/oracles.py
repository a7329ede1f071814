"""The originals that tests compare with, from packages listed in oracles.txt."""

from __future__ import annotations

import base64
import json
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import pytest
import tokenizers
from tokenizers import models, normalizers

from qwen3_agent.formats.chat_format import ChatFormat
from qwen3_agent.formats.template import ChatTemplate
from qwen3_agent.formats.tokenizer import Tokenizer, byte_alphabet
from qwen3_agent.models.choose import DEMO_FOLDER

TEMPLATES = Path(__file__).parent / "templates"
"""Written for the tests, after what is special about a family, where no package has its own."""

CONTROL_TOKENS = [
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|object_ref_start|>",
    "<|object_ref_end|>",
    "<|box_start|>",
    "<|box_end|>",
    "<|quad_start|>",
    "<|quad_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
    "<tool_call>",
    "</tool_call>",
    "<|fim_prefix|>",
    "<|fim_middle|>",
    "<|fim_suffix|>",
    "<|fim_pad|>",
    "<|repo_name|>",
    "<|file_sep|>",
    "<tool_response>",
    "</tool_response>",
    "<think>",
    "</think>",
]
"""Qwen3's, in their order; the ids go on from the vocabulary's."""


def package_file(package: str, path: str) -> Path:
    """A data file of a package; without the package, the test is skipped and says why."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        pytest.skip(f"{package} is missing: pip install --no-deps -r tests/oracles.txt")
    return Path(spec.submodule_search_locations[0]) / path


def template_source(name: str) -> str:
    """A template of trl, one written for the tests, or the bundled one."""
    if name == "bundled":
        return (DEMO_FOLDER / "chat_template.jinja").read_text()
    if (TEMPLATES / f"{name}.jinja").is_file():
        return (TEMPLATES / f"{name}.jinja").read_text()
    return package_file("trl", f"chat_templates/{name}.jinja").read_text()


@cache
def demo_tokenizer() -> tokenizers.Tokenizer:
    """The bundled tokenizer: Qwen3's in all but size."""
    return tokenizers.Tokenizer.from_file(str(DEMO_FOLDER / "tokenizer.json"))


@cache
def chat_format(name: str) -> ChatFormat:
    """A template over the bundled tokenizer."""
    return ChatFormat(ChatTemplate(template_source(name)), Tokenizer(demo_tokenizer()))


@cache
def qwen3_tokenizer() -> tokenizers.Tokenizer:
    """Qwen3's own tokenizer, made from its vocabulary."""
    ranks = {}
    for line in package_file("qwen_agent", "utils/qwen.tiktoken").read_bytes().splitlines():
        token, rank = line.split()
        ranks[base64.b64decode(token)] = int(rank)
    letters = {byte: letter for letter, byte in byte_alphabet().items()}
    spelled = {token: "".join(letters[byte] for byte in token) for token in ranks}
    merges = [
        (spelled[left], spelled[right])
        for left, right in (_merge(token, ranks) for token in ranks if len(token) > 1)
    ]
    vocabulary = {spelled[token]: rank for token, rank in ranks.items()}
    tokenizer = tokenizers.Tokenizer(models.BPE(vocabulary, merges))
    like = demo_tokenizer()
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = like.pre_tokenizer
    tokenizer.decoder = like.decoder
    added = [tokenizers.AddedToken(text, normalized=False) for text in CONTROL_TOKENS]
    tokenizer.add_tokens(added)
    return tokenizer


def _merge(token: bytes, ranks: dict[bytes, int]) -> list[bytes]:
    """The two tokens that BPE makes a token of."""
    pieces = [token[index : index + 1] for index in range(len(token))]
    while len(pieces) > 2:
        pairs = [left + right for left, right in pairwise(pieces)]
        best = min(range(len(pairs)), key=lambda index: ranks.get(pairs[index], len(ranks)))
        pieces[best : best + 2] = [pairs[best]]
    return pieces


def bfcl(name: str) -> list[dict[str, object]]:
    """Lines of a data file of the Berkeley Function Calling Leaderboard."""
    path = package_file("bfcl_eval", f"data/possible_answer/BFCL_v4_{name}.json")
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
