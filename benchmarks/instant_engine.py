"""An engine that takes no time, for measuring what the runtime itself costs."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from itertools import pairwise

from qwen3_agent.engines.request import Chunk, Engine, GenerationRequest
from qwen3_agent.formats.chat_format import ChatFormat


class InstantEngine(Engine):
    """Yields one prepared line for each generation.

    Args:
        chat_format: encodes the lines.
        chunks: number of chunks in which a line is yielded.
    """

    context_length = 100_000_000

    def __init__(self, chat_format: ChatFormat, chunks: int) -> None:
        self.calls = 0
        self._format = chat_format
        self._chunks = chunks
        self._lines: list[list[Chunk]] = []

    def reset(self, steps: int) -> None:
        """Prepare `steps` lines, each with a different tool call, and a final answer."""
        words = " ".join(f"word{index}" for index in range(8))
        self.calls, self._lines = 0, []
        for number in range(steps):
            arguments = {"a": number, "b": 1, "note": "one after the other, and so on"}
            call = json.dumps({"name": "add", "arguments": arguments})
            self._lines.append(self._line(f"{words}\n<tool_call>\n{call}\n</tool_call>"))
        self._lines.append(self._line(" ".join(f"word{index}" for index in range(self._chunks))))

    def _line(self, text: str) -> list[Chunk]:
        ids = self._format.encode(text)
        (stop,) = self._format.encode("<|im_end|>")
        ends = [len(ids) * (number + 1) // self._chunks for number in range(self._chunks)]
        *most, last = [Chunk(tuple(ids[a:b]), cached_tokens=0) for a, b in pairwise([0, *ends])]
        return [*most, Chunk((*last.ids, stop), finish="stop")]

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[Chunk, None]:
        """See `Engine.generate`."""
        self.calls += 1
        for chunk in self._lines[self.calls - 1]:
            yield chunk
