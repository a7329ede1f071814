"""Programs that were written for Qwen-Agent: the same `Assistant`, over an agent of ours.

    from qwen3_agent.integrations.qwen_agent import Assistant    # was: qwen_agent.agents

Needs the extra `qwen-agent` only for tools that are registered there, and for its `Message`s.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from qwen3_tools.code_interpreter import CodeInterpreter
from qwen3_tools.mcp import mcp_servers
from qwen3_tools.qwen_agent_tools import from_qwen_agent
from qwen3_tools.source import ToolSource
from qwen3_tools.tool import Tool

from ... import events
from ...agent import Agent
from ...errors import LimitExceededError, Qwen3AgentError
from ...messages import (
    AssistantMessage,
    Content,
    Part,
    Reasoning,
    SystemMessage,
    ToolResultMessage,
    UserMessage,
)
from ...messages import Message as ChatMessage
from ...messages.reading import call_of
from ...runtime import load_model, open_conversation
from ...sampling import Sampling
from ...spec import AgentSpec
from ...streaming import Stream
from .settings import MODEL_TYPE, Settings

__all__ = ["Assistant", "register_model_type"]

Message = dict[str, Any]


def register_model_type() -> None:
    """Offer our engines to Qwen-Agent: `llm={"model_type": "qwen3_agent", "model": ...}`.

    `model` is what `Agent` takes, and is left out for the default one.

    Raises:
        Qwen3AgentError: Qwen-Agent is not installed.
    """
    _qwen_agent("qwen_agent.llm.base")
    from .model import register

    register(MODEL_TYPE)


class Assistant:
    """Takes what `qwen_agent.agents.Assistant` takes, and yields the same messages.

    Each run starts the MCP servers and the interpreter anew; inside `with assistant:` they stay.
    A model on this machine is loaded once.

    Args:
        function_list: names (`"code_interpreter"`, or of a tool registered with Qwen-Agent), a
            name with settings, `{"mcpServers": {...}}`, `BaseTool`s, and tools of ours.
        llm: `model`, `model_server`, `api_key`, `model_type`, `generate_cfg`. Without a server,
            `model` is a folder or a hub id, and the engine is on this machine.
        system_message: goes before a system message of the conversation.
        name: of the agent, in the messages that it yields.
        description: for people.

    Raises:
        Qwen3AgentError: something that is not offered here, or a tool that nobody registered.
    """

    def __init__(
        self,
        function_list: Sequence[Any] | None = None,
        llm: Mapping[str, Any] | None = None,
        system_message: str | None = "",
        name: str | None = None,
        description: str | None = None,
        files: Sequence[str] | None = None,
        rag_cfg: Mapping[str, Any] | None = None,
    ) -> None:
        if files or rag_cfg:
            raise Qwen3AgentError(
                "Assistant: files and rag_cfg are not offered: upload what the agent should read "
                "to a CodeInterpreter, or give it a tool that searches."
            )
        self.name = name
        self.description = description
        self.system_message = system_message or ""
        settings = Settings.of(llm or {})
        self._thought_in_content = settings.thought_in_content
        self._agent = settings.agent([_tool(each) for each in function_list or ()])
        self._loaded = False

    def run(self, messages: Sequence[Any], **settings: Any) -> Iterator[list[Any]]:
        """Answer the last message; each yield is all that was said since, as far as it is known.

        Args:
            messages: the conversation, as dicts or as Qwen-Agent's `Message`s; the answer is of
                the same kind.
            settings: `seed`; others are for Qwen-Agent alone and mean nothing here.
        """
        plain = [_as_dict(each) for each in messages]
        as_dicts = bool(messages) and all(isinstance(each, dict) for each in messages)
        system, history, task = _conversation(plain, self.system_message)
        spec = self._spec_of_run(system, settings.get("seed"))
        stream = _stream(spec, self._agent, history, task, self._thought_in_content)
        try:
            for said in self._agent.iterate(stream):
                for message in said:
                    if self.name and not message.get("name"):
                        message["name"] = self.name
                yield said if as_dicts else [_qwen_message(each) for each in said]
        except LimitExceededError as limit:
            if limit.limit != "steps":  # Qwen-Agent just ends there
                raise

    def run_nonstream(self, messages: Sequence[Any], **settings: Any) -> list[Any]:
        """All messages of `run`, when it is over."""
        [*_, said] = [[], *self.run(messages, **settings)]
        return said

    def __enter__(self) -> Self:
        """Keep model, servers and interpreter between runs."""
        self._load()
        self._agent.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._agent.__exit__(kind, error, trace)

    def _load(self) -> None:
        """Load a model of this machine, once."""
        spec = self._agent.spec
        if spec.base_url is None and not self._loaded:
            self._agent, self._loaded = self._agent.with_options(model=load_model(spec)), True

    def _spec_of_run(self, system: str, seed: int | None) -> AgentSpec:
        self._load()
        spec = self._agent.spec
        sampling = spec.sampling
        if seed is not None:
            sampling = replace(sampling or Sampling.thinking(), seed=seed)
        return replace(spec, instructions=system or None, sampling=sampling)


def _stream(
    spec: AgentSpec, agent: Agent, history: list[ChatMessage], task: str, thought_in_content: bool
) -> Stream[list[Message]]:
    async def work(tell: Callable[[list[Message]], None]) -> None:
        async with (
            open_conversation(spec, agent.resources, history=history) as conversation,
            conversation.stream(task) as stream,
        ):
            said = _Said(bool(conversation.tools), thought_in_content)
            async for event in stream:
                if said.hears(event):
                    tell(said.messages())

    return Stream(work)


class _Said:
    """The messages of a run, in the shape and order that Qwen-Agent gives them."""

    def __init__(self, has_tools: bool, thought_in_content: bool) -> None:
        self._has_tools = has_tools
        self._thought_in_content = thought_in_content
        self._earlier: list[Message] = []
        self._begin_step()

    def _begin_step(self) -> None:
        self._thought = self._content = ""
        self._calls: dict[str, Message] = {}
        self._results: dict[str, Message] = {}

    def hears(self, event: events.Event) -> bool:
        """Whether the event says something new."""
        match event:
            case events.ReasoningText():
                self._thought += event.text
            case events.ContentText():
                self._content += event.text
            case events.ToolCallStarted():
                arguments = json.dumps(event.arguments, ensure_ascii=False)
                call = {"name": event.name, "arguments": arguments}
                extra = {"function_id": str(len(self._calls) + 1)}
                self._calls[event.id] = {
                    "role": "assistant",
                    "content": "",
                    "function_call": call,
                    "extra": extra,
                }
            case events.ToolCallFinished() if event.id in self._calls:
                self._results[event.id] = {
                    "role": "function",
                    "content": event.text,
                    "name": event.name,
                    "extra": dict(self._calls[event.id]["extra"]),
                }
            case events.StepFinished():
                self._earlier = self.messages()
                self._begin_step()
                return False
            case _:
                return False
        return True

    def messages(self) -> list[Message]:
        """All of them, as copies."""
        extra: Message = {"extra": {}} if self._has_tools else {}
        content, thought = self._content.strip(), self._thought.strip()
        step: list[Message] = []
        if thought and self._thought_in_content:
            content = f"<think>\n{thought}\n</think>" + (f"\n\n{content}" if content else "")
        elif thought:
            spoken = {"role": "assistant", "content": "", "reasoning_content": thought}
            step.append(spoken | extra)
        if content:
            step.append({"role": "assistant", "content": content} | extra)
        results = [self._results[call_id] for call_id in self._calls if call_id in self._results]
        return deepcopy([*self._earlier, *step, *self._calls.values(), *results])


def _conversation(
    messages: list[Message], system_message: str
) -> tuple[str, list[ChatMessage], str]:
    """The system message, what was said before, and what the user says now."""
    given = ""
    if messages and messages[0]["role"] == "system":
        given, messages = _text(messages[0]["content"]), messages[1:]
    if not messages or messages[-1]["role"] != "user":
        raise Qwen3AgentError("Assistant: the last of the messages has to be one of the user.")
    system = "\n\n".join(text for text in (system_message, given) if text)
    return system, as_chat(messages[:-1]), _text(messages[-1]["content"])


def as_chat(messages: Sequence[Message]) -> list[ChatMessage]:
    """Messages of Qwen-Agent as ours.

    Raises:
        Qwen3AgentError: one holds media, which a text model cannot read.
    """
    chat: list[ChatMessage] = []
    results = 0
    for message in messages:
        text = _text(message.get("content") or "")
        match message["role"]:
            case "function":
                chat.append(ToolResultMessage(results, text))
                results += 1
            case "assistant":
                # Qwen-Agent gives thought, text and each call of a message as a message of its own
                before = chat.pop() if chat and isinstance(chat[-1], AssistantMessage) else None
                said = before.parts if isinstance(before, AssistantMessage) else ()
                chat.append(AssistantMessage((*said, *_parts(message, text))))
                results = 0
            case "system":
                chat.append(SystemMessage(text))
            case _:
                chat.append(UserMessage(text))
    return chat


def _parts(message: Message, text: str) -> Iterator[Part]:
    thought, closed, rest = text.rpartition("</think>")
    thought = _text(message.get("reasoning_content") or "") + thought.replace("<think>", "")
    if thought.strip():
        yield Reasoning(thought.strip())
    if said := rest.lstrip("\n") if closed else text:
        yield Content(said)
    if call := message.get("function_call"):
        yield call_of(call["name"], call["arguments"])


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    items = [_as_dict(item) for item in content]
    other = sorted({key for item in items for key in item if key != "text"})
    if other:
        raise Qwen3AgentError(
            f"A message holds {other[0]!r}, and Qwen3 reads text alone: give the path of a file in "
            "words, and upload it to a CodeInterpreter."
        )
    return "".join(item["text"] for item in items)


def _as_dict(message: Any) -> Message:
    if isinstance(message, Mapping):
        return dict(message)
    dumped: Message = message.model_dump(exclude_none=True)
    return dumped


def _qwen_message(message: Message) -> Any:
    return _qwen_agent("qwen_agent.llm.schema").Message(**message)


def _tool(given: Any) -> Tool | ToolSource | Callable[..., Any]:
    if isinstance(given, Mapping) and "mcpServers" in given:
        return mcp_servers(_without_uvx(given))
    if not isinstance(given, str | Mapping):
        return given  # type: ignore[no-any-return]
    settings = {"name": given} if isinstance(given, str) else dict(given)
    name = settings.pop("name", None)
    if name == "code_interpreter":
        return _interpreter(settings)
    registry = _qwen_agent("qwen_agent.tools").TOOL_REGISTRY
    if name not in registry:
        raise Qwen3AgentError(
            f"Assistant: no tool named {name!r} is registered: import the module that registers it."
        )
    return from_qwen_agent(registry[name](settings))


def _interpreter(settings: dict[str, Any]) -> CodeInterpreter:
    known = {key: settings.pop(key) for key in ("timeout", "work_dir") if key in settings}
    if settings:
        raise Qwen3AgentError(
            f"Assistant: code_interpreter takes timeout and work_dir, not {sorted(settings)[0]!r}."
        )
    return CodeInterpreter(**known)


def _without_uvx(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Where there is no uvx, its servers are taken from this environment if they are installed."""
    if shutil.which("uvx"):
        return config
    changed = deepcopy(dict(config))
    for server in changed["mcpServers"].values():
        arguments = server.get("args") or [""]
        if server.get("command") == "uvx" and (Path(sys.executable).parent / arguments[0]).exists():
            server |= {"command": arguments[0], "args": arguments[1:]}
    return changed


def _qwen_agent(module: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise Qwen3AgentError(
            f'This needs Qwen-Agent ({error}): pip install "qwen3-agent[qwen-agent]".'
        ) from error
