"""An engine that says what a test wrote, in raw Qwen3 text, through the real tokenizer.

For the rare paths that a real model cannot be made to take on demand.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from functools import cache

import anyio.lowlevel
import tokenizers

from qwen3_agent.engines.request import Chunk, Engine, GenerationRequest
from qwen3_agent.formats.chat_format import ChatFormat
from qwen3_agent.grammar.constraint import Constraint
from qwen3_agent.models.choose import DEMO_FOLDER
from qwen3_agent.models.local import LocalModel
from qwen3_agent.sampling import Sampling


@dataclass
class ScriptedEngine(Engine):
    """Says one line of `script` for each generation that it is asked for.

    A line is encoded with control tokens. It ends with the stop token, unless it ends with "...":
    then its last token comes again and again until there is no room. A message that the runtime
    stops and takes up again, as it does to close a thought, takes two lines.
    """

    script: Sequence[str]
    encode: Callable[[str], list[int]]
    stop_id: int
    context_length: int = 4096
    chunk_size: int = 1
    prompts: list[list[int]] = field(default_factory=list)
    samplings: list[Sampling] = field(default_factory=list)
    constraints: list[Constraint | None] = field(default_factory=list)
    constrains: bool = False
    closed: bool = False

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[Chunk, None]:
        max_tokens, stop_ids = request.max_tokens, request.stop_ids
        assert self.stop_id in stop_ids
        line = self.script[len(self.prompts)]
        self.prompts.append(list(request.prompt_ids))
        self.samplings.append(request.sampling)
        self.constraints.append(request.constraint)
        ids = self.encode(line.removesuffix("..."))
        ids += ids[-1:] * max_tokens if line.endswith("...") else [self.stop_id]
        stop = next((place for place, token_id in enumerate(ids) if token_id in stop_ids), len(ids))
        ids = ids[: min(stop + 1, max_tokens)]
        ends = ids[-1] in stop_ids
        for start in range(0, len(ids), self.chunk_size):
            await anyio.lowlevel.checkpoint()
            part = tuple(ids[start : start + self.chunk_size])
            last = start + self.chunk_size >= len(ids)
            yield Chunk(
                part,
                finish=("stop" if ends else "length") if last else None,
                cached_tokens=0 if start == 0 else None,
                logprobs=(-0.5,) * len(part) if request.logprobs else None,
            )

    async def aclose(self) -> None:
        self.closed = True


def call(name: str, **arguments: object) -> str:
    """A tool call as Qwen3 writes it."""
    body = json.dumps({"name": name, "arguments": arguments}, ensure_ascii=False)
    return f"<tool_call>\n{body}\n</tool_call>"


def scripted_model(*script: str, context_length: int = 4096, chunk_size: int = 1) -> LocalModel:
    """The bundled model's chat format and tokenizer over an engine that says `script`."""
    tokenizer, chat_format = bundled()
    engine = ScriptedEngine(
        script,
        encode=lambda text: tokenizer.encode(text, add_special_tokens=False).ids,
        stop_id=tokenizer.token_to_id("<|im_end|>"),
        context_length=context_length,
        chunk_size=chunk_size,
    )
    return LocalModel(engine, chat_format, name="scripted")


@cache
def bundled() -> tuple[tokenizers.Tokenizer, ChatFormat]:
    """The bundled model's tokenizer, which encodes control tokens too, and its chat format."""
    tokenizer = tokenizers.Tokenizer.from_file(str(DEMO_FOLDER / "tokenizer.json"))
    return tokenizer, ChatFormat.from_folder(DEMO_FOLDER)
