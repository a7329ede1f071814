"""The `Agent` class: configuration and entry points."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, overload

from pydantic import SecretStr
from typing_extensions import Unpack

from qwen3_tools.renamed import missing_attribute
from qwen3_tools.source import ToolSource
from qwen3_tools.tool import Tool

from .approvals import Approvals
from .batch import BatchResult, work_on
from .conversation import Conversation, TurnOptions, check_options, check_task
from .events import Emit, RunFinished
from .grammar.tool_grammar import ToolChoice
from .hooks import Hooks
from .journal import Runs
from .journal.resume import recorded_result
from .limits import Limits
from .messages.reading import read_messages
from .models.choose import EngineName, Hub
from .models.session import Model
from .option import describe_arguments, options_of
from .result import OutputT, RunResult
from .runtime import Lifetime, open_conversation
from .sampling import Sampling
from .spec import AgentSpec, as_runs, as_tools
from .streaming import RunStream, Stream, SyncRunStream
from .subagent import SubAgent
from .thinking import Mode, Policy

T = TypeVar("T")

_GONE = {
    "changed": "with_options",
    "stream_resume": "resume_stream",
    "serve_mcp": "qwen3_agent.serve_mcp(agent)",
}


class RunOptions(TurnOptions, total=False):
    """Options of a single run; see `Agent.run`."""

    history: Iterable[Mapping[str, Any]]


@describe_arguments(AgentSpec)
class Agent(Lifetime, Generic[OutputT]):
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
        output_type: type[OutputT] | None = None,
        journal: bool | str | Path | Runs | None = None,
    ) -> None:
        spec = AgentSpec(
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
        super().__init__(spec)

    def with_options(self, **changes: Any) -> Agent[Any]:
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

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            raise missing_attribute(self, name, _GONE)

    @overload
    async def run(
        self, task: str, *, output_type: None = None, **options: Unpack[RunOptions]
    ) -> RunResult[OutputT]: ...

    @overload
    async def run(
        self, task: str, *, output_type: type[T], **options: Unpack[RunOptions]
    ) -> RunResult[T]: ...

    async def run(
        self,
        task: str,
        *,
        history: Iterable[Mapping[str, Any]] = (),
        output_type: Any = None,
        limits: Limits | None = None,
        thinking: Mode | Literal["adaptive"] | Policy | None = None,
        tool_choice: ToolChoice | None = None,
        context: Any = None,
    ) -> RunResult[Any]:
        """Work on a task until there is an answer.

        Args:
            task: what to do.
            history: earlier messages, in the form of the chat completions protocol, such as
                `RunResult.messages`. The agent's instructions replace a system message.
            output_type: for this run in place of the agent's; `limits`, `thinking` and
                `tool_choice` likewise.
            context: passed to tools as `RunContext.context`.

        Raises:
            LimitExceededError: a limit came first; holds the partial result.
            NoAnswerError: the model ended its turn without an answer.
            InvalidAnswerError: the answer is not of the `output_type`.
            PromptTooLongError: the conversation does not fit into the model's context.
            ModelNotFoundError, ChatFormatError, ThinkingUnavailableError, EngineError: see there.
            ValueError: the task is empty, or the history contains an invalid message.
            TypeError: the task is not a string, or the history is not a list of messages.
        """
        check_task(task)
        spec = self.spec.with_overrides(
            output_type=output_type, limits=limits, thinking=thinking, tool_choice=tool_choice
        )
        said = read_messages(history)
        async with open_conversation(spec, self.resources, task=task, history=said) as conversation:
            return await conversation.run(task, context=context)

    @overload
    def stream(
        self, task: str, *, output_type: None = None, **options: Unpack[RunOptions]
    ) -> RunStream[OutputT]: ...

    @overload
    def stream(
        self, task: str, *, output_type: type[T], **options: Unpack[RunOptions]
    ) -> RunStream[T]: ...

    def stream(
        self, task: str, *, output_type: Any = None, **options: Unpack[RunOptions]
    ) -> RunStream[Any]:
        """Work on a task and report events as they occur; takes the arguments of `run`.

        `async for event in agent.stream(task)`. With `async with agent.stream(task) as stream`
        the run is over, or cancelled and cleaned up, when the block is left. Iterating raises what
        `run` raises.
        """
        check_task(task)
        check_options(options, {*RunOptions.__optional_keys__, "output_type"})
        history = read_messages(options.pop("history", ()))
        context = options.pop("context", None)
        spec = self.spec.with_overrides(output_type=output_type, **options)

        async def work(emit: Emit) -> None:
            async with open_conversation(
                spec, self.resources, task=task, history=history
            ) as conversation:
                await conversation._turn(task, emit, context=context)

        return RunStream(work)

    @overload
    def run_sync(
        self, task: str, *, output_type: None = None, **options: Unpack[RunOptions]
    ) -> RunResult[OutputT]: ...

    @overload
    def run_sync(
        self, task: str, *, output_type: type[T], **options: Unpack[RunOptions]
    ) -> RunResult[T]: ...

    def run_sync(
        self, task: str, *, output_type: Any = None, **options: Unpack[RunOptions]
    ) -> RunResult[Any]:
        """`run` for code that is not async."""
        check_task(task)
        with self._sync_portal() as portal:
            return portal.call(partial(self.run, task, output_type=output_type, **options))

    @overload
    def stream_sync(
        self, task: str, *, output_type: None = None, **options: Unpack[RunOptions]
    ) -> SyncRunStream[OutputT]: ...

    @overload
    def stream_sync(
        self, task: str, *, output_type: type[T], **options: Unpack[RunOptions]
    ) -> SyncRunStream[T]: ...

    def stream_sync(
        self, task: str, *, output_type: Any = None, **options: Unpack[RunOptions]
    ) -> SyncRunStream[Any]:
        """`stream` for code that is not async. Closing the stream ends the run."""
        stream: RunStream[Any] = self.stream(task, output_type=output_type, **options)
        return SyncRunStream(stream, self.iterate(stream))

    async def resume(self, run: str) -> RunResult[OutputT]:
        """Continue a recorded run that was interrupted, and work on it until there is an answer.

        What was done stays as it was, to the token: the model continues after its last finished
        message, and no tool that has answered is called again. A call that was in progress is
        repeated if its tool is read-only; for any other the model is told that its outcome is
        unknown. A run that has an answer returns it again. The agent must have the run's model, and
        should have its tools.

        Args:
            run: its id, the beginning of it, or "latest".

        Raises:
            JournalError: there is no such run, it is damaged, of another model, or in use by
                another process.
            LimitExceededError: and everything else that `run` raises. Limits hold for the run as a
                whole.
        """
        return await self._resume(run, lambda event: None)

    def resume_stream(self, run: str) -> RunStream[OutputT]:
        """`resume`, and report events as they occur."""
        return RunStream(lambda emit: self._resume(run, emit))

    async def _resume(self, run: str, emit: Emit) -> RunResult[OutputT]:
        recorded = (self.spec.journal or Runs()).read(run)
        if recorded.status == "answered":
            result: RunResult[OutputT] = recorded_result(recorded, self.spec.answer)
            emit(RunFinished(result))
            return result
        async with self.conversation(resume=recorded.id) as conversation:
            return await conversation._resume(emit)

    def resume_sync(self, run: str) -> RunResult[OutputT]:
        """`resume` for code that is not async."""
        with self._sync_portal() as portal:
            return portal.call(self.resume, run)

    def resume_stream_sync(self, run: str) -> SyncRunStream[OutputT]:
        """`resume_stream` for code that is not async. Closing the stream ends the run."""
        stream = self.resume_stream(run)
        return SyncRunStream(stream, self.iterate(stream))

    def map(
        self, tasks: Iterable[str], *, concurrency: int = 8, context: Any = None
    ) -> Stream[BatchResult[OutputT]]:
        """Work on many tasks with one engine, and report each result as soon as it is there.

        `async for result in agent.map(tasks)`. Each task is a run of its own, and one that fails
        does not affect the others. Tasks are taken from `tasks` when there is room for them.

        Args:
            tasks: what to do.
            concurrency: the number of tasks to work on at the same time.
            context: passed to the tools of each run; see `run`.

        Raises:
            TypeError: `tasks` is one string.
            ValueError: `concurrency` is less than 1.
            ModelNotFoundError, EngineError: while iterating, when the model cannot be loaded.
        """
        if isinstance(tasks, str):
            raise TypeError("tasks must be several, such as a list of strings, not one string.")
        if not (isinstance(concurrency, int) and concurrency >= 1):
            raise ValueError(f"concurrency must be 1 or more, not {concurrency!r}.")

        return Stream(
            lambda report: work_on(
                self.spec, self.resources, tasks, concurrency, report, context=context
            )
        )

    def map_sync(
        self, tasks: Iterable[str], *, concurrency: int = 8, context: Any = None
    ) -> Iterator[BatchResult[OutputT]]:
        """`map` for code that is not async. Closing the iterator ends the runs."""
        return self.iterate(self.map(tasks, concurrency=concurrency, context=context))

    def as_tool(self, name: str, description: str) -> SubAgent:
        """Return the agent as a tool of another one: `Agent(..., tools=[agent.as_tool(...)])`.

        Each call is a run of its own, within this agent's limits and what is left of its caller's:
        its tokens count for the caller as well. The caller's stream reports its events as
        `SubagentEvent`s. An agent that names no model uses its caller's.

        Args:
            name: of the tool.
            description: what the agent is good for, in words that help a model to choose it.

        Raises:
            ToolDefinitionError: a tool cannot have that name.
        """
        return SubAgent(self.spec, name, description)

    @asynccontextmanager
    async def conversation(
        self, *, history: Sequence[Mapping[str, Any]] = (), resume: str | None = None
    ) -> AsyncIterator[Conversation[OutputT]]:
        """Open a conversation: several turns with one memory.

        `async with agent.conversation() as conversation`.

        Args:
            history: earlier messages; see `run`.
            resume: the id of a recorded run to continue. If it was interrupted during a turn,
                `conversation.unfinished` is set, and `conversation.resume()` completes the turn.

        Raises:
            JournalError: see `resume`.
            TypeError, ValueError: `history` is not a list of messages, or contains an invalid
                message.
        """
        said = read_messages(history)
        async with open_conversation(
            self.spec, self.resources, history=said, resume=resume
        ) as conversation:
            yield conversation
