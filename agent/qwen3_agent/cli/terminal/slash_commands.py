"""The slash commands of a chat."""

from __future__ import annotations

import difflib
import json
import os
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten

from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.document import Document
from rich.filesize import decimal

from ...messages import AssistantMessage, Message, SystemMessage, ToolCall, ToolResultMessage
from ...messages.reading import read_messages
from ...models.choose import DEMO
from ...result import Usage
from ..config.options import thinking_mode
from .chat_session import ChatSession
from .live_view import ROUTES
from .printable import counted, printable
from .run_text import tool_rows

MOST_FILES = 50
"""Maximum number of files that `/files` lists."""


class CommandError(Exception):
    """A command that cannot be executed; the message says why."""


@dataclass(frozen=True, slots=True)
class Command:
    """A slash command."""

    name: str
    about: str
    run: Callable[[ChatSession, str], Awaitable[None] | None]
    takes: str = ""
    """The argument, as shown by `/help`. Empty: it takes none."""
    choices: tuple[str, ...] = ()
    """Suggested arguments."""


async def hold_chat(session: ChatSession) -> None:
    """Answer messages and execute commands until the user exits."""
    while (text := await session.message()) is not None:
        command = split_command(text)
        try:
            await (run_command(session, *command) if command else session.turn(text))
        except CommandError as error:
            session.say(str(error), "red")


def split_command(text: str) -> tuple[str, str] | None:
    """Return the name and the argument of a command. None: the text is not a command.

    `/no_think` and `/think` before a question are soft switches of Qwen3, for the model.
    """
    found = re.fullmatch(r"/([a-z_]*)(?:\s+(.*))?", text.strip(), re.DOTALL)
    if found is None or found[1] == "no_think":
        return None
    return found[1], (found[2] or "").strip()


async def run_command(session: ChatSession, name: str, rest: str) -> None:
    """Execute a command.

    Raises:
        CommandError: It cannot be executed, or does not exist.
    """
    command = _BY_NAME.get(name)
    if command is None:
        near = difflib.get_close_matches(name, _BY_NAME, n=1)
        hint = f" Did you mean /{near[0]}?" if near else ""
        raise CommandError(f"There is no command /{name}.{hint} /help lists them; Ctrl-D exits.")
    if rest and not command.takes:
        raise CommandError(f"/{name} takes no arguments.")
    work = command.run(session, rest)
    if work is not None:
        await work


class CommandCompleter(Completer):
    """Completes commands and their arguments."""

    def __init__(self) -> None:
        self._paths = PathCompleter(expanduser=True)

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterable[Completion]:
        """See `Completer`."""
        text = document.text_before_cursor
        if not text.startswith("/") or "\n" in text:
            return
        name, space, rest = text[1:].partition(" ")
        if not space:
            for command in COMMANDS:
                if command.name.startswith(name):
                    yield Completion(f"/{command.name}", -len(text), display_meta=command.about)
            return
        for choice in _BY_NAME[name].choices if name in _BY_NAME else ():
            if choice.startswith(rest):
                yield Completion(choice, -len(rest))
        if name in ("model", "save"):
            yield from self._paths.get_completions(Document(rest), complete_event)


def _think(session: ChatSession, rest: str) -> None:
    if rest:
        try:
            mode = thinking_mode(rest)
        except ValueError as error:
            raise CommandError(
                f"/think: {error} To ask a question with thinking, type only the question."
            ) from None
        session.conversation.set_thinking(mode)
        session.chosen_thinking = rest
    session.say(f"Thinking: {session.thinking}.")


def _tools(session: ChatSession, rest: str) -> None:
    for row in tool_rows(session.conversation.tools) or ["No tools."]:
        session.say(row)


def _mcp(session: ChatSession, rest: str) -> None:
    from qwen3_tools.mcp import MCPServers

    sources = [tool for tool in session.agent.tools if isinstance(tool, MCPServers)]
    for servers in sources:
        for status in servers.status:
            detail = status.reason or counted(len(status.tools), "tool")
            session.say(f"{status.name}: {status.state}, {detail}")
        for name in servers.config.disabled:
            session.say(f"{name}: disabled")
    if not any(servers.status or servers.config.disabled for servers in sources):
        session.say("No MCP servers.")


async def _model(session: ChatSession, rest: str) -> None:
    if rest and not await session.switch_model(rest):
        return
    model = session.conversation.model
    thinks = "always thinks" if not model.can_skip_thinking else "can think"
    thinks = thinks if model.can_think else "cannot think"
    session.say(f"{model.name}{ROUTES[model.route]} · {thinks}")
    session.say(f"{session.conversation.context_left} tokens of context left.")


def _files(session: ChatSession, rest: str) -> None:
    folder = session.conversation.folder
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    files = [path for path in files if not path.relative_to(folder).parts[0].startswith(".")]
    session.say(f"{folder}: {counted(len(files), 'file') if files else 'no files'}")
    for path in files[:MOST_FILES]:
        session.say(f"  {path.relative_to(folder)}  {decimal(path.stat().st_size)}")
    if len(files) > MOST_FILES:
        session.say(f"  … and {len(files) - MOST_FILES} more")


