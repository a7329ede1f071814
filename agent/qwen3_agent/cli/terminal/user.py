"""The user at the terminal, who approves calls and answers requests of MCP servers."""

from __future__ import annotations

import json
import sys
import termios
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import anyio
from anyio import to_thread

from ...approvals import Approval, ApprovalRequest
from ...events import Event, SubagentEvent, ToolCallAsked
from .approving import answer_of, question
from .printable import printable

_NO = ("n", "no")
_YES = ("y", "yes")


def user_at_terminal() -> TerminalUser | None:
    """Return the user at the terminal, or None without a terminal."""
    return TerminalUser() if can_ask() else None


class TerminalUser:
    """Asks questions on standard error, and reads the answers from standard input."""

    def __init__(self) -> None:
        self.say: Callable[[str], None] = partial(print, file=sys.stderr)
        """Shows a line. A view replaces it, to clear its own lines first."""
        self.read: Callable[[str], Awaitable[str | None]] = _read
        """Reads a line after a prompt. None: end of input."""
        self._asked_on_screen = anyio.Semaphore(0)

    def shown(self, event: Event) -> None:
        """Note that an event is on the screen.

        Events are shown by another task: without this, a question could appear above the text
        that led to it.
        """
        while isinstance(event, SubagentEvent):
            event = event.event
        if isinstance(event, ToolCallAsked):
            self._asked_on_screen.release()

    async def approve(self, request: ApprovalRequest, /) -> Approval:
        """Show the exact call and read the answer; see `Approver`. End of input means no."""
        await self._asked_on_screen.acquire()
        self.say(question(request))
        discard_typed()
        while (typed := await self.read("> ")) is not None:
            answer = answer_of(typed, request)
            if answer is not None:
                return answer
        return Approval("no")

    async def fill_in(
        self, server: str, message: str, schema: dict[str, Any]
    ) -> dict[str, Any] | None:
        """Ask for each field of a form; see `UserPrompter`."""
        self.say(f"\nThe MCP server {printable(server)} asks: {printable(message)}")
        if not await self._yes("Answer it?", default=True):
            return None
        answer = {}
        required = schema.get("required", [])
        for name, field in schema.get("properties", {}).items():
            value = await self._field(name, field, must=name in required)
            if value is not None:
                answer[name] = value
        return answer

    async def open_page(self, server: str, message: str, url: str) -> bool:
        """Show the address and open a browser; see `UserPrompter`."""
        self.say(f"\nThe MCP server {printable(server)}: {printable(message)}")
        self.say(f"It asks you to visit {printable(urlsplit(url).netloc)}:\n{printable(url)}")
        if not await self._yes("Open it in a browser?", default=False):
            return False
        import webbrowser

        opened = await to_thread.run_sync(webbrowser.open, url, abandon_on_cancel=True)
        if not opened:
            self.say("No browser was found; open the address yourself.")
        return True

    async def confirm(self, server: str, question: str) -> bool:
        """Ask a yes-or-no question; see `UserPrompter`."""
        self.say(f"\nThe MCP server {printable(server)}. {printable(question)}")
        return await self._yes("Allow it?", default=False)

    async def _field(self, name: str, field: dict[str, Any], *, must: bool) -> Any:
        """Ask for the value of one field. None: left out."""
        label = printable(str(field.get("title") or name))
        about = printable(field.get("description") or "")
        choices = _choices(field)
        if choices:
            about += f" one of: {', '.join(printable(choice) for choice in choices)}"
        default = field.get("default")
        hint = f" [{printable(_shown(default))}]" if default is not None else ""
        hint = hint or ("" if must else " (optional)")
        while True:
            given = await self._line(f"{label}{f' ({about.strip()})' if about else ''}{hint}: ")
            if not given:
                if default is not None or not must:
                    return default
                continue
            try:
                return _value(given, field, choices)
            except ValueError as error:
                self.say(f"{error}")

    async def _yes(self, question: str, *, default: bool) -> bool:
        hint = "[Y/n]" if default else "[y/N]"
        given = (await self._line(f"{question} {hint} ")).lower()
        return given in _YES or (default and given not in _NO)

    async def _line(self, prompt: str) -> str:
        """Return the line that is typed; an empty one at the end of input."""
        return (await self.read(prompt) or "").strip()


def can_ask() -> bool:
    """Return whether there is a terminal to ask questions at."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask_yes_or_no(question: str) -> bool:
    """Ask a question, without an event loop. The end of input means no."""
    print(question, file=sys.stderr)
    discard_typed()
    while True:
        print("> ", end="", file=sys.stderr, flush=True)
        typed = sys.stdin.readline()
        if not typed or typed.strip().lower() in (*_YES, *_NO):
            return typed.strip().lower() in _YES


def discard_typed() -> None:
    """Discard what was typed before a question: it is not an answer to it."""
    termios.tcflush(sys.stdin, termios.TCIFLUSH)


async def _read(prompt: str) -> str | None:
    print(prompt, end="", file=sys.stderr, flush=True)
    typed: str = await to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True)
    return typed or None


def _choices(field: dict[str, Any]) -> list[str]:
    """Return the choices of a field. Versions of the protocol express them in four ways."""
    items = field.get("items", {}) if field.get("type") == "array" else field
    named = items.get("oneOf") or items.get("anyOf") or []
    return [str(each) for each in items.get("enum") or [option.get("const") for option in named]]


def _value(given: str, field: dict[str, Any], choices: list[str]) -> Any:
    kind = field.get("type")
    if kind == "array":
        return [_chosen(each.strip(), choices) for each in given.split(",")]
    if kind == "boolean":
        if given.lower() in (*_YES, *_NO, "true", "false"):
            return given.lower() in (*_YES, "true")
        raise ValueError("Enter yes or no.")
    if kind in ("integer", "number"):
        try:
            return int(given) if kind == "integer" else float(given)
        except ValueError:
            raise ValueError(f"It must be a number ({kind}).") from None
    return _chosen(given, choices)


def _chosen(given: str, choices: list[str]) -> str:
    if choices and given not in choices:
        raise ValueError(f"It must be one of: {', '.join(map(printable, choices))}.")
    return given


def _shown(default: object) -> str:
    return default if isinstance(default, str) else json.dumps(default, ensure_ascii=False)
