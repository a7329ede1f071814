"""Longer contexts with YaRN.

According to Qwen3's model cards, a model trained on N positions (32,768 of Qwen3's 40,960) handles
up to 4 N with `rope_type` "yarn" and `factor` = length / N. The factor applies to texts of any
length, which costs some quality on short ones.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import EngineError

LONGEST_FACTOR = 4.0

_TRAINED_ON = {40_960: 32_768}
"""Trained length by `max_position_embeddings`, where the latter includes space for an answer."""


@dataclass(frozen=True, slots=True)
class ContextExtension:
    """The settings that extend a checkpoint's context."""

    overrides: dict[str, Any]
    """Overrides for the checkpoint's config.json, with the names of Transformers 5."""
    notice: str
    """A message about it for the user."""


def extend_context(folder: Path, length: int) -> ContextExtension | None:
    """Return the settings for a context of `length` tokens; None if the model's own suffices.

    Raises:
        EngineError: the context cannot be extended to this length.
    """
    config = read_config(folder)
    is_nested = "text_config" in config  # as in Qwen3.5, which is multimodal
    config = config.get("text_config", config)
    own = config.get("max_position_embeddings")
    if not isinstance(own, int) or length <= own:
        return None
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    kind = rope.get("rope_type", rope.get("type", "default"))
    if kind != "default":
        raise EngineError(
            f"max_model_len={length}: the context of {folder} is already extended to {own} tokens "
            f"(rope_type {kind!r}) and cannot be extended again."
        )
    trained = _TRAINED_ON.get(own, own)
    factor = length / trained
    if factor > LONGEST_FACTOR:
        raise EngineError(
            f"max_model_len={length} is too long: this model can be extended to at most "
            f"{int(trained * LONGEST_FACTOR)} tokens, {LONGEST_FACTOR:g} times the {trained} that "
            "it was trained on."
        )
    if "rope_theta" in config:  # its place before Transformers 5
        rope = {"rope_theta": config["rope_theta"], **rope}
    parameters = {
        **{name: value for name, value in rope.items() if name != "type"},
        "rope_type": "yarn",
        "factor": factor,
        "original_max_position_embeddings": trained,
    }
    overrides: dict[str, Any] = {"rope_parameters": parameters, "max_position_embeddings": length}
    return ContextExtension(
        {"text_config": overrides} if is_nested else overrides,
        f"The context is extended to {length} tokens (YaRN, factor {factor:.3g}), which may reduce "
        "quality on short texts. Omit max_model_len to use the model's own context length.",
    )


def read_config(folder: Path) -> dict[str, Any]:
    """Read a checkpoint's config.json.

    Raises:
        EngineError: the file cannot be read, or is not a JSON object.
    """
    file = folder / "config.json"
    try:
        config = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise EngineError(f"Cannot read {file}: {error}") from error
    if not isinstance(config, dict):
        raise EngineError(f"{file} is not a JSON object.")
    return config
