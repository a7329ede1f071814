"""A conversation that is longer than the context: does it go on, and does a prompt ever exceed it?

    python benchmarks/long_conversation.py [--turns 200] [--context 4096]

The bundled model on the CPU, with a tool; its tokens are the real ones. Prints a row for every
tenth of the turns, and at the end the longest prompt together with the room that was asked for.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import Counter
from typing import Any

import anyio

from qwen3_agent import Agent, LimitExceededError, Limits, events, tool
from qwen3_agent.engines.request import GenerationRequest
from qwen3_agent.errors import NoAnswerError
from qwen3_agent.models.choose import DEMO_FOLDER
from qwen3_agent.models.local import LocalModel

MOST = 300
"""Tokens that a turn may sample: far from what it was trained on, the small model rambles on."""

CITIES = ("Paris", "Berlin", "Madrid", "Rome", "Vienna", "Oslo", "Lisbon", "Athens")


@tool(read_only=True)
def get_weather(city: str) -> str:
    """The weather in a city.

    Args:
        city: name of the city.
    """
    return f"sunny, {weather[city]} degrees" if city in weather else "there is no such city"


weather = dict.fromkeys(CITIES, 20)


async def main(turns: int, context: int) -> None:
    model = LocalModel.load(DEMO_FOLDER)
    engine: Any = model.engine
    engine.context_length = context
    generate = engine.generate
    longest = 0

    def watched(request: GenerationRequest) -> Any:
        nonlocal longest
        longest = max(longest, len(request.prompt_ids) + request.max_tokens)
        return generate(request)

    engine.generate = watched
    random.seed(1)
    happened: Counter[str] = Counter()
    print("turn  context used  answered  no answer  shortened            seconds a turn")
    started = time.monotonic()
    agent = Agent(model, tools=[get_weather], thinking="off", limits=Limits(tokens=MOST))
    async with agent.conversation() as conversation:
        for number in range(1, turns + 1):
            city = random.choice(CITIES)
            weather[city] = random.randint(11, 39)
            try:
                async for event in conversation.stream(f"What is the weather in {city}?"):
                    if isinstance(event, events.ContextCompacted):
                        happened[event.what] += 1
                    elif isinstance(event, events.RunFinished):
                        happened["answered"] += 1
            except (LimitExceededError, NoAnswerError):
                happened["no answer"] += 1
            if number % max(1, turns // 10) == 0:
                shortened = " ".join(
                    f"{happened[what]} {what}"
                    for what in ("old_results", "earlier_turns", "earlier_steps", "new_results")
                    if happened[what]
                )
                print(
                    f"{number:4}  {context - conversation.context_left:12}"
                    f"  {happened['answered']:8}  {happened['no answer']:9}"
                    f"  {shortened or '-':20} {(time.monotonic() - started) / number:.2f}",
                    flush=True,
                )
    await model.aclose()
    print(f"\nlongest prompt and room for its answer: {longest} of {context} tokens")
    if longest > context:
        raise SystemExit("A prompt exceeded the context.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=200)
    parser.add_argument("--context", type=int, default=4096)
    arguments = parser.parse_args()
    anyio.run(main, arguments.turns, arguments.context)
