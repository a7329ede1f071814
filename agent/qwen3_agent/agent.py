"""Agent: what an agent is, and its doors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from qwen3_tools.tool import Tool, ToolSource

from .engines import Sampling
from .events import Event
from .limits import Limits
from .models import Model
from .result import RunResult


class Agent:
    """A Qwen3 model with instructions and tools.

    Args:
        model: a folder with a checkpoint, a hub id such as "Qwen/Qwen3-8B", or a `Model`.
            None: Qwen3-4B where there is a CUDA GPU, the bundled demonstration model elsewhere.
        instructions: the system message.
        tools: functions (as by `@tool`), `Tool`s, and sources such as `CodeInterpreter()` and
            `mcp_servers("mcp_servers.json")`.
        thinking: "on", "off", "adaptive", a number of tokens a step, or any thinking policy.
            None: on where the model can think.
        limits: how much a turn may spend.
        sampling: None follows the thinking mode with what Qwen recommends for it.
        keep_thoughts: keep the thoughts of earlier turns in the prompt. They are dropped
            otherwise, as the model's chat template does.
        logprobs: keep the log-probability of each sampled token in the transcript.

    Raises:
        ToolDefinitionError: a tool has an unusable signature, or two have one name.
    """

    def __init__(
        self,
        model: str | Path | Model | None = None,
        *,
        instructions: str | None = None,
        tools: Sequence[Callable[..., Any] | Tool | ToolSource] = (),
        thinking: Any = None,
        limits: Limits | None = None,
        sampling: Sampling | None = None,
        keep_thoughts: bool = False,
        logprobs: bool = False,
    ) -> None:
        raise NotImplementedError

    async def run(self, task: str) -> RunResult:
        """Work on a task until there is an answer."""
        raise NotImplementedError

    def stream(self, task: str) -> "RunStream":
        """Work on a task and tell what happens as it happens.

        `async for event in agent.stream(task)`; with `async with agent.stream(task) as events`
        the run is over, or cancelled, when the block is left.
        """
        raise NotImplementedError

    def run_sync(self, task: str) -> RunResult:
        """`run` for code that is not async."""
        raise NotImplementedError

    def stream_sync(self, task: str) -> Iterator[Event]:
        """`stream` for code that is not async."""
        raise NotImplementedError

    def conversation(self) -> AbstractAsyncContextManager["Conversation"]:
        """Several turns with one memory: `async with agent.conversation() as conversation`.

        A `Conversation` has `run(text)` and `stream(text)`.
        """
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        """Keep the engine and the shared tools warm between runs."""
        raise NotImplementedError

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        """The same for `run_sync` and `stream_sync`."""
        raise NotImplementedError

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        raise NotImplementedError
