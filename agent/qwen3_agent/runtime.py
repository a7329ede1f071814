"""What a run needs is opened: the model, the tools, the journal, and the conversation over them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from anyio import to_thread
from anyio.lowlevel import EventLoopToken, current_token

from qwen3_tools.source import RunResources
from qwen3_tools.tool import Tool
from qwen3_tools.toolbox import Toolbox

from .conversation import Conversation
from .grammar.tool_grammar import check_choice
from .journal import Journal, RecordedRun, Runs
from .journal.resume import changed_tools, restore
from .journal.secrets_of_agent import secrets_of_agent
from .messages import Message, SystemMessage
from .models.choose import resolve
from .models.mcp_sampling import sampler_of
from .models.session import Chat, Model
from .subagent import SubAgent
from .thinking import as_policy, latest_switch

if TYPE_CHECKING:
    from .agent import Agent


@dataclass(frozen=True, slots=True)
class Warm:
    """What runs of one agent share."""

    model: Model
    shared_tools: dict[int, Sequence[Tool]]
    """By the id of the source that offers them."""
    notices: list[str]
    loop: EventLoopToken = field(default_factory=current_token)
    """On which it was made. Servers and their connections belong to it."""

    def check_loop(self) -> None:
        """Raises RuntimeError on another event loop, where what is shared would never answer."""
        if self.loop != current_token():
            raise RuntimeError(
                "The agent was entered on another event loop: inside `with agent` use "
                "`agent.run_sync(...)`, and inside `async with agent` stay on its loop."
            )


@asynccontextmanager
async def warm_up(agent: Agent) -> AsyncIterator[Warm]:
    """Load the model while the shared sources start."""
    async with AsyncExitStack() as stack:
        loader = ThreadPoolExecutor(1, "load-model")
        stack.callback(loader.shutdown, wait=False)
        loading = loader.submit(load_model, agent)
        shared: dict[int, Sequence[Tool]] = {}
        notices: list[str] = []
        for each in agent.tools:
            if not isinstance(each, Tool | SubAgent) and each.shared:
                shared[id(each)] = await stack.enter_async_context(each.open())
                notices += each.notices
        model = await to_thread.run_sync(loading.result, abandon_on_cancel=True)
        if model is not agent.model:
            stack.push_async_callback(model.aclose)
        notices += getattr(model, "notices", ())
        for each in agent.tools:
            if isinstance(each, SubAgent):
                shared[id(each)] = await stack.enter_async_context(each.open(model))
            elif not isinstance(each, Tool) and each.shared:
                each.bind(RunResources(model, sampler_of(model)))
                stack.callback(each.bind, RunResources())
        yield Warm(model, shared, notices)


def lend_model(agent: Agent, model: Model) -> None:
    """Let the tools that work with the agent's model work with this one from now on."""
    for each in agent.tools:
        if isinstance(each, SubAgent):
            each.work_with(model)
        elif not isinstance(each, Tool) and each.shared:
            each.bind(RunResources(model, sampler_of(model)))


def load_model(agent: Agent) -> Model:
    """The model that an agent names. Takes seconds to minutes; call it in a worker thread.

    Raises:
        ModelNotFoundError, ChatFormatError, EngineError: see there.
    """
    model = agent.model
    if agent.base_url is not None:
        from .models.chat_api.connect import connect

        key = agent.api_key.get_secret_value() if agent.api_key else None
        return connect(agent.base_url, model if isinstance(model, str) else None, api_key=key)
    if model is not None and not isinstance(model, str | Path):
        return model
    from .models.local import LocalModel

    checkpoint = resolve(model, agent.hub)
    return LocalModel.load(
        checkpoint.folder(),
        name=checkpoint.name,
        engine=agent.engine,
        options=agent.engine_options,
    )


@asynccontextmanager
async def open_conversation(
    agent: Agent,
    *,
    task: str | None = None,
    history: Sequence[Message] = (),
    resume: str | None = None,
) -> AsyncIterator[Conversation]:
    """See `Agent.conversation`; `task` is what the journal's list of runs shows of it."""
    async with AsyncExitStack() as stack:
        journal, recorded = _open_journal(agent, task, resume)
        if journal is not None:
            stack.callback(journal.close)
        warm = agent.warm
        is_own = warm is None
        if warm is not None:
            warm.check_loop()
        else:
            warm = await stack.enter_async_context(warm_up(agent))
        tools: list[Tool] = []
        for each in agent.tools:
            if isinstance(each, Tool):
                tools.append(each)
            elif each.shared:
                tools.extend(warm.shared_tools[id(each)])
            else:
                given = RunResources(
                    warm.model,
                    sampler_of(warm.model),
                    journal.work_folder if journal else None,
                    recorded.tools_used if recorded else frozenset(),
                )
                tools.extend(await stack.enter_async_context(each.bind(given).open()))
        toolbox = Toolbox(tools)
        check_choice(agent.tool_choice, [each.name for each in tools])
        said = [agent.instructions, agent.answer.instruction if agent.answer else None]
        instructions = "\n\n".join(text for text in said if text)
        system = [SystemMessage(instructions)] if instructions else []

        def new_chat(model: Model, messages: Sequence[Message]) -> Chat:
            return model.chat(
                messages,
                toolbox.schemas(),
                keep_thoughts=agent.keep_thoughts,
                sampling=agent.sampling,
                logprobs=agent.logprobs,
                constrain=agent.constrain,
                output=agent.answer.schema if agent.answer else None,
            )

        chat = new_chat(warm.model, [*system, *history])
        notices = list(warm.notices)
        if recorded is not None:
            restore(recorded, warm.model, chat)
            notices += changed_tools(recorded, tools)
        if journal is not None:
            journal.opened(warm.model, tools, chat, recorded)
        yield Conversation(
            warm.model,
            chat,
            toolbox,
            as_policy(agent.thinking),
            agent.limits,
            _work_folder(tools)
            or (journal.work_folder if journal else None)
            or Path(stack.enter_context(_temporary_folder())),
            new_chat=new_chat,
            lend_model=partial(lend_model, agent) if is_own else None,
            approvals=agent.approvals,
            hooks=agent.hooks,
            switch=latest_switch([agent.instructions or ""]),
            notices=notices,
            journal=journal,
            recorded=recorded,
            tool_choice=agent.tool_choice,
            answer=agent.answer,
        )


def _open_journal(
    agent: Agent, task: str | None, resume: str | None
) -> tuple[Journal | None, RecordedRun | None]:
    if resume is not None:
        recorded, journal = (agent.journal or Runs()).reopen(
            resume, secrets=secrets_of_agent(agent)
        )
        return journal, recorded
    if agent.journal is None:
        return None, None
    return agent.journal.begin(task=task, secrets=secrets_of_agent(agent)), None


def _work_folder(tools: Sequence[Tool]) -> Path | None:
    """Where what tools save is seen by those tools that work with files."""
    return next((each.folder for each in tools if each.folder), None)


def _temporary_folder() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="qwen3-agent-", ignore_cleanup_errors=True)
