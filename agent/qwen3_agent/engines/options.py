"""Engine options by name, validated before anything is loaded."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError

from ..errors import EngineError


class EngineOptions(BaseModel):
    """Options of an engine, under vLLM's names.

    The fields below are validated at once. vLLM also accepts every other field of its
    `AsyncEngineArgs`; Transformers accepts `max_model_len` and `dtype` only.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    max_model_len: PositiveInt | None = None
    """Context length in tokens. Values above the checkpoint's own use YaRN, up to 4 times."""
    dtype: Literal["auto", "float16", "bfloat16", "float32"] | None = None
    """None: bfloat16 on a GPU, float32 on a CPU."""
    gpu_memory_utilization: Annotated[float, Field(gt=0, le=1)] | None = None
    """Fraction of a GPU's memory for weights and KV cache together."""
    kv_cache_memory_bytes: PositiveInt | None = None
    """Size of the KV cache; overrides `gpu_memory_utilization`."""
    tensor_parallel_size: PositiveInt | None = None
    """Number of GPUs that share each layer."""
    pipeline_parallel_size: PositiveInt | None = None
    """Number of GPU groups, or machines, among which the layers are divided."""
    distributed_executor_backend: Literal["mp", "ray", "uni"] | None = None
    """"ray" for several machines."""
    quantization: str | None = None
    """For example "awq", "gptq" or "fp8". None: the checkpoint's own."""
    lora: Path | None = None
    """Folder of a LoRA adapter to use for every generation."""

    @classmethod
    def of(cls, given: Mapping[str, Any] | None) -> Self:
        """Validate options.

        Raises:
            ValueError: a value is invalid; the message names it and the reason.
        """
        try:
            return cls(**(given or {}))
        except ValidationError as error:
            first = error.errors()[0]
            name = first["loc"][0] if first["loc"] else "engine options"
            raise ValueError(
                f"Engine option {name}={first['input']!r}: {_lower(first['msg'])}."
            ) from None

    def given(self) -> dict[str, Any]:
        """Return the options that are set."""
        return self.model_dump(exclude_none=True)

    def check_names(self, known: Collection[str], engine: str) -> None:
        """Raise EngineError for an option that the engine does not have."""
        for name in self.given():
            if name not in known:
                close = difflib.get_close_matches(name, known, 1)
                hint = f"did you mean {close[0]}?" if close else f"it has {', '.join(known)}."
                if not close and len(known) > 20:
                    hint = "see vLLM's engine arguments."
                raise EngineError(f"{engine} has no engine option {name}: {hint}")


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]
