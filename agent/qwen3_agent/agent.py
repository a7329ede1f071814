"""Agent: what an agent is, and its doors."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from inspect import signature
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

from anyio.from_thread import BlockingPortal, start_blocking_portal
from pydantic import SecretStr

from qwen3_tools.source import ToolSource
from qwen3_tools.tool import Tool
from qwen3_tools.toolbox import Toolbox

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
from .loop.output import OutputType
from .messages.reading import read_messages
from .models.choose import EngineName, Hub
from .models.session import Model
from .result import RunResult
from .runtime import Warm, open_conversation, warm_up
from .sampling import Sampling
from .spec import as_runs, as_tools, check_arguments
from .streaming import RunStream, Stream, iterate
from .subagent import SubAgent
from .thinking import Mode, Policy, as_policy

T = TypeVar("T")


class Agent:
    """A Qwen3 model with instructions and tools.

    Args:
        model: a folder with a checkpoint, a hub id such as "Qwen/Qwen3-8B", or a `Model`, which
            stays the caller's to close. None: Qwen3-4B where there is a CUDA GPU, the bundled
            demonstration model elsewhere. With `base_url`: the model's name on that server; None
            takes the only one that it serves.
        base_url: an OpenAI-compatible server that runs the model, such as
            "http://localhost:8000/v1" (see `models.connect`).
        api_key: for that server. None: what the environment variable OPENAI_API_KEY holds.
        engine: "vllm" or "transformers", for a model on this machine. "auto" is vLLM where it is
            installed and there is a CUDA GPU, else Transformers.
        engine_options: of that engine, by vLLM's names: {"max_model_len": 65536,
            "tensor_parallel_size": 2}. See `engines.options.EngineOptions`.
        hub: "huggingface" or "modelscope", where a hub id is looked up.
        instructions: the system message.
        tools: functions (as by `@tool`), `Tool`s, sources such as `CodeInterpreter()` and
            `mcp_servers("mcp_servers.json")`, and Qwen-Agent's `BaseTool`s.
        thinking: "on", "off", "adaptive", the number of tokens that each thought may have, or a
            policy such as `Thinking(first=2048, after_tool=512, total=8192)`. None: as the
            model does by itself.
        limits: how much a turn may spend.
        approvals: which tool calls run at once, which wait for a yes, and which are refused. None:
            `Approvals()`, under which your own functions, the code interpreter and what only
            reads run, and a call of an MCP tool that may change something is refused, since
            there is nobody to ask: `Approvals(allow=["notes__*"])` allows it,
            `Approvals(approver=...)` asks.
        hooks: functions that are called before and after steps and calls, and with the answer.
        sampling: None follows the thinking mode with what Qwen recommends for it.
        keep_thoughts: keep the thoughts of earlier turns in the prompt. They are dropped
            otherwise, as the model's chat template does.
        logprobs: keep the log-probability of each sampled token in the transcript.
        constrain: hold tool calls to their grammar while they are sampled, where the engine can,
            so that none is malformed.
        tool_choice: "auto", "none", "required" (a turn begins with a call), or the name of the
            tool that a turn begins by calling.
        output_type: a pydantic model, or another type, that the answer has to be of: it is then
            `RunResult.parsed`. An answer that is not goes back to the model once.
        journal: where each run is written as it happens, to be looked at with `qwen3-agent runs`
            and resumed: a folder, or True for the user's own, `~/.local/state/qwen3-agent/runs`.
            The code interpreter then works in the run's folder there, unless it has its own.
            None: nowhere.

    Raises:
        ToolDefinitionError: a tool has an unusable signature, or two have one name.
        TypeError: an argument is of a type that it cannot have.
        ValueError: `thinking` names no policy, `base_url` is none, or an engine option is out of
            its range.
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
        engine_options = {} if engine_options is None else engine_options
        check_arguments(locals())
        self.model = model
        self.base_url = base_url
        self.api_key = SecretStr(api_key) if isinstance(api_key, str) else api_key
        self.engine: EngineName = engine
        self.engine_options = dict(engine_options)
        self.hub: Hub = hub
        self.instructions = instructions
        self.tools = as_tools(tools)
        self.thinking = thinking
        self.limits = limits or Limits()
        self.approvals = approvals or Approvals()
        self.hooks = hooks or Hooks()
        self.sampling = sampling
        self.keep_thoughts = keep_thoughts
        self.logprobs = logprobs
        self.constrain = constrain
        self.tool_choice = tool_choice
        self.output_type = output_type
        self.answer = None if output_type is None else OutputType(output_type)
        self.journal = as_runs(journal)
        as_policy(thinking)
        Toolbox([each for each in self.tools if isinstance(each, Tool)])
        self.warm: Warm | None = None
        """What runs share inside `async with agent`."""
        self._stack: AsyncExitStack | None = None
        self._sync_stack: ExitStack | None = None
        self._portal: BlockingPortal | None = None

    def __repr__(self) -> str:
        tools = ", ".join(each.name for each in self.tools)
        return f"<Agent {self.model or 'with the default model'}, tools: {tools or 'none'}>"

    def changed(self, **arguments: Any) -> Agent:
        """The same agent with some other arguments, by their names here."""
        own = {name: getattr(self, name) for name in signature(Agent).parameters}
        return Agent(**{**own, **arguments})

    async def run(self, task: str) -> RunResult:
        """Work on a task until there is an answer.

        Raises:
            LimitExceededError: a limit came first; holds the partial result.
            NoAnswerError: the model ended its turn without saying anything.
            PromptTooLongError: the conversation does not fit into the model's context.
            ModelNotFoundError, ChatFormatError, ThinkingUnavailableError, EngineError: see there.
            ValueError: the task is empty.
            TypeError: it is no string.
        """
        check_task(task)
        async with open_conversation(self, task=task) as conversation:
            return await conversation.run(task)

    def stream(self, task: str) -> RunStream:
        """Work on a task and tell what happens as it happens.

        `async for event in agent.stream(task)`. With `async with agent.stream(task) as stream`
        the run is over, or cancelled and cleaned up, when the block is left. Raises what `run`
        raises, while iterating.
        """
        check_task(task)

        async def work(emit: Emit) -> None:
            async with open_conversation(self, task=task) as conversation:
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
        with self._sync_door() as portal:
            return portal.call(self.resume, run)

    def run_sync(self, task: str) -> RunResult:
        """`run` for code that is not async."""
        check_task(task)
        with self._sync_door() as portal:
            return portal.call(self.run, task)

    def stream_sync(self, task: str) -> Iterator[Event]:
        """`stream` for code that is not async. Closing the iterator ends the run."""
        check_task(task)
        return self._iterate(self.stream(task))

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
        return Stream(lambda tell: work_on(self, tasks, concurrency, tell))

    def map_sync(self, tasks: Iterable[str], *, concurrency: int = 8) -> Iterator[Outcome]:
        """`map` for code that is not async. Closing the iterator ends the runs."""
        return self._iterate(self.map(tasks, concurrency=concurrency))

    def _iterate(self, stream: Stream[T]) -> Iterator[T]:
        with self._sync_door() as portal:
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
        return SubAgent(self, name, description)

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
        async with open_conversation(self, history=said, resume=resume) as conversation:
            yield conversation

    def _runs(self) -> Runs:
        return self.journal or Runs()

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
    def is_warm(self) -> bool:
        """Whether the model and the shared tools are kept, as inside `async with agent`."""
        return self.warm is not None

    async def __aenter__(self) -> Self:
        """Keep the model and the shared tools warm between runs."""
        if self.warm is not None:
            raise RuntimeError("The agent is entered already.")
        async with AsyncExitStack() as stack:
            self.warm = await stack.enter_async_context(warm_up(self))
            for each in self.tools:
                # What has something ready for the next conversation; recorded ones bring theirs
                if not isinstance(each, Tool) and self.journal is None:
                    await stack.enter_async_context(each.warm())
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._stack is not None, "entered before it is left"
        stack, self._stack, self.warm = self._stack, None, None
        await stack.__aexit__(kind, error, trace)

    def __enter__(self) -> Self:
        """The same for `run_sync` and `stream_sync`."""
        with ExitStack() as stack:
            portal = stack.enter_context(start_blocking_portal())
            stack.enter_context(portal.wrap_async_context_manager(self))
            self._portal, self._sync_stack = portal, stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._sync_stack is not None, "entered before it is left"
        stack, self._sync_stack, self._portal = self._sync_stack, None, None
        stack.__exit__(kind, error, trace)

    @contextmanager
    def _sync_door(self) -> Iterator[BlockingPortal]:
        """An event loop in a thread: the one of `with agent`, or one for this call."""
        if self._portal is not None:
            yield self._portal
        elif self.warm is not None:
            raise RuntimeError("Inside `async with agent` use `await agent.run(...)`.")
        else:
            with start_blocking_portal() as portal:
                yield portal
