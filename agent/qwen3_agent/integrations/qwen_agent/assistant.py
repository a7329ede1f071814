"""An `Assistant` like the one of Qwen-Agent, based on `Agent`."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from qwen3_tools.code_interpreter import CodeInterpreter
from qwen3_tools.mcp import mcp_servers
from qwen3_tools.qwen_agent_tools import from_qwen_agent
from qwen3_tools.source import ToolSource
from qwen3_tools.tool import Tool

from ... import events
from ...agent import Agent
from ...errors import LimitExceededError, Qwen3AgentError
from ...runtime import load_model, open_conversation
from ...sampling import Sampling
from ...streaming import Stream
from .messages import Message, as_chat, as_dict, call_message, text_messages, text_of
from .optional import from_qwen_agent_package
from .settings import Settings


class Assistant:
    """Has the arguments of `qwen_agent.agents.Assistant`, and yields the same messages.

    Each run starts its own MCP servers and interpreter; inside `with assistant:` they stay open
    between runs. A model on this machine is loaded once.

    Args:
        function_list: Names (`"code_interpreter"`, or a tool registered with Qwen-Agent), names
            with settings, `{"mcpServers": {...}}`, `BaseTool`s, and the tools of `Agent`.
        llm: `model`, `model_server`, `api_key`, `model_type`, `generate_cfg`. Without a server,
            `model` is a folder or a hub id, and runs on this machine.
        system_message: Precedes the system message of the conversation, if any.
        name: The name of the agent in the messages that it yields.
        description: For people.

    Raises:
        Qwen3AgentError: An argument is not supported, or a tool is not registered.
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
                "Assistant: files and rag_cfg are not supported: upload the files to a "
                "CodeInterpreter, or use a tool that searches."
            )
        self.name = name
        self.description = description
        self.system_message = system_message or ""
        settings = Settings.of(llm or {})
        self._thought_in_content = settings.thought_in_content
        self._unloaded = settings.agent([_tool(each) for each in function_list or ()])

    @cached_property
    def _agent(self) -> Agent:
        """The agent, with a loaded model if it runs on this machine."""
        spec = self._unloaded.spec
        if spec.base_url is not None:
            return self._unloaded
        return self._unloaded.with_options(model=load_model(spec))

    def run(self, messages: Sequence[Any], **settings: Any) -> Iterator[list[Any]]:
        """Answer the last message. Each item is all new messages so far.

        Args:
            messages: The conversation, as dictionaries or as Qwen-Agent's `Message`s; the answer
                has the same form.
            settings: `seed`; others only have a meaning in Qwen-Agent, and are ignored.
        """
        as_dicts = bool(messages) and all(isinstance(each, dict) for each in messages)
        stream = self._stream([as_dict(each) for each in messages], settings.get("seed"))
        try:
            for answer in self._agent.iterate(stream):
                if self.name:
                    answer = [
                        {**message, "name": message.get("name") or self.name} for message in answer
                    ]
                yield answer if as_dicts else [_qwen_message(each) for each in answer]
        except LimitExceededError as limit:
            if limit.limit != "steps":  # at which Qwen-Agent simply ends
                raise

    def run_nonstream(self, messages: Sequence[Any], **settings: Any) -> list[Any]:
        """Return all messages of `run` when it has ended."""
        [*_, answer] = [[], *self.run(messages, **settings)]
        return answer

    def __enter__(self) -> Self:
        self._agent.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._agent.__exit__(*error)

    def _stream(self, messages: list[Message], seed: int | None) -> Stream[list[Message]]:
        system = [self.system_message]
        if messages and messages[0]["role"] == "system":
            system.append(text_of(messages[0]["content"]))
            messages = messages[1:]
        if not messages or messages[-1]["role"] != "user":
            raise Qwen3AgentError("Assistant: the last message must be from the user.")
        history, task = as_chat(messages[:-1]), text_of(messages[-1]["content"])
        spec = self._agent.spec
        if seed is not None:
            spec = replace(spec, sampling=replace(spec.sampling or Sampling.thinking(), seed=seed))
        spec = replace(spec, instructions="\n\n".join(filter(None, system)) or None)

        async def work(emit: Callable[[list[Message]], None]) -> None:
            async with (
                open_conversation(spec, self._agent.resources, history=history) as conversation,
                conversation.stream(task) as stream,
            ):
                answer = _Answer(bool(conversation.tools), self._thought_in_content)
                async for event in stream:
                    if answer.add(event):
                        emit(answer.messages())

        return Stream(work)


class _Answer:
    """The messages of a run, in the form and order of Qwen-Agent."""

    def __init__(self, has_tools: bool, thought_in_content: bool) -> None:
        self._extra: Message = {"extra": {}} if has_tools else {}
        self._thought_in_content = thought_in_content
        self._earlier: list[Message] = []
        self._begin_step()

    def _begin_step(self) -> None:
        self._thought = self._content = ""
        self._calls: dict[str, Message] = {}
        self._results: dict[str, Message] = {}

    def add(self, event: events.Event) -> bool:
        """Add an event, and return whether it has changed the messages."""
        match event:
            case events.ReasoningText():
                self._thought += event.text
            case events.ContentText():
                self._content += event.text
            case events.ToolCallStarted():
                number = len(self._calls) + 1
                self._calls[event.id] = call_message(number, event.name, event.arguments)
            case events.ToolCallFinished() if event.id in self._calls:
                result = {"role": "function", "content": event.text, "name": event.name}
                self._results[event.id] = result | {"extra": dict(self._calls[event.id]["extra"])}
            case events.StepFinished():
                self._earlier = self.messages()
                self._begin_step()
                return False
            case _:
                return False
        return True

    def messages(self) -> list[Message]:
        """Return copies of all messages so far."""
        thought, content = self._thought, self._content.strip()
        if thought.strip() and self._thought_in_content:
            content = f"<think>\n{thought.strip()}\n</think>\n\n{content}"
            thought = ""
        texts = [message | self._extra for message in text_messages(thought, content)]
        results = [self._results[call_id] for call_id in self._calls if call_id in self._results]
        return deepcopy([*self._earlier, *texts, *self._calls.values(), *results])


def _qwen_message(message: Message) -> Any:
    return from_qwen_agent_package("llm.schema").Message(**message)


def _tool(given: Any) -> Tool | ToolSource | Callable[..., Any]:
    if isinstance(given, Mapping) and "mcpServers" in given:
        return mcp_servers(_without_uvx(given))
    if not isinstance(given, str | Mapping):
        return given  # type: ignore[no-any-return]
    settings: dict[str, Any] = {"name": given} if isinstance(given, str) else dict(given)
    name = settings.pop("name", None)
    if name == "code_interpreter":
        if unknown := settings.keys() - {"timeout", "work_dir"}:
            raise Qwen3AgentError(
                f"Assistant: code_interpreter takes timeout and work_dir, not {min(unknown)!r}."
            )
        return CodeInterpreter(**settings)
    registry = from_qwen_agent_package("tools").TOOL_REGISTRY
    if name not in registry:
        raise Qwen3AgentError(
            f"Assistant: no tool named {name!r} is registered: import the module that registers it."
        )
    return from_qwen_agent(registry[name](settings))


def _without_uvx(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Replace `uvx`, if it is missing, for servers that are installed in this environment."""
    if shutil.which("uvx"):
        return config
    config = deepcopy(dict(config))
    for server in config["mcpServers"].values():
        command, *arguments = server.get("args") or [""]
        if server.get("command") == "uvx" and (Path(sys.executable).parent / command).exists():
            server |= {"command": command, "args": arguments}
    return config
