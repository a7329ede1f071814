"""The person at the terminal, who approves calls and is asked what MCP servers ask."""

from __future__ import annotations

import json
import sys
import termios
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from anyio import to_thread

from ...approvals import Approval, ApprovalRequest
from .approving import answer_of, question
from .printable import printable

_NO = ("n", "no")
_YES = ("y", "yes")


def person_at_terminal() -> TerminalPerson | None:
    """Whoever sits at the terminal; None where there is none to ask at."""
    return TerminalPerson() if sys.stdin.isatty() and sys.stderr.isatty() else None


class TerminalPerson:
    """Asks on standard error, and reads the answers from standard input."""

    def __init__(self) -> None:
        self.say: Callable[[str], None] = partial(print, file=sys.stderr)
        """Shows a line, after whatever else is being shown has been put out of the way."""
        self.read: Callable[[str], Awaitable[str | None]] = _read
        """Asks for a line; None at the end of the input."""

    async def approve(self, request: ApprovalRequest, /) -> Approval:
        """Show the exact call and take an answer; see `Approver`. No answer is a no."""
        self.say(question(request))
        termios.tcflush(sys.stdin, termios.TCIFLUSH)  # What was typed before is no answer to it
        while (typed := await self.read("> ")) is not None:
            answer = answer_of(typed, request)
            if answer is not None:
                return answer
        return Approval("no")

    async def fill_in(
        self, server: str, message: str, schema: dict[str, Any]
    ) -> dict[str, Any] | None:
        """Ask for each field of the form; see `UserPrompter`."""
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
        """Show where it leads and open a browser; see `UserPrompter`."""
        self.say(f"\nThe MCP server {printable(server)}: {printable(message)}")
        self.say(f"It wants you to go to {printable(urlsplit(url).netloc)}:\n{printable(url)}")
        if not await self._yes("Open it in a browser?", default=False):
            return False
        import webbrowser

        opened = await to_thread.run_sync(webbrowser.open, url, abandon_on_cancel=True)
        if not opened:
            self.say("There is no browser here: open the address yourself.")
        return True

    async def confirm(self, server: str, question: str) -> bool:
        """Ask for a yes; see `UserPrompter`."""
        self.say(f"\nThe MCP server {printable(server)}. {printable(question)}")
        return await self._yes("Is that all right?", default=False)

    async def _field(self, name: str, field: dict[str, Any], *, must: bool) -> Any:
        """A value for one field; None to leave it out."""
        label = printable(str(field.get("title") or name))
        about = printable(field.get("description") or "")
        choices = _choices(field)
        if choices:
            about += f" one of: {', '.join(printable(choice) for choice in choices)}"
        default = field.get("default")
        hint = f" [{printable(_shown(default))}]" if default is not None else ""
        hint = hint or ("" if must else " (may be left empty)")
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
        """What is typed; nothing at the end of the input."""
        return (await self.read(prompt) or "").strip()


async def _read(prompt: str) -> str | None:
    print(prompt, end="", file=sys.stderr, flush=True)
    typed: str = await to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True)
    return typed or None


def _choices(field: dict[str, Any]) -> list[str]:
    """What a field may be, where that is a list: four ways of saying so have been in use."""
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
        raise ValueError("Say yes or no.")
    if kind in ("integer", "number"):
        try:
            return int(given) if kind == "integer" else float(given)
        except ValueError:
            raise ValueError(f"It must be a number, {kind}.") from None
    return _chosen(given, choices)


def _chosen(given: str, choices: list[str]) -> str:
    if choices and given not in choices:
        raise ValueError(f"It must be one of: {', '.join(map(printable, choices))}.")
    return given


def _shown(default: object) -> str:
    return default if isinstance(default, str) else json.dumps(default, ensure_ascii=False)
