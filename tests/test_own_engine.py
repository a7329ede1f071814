"""An engine written from the docstring of `Engine` alone."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from qwen3_agent import Agent
from qwen3_agent.engines.request import Chunk, Engine, GenerationRequest
from qwen3_agent.formats.chat_format import ChatFormat
from qwen3_agent.models.choose import DEMO_FOLDER
from qwen3_agent.models.local import LocalModel
from qwen3_agent.sampling import Sampling

FORMAT = ChatFormat.from_folder(DEMO_FOLDER)


class ParrotEngine(Engine):
    """Says "Hello." and stops."""

    context_length = 4096

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[Chunk, None]:
        for token in FORMAT.encode("Hello.")[: request.max_tokens]:
            yield Chunk((token,))
        yield Chunk((min(request.stop_ids),), finish="stop")


def test_engine__needs_a_context_length_and_generate_only() -> None:
    agent = Agent(LocalModel(ParrotEngine(), FORMAT, name="parrot"))
    assert agent.run_sync("Hi").output == "Hello."


def test_engine__cannot_be_made_without_generate() -> None:
    class Silent(Engine):
        context_length = 4096

    with pytest.raises(TypeError, match="generate"):
        Silent()  # type: ignore[abstract]


@pytest.mark.parametrize(("prompt", "max_tokens"), [([], 5), ([1], 0)])
def test_generation_request__needs_a_prompt_and_a_token_to_sample(
    prompt: list[int], max_tokens: int
) -> None:
    with pytest.raises(ValueError, match="needs a prompt and max_tokens of at least 1"):
        GenerationRequest(prompt, Sampling(0), max_tokens=max_tokens, stop_ids=frozenset())
