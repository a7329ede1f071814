"""Sets up conversations: loads the model, opens the tools and the journal."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
)
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self, TypeVar

from anyio import to_thread
from anyio.from_thread import BlockingPortal, start_blocking_portal
from anyio.lowlevel import EventLoopToken, current_token

from qwen3_tools.source import RunResources, ToolSource
from qwen3_tools.threads import LoopThread
from qwen3_tools.tool import Tool
from qwen3_tools.toolbox import Toolbox

from .conversation import Conversation, new_session
from .errors import ToolDefinitionError
from .grammar.tool_grammar import check_choice
from .journal import Journal, RecordedRun, Runs
from .journal.resume import changed_tools, restore
from .messages import Message, SystemMessage
from .models.choose import resolve
from .models.mcp_sampling import sampling_handler
from .models.session import Model
from .spec import AgentSpec
from .streaming import Stream, iterate

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AgentResources:
    """The model and the shared tools, which the runs of an agent use together."""

    model: Model
    sources: Mapping[int, OpenSource]
    """The shared sources, by the ids of those in the spec."""
    notices: Sequence[str]
    loop: EventLoopToken = field(default_factory=current_token)
    """The event loop that opened them. Servers and their connections belong to it."""

    def check_loop(self) -> None:
        """Raise RuntimeError on another event loop, where a call would never return."""
        if self.loop != current_token():
            raise RuntimeError(
                "The agent was entered on another event loop: inside `with agent` use "
                "`agent.run_sync(...)`, and inside `async with agent` stay on its loop."
            )

    def lend_model(self, model: Model) -> None:
        """Let the shared sources use this model from now on."""
        for each in self.sources.values():
            each.source.bind(_offered(model))


@dataclass(frozen=True, slots=True)
class OpenSource:
    """A source and its tools, while it is open."""

    source: ToolSource
    tools: Sequence[Tool]


@asynccontextmanager
async def open_resources(
    spec: AgentSpec, *, model: Model | None = None, keep_ready: bool = False
) -> AsyncIterator[AgentResources]:
    """Load the model while the shared sources start.

    Args:
        spec: the agent.
        model: used in place of the one that the spec names; the caller closes it.
        keep_ready: for many conversations: sources prepare the next one in advance.
    """
    async with AsyncExitStack() as stack:
        model = model or spec.given_model
        loading = None
        if model is None:
            loader = ThreadPoolExecutor(1, "load-model")
            stack.callback(loader.shutdown, wait=False)
            loading = loader.submit(load_model, spec)
        shared = [each for each in spec.sources if each.shared]
        opened: dict[int, OpenSource] = {}

        for each in shared:
            if not each.needs_model:
                tools = await stack.enter_async_context(_opening(each))
                opened[id(each)] = OpenSource(each, tools)
        if loading is not None:
            model = await to_thread.run_sync(loading.result, abandon_on_cancel=True)
            stack.push_async_callback(model.aclose)
        assert model is not None, "given or loaded"
        for each in shared:
            bound = each.bind(_offered(model))
            if each.needs_model:
                tools = await stack.enter_async_context(_opening(bound))
                opened[id(each)] = OpenSource(bound, tools)
            stack.callback(bound.bind, RunResources())

        # The interpreter of a recorded run works in the run's folder: none can wait for it
        for each in spec.sources if keep_ready and spec.journal is None else ():
            await stack.enter_async_context(each.warm())
        notices = [notice for each in opened.values() for notice in each.source.notices]
        yield AgentResources(model, opened, [*notices, *model.notices])


def _opening(source: ToolSource) -> AbstractAsyncContextManager[Sequence[Tool]]:
    """Return `source.open()`, after checking that it can be entered."""
    opening = source.open()
    if not isinstance(opening, AbstractAsyncContextManager):
        raise ToolDefinitionError(
            f"{source.name}: open() must return an async context manager, not "
            f"{type(opening).__name__}: write it with @asynccontextmanager."
        )
    return opening


def _offered(model: Model) -> RunResources:
    return RunResources(model, sampling_handler(model))


class Lifetime:
    """Keeps the resources of an agent open inside `async with` and `with`."""

    def __init__(self, spec: AgentSpec) -> None:
        self.spec = spec
        self._resources: AgentResources | None = None
        self._stack: AsyncExitStack | None = None
        self._loop_thread: LoopThread | None = None

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
        """Keep them open between calls of `run_sync` and `stream_sync`."""
        self._loop_thread = LoopThread(self, "The agent")
        return self

    def __exit__(self, *_: object) -> None:
        assert self._loop_thread is not None, "entered before it is left"
        loop_thread, self._loop_thread = self._loop_thread, None
        loop_thread.close()

    def iterate(self, stream: Stream[T]) -> Generator[T]:
        """Return the items of a stream that has not begun, for code that is not async."""
        with self._sync_portal() as portal:
            yield from iterate(stream, portal)

    @contextmanager
    def _sync_portal(self) -> Iterator[BlockingPortal]:
        """Provide an event loop in a thread: that of `with agent`, or one for this call."""
        if self._loop_thread is not None:
            yield self._loop_thread.portal
        elif self._resources is not None:
            raise RuntimeError("Inside `async with agent` use `await agent.run(...)`.")
        else:
            with start_blocking_portal() as portal:
                yield portal


def load_model(spec: AgentSpec) -> Model:
    """Load the model that a spec names. Takes seconds to minutes; call it in a worker thread.

    Raises:
        ModelNotFoundError, ChatFormatError, EngineError: see there.
    """
    if spec.given_model is not None:
        return spec.given_model
    name = spec.model_name
    if spec.base_url is not None:
        from .models.chat_api.connect import connect

        key = spec.api_key.get_secret_value() if spec.api_key else None
        return connect(spec.base_url, name if isinstance(name, str) else None, api_key=key)
    from .models.local import LocalModel

    checkpoint = resolve(name, spec.hub)
    return LocalModel.load(
        checkpoint.folder(), name=checkpoint.name, engine=spec.engine, options=spec.engine_options
    )


@asynccontextmanager
async def open_conversation(
    spec: AgentSpec,
    resources: AgentResources | None = None,
    *,
    task: str | None = None,
    history: Sequence[Message] = (),
    resume: str | None = None,
) -> AsyncIterator[Conversation[Any]]:
    """Open a conversation of an agent; see `Agent.conversation`.

    Args:
        spec: the agent.
        resources: those of the agent while it is entered. None: opened for this conversation.
        task: shown in the list of recorded runs.
        history: earlier messages.
        resume: the id of a recorded run to continue.
    """
    async with AsyncExitStack() as stack:
        journal, recorded = _open_journal(spec, task, resume)
        if journal is not None:
            stack.callback(journal.close)
        is_own = resources is None
        if resources is None:
            resources = await stack.enter_async_context(open_resources(spec))
        resources.check_loop()

        toolbox = Toolbox(await _open_tools(spec, resources, journal, recorded, stack))
        check_choice(spec.tool_choice, [each.name for each in toolbox.tools])

        system = spec.system_message
        if system:  # also in place of that of an earlier run
            begins = isinstance(history[0], SystemMessage) if history else False
            history = [SystemMessage(system), *(history[1:] if begins else history)]
        session = new_session(spec, resources.model, toolbox, history)
        notices = list(resources.notices)
        if recorded is not None:
            restore(recorded, resources.model, session)
            notices += changed_tools(recorded, toolbox.tools)
        if journal is not None:
            turns = len(recorded.turns) if recorded is not None else None
            journal.opened(resources.model, toolbox.tools, session, turns=turns)
        yield Conversation(
            spec,
            resources.model,
            session,
            toolbox,
            folder=_work_folder(toolbox.tools)
            or (journal.work_folder if journal else None)
            or Path(stack.enter_context(_temporary_folder())),
            notices=notices,
            journal=journal,
            recorded=recorded,
            lend_model=resources.lend_model if is_own else None,
        )


async def _open_tools(
    spec: AgentSpec,
    resources: AgentResources,
    journal: Journal | None,
    recorded: RecordedRun | None,
    stack: AsyncExitStack,
) -> list[Tool]:
    offered = replace(
        _offered(resources.model),
        work_folder=journal.work_folder if journal else None,
        tools_used=recorded.tools_used if recorded else frozenset(),
    )
    tools: list[Tool] = []
    for each in spec.tools:
        if isinstance(each, Tool):
            tools.append(each)
        elif each.shared:
            tools.extend(resources.sources[id(each)].tools)
        else:
            tools.extend(await stack.enter_async_context(_opening(each.bind(offered))))
    return tools


def _open_journal(
    spec: AgentSpec, task: str | None, resume: str | None
) -> tuple[Journal | None, RecordedRun | None]:
    if resume is not None:
        recorded, journal = (spec.journal or Runs()).reopen(resume, secrets=spec.secrets())
        return journal, recorded
    if spec.journal is None:
        return None, None
    return spec.journal.begin(task=task, secrets=spec.secrets()), None


def _work_folder(tools: Sequence[Tool]) -> Path | None:
    """Return the folder that tools share for the files they work with."""
    return next((each.folder for each in tools if each.folder), None)


def _temporary_folder() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="qwen3-agent-", ignore_cleanup_errors=True)
