"""Constrained sampling for engines in this process, with xgrammar."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ..grammar.constraint import Constraint

if TYPE_CHECKING:
    import torch
    import xgrammar

_KEPT = 32
"""Number of compiled grammars that are cached."""


class Grammars:
    """Compiles structural tags for one vocabulary, and caches the result.

    Nothing is imported, read or compiled before the first constraint. Compilation then runs in a
    separate thread while the engine processes the prompt.

    Args:
        vocabulary: returns the text of each token by id, in the alphabet of byte-level BPE.
        size: length of the model's logits; may exceed the size of the vocabulary.
    """

    def __init__(self, vocabulary: Callable[[], list[str]], size: int) -> None:
        self.size = size
        self._vocabulary = vocabulary
        self._compiler: xgrammar.GrammarCompiler | None = None
        self._compiled = lru_cache(_KEPT)(self._compile_tag)
        self._thread = ThreadPoolExecutor(1, "compile-grammar")

    @classmethod
    def of_checkpoint(cls, folder: Path, size: int) -> Grammars | None:
        """Create for the tokenizer in a folder; None if it or xgrammar is missing."""
        path = folder / "tokenizer.json"
        if find_spec("xgrammar") is None or not path.is_file():
            return None
        return cls(lambda: _read_vocabulary(path), size)

    def compile(self, constraint: Constraint) -> Future[xgrammar.CompiledGrammar]:
        """Start to compile a constraint; cached results are available at once."""
        return self._thread.submit(lambda: self._compiled(constraint.structural_tag()))

    def close(self) -> None:
        """Stop the thread."""
        self._thread.shutdown(wait=False)

    def _compile_tag(self, tag: str) -> xgrammar.CompiledGrammar:
        import xgrammar

        if self._compiler is None:
            # Each request has its own stop tokens; if omitted, xgrammar would guess some
            info = xgrammar.TokenizerInfo(
                self._vocabulary(),
                xgrammar.VocabType.BYTE_LEVEL,
                vocab_size=self.size,
                stop_token_ids=[],
            )
            self._compiler = xgrammar.GrammarCompiler(
                info, max_threads=2, cache_limit_bytes=256 << 20
            )
        return self._compiler.compile_structural_tag(tag)


class Guide:
    """Applies a constraint to one generation.

    Args:
        grammars: of the engine.
        constraint: takes effect once one of its `wakes_on` tokens has been sampled.
        stop_ids: tokens that end the generation.
    """

    def __init__(
        self, grammars: Grammars, constraint: Constraint, stop_ids: frozenset[int]
    ) -> None:
        self._compiling = grammars.compile(constraint)
        self._stop_ids = sorted(stop_ids)
        self._size = grammars.size
        self._wakes_on = constraint.wakes_on
        self._awake = not constraint.wakes_on
        self._unread: list[int] = []
        self._matcher: xgrammar.GrammarMatcher | None = None
        self._bits: torch.Tensor | None = None

    def mask(self, logits: torch.Tensor) -> torch.Tensor:
        """Return the logits, with minus infinity for tokens that the constraint forbids.

        Blocks until the grammar is compiled; call it in a worker thread.

        Raises:
            RuntimeError: the constraint forbids a token that was sampled, or all next tokens.
        """
        if not self._awake:
            return logits
        import xgrammar

        if self._matcher is None:
            self._matcher = xgrammar.GrammarMatcher(
                self._compiling.result(), override_stop_tokens=self._stop_ids
            )
            self._bits = xgrammar.allocate_token_bitmask(1, self._size)
        for token in self._unread:
            if not self._matcher.accept_token(token):
                raise RuntimeError(f"the constraint does not allow token {token}")
        self._unread.clear()
        if self._bits is None or not self._matcher.fill_next_token_bitmask(self._bits):
            return logits
        masked = logits.clone()
        xgrammar.apply_token_bitmask_inplace(
            masked,
            self._bits[0].to(masked.device),
            backend="cpu" if masked.device.type == "cpu" else "torch_native",
        )
        if not bool(masked.max().isfinite()):
            raise RuntimeError("the constraint allows no token")
        return masked

    def advance(self, token: int) -> None:
        """Record a sampled token."""
        self._unread.append(token)
        self._awake = self._awake or token in self._wakes_on


def _read_vocabulary(path: Path) -> list[str]:
    import tokenizers

    vocabulary = tokenizers.Tokenizer.from_file(str(path)).get_vocab(with_added_tokens=True)
    texts = [""] * (max(vocabulary.values()) + 1)
    for text, token in vocabulary.items():
        texts[token] = text
    return texts
