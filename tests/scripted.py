"""An engine that says what a test wrote, in raw Qwen3 text, through the real tokenizer.

For the rare paths that a real model cannot be made to take on demand.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field

import anyio.lowlevel
from qwen3_agent.engines import Chunk, Sampling


@dataclass
class ScriptedEngine:
    """Says one line of `script` for each message that it is asked for.

    A line is encoded with control tokens, and ends with the stop token unless it ends with "...",
    which stands for a model that goes on until it has no room. When a generation is taken up
    again in the middle of a message, the line goes on with what follows `resume_at` in it.
    """

    script: Sequence[str]
    encode: Callable[[str], list[int]]
    stop_id: int
    context_length: int = 4096
    chunk_size: int = 1
    prompts: list[list[int]] = field(default_factory=list)
    samplings: list[Sampling] = field(default_factory=list)
    closed: bool = False

    async def generate(
        self,
        prompt: Sequence[int],
        *,
        sampling: Sampling,
        max_tokens: int,
        stop_ids: frozenset[int],
        logprobs: bool = False,
    ) -> AsyncGenerator[Chunk, None]:
        assert self.stop_id in stop_ids
        line = self.script[len(self.prompts)]
        self.prompts.append(list(prompt))
        self.samplings.append(sampling)
        ids = self.encode(line.removesuffix("..."))
        if not line.endswith("..."):
            ids.append(self.stop_id)
        ends = len(ids) <= max_tokens and ids[-1] == self.stop_id
        ids = ids[:max_tokens]
        for start in range(0, len(ids), self.chunk_size):
            await anyio.lowlevel.checkpoint()
            part = tuple(ids[start : start + self.chunk_size])
            last = start + self.chunk_size >= len(ids)
            yield Chunk(
                part,
                finish=("stop" if ends else "length") if last else None,
                cached_tokens=0 if start == 0 else None,
                logprobs=(-0.5,) * len(part) if logprobs else None,
            )

    async def aclose(self) -> None:
        self.closed = True
