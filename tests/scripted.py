"""An engine that says what a test wrote, in raw Qwen3 text, through the real tokenizer.

For the rare paths that a real model cannot be made to take on demand.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import anyio
import anyio.lowlevel
import tokenizers

from qwen3_agent import Agent, RunResult, tool
from qwen3_agent.engines.request import Chunk, Engine, GenerationRequest
from qwen3_agent.events import Event, RunFinished
from qwen3_agent.formats.chat_format import ChatFormat
from qwen3_agent.grammar.constraint import Constraint
from qwen3_agent.models.choose import DEMO_FOLDER
from qwen3_agent.models.local import LocalModel
from qwen3_agent.result import OutputT
from qwen3_agent.sampling import Sampling


class ScriptedAgent(Agent[OutputT]):
    """An agent whose model writes `script`, line by line."""

    def __init__(
        self,
        *script: str,
        context_length: int = 4096,
        chunk_size: int = 1,
        output_type: type[OutputT] | None = None,
        **options: Any,
    ) -> None:
        self.scripted = scripted_model(
            *script, context_length=context_length, chunk_size=chunk_size
        )
        super().__init__(self.scripted, output_type=output_type, **options)

    @property
    def engine(self) -> ScriptedEngine:
        return self.scripted.engine

    @property
    def prompts_text(self) -> list[str]:
        """The prompts of all generations, as text."""
        return self.scripted.prompts_text

    def text_of(self, ids: Sequence[int]) -> str:
        return self.scripted.chat_format.decode(ids)


class ScriptedModel(LocalModel):
    """The bundled model's chat format over a scripted engine."""

    engine: ScriptedEngine

    @property
    def prompts_text(self) -> list[str]:
        """The prompts of all generations, as text."""
        return [self.chat_format.decode(prompt) for prompt in self.engine.prompts]


@dataclass
class ScriptedEngine(Engine):
    """Says one line of `script` for each generation that it is asked for.

    A line is encoded with control tokens. It ends with the stop token, unless it ends with "...":
    then its last token comes again and again until there is no room. A message that the runtime
    stops and takes up again, as it does to close a thought, takes two lines.

    With `stalls_after`, each generation stops answering after that number of chunks.
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
    stalls_after: int | None = None
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
        for number, start in enumerate(range(0, len(ids), self.chunk_size)):
            if number == self.stalls_after:
                await anyio.sleep_forever()
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


def scripted_model(*script: str, context_length: int = 4096, chunk_size: int = 1) -> ScriptedModel:
    """The bundled model's chat format and tokenizer over an engine that says `script`."""
    _, chat_format = bundled()
    engine = ScriptedEngine(
        script, encode, STOP, context_length=context_length, chunk_size=chunk_size
    )
    return ScriptedModel(engine, chat_format, name="scripted")


@tool
async def double(number: int) -> int:
    """Twice a number."""
    return 2 * number


def doubles(*numbers: int) -> list[str]:
    """One step for each number, with a call of `double`."""
    return [call("double", number=number) for number in numbers]


async def events_of(agent: Agent[Any], task: str = "Go") -> list[Event]:
    """All events of a run."""
    async with agent.stream(task) as stream:
        return [event async for event in stream]


def result_of(happened: Sequence[Event]) -> RunResult[Any]:
    """The result with which the events of a run end."""
    last = happened[-1]
    assert isinstance(last, RunFinished)
    return last.result


@cache
def bundled() -> tuple[tokenizers.Tokenizer, ChatFormat]:
    """The bundled model's tokenizer, which encodes control tokens too, and its chat format."""
    tokenizer = tokenizers.Tokenizer.from_file(str(DEMO_FOLDER / "tokenizer.json"))
    return tokenizer, ChatFormat.from_folder(DEMO_FOLDER)


def encode(text: str) -> list[int]:
    """Encode text in which control tokens may stand."""
    tokenizer, _ = bundled()
    ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
    return ids


(STOP,) = encode("<|im_end|>")
