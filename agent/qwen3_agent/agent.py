"""The `Agent` class: configuration and entry points."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
)
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

from anyio.from_thread import BlockingPortal, start_blocking_portal
from pydantic import SecretStr

from qwen3_tools.source import ToolSource
from qwen3_tools.threads import LoopThread
from qwen3_tools.tool import Tool

from .approvals import Approvals
from .batch import Outcome, work_on
from .conversation import Conversation, check_task
from .events import Emit, Event, RunFinished
from .grammar.tool_grammar import ToolChoice
from .hooks import Hooks
from .journal import Runs
from .journal.folder import LATEST
from .journal.resume import recorded_result
from .limits import Limits
from .messages import Message
from .messages.reading import read_messages
from .models.choose import EngineName, Hub
from .models.session import Model
from .option import describe_arguments, options_of
from .result import RunResult
from .runtime import AgentResources, open_conversation, open_resources
from .sampling import Sampling
from .spec import AgentSpec, as_runs, as_tools
from .streaming import RunStream, Stream, iterate
from .subagent import SubAgent
from .thinking import Mode, Policy

T = TypeVar("T")


@describe_arguments(AgentSpec)
class Agent:
    """A Qwen3 model with instructions and tools.

    The arguments are the fields of `AgentSpec`, which describes them.

    Raises:
        ToolDefinitionError: a tool has an unusable signature, or two tools have the same name.
        TypeError: an argument has the wrong type.
        ValueError: `thinking` is not a valid policy, `base_url` is not a valid URL, or an engine
            option is out of range.
    """

    def __init__(
        self,
        model: str | Path | Model | None = None,
        *,
        base_url: str | None = None,
        api_key: str | SecretStr | None = None,
        engine: EngineName = "auto",
        engine_options: Mapping[str, Any] | None = None,
        hub: Hub = "huggingface",
        instructions: str | None = None,
        tools: Sequence[Callable[..., Any] | Tool | ToolSource] = (),
        thinking: Mode | Literal["adaptive"] | Policy | None = None,
        limits: Limits | None = None,
        approvals: Approvals | None = None,
        hooks: Hooks | None = None,
        sampling: Sampling | None = None,
        keep_thoughts: bool = False,
        logprobs: bool = False,
        constrain: bool = True,
        tool_choice: ToolChoice = "auto",
        output_type: Any = None,
        journal: bool | str | Path | Runs | None = None,
    ) -> None:
        self.spec = AgentSpec(
            model=model,
            base_url=base_url,
            api_key=SecretStr(api_key) if isinstance(api_key, str) else api_key,
            engine=engine,
            engine_options={} if engine_options is None else engine_options,
            hub=hub,
            instructions=instructions,
            tools=as_tools(tools),
            thinking=thinking,
            limits=Limits() if limits is None else limits,
            approvals=Approvals() if approvals is None else approvals,
            hooks=Hooks() if hooks is None else hooks,
            sampling=sampling,
            keep_thoughts=keep_thoughts,
            logprobs=logprobs,
            constrain=constrain,
            tool_choice=tool_choice,
            output_type=output_type,
            journal=as_runs(journal),
        )
        self._resources: AgentResources | None = None
        self._stack: AsyncExitStack | None = None
        self._loop_thread: LoopThread | None = None

    def with_options(self, **changes: Any) -> Agent:
        """Return the same agent with some options changed, by their names here."""
        own = {name: getattr(self.spec, name) for name in options_of(AgentSpec)}
        return Agent(**{**own, **changes})

    @property
    def model(self) -> str | Path | Model | None:
        """The model as it was given; see `AgentSpec.model`."""
        return self.spec.model

    @property
    def tools(self) -> tuple[Tool | ToolSource, ...]:
        """The tools and tool sources."""
        return self.spec.tools

    def __repr__(self) -> str:
        tools = ", ".join(each.name for each in self.tools)
        return f"<Agent {self.model or 'with the default model'}, tools: {tools or 'none'}>"

    async def run(self, task: str) -> RunResult:
        """Work on a task until there is an answer.

        Raises:
            LimitExceededError: a limit came first; holds the partial result.
            NoAnswerError: the model ended its turn without an answer.
            PromptTooLongError: the conversation does not fit into the model's context.
            ModelNotFoundError, ChatFormatError, ThinkingUnavailableError, EngineError: see there.
            ValueError: the task is empty.
            TypeError: the task is not a string.
        """
        check_task(task)
        async with self._open_conversation(task=task) as conversation:
            return await conversation.run(task)

    def _open_conversation(
        self,
        *,
        task: str | None = None,
        history: Sequence[Message] = (),
        resume: str | None = None,
    ) -> AbstractAsyncContextManager[Conversation]:
        return open_conversation(
            self.spec, self._resources, task=task, history=history, resume=resume
        )

    def stream(self, task: str) -> RunStream:
        """Work on a task and tell what happens as it happens.

        `async for event in agent.stream(task)`. With `async with agent.stream(task) as stream`
        the run is over, or cancelled and cleaned up, when the block is left. Raises what `run`
        raises, while iterating.
        """
        check_task(task)

        async def work(emit: Emit) -> None:
            async with self._open_conversation(task=task) as conversation:
                await conversation._turn(task, emit)

        return RunStream(work)

    async def resume(self, run: str = LATEST) -> RunResult:
        """Go on with a recorded run that broke off, and work on it until there is an answer.

        What was done stays as it was, to the token: the model goes on after its last finished
        message, and no tool that has answered is called again. A call that was under way is made
        again if its tool only reads; of another one the model is told that its outcome is unknown.
        A run that has its answer gives it again. The agent must have the run's model, and should
        have its tools.

        Args:
            run: its id, the beginning of it, or "latest".

        Raises:
            JournalError: there is no such run, it is damaged, of another model, or at work in
                another process.
            LimitExceededError: and all else that `run` raises. Limits hold for the run as a whole.
        """
        recorded = self._runs().read(run)
        if recorded.status == "answered":
            return recorded_result(recorded)
        async with self.conversation(resume=recorded.id) as conversation:
            return await conversation.resume()

    def stream_resume(self, run: str = LATEST) -> RunStream:
        """`resume`, and tell what happens from there on as it happens."""

        async def work(emit: Emit) -> None:
            recorded = self._runs().read(run)
            if recorded.status == "answered":
                emit(RunFinished(recorded_result(recorded)))
                return
            async with self.conversation(resume=recorded.id) as conversation:
                await conversation._resume(emit)

        return RunStream(work)

    def resume_sync(self, run: str = LATEST) -> RunResult:
        """`resume` for code that is not async."""
        with self._sync_portal() as portal:
            return portal.call(self.resume, run)

    def run_sync(self, task: str) -> RunResult:
        """`run` for code that is not async."""
        check_task(task)
        with self._sync_portal() as portal:
            return portal.call(self.run, task)

    def stream_sync(self, task: str) -> Iterator[Event]:
        """`stream` for code that is not async. Closing the iterator ends the run."""
        check_task(task)
        return self.iterate(self.stream(task))

    def map(self, tasks: Iterable[str], *, concurrency: int = 8) -> Stream[Outcome]:
        """Work on many tasks over one engine, and tell how each ended as soon as it has.

        `async for outcome in agent.map(tasks)`. Each task is a run of its own, and one that fails
        does not disturb the others. Tasks are taken from `tasks` when there is room for them.

        Args:
            tasks: what to do.
            concurrency: tasks that are worked on at the same time.

        Raises:
            TypeError: `tasks` is one string.
            ValueError: `concurrency` is less than 1.
            ModelNotFoundError, EngineError: while iterating, when the model cannot be loaded.
        """
        if isinstance(tasks, str):
            raise TypeError("tasks must be several, such as a list of strings, not one string.")
        if not (isinstance(concurrency, int) and concurrency >= 1):
            raise ValueError(f"concurrency must be 1 or more, not {concurrency!r}.")

        async def work(report: Callable[[Outcome], None]) -> None:
            async with AsyncExitStack() as stack:
                resources = self._resources or await stack.enter_async_context(
                    open_resources(self.spec, keep_ready=True)
                )

                async def run(task: str) -> RunResult:
                    check_task(task)
                    async with open_conversation(self.spec, resources, task=task) as conversation:
                        return await conversation.run(task)

                await work_on(tasks, run, concurrency, report)

        return Stream(work)

    def map_sync(self, tasks: Iterable[str], *, concurrency: int = 8) -> Iterator[Outcome]:
        """`map` for code that is not async. Closing the iterator ends the runs."""
        return self.iterate(self.map(tasks, concurrency=concurrency))

    def iterate(self, stream: Stream[T]) -> Iterator[T]:
        """Return the items of a stream that has not begun, for code that is not async."""
        with self._sync_portal() as portal:
            yield from iterate(stream, portal)

    def as_tool(self, name: str, description: str) -> SubAgent:
        """The agent as a tool of another agent: `Agent(..., tools=[agent.as_tool(...)])`.

        Each call is a run of its own, within this agent's limits and within what its caller has
        left: its tokens count for the caller as well. The caller's stream tells its events as
        `SubagentEvent`s. An agent that names no model works with its caller's.

        Args:
            name: of the tool.
            description: what the agent is good for, in words that help a model to choose it.

        Raises:
            ToolDefinitionError: the name is none that a tool can have.
        """
        return SubAgent(self.spec, name, description)

    @asynccontextmanager
    async def conversation(
        self, *, history: Sequence[Mapping[str, Any]] = (), resume: str | None = None
    ) -> AsyncIterator[Conversation]:
        """Several turns with one memory: `async with agent.conversation() as conversation`.

        Args:
            history: what was said before, as messages of the chat completions protocol, without a
                system message, which are the agent's instructions.
            resume: the id of a recorded run whose memory it goes on with. If the run broke off
                in a turn, that is `conversation.unfinished`, and `conversation.resume()` ends it.

        Raises:
            JournalError: see `resume`.
            TypeError, ValueError: `history` is no list of messages, or one of them is none.
        """
        said = read_messages(history)
        async with self._open_conversation(history=said, resume=resume) as conversation:
            yield conversation

    def _runs(self) -> Runs:
        return self.spec.journal or Runs()

    async def serve_mcp(
        self,
        *,
        name: str = "agent",
        description: str | None = None,
        host: str = "127.0.0.1",
        port: int | None = None,
    ) -> None:
        """Offer the agent as an MCP server with one tool, until it is cancelled or disconnected.

        The tool takes a task and gives the answer; each call is a run of its own, and its steps
        are told as progress.

        Args:
            name: of the server and its tool.
            description: what the agent is good for, in words that help a model to choose it.
            host: where to listen. There is no sign-in: only this machine should reach it.
            port: serve streamable HTTP at `http://host:port/mcp`, which needs asyncio. None: speak
                over standard input and output.
        """
        from .integrations.mcp_server import DESCRIPTION, serve

        await serve(self, name=name, description=description or DESCRIPTION, host=host, port=port)

    @property
    def resources(self) -> AgentResources | None:
        """The model and the shared tools that stay open inside `async with agent`."""
        return self._resources

    async def __aenter__(self) -> Self:
        """Keep the model and the shared tools open between runs."""
        if self._resources is not None:
            raise RuntimeError("The agent is entered already.")
        async with AsyncExitStack() as stack:
            self._resources = await stack.enter_async_context(
                open_resources(self.spec, keep_ready=True)
            )
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._stack is not None, "entered before it is left"
        stack, self._stack, self._resources = self._stack, None, None
        await stack.__aexit__(kind, error, trace)

    def __enter__(self) -> Self:
        """The same for `run_sync` and `stream_sync`."""
        self._loop_thread = LoopThread(self, "The agent")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._loop_thread is not None, "entered before it is left"
        loop_thread, self._loop_thread = self._loop_thread, None
        loop_thread.close(kind, error, trace)

    @contextmanager
    def _sync_portal(self) -> Iterator[BlockingPortal]:
        """An event loop in a thread: the one of `with agent`, or one for this call."""
        if self._loop_thread is not None:
            yield self._loop_thread.portal
        elif self._resources is not None:
            raise RuntimeError("Inside `async with agent` use `await agent.run(...)`.")
        else:
            with start_blocking_portal() as portal:
                yield portal
