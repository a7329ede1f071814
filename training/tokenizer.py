"""The demo model's tokenizer: a small byte-level BPE with Qwen3's pre-tokenizer and special tokens.

Merges never join a word to the space or sign before it, except for a few hundred common words, whose
joining comes last. So a name is spelled by the same tokens after a space, a quote, a slash or a tag,
and copying it, which is most of what the model does, is copying of tokens.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    trainers,
)

from training.dialogues import pieces
from training.sampler import INSTRUCTIONS, draw_dialogue, system_text, tool_list

# Qwen's pre-tokenizer pattern (Qwen/Qwen3 tokenizer.json).
PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)
# Qwen3's added tokens in the order of their ids; the first fourteen are special.
ADDED = (
    "<|endoftext|> <|im_start|> <|im_end|> <|object_ref_start|> <|object_ref_end|> <|box_start|> "
    "<|box_end|> <|quad_start|> <|quad_end|> <|vision_start|> <|vision_end|> <|vision_pad|> "
    "<|image_pad|> <|video_pad|> <tool_call> </tool_call> <|fim_prefix|> <|fim_middle|> <|fim_suffix|> "
    "<|fim_pad|> <|repo_name|> <|file_sep|> <tool_response> </tool_response> <think> </think>"
).split()
SPECIAL = 14
SIZE = 4096
JOINED = 1100  # left for Chinese characters and for words joined to their space

# For training the merges: letters, Chinese characters and runs of signs each alone.
_APART = r"\p{Han}|[A-Za-z]+|[^\p{Han}A-Za-z]?\p{N}|\p{L}+|[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+"


def corpus(render: Callable[..., str], seed: int, prompts: int) -> Iterator[str]:
    """Text of prompts and dialogues as the model will see them."""
    rng = random.Random(seed)
    for _ in range(prompts):
        tools = tool_list(rng)
        yield system_text(tools, rng.choice(INSTRUCTIONS), render)
        for _ in range(25):
            yield "".join(text for text, _ in pieces(draw_dialogue(rng, tools), rng))


def _byte_level(pattern: str) -> pre_tokenizers.PreTokenizer:
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


def train(render: Callable[..., str], seed: int = 0, prompts: int = 1500) -> Tokenizer:
    """A tokenizer of `SIZE` entries."""
    texts = list(corpus(render, seed, prompts))
    marks = re.compile("|".join(map(re.escape, ADDED)))
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = _byte_level(_APART)
    trainer = trainers.BpeTrainer(
        vocab_size=SIZE - len(ADDED) - JOINED,
        min_frequency=3,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator((marks.sub("\n", text) for text in texts), trainer)
    state = json.loads(tokenizer.to_str())
    vocabulary, merges = state["model"]["vocab"], state["model"]["merges"]

    def join(left: str, right: str) -> None:
        if left + right not in vocabulary and len(vocabulary) < SIZE - len(ADDED):
            merges.append([left, right])
            vocabulary[left + right] = len(vocabulary)

    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    characters = Counter(
        c for text in texts for c in text if "\u3000" <= c <= "\u9fff" or c > "\uff00"
    )
    for character, _ in characters.most_common(1100):
        spelled = byte_level.pre_tokenize_str(character)[0][0]
        join(spelled[0], spelled[1])
        join(spelled[:2], spelled[2])
    after_space = re.compile(r" ([a-z]{2,}(?=[ .,?:;\n])|[^\w\s]+)")
    counts = Counter(word for text in texts for word in after_space.findall(text))
    for word, _ in counts.most_common():
        if word in vocabulary:
            join("Ġ", word)
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[tuple(m) for m in merges]))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = _byte_level(PATTERN)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_tokens(
        [AddedToken(t, special=n < SPECIAL, normalized=False) for n, t in enumerate(ADDED)]
    )
    return tokenizer


def save(tokenizer: Tokenizer, folder: Path, context: int) -> None:
    """`tokenizer.json` and what Transformers and vLLM want beside it."""
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "add_bos_token": False,
        "add_prefix_space": False,
        "bos_token": None,
        "clean_up_tokenization_spaces": False,
        "eos_token": "<|im_end|>",
        "errors": "replace",
        "model_max_length": context,
        "pad_token": "<|endoftext|>",
        "split_special_tokens": False,
        "tokenizer_class": "Qwen2Tokenizer",
        "unk_token": None,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")
