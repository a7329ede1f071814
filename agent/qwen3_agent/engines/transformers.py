"""The engine that runs everywhere: Hugging Face Transformers, on CPU or one CUDA GPU.

Forward passes run one at a time in a worker thread, and concurrent generations take turns. The
keys and values of recent conversations are kept, so that only the new part of a prompt has to be
computed.
"""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import anyio
from anyio import to_thread

from ..errors import EngineError
from ..sampling import Sampling
from .draw import draw, log_probability
from .options import EngineOptions
from .request import Chunk, Engine, GenerationRequest
from .xgrammar import Grammars, Guide
from .yarn import extend_context

if TYPE_CHECKING:
    import torch
    from transformers import DynamicCache


_ONE_AT_A_TIME = Lock()
"""While Transformers loads a model, it changes torch's defaults for new tensors in all threads."""

SMALL = 50_000_000
"""Number of parameters below which more than one torch thread slows generation down."""


@dataclass(slots=True)
class _Memory:
    """The keys and values of one token sequence."""

    cache: DynamicCache
    ids: list[int] = field(default_factory=list)


class TransformersEngine(Engine):
    """A causal language model of Transformers as an engine.

    Args:
        model: on its device, in evaluation mode.
        remembered: number of token sequences whose keys and values are kept after use.
        grammars: compiles constraints for the model's vocabulary. None: no constraints.
    """

    def __init__(
        self, model: Any, *, remembered: int = 4, grammars: Grammars | None = None
    ) -> None:
        text_config = model.config.get_text_config()
        self.context_length = int(text_config.max_position_embeddings)
        self.constrains = grammars is not None
        self.computed_tokens = 0
        """Number of tokens that the model has processed since it was loaded."""
        self._model = model
        self._grammars = grammars
        self._remembered = remembered
        self._memories: list[_Memory] = []  # the most recently used one last
        self._one_at_a_time = anyio.CapacityLimiter(1)
        self._pass_tokens = _pass_tokens(model)

    @classmethod
    def load(
        cls, folder: Path, options: EngineOptions | None = None, *, remembered: int = 4
    ) -> TransformersEngine:
        """Load a checkpoint onto the first CUDA GPU in bfloat16, or the CPU in float32.

        Takes seconds to minutes; call it in a worker thread.

        Raises:
            EngineError: Transformers is not installed, or cannot load the checkpoint with these
                options.
        """
        options = options or EngineOptions()
        options.check_names(("max_model_len", "dtype"), "Transformers")
        length = options.max_model_len
        extension = extend_context(folder, length) if length else None
        try:
            import torch
            from transformers import AutoModelForCausalLM
            from transformers.utils import logging
        except ImportError as error:
            raise EngineError(
                f"This engine needs torch and transformers ({error}): "
                'pip install "qwen3-agent[local]".'
            ) from error
        device = "cuda" if torch.cuda.is_available() else "cpu"
        # Most CPUs emulate bfloat16, which is slower than float32 and less precise
        dtype = torch.bfloat16 if device == "cuda" else torch.float32
        if options.dtype not in (None, "auto"):
            dtype = getattr(torch, options.dtype)
        with _ONE_AT_A_TIME:
            had_progress_bar = logging.is_progress_bar_enabled()
            logging.disable_progress_bar()  # type: ignore[no-untyped-call]
            try:
                model: Any = AutoModelForCausalLM.from_pretrained(
                    folder,
                    dtype=dtype,
                    local_files_only=True,
                    **(extension.overrides if extension else {}),
                )
                model = model.to(device).eval()
            except Exception as error:
                raise EngineError(f"Cannot load the model in {folder}: {error}") from error
            finally:
                if had_progress_bar:
                    logging.enable_progress_bar()  # type: ignore[no-untyped-call]
        if device == "cpu" and model.num_parameters() < SMALL:
            # One core is as fast for so few parameters, and never waits for other busy cores
            torch.set_num_threads(1)
        grammars = Grammars.of_checkpoint(folder, model.config.get_text_config().vocab_size)
        engine = cls(model, remembered=remembered, grammars=grammars)
        engine.context_length = length or engine.context_length
        engine.notices = (extension.notice,) if extension else ()
        return engine

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[Chunk, None]:
        """See `Engine.generate`."""
        sampling, stop_ids, prompt = request.sampling, request.stop_ids, list(request.prompt_ids)
        seed = random.getrandbits(64) if sampling.seed is None else sampling.seed
        if self._model is None:
            raise EngineError("The engine is closed.")
        guide = None
        if request.constraint is not None:
            if self._grammars is None:
                raise EngineError("Constrained generation needs xgrammar: pip install xgrammar.")
            guide = Guide(self._grammars, request.constraint, stop_ids)
        memory = self._recall(prompt)
        cached: int | None = len(memory.ids)
        new = prompt[len(memory.ids) :]
        try:
            while len(new) > self._pass_tokens:
                await self._run(self._compute, memory, new[: self._pass_tokens])
                del new[: self._pass_tokens]
            for left in reversed(range(request.max_tokens)):
                token, logprob = await self._run(
                    self._next, memory, new, sampling, seed, request.logprobs, guide
                )
                stopped = token in stop_ids
                yield Chunk(
                    (token,),
                    finish="stop" if stopped else None if left else "length",
                    cached_tokens=cached,
                    logprobs=None if logprob is None else (logprob,),
                )
                if stopped:
                    return
                cached, new = None, [token]
        finally:
            self._keep(memory)

    async def aclose(self) -> None:
        """Release the model."""
        self._memories.clear()
        self._model = None
        if self._grammars is not None:
            self._grammars.close()

    async def _run(self, function: Any, *args: Any) -> Any:
        """Run one forward pass; cancellation waits for it, so that the memory stays consistent."""
        if self._model is None:
            raise EngineError("The engine is closed.")
        try:
            return await to_thread.run_sync(function, *args, limiter=self._one_at_a_time)
        except RuntimeError as error:  # torch's errors, out of memory among them
            raise EngineError(f"The model failed: {error}") from error

    def _compute(self, memory: _Memory, new: list[int]) -> torch.Tensor:
        """Append `new` to `memory` and return the logits after it, shape (vocabulary,)."""
        import torch

        with torch.inference_mode():
            output = self._model(
                input_ids=torch.tensor([new], device=self._model.device),
                past_key_values=memory.cache,
                use_cache=True,
                logits_to_keep=1,
            )
        memory.ids.extend(new)
        self.computed_tokens += len(new)
        logits: torch.Tensor = output.logits[0, -1].float()
        return logits

    def _next(
        self,
        memory: _Memory,
        new: list[int],
        sampling: Sampling,
        seed: int,
        logprobs: bool,
        guide: Guide | None,
    ) -> tuple[int, float | None]:
        logits = self._compute(memory, new)
        allowed = logits if guide is None else guide.mask(logits)
        token = draw(allowed, sampling, seed, position=len(memory.ids))
        if guide is not None:
            guide.advance(token)
        return token, log_probability(logits, token) if logprobs else None

    def _recall(self, prompt: list[int]) -> _Memory:
        """Return a memory of the longest known prefix of `prompt`, excluding its last token.

        A memory that is a prefix of `prompt` is removed from the list, so that no other generation
        extends it at the same time. If a memory diverges from `prompt`, the common prefix is
        copied and the memory itself stays in the list.
        """
        from transformers import DynamicCache

        best = max(self._memories, key=lambda memory: _common(memory.ids, prompt), default=None)
        common = 0 if best is None else min(_common(best.ids, prompt), len(prompt) - 1)
        if best is not None and common == len(best.ids):
            self._memories.remove(best)
            return best
        fresh = _Memory(DynamicCache(config=self._model.config))
        if best is not None and _can_fork(best.cache):
            # `update` copies, so later changes to one memory do not affect the other
            layers: Any = zip(fresh.cache.layers, best.cache.layers, strict=True)
            for ours, theirs in layers:
                ours.update(theirs.keys[..., :common, :], theirs.values[..., :common, :])
            fresh.ids = best.ids[:common]
        return fresh

    def _keep(self, memory: _Memory) -> None:
        if self._model is None or memory.cache.get_seq_length() != len(memory.ids):
            return  # a forward pass failed midway
        self._memories.append(memory)
        del self._memories[: -self._remembered]


def _common(known: list[int], prompt: list[int]) -> int:
    """Return the length of the common prefix."""
    if known == prompt[: len(known)]:
        return len(known)
    pairs = enumerate(zip(known, prompt, strict=False))
    return next((index for index, (ours, theirs) in pairs if ours != theirs), len(prompt))


def _can_fork(cache: DynamicCache) -> bool:
    """Return whether every layer holds one key and value per token, so it can be cut anywhere."""
    from transformers.cache_utils import DynamicLayer

    return all(type(layer) is DynamicLayer for layer in cache.layers)


def _pass_tokens(model: Any) -> int:
    """Return how many prompt tokens one pass may process: about a quarter of a second's worth.

    A pass cannot be interrupted. A token costs about two operations per parameter.
    """
    if model.device.type != "cpu":
        return 2048
    operations = 5e10 / 2
    return max(8, min(1024, int(operations / model.num_parameters())))
