"""How long a checkpoint's context is, and what makes it longer: YaRN.

Qwen3's model cards: a model trained on N positions (32,768 of Qwen3's 40,960) reads up to 4 N with
`rope_type` "yarn" and `factor` = wanted / N. The factor is the same for every text, so it costs
some quality on short ones.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import EngineError

LONGEST_FACTOR = 4.0

_TRAINED_ON = {40_960: 32_768}
"""`max_position_embeddings` that count room for an answer on top of what was trained."""


@dataclass(frozen=True, slots=True)
class Stretched:
    """What makes a checkpoint's context longer."""

    overrides: dict[str, Any]
    """Of the checkpoint's config.json, as Transformers 5 names them."""
    notice: str
    """What the user should know of it."""


def stretch(folder: Path, wanted: int) -> Stretched | None:
    """YaRN for a context of `wanted` tokens; None where the checkpoint's own is long enough.

    Raises:
        EngineError: it cannot be made that long.
    """
    config = read_config(folder)
    is_nested = "text_config" in config  # as in Qwen3.5, which also sees
    config = config.get("text_config", config)
    own = config.get("max_position_embeddings")
    if not isinstance(own, int) or wanted <= own:
        return None
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    kind = rope.get("rope_type", rope.get("type", "default"))
    if kind != "default":
        raise EngineError(
            f"max_model_len={wanted}: the checkpoint in {folder} is stretched to {own} tokens "
            f"already (rope_type {kind!r}) and cannot be stretched again."
        )
    trained = _TRAINED_ON.get(own, own)
    factor = wanted / trained
    if factor > LONGEST_FACTOR:
        raise EngineError(
            f"max_model_len={wanted} is more than the model can be stretched to: at most "
            f"{int(trained * LONGEST_FACTOR)}, {LONGEST_FACTOR:g} times the {trained} tokens that "
            "it was trained on."
        )
    if "rope_theta" in config:  # where it stood before Transformers 5
        rope = {"rope_theta": config["rope_theta"], **rope}
    parameters = {
        **{name: value for name, value in rope.items() if name != "type"},
        "rope_type": "yarn",
        "factor": factor,
        "original_max_position_embeddings": trained,
    }
    overrides: dict[str, Any] = {
        "rope_parameters": parameters,
        "max_position_embeddings": wanted,
    }
    return Stretched(
        {"text_config": overrides} if is_nested else overrides,
        f"The context is stretched to {wanted} tokens (YaRN, factor {factor:.3g}): short texts may "
        "come out a little worse. Without max_model_len the model keeps its own length.",
    )


def read_config(folder: Path) -> dict[str, Any]:
    """A checkpoint's config.json.

    Raises:
        EngineError: it cannot be read.
    """
    file = folder / "config.json"
    try:
        config = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise EngineError(f"Cannot read {file}: {error}") from error
    if not isinstance(config, dict):
        raise EngineError(f"{file} is not a JSON object, so it is no model's.")
    return config
