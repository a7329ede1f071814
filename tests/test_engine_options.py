"""Settings of engines: what they may be, and how a context is made longer."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen3_agent import Agent, events
from qwen3_agent.engines.options import EngineOptions
from qwen3_agent.engines.request import GenerationRequest
from qwen3_agent.engines.transformers import TransformersEngine
from qwen3_agent.engines.yarn import extend_context
from qwen3_agent.errors import EngineError
from qwen3_agent.models.choose import DEMO_FOLDER
from qwen3_agent.sampling import Sampling

pytestmark = pytest.mark.model

COMMAND = Path(sys.executable).with_name("qwen3-agent")

QWEN3_8B = {"max_position_embeddings": 40960, "rope_theta": 1000000, "rope_scaling": None}
QWEN3_2507 = {"max_position_embeddings": 262144, "rope_theta": 5000000, "rope_scaling": None}


def checkpoint(folder: Path, **config: Any) -> Path:
    (folder / "config.json").write_text(json.dumps(config))
    return folder


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"max_model_len": 0}, "Engine option max_model_len=0: input should be greater than 0."),
        ({"gpu_memory_utilization": 1.5}, "Engine option gpu_memory_utilization=1.5: input should"),
        ({"tensor_parallel_size": "two"}, "Engine option tensor_parallel_size='two': input should"),
        ({"dtype": "int3"}, "Engine option dtype='int3': input should be 'auto', 'float16'"),
        ({"distributed_executor_backend": "slurm"}, "input should be 'mp', 'ray' or 'uni'."),
    ],
)
def test_a_value_out_of_range_is_one_sentence(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match="Engine option") as caught:
        Agent(engine_options=options)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_engine_and_a_hub_that_are_none() -> None:
    with pytest.raises(ValueError, match='engine must be "auto", "vllm" or "transformers"'):
        Agent(engine="sglang")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match='hub must be "huggingface" or "modelscope"'):
        Agent(hub="github")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="The engine at http://localhost:8000/v1 has its own"):
        Agent("m", base_url="http://localhost:8000/v1", engine_options={"max_model_len": 5})


@pytest.mark.parametrize(
    ("name", "hint"),
    [("max_model_length", "did you mean max_model_len?"), ("zzz", "it has max_model_len, dtype.")],
)
def test_an_option_that_the_engine_does_not_have(name: str, hint: str) -> None:
    with pytest.raises(EngineError, match="Transformers has no engine option") as caught:
        TransformersEngine.load(DEMO_FOLDER, EngineOptions.of({name: 1}))
    assert str(caught.value).endswith(hint)


@given(st.integers(1, 40960))
def test_what_the_model_holds_anyway_changes_nothing(wanted: int) -> None:
    assert extend_context(DEMO_FOLDER, min(wanted, 4096)) is None


@pytest.mark.parametrize(
    ("config", "wanted", "factor", "trained"),
    [
        (QWEN3_8B, 40960, None, None),
        (QWEN3_8B, 40961, 40961 / 32768, 32768),
        (QWEN3_8B, 65536, 2.0, 32768),
        (QWEN3_8B, 131072, 4.0, 32768),
        (QWEN3_2507, 524288, 2.0, 262144),
    ],
)
def test_yarn_is_what_the_model_cards_say(
    config: dict[str, Any], wanted: int, factor: float | None, trained: int, tmp_path: Path
) -> None:
    extension = extend_context(checkpoint(tmp_path, **config), wanted)
    if factor is None:
        assert extension is None
        return
    assert extension is not None
    assert extension.overrides == {
        "max_position_embeddings": wanted,
        "rope_parameters": {
            "rope_type": "yarn",
            "factor": factor,
            "original_max_position_embeddings": trained,
            "rope_theta": config["rope_theta"],
        },
    }
    assert "may reduce quality on short texts" in extension.notice


def test_a_config_with_the_text_model_inside_keeps_what_else_it_says(tmp_path: Path) -> None:
    rope = {"rope_type": "default", "rope_theta": 1e7, "partial_rotary_factor": 0.25}
    text_config = {"max_position_embeddings": 262144, "rope_parameters": rope}
    extension = extend_context(checkpoint(tmp_path, text_config=text_config), 524288)
    assert extension is not None
    parameters = extension.overrides["text_config"]["rope_parameters"]
    assert parameters["partial_rotary_factor"] == 0.25
    assert (parameters["rope_type"], parameters["factor"]) == ("yarn", 2.0)


def test_more_than_four_times_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="at most 131072 tokens, 4 times the 32768"):
        extend_context(checkpoint(tmp_path, **QWEN3_8B), 131073)
    scaled = QWEN3_8B | {"rope_scaling": {"type": "yarn", "factor": 2.0}}
    with pytest.raises(EngineError, match="is already extended to 40960 tokens"):
        extend_context(checkpoint(tmp_path, **scaled), 65536)


@pytest.mark.anyio
async def test_transformers_reads_on_beyond_the_models_own_length() -> None:
    options = EngineOptions.of({"max_model_len": 8192})
    engine = await anyio.to_thread.run_sync(TransformersEngine.load, DEMO_FOLDER, options)
    assert engine.context_length == 8192
    assert engine._model.config.rope_parameters["factor"] == 2.0
    request = GenerationRequest([5] * 5000, Sampling(0), max_tokens=1, stop_ids=frozenset())
    assert [chunk.finish async for chunk in engine.generate(request)] == ["length"]


@pytest.mark.anyio
async def test_a_run_tells_that_the_context_was_stretched() -> None:
    agent = Agent("qwen3-tiny", engine="transformers", engine_options={"max_model_len": 8192})
    notices = [event.text async for event in agent.stream("Hi") if isinstance(event, events.Notice)]
    assert "The context is extended to 8192 tokens" in notices[0]


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("max_model_len", "expected NAME=VALUE, not 'max_model_len'"),
        ("max_model_len=-1", "Engine option max_model_len=-1: input should be greater than 0."),
    ],
)
def test_the_command_refuses_an_option_before_anything_starts(option: str, said: str) -> None:
    done = subprocess.run(
        [COMMAND, "run", "--engine-option", option, "Hi"],
        capture_output=True,
        text=True,
        timeout=120,
        env={"COLUMNS": "200", "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 2
    assert said in done.stderr
