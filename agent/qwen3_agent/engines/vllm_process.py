"""One vLLM engine: its thread, its child process, its requests, and its shutdown.

`AsyncLLM` is bound to the event loop on which it was created, so it gets a thread with its own
loop. Outputs are handed over to the event loop of each caller, asyncio or trio.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from functools import partial
from importlib.util import find_spec
from inspect import signature
from multiprocessing import active_children
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import mkstemp
from typing import TYPE_CHECKING, Any

import anyio
from anyio.lowlevel import checkpoint, current_token

from ..errors import EngineError
from .detached import detached_children, environment, shared_memory_of
from .request import GenerationRequest
from .vllm_failures import why_it_did_not_start, why_it_died

if TYPE_CHECKING:
    from vllm import SamplingParams
    from vllm.config import ModelConfig
    from vllm.lora.request import LoRARequest
    from vllm.outputs import RequestOutput
    from vllm.v1.engine.async_llm import AsyncLLM

SHUTDOWN = 2.0
"""Seconds in which the engine's processes may exit. Those of the CPU build do not."""

_running: dict[str, VllmProcess] = {}
"""Processes by checkpoint and options. Global, because a GPU has memory for one of them."""
_lock = threading.Lock()
_one_start_at_a_time = threading.Lock()


def share(arguments: dict[str, Any]) -> VllmProcess:
    """Return the running process for these arguments, or start one.

    The caller must call `leave` when it no longer needs the process.

    Raises:
        EngineError: the process cannot be started.
    """
    key = repr(sorted(arguments.items(), key=lambda item: item[0]))
    with _lock:
        process = _running.get(key)
        if process is None or process.failure:
            process = _running[key] = VllmProcess(arguments)
        process.users += 1
    try:
        process.started.result()
    except BaseException as error:
        process.leave()
        if isinstance(error, EngineError):
            raise EngineError(str(error)) from error.__cause__
        raise
    return process


@contextmanager
def settings_for_vllm() -> Iterator[None]:
    """Set the environment in which vLLM is imported and started, one at a time."""
    # vLLM's records go to the handlers of the application only; failures become EngineErrors
    logging.getLogger("vllm").addHandler(logging.NullHandler())
    # vLLM imports flashinfer when it creates its sampler, and fails if it is missing
    sampler = {} if find_spec("flashinfer") else {"VLLM_USE_FLASHINFER_SAMPLER": "0"}
    with (
        _one_start_at_a_time,
        environment(
            VLLM_CONFIGURE_LOGGING="0",  # otherwise it logs to standard output
            VLLM_NO_USAGE_STATS="1",
            VLLM_WORKER_MULTIPROC_METHOD="spawn",  # forking a process with threads can hang
            VLLM_WORKER_SHUTDOWN_TIMEOUT_SECONDS="1",
            **sampler,
        ),
    ):
        yield


