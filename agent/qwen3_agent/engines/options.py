"""Settings of an engine by name, checked before anything is loaded."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError

from ..errors import EngineError

__all__ = ["EngineOptions"]


class EngineOptions(BaseModel):
    """Settings of an engine, under the names that vLLM gives them.

    Those that are written here are checked as soon as they are given. vLLM takes any other one of
    its `AsyncEngineArgs` too; Transformers takes `max_model_len` and `dtype`.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    max_model_len: PositiveInt | None = None
    """Tokens of context. More than the checkpoint's own stretches it (YaRN), 4 times at most."""
    dtype: Literal["auto", "float16", "bfloat16", "float32"] | None = None
    """None: bfloat16 on a GPU, float32 on a CPU."""
    gpu_memory_utilization: Annotated[float, Field(gt=0, le=1)] | None = None
    """The share of a GPU's memory that weights and KV cache take together."""
    kv_cache_memory_bytes: PositiveInt | None = None
    """What the KV cache takes; overrides the share."""
    tensor_parallel_size: PositiveInt | None = None
    """GPUs that share each layer."""
    pipeline_parallel_size: PositiveInt | None = None
    """Groups of GPUs, or machines, that share the layers."""
    distributed_executor_backend: Literal["mp", "ray", "uni"] | None = None
    """"ray" for several machines."""
    quantization: str | None = None
    """Such as "awq", "gptq" or "fp8". None: as the checkpoint says."""
    lora: Path | None = None
    """The folder of a LoRA adapter that every generation uses."""

    @classmethod
    def of(cls, given: Mapping[str, Any] | None) -> Self:
        """Check settings.

        Raises:
            ValueError: a value is out of its range; one sentence says which and why.
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
        """What was set."""
        return self.model_dump(exclude_none=True)

    def check_names(self, known: Collection[str], engine: str) -> None:
        """Raise EngineError for a setting that the engine does not have."""
        for name in self.given():
            if name not in known:
                close = difflib.get_close_matches(name, known, 1)
                hint = f"did you mean {close[0]}?" if close else f"it has {', '.join(known)}."
                if not close and len(known) > 20:
                    hint = "see vLLM's engine arguments."
                raise EngineError(f"{engine} has no engine option {name}: {hint}")


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]
