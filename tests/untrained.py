"""A very small Qwen3 that has learned nothing: random weights, the bundled tokenizer."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from qwen3_agent.engines.transformers import TransformersEngine
from qwen3_agent.engines.xgrammar import Grammars
from qwen3_agent.formats.chat_format import ChatFormat
from qwen3_agent.models.choose import DEMO_FOLDER
from qwen3_agent.models.local import LocalModel
from qwen3_agent.sampling import Sampling


@cache
def weights() -> Any:
    torch = pytest.importorskip("torch", reason="the engine needs torch")
    transformers = pytest.importorskip("transformers", reason="the engine needs transformers")
    torch.manual_seed(0)
    config = transformers.AutoConfig.from_pretrained(DEMO_FOLDER, local_files_only=True)
    config.update(
        {"hidden_size": 16, "intermediate_size": 16, "head_dim": 8, "num_hidden_layers": 1}
        | {"num_attention_heads": 1, "num_key_value_heads": 1, "layer_types": ["full_attention"]}
    )
    torch.set_num_threads(1)
    return transformers.AutoModelForCausalLM.from_config(config).eval()


def untrained_model(chat_format: ChatFormat | None = None, *, seed: int = 0) -> LocalModel:
    """Over the real engine; draws from all tokens, at temperature 1."""
    model = weights()
    grammars = Grammars.of_checkpoint(DEMO_FOLDER, model.config.vocab_size)
    return LocalModel(
        TransformersEngine(model, grammars=grammars),
        chat_format or ChatFormat.from_folder(DEMO_FOLDER),
        name="untrained",
        sampling=Sampling(temperature=1.0, seed=seed),
    )