class VllmProcess:
    """A vLLM engine that starts on construction; `started` is done once it runs.

    Args:
        arguments: for vLLM's `AsyncEngineArgs`.
    """

    def __init__(self, arguments: dict[str, Any]) -> None:
        self.users = 0
        self.context_length = 0
        self.grammar_stop: int | None = None
        """The only token that ends constrained text, in versions of vLLM where it is fixed."""
        self.failure = ""
        """Why it accepts no more requests; empty while it runs."""
        self.started: Future[None] = Future()
        self._arguments = arguments
        self._llm: AsyncLLM
        self._children: list[BaseProcess] = []
        self._requests: dict[Outputs, asyncio.Task[None]] = {}
        self._loras: dict[Path, int] = {}
        self._shared_memory: set[Path] = set()
        self._numbers = itertools.count()
        handle, name = mkstemp(prefix="qwen3-agent-vllm-", suffix=".log")
        os.close(handle)
        self._log = Path(name)
        self._loop = asyncio.new_event_loop()
        self._wakeups = Wakeups(self._loop)
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="vllm", daemon=True)
        self._thread.start()

    def leave(self) -> None:
        """Release the process; the last user stops it, without waiting for its end."""
        with _lock:
            self.users -= 1
            if self.users:
                return
            for key in [key for key, process in _running.items() if process is self]:
                del _running[key]
        self._call(self._stop.set)

    def join(self) -> None:
        """Wait until the process has ended, if it has no users left."""
        if not self.users:
            self._thread.join()

    def unfinished(self) -> int:
        """Return the number of requests that have not finished, including waiting ones."""
        count: int = self._llm.output_processor.get_num_unfinished_requests()
        return count

    @contextmanager
    def request(
        self, request: GenerationRequest, params: SamplingParams, lora: LoRARequest | None
    ) -> Iterator[Outputs]:
        """Start a request and return its outputs; leaving the block aborts it."""
        if self.failure:
            raise EngineError(self.failure)
        outputs = Outputs(self._wakeups)
        self._call(self._begin, outputs, partial(self._generate, outputs, request, params, lora))
        try:
            yield outputs
        finally:
            self._call(self._end, outputs)

    def lora_id(self, folder: Path) -> int:
        """Return vLLM's number for a LoRA adapter."""
        return self._loras.setdefault(folder, len(self._loras) + 1)

    # In the engine's thread ----------------------------------------------------------------------

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._main())
        finally:
            self._loop.close()

    async def _main(self) -> None:
        try:
            self._start()
        except BaseException as error:
            self.failure = why_it_did_not_start(error, self._log, self._arguments)
            self._sweep()
            failed = EngineError(self.failure)
            failed.__cause__ = error
            self.started.set_exception(failed)
            return
        self.started.set_result(None)
        await self._stop.wait()
        self._fail_requests(self.failure or "The engine was closed.")
        for task in self._requests.values():
            task.cancel()
        await asyncio.gather(*self._requests.values(), return_exceptions=True)
        for child in self._children:
            self._loop.remove_reader(child.sentinel)
        self._llm.shutdown(timeout=SHUTDOWN)
        del self._llm  # its __del__ fails when the interpreter ends
        self._sweep()
        if not self.failure:
            self._log.unlink(missing_ok=True)

    def _start(self) -> None:
        with settings_for_vllm():
            from vllm import AsyncEngineArgs
            from vllm.usage.usage_lib import UsageContext
            from vllm.v1.engine.async_llm import AsyncLLM

            before = set(active_children())
            with detached_children(self._log):
                try:
                    self._llm = AsyncLLM.from_engine_args(
                        AsyncEngineArgs(**self._arguments),
                        # The defaults of `vllm serve`: up to 1,024 requests at once, depending on
                        # the GPU. Without a usage context, the default is 128
                        usage_context=UsageContext.OPENAI_API_SERVER,
                    )
                finally:
                    self._children = [child for child in active_children() if child not in before]
        config = self._llm.vllm_config.model_config
        self.context_length = config.max_model_len
        self.grammar_stop = _grammar_stop(config)
        for child in self._children:
            self._loop.add_reader(child.sentinel, self._died)
            self._shared_memory |= shared_memory_of(child)

    def _begin(self, outputs: Outputs, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._requests[outputs] = self._loop.create_task(work())

    def _end(self, outputs: Outputs) -> None:
        self._requests.pop(outputs).cancel()

    async def _generate(
        self,
        outputs: Outputs,
        request: GenerationRequest,
        params: SamplingParams,
        lora: LoRARequest | None,
    ) -> None:
        from vllm.inputs import tokens_input
        from vllm.v1.engine.exceptions import EngineDeadError

        try:
            generation = self._llm.generate(
                tokens_input(list(request.prompt_ids)),
                params,
                str(next(self._numbers)),
                priority=request.priority,
                lora_request=lora,
            )
            async for output in generation:
                outputs.put(output)
        except EngineDeadError:
            self._died()
        except Exception as error:
            outputs.put(EngineError(f"vLLM failed: {error.__cause__ or error}"))

    def _died(self) -> None:
        """Fail all requests after a child process has died."""
        for child in self._children:
            self._loop.remove_reader(child.sentinel)
            child.join(1)
        if not self.failure:
            codes = [child.exitcode for child in self._children]
            self.failure = why_it_died(next((c for c in codes if c is not None), None), self._log)
        self._sweep()
        self._fail_requests(self.failure)

    def _fail_requests(self, why: str) -> None:
        for outputs in self._requests:
            outputs.put(EngineError(why))

    def _sweep(self) -> None:
        """Kill the process group of each child, and remove its shared memory."""
        for child in self._children:
            if child.pid is not None:
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(child.pid, signal.SIGKILL)
        for file in self._shared_memory:
            file.unlink(missing_ok=True)

    def _call(self, function: Callable[..., object], *arguments: Any) -> None:
        """Schedule a call in the engine's thread; does nothing if the thread has ended."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(function, *arguments)


def _grammar_stop(config: ModelConfig) -> int | None:
    """Return the only token that ends constrained text; None if it is up to the request.

    vLLM 0.26 does not pass the stop tokens of a request to xgrammar.
    """
    from vllm.tokenizers import cached_tokenizer_from_config
    from vllm.v1.structured_output.backend_xgrammar import XgrammarBackend

    if "stop_token_ids" in signature(XgrammarBackend.compile_grammar).parameters:
        return None
    stop: int | None = cached_tokenizer_from_config(config).eos_token_id
    return stop


class Wakeups:
    """Wakes the tasks that wait for outputs, those of one event loop with a single call.

    A call into another thread's event loop costs as much as the rest of a token's way, and an
    engine step has a token for each request. Used in the engine's thread only.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._due: dict[Callable[..., object], list[Outputs]] = {}

    def add(self, outputs: Outputs) -> None:
        """Wake the task that waits for `outputs`, together with others of this step."""
        if not self._due:
            # The requests of one step are all ready to run, so they come before this call
            self._loop.call_soon(self._wake)
        self._due.setdefault(outputs.run_soon, []).append(outputs)

    def _wake(self) -> None:
        due, self._due = self._due, {}
        for run_soon, waiting in due.items():
            with suppress(RuntimeError):  # the caller's event loop has ended
                run_soon(_wake_all, waiting)


def _wake_all(waiting: list[Outputs]) -> None:
    for outputs in waiting:
        outputs.wake()


class Outputs:
    """The outputs of one request, passed from the engine's event loop to the caller's.

    Args:
        wakeups: wake the caller's event loop.
    """

    def __init__(self, wakeups: Wakeups) -> None:
        loop: Any = current_token().native_token
        self.run_soon: Callable[..., object] = (
            loop.call_soon_threadsafe
            if hasattr(loop, "call_soon_threadsafe")
            else loop.run_sync_soon
        )
        self._wakeups = wakeups
        self._ready: deque[RequestOutput | EngineError] = deque()
        self._came = anyio.Event()
        self._waiting = False

    def put(self, item: RequestOutput | EngineError) -> None:
        """Add an item; called in the engine's thread."""
        self._ready.append(item)
        if self._waiting:
            self._waiting = False
            self._wakeups.add(self)

    def wake(self) -> None:
        """Let the waiting task continue; called in its event loop."""
        self._came.set()

    def __aiter__(self) -> Outputs:
        return self

    async def __anext__(self) -> list[RequestOutput]:
        """Return all outputs since the last call; raises EngineError if the engine failed."""
        if self._ready:
            await checkpoint()
        while not self._ready:
            self._came = anyio.Event()
            self._waiting = True
            if not self._ready:
                await self._came.wait()
        outputs: list[RequestOutput] = []
        while self._ready and not isinstance(self._ready[0], EngineError):
            outputs.append(self._ready.popleft())
        if not outputs:
            raise self._ready.popleft()
        return outputs