def _save(session: ChatSession, rest: str) -> None:
    messages = session.conversation.messages
    if not messages:
        raise CommandError("The conversation is empty.")
    path = Path(os.path.expanduser(rest or time.strftime("chat-%Y-%m-%d-%H%M%S.md")))
    if path.suffix == ".json":
        text = json.dumps(messages, ensure_ascii=False, indent=2) + "\n"
    else:
        text = as_markdown(read_messages(messages))
    try:
        with path.open("x", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except FileExistsError:
        raise CommandError(f"{path} already exists; choose another name.") from None
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.") from None
    session.say(f"Saved to {path}.")


def _undo(session: ChatSession, rest: str) -> None:
    session.say(f"Undone: {_in_short(_undo_turn(session))}")


async def _retry(session: ChatSession, rest: str) -> None:
    if session.conversation.unfinished is not None:
        await session.go_on()
        return
    text = _undo_turn(session)
    session.say(f"Again: {_in_short(text)}")
    await session.turn(text)


async def _compact(session: ChatSession, rest: str) -> None:
    if session.conversation.unfinished is not None:
        raise CommandError(
            "The last message has no answer yet: /retry continues, /undo removes it."
        )
    saved = await session.compact()
    if saved is None:
        return
    if saved <= 0:
        session.say("Nothing to compact: the last question and answer are always kept.")
    else:
        left = session.conversation.context_left
        session.say(f"Saved {saved} tokens; {left} tokens of context left.")


def _usage(session: ChatSession, rest: str) -> None:
    steps = session.steps
    usage = sum((step.usage for step in steps), Usage())
    seconds = sum(step.seconds for step in steps)
    calls = sum(len(step.tool_calls) for step in steps)
    prompt = usage.input_tokens
    share = f", {usage.cached_tokens / prompt:.0%} of them cached" if prompt else ""
    did = [counted(session.turns, "turn"), counted(len(steps), "step"), counted(calls, "tool call")]
    session.say(f"{', '.join(did)}, {seconds:.1f} s")
    session.say(f"{prompt} prompt tokens{share}")
    session.say(
        f"{usage.output_tokens} sampled tokens, {usage.thinking_tokens} of them for thinking"
    )
    session.say(f"{session.conversation.context_left} tokens of context left.")


def _help(session: ChatSession, rest: str) -> None:
    for command in COMMANDS:
        session.say(f"{f'/{command.name} {command.takes}'.ljust(24)}  {command.about}")
    session.say("Enter sends; Alt-Enter, Ctrl-J, or \\ before Enter starts a new line.")
    session.say("Ctrl-C stops the turn; Ctrl-D exits; up and down browse the history.")


COMMANDS = (
    Command(
        "think",
        "turn thinking on or off, or limit its tokens",
        _think,
        "[on|off|N|auto]",
        ("on", "off", "auto"),
    ),
    Command("tools", "list the tools", _tools),
    Command("mcp", "show the state of the MCP servers", _mcp),
    Command(
        "model",
        "show the model, or switch to another: a folder or a hub id",
        _model,
        "[NAME]",
        (DEMO,),
    ),
    Command("files", "list the files in the tools' folder", _files),
    Command("save", "save the conversation to a file, .md or .json", _save, "[FILE]"),
    Command("undo", "undo the last turn", _undo),
    Command("retry", "undo the last turn and ask again", _retry),
    Command("compact", "summarize everything before the last turn", _compact),
    Command("usage", "show tokens and time so far", _usage),
    Command("help", "show this list", _help),
)

_BY_NAME = {command.name: command for command in COMMANDS}


def as_markdown(messages: Sequence[Message]) -> str:
    """Return a conversation as Markdown, with calls and results as code."""
    parts: list[str] = []
    for message in messages:
        match message:
            case AssistantMessage():
                parts.append("## Assistant")
                if thought := message.thought.strip():
                    parts.append("\n".join(f"> {line}".rstrip() for line in thought.split("\n")))
                if text := message.text.strip("\n"):
                    parts.append(text)
                for call in message.calls:
                    if isinstance(call, ToolCall):
                        arguments = json.dumps(call.arguments, ensure_ascii=False)
                        parts.append(f"Calls `{call.name}`:\n\n{_fenced(arguments)}")
            case ToolResultMessage():
                result = message.text_for_model.strip("\n")
                parts += ["## Tool", *([_fenced(result)] if result else [])]
            case _:
                text = message.text.strip("\n")
                role = "## System" if isinstance(message, SystemMessage) else "## User"
                parts += [role, *([text] if text else [])]
    return "\n\n".join(parts) + "\n"


def _fenced(text: str) -> str:
    """Return a block of code, with a fence that does not occur in the text."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text}\n{fence}"


def _undo_turn(session: ChatSession) -> str:
    try:
        return session.conversation.undo()
    except LookupError as error:
        raise CommandError(str(error)) from None


def _in_short(text: str) -> str:
    return shorten(printable(text), 60, placeholder="…")
