"""Runs under mixed thinking policies: are budgets kept, is anything but thoughts touched?

    python benchmarks/thinking.py [--runs 300] [--model FOLDER|ID] [--seed 0]

Each run is a task with a known answer, through the real loop, engine and code interpreter. The
table tells, for each policy, how many runs ended with the right answer and what they spent. Below
it stands what must be 0. Exits with 1 when it is not.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import anyio
from rich.console import Console
from rich.table import Table

from qwen3_agent import Agent, CodeInterpreter, Qwen3AgentError, RunResult, Thinking
from qwen3_agent.formats.chat_format import ChatFormat
from qwen3_agent.messages import MalformedCall
from qwen3_agent.models.choose import resolve
from qwen3_agent.models.local import LocalModel
from qwen3_agent.models.session import Model

POLICIES: dict[str, Thinking] = {
    "off": Thinking("off"),
    "on": Thinking(),
    "budget 4": Thinking(4),
    "budget 8": Thinking(8),
    "budget 16": Thinking(16),
    "first 16, after tool 4": Thinking(first=16, after_tool=4),
    "adaptive 12": Thinking.adaptive(12),
    "total 16": Thinking(total=16),
    "first 8, total 10": Thinking(first=8, total=10),
}

FAULTS = (
    "budgets not kept",
    "totals not kept",
    "thoughts closed outside a thought",
    "calls damaged",
)


@dataclass(slots=True)
class Score:
    """What the runs under one policy came to."""

    runs: int = 0
    right: int = 0
    failed: int = 0
    steps: int = 0
    forced: int = 0
    thinking_tokens: int = 0
    sampled_tokens: int = 0
    faults: Counter[str] = field(default_factory=Counter)


def tasks(seed: int) -> Iterator[tuple[str, str]]:
    """Questions that need the code interpreter, and the number that the answer must hold."""
    draw = random.Random(seed)
    while True:
        a, b = draw.randint(100, 99_999), draw.randint(100, 9_999)
        sign, value = draw.choice([("*", a * b), ("+", a + b), ("-", a - b)])
        yield f"What is {a} {sign} {b}?", str(value)


def faults(result: RunResult, thinking: Thinking, chat_format: ChatFormat) -> Iterator[str]:
    """Everything in a run that a budget must never do."""
    for step in result.steps:
        if step.budget is not None and step.usage.thinking_tokens > step.budget:
            yield "budgets not kept"
    if thinking.total is not None and result.usage.thinking_tokens > thinking.total:
        yield "totals not kept"
    closing = tuple(chat_format.close_thought())
    message, closed = "", False
    for segment in result.transcript.segments:
        if segment.kind == "generation_prompt":
            message, closed = "", False
        if segment.kind == "forced" and segment.ids == closing:
            _, opened, thought = message.rpartition("<think>")
            if not opened or "</think>" in thought:
                yield "thoughts closed outside a thought"
            closed = True
        if closed and any(isinstance(part, MalformedCall) for part in segment.parts):
            yield "calls damaged"
        message += chat_format.decode(segment.ids)


async def measure(model: Model, chat_format: ChatFormat, runs: int, seed: int) -> dict[str, Score]:
    """Spread `runs` over the policies."""
    scores = {name: Score() for name in POLICIES}
    questions = tasks(seed)
    async with CodeInterpreter() as interpreter:
        for index in range(runs):
            name = list(POLICIES)[index % len(POLICIES)]
            score, (question, expected) = scores[name], next(questions)
            agent = Agent(model, tools=[interpreter], thinking=POLICIES[name])
            score.runs += 1
            try:
                result = await agent.run(question)
            except Qwen3AgentError as error:
                score.failed += 1
                partial = getattr(error, "result", None)
                if partial is None:
                    continue
                result = partial
            score.right += expected in result.output.replace(",", "")
            score.steps += len(result.steps)
            score.forced += sum(step.closed_by_force for step in result.steps)
            score.thinking_tokens += result.usage.thinking_tokens
            score.sampled_tokens += result.usage.output_tokens
            score.faults.update(faults(result, POLICIES[name], chat_format))
    return scores


def show(scores: dict[str, Score], seconds: float) -> int:
    """Print the table; how many faults there were."""
    table = Table("policy", "runs", "right", "failed", "steps", "closed", "thought", "sampled")
    for name, score in scores.items():
        runs = max(1, score.runs)
        table.add_row(
            name,
            str(score.runs),
            f"{score.right / runs:.0%}",
            str(score.failed),
            str(score.steps),
            str(score.forced),
            f"{score.thinking_tokens / runs:.1f}",
            f"{score.sampled_tokens / runs:.1f}",
        )
    console = Console()
    console.print(table)
    console.print("closed: thoughts ended by the runtime. thought, sampled: tokens a run.")
    found = sum((score.faults for score in scores.values()), Counter[str]())
    for fault in FAULTS:
        console.print(f"{fault}: {found[fault]}")
    console.print(f"{sum(score.runs for score in scores.values())} runs in {seconds:.0f} s")
    return found.total()


async def main() -> int:
    """Load the model, run, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--model", default="qwen3-tiny")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    checkpoint = resolve(options.model)
    model = LocalModel.load(checkpoint.folder(), name=checkpoint.name)
    started = time.monotonic()
    scores = await measure(model, model.chat_format, options.runs, options.seed)
    return 1 if show(scores, time.monotonic() - started) else 0


if __name__ == "__main__":
    sys.exit(anyio.run(main))
