"""The prompt of a chat: several lines, a history, and completion of commands."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import Completer
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.input.typeahead import clear_typeahead, store_typeahead
from prompt_toolkit.input.vt100_parser import Vt100Parser
from prompt_toolkit.key_binding import KeyBindings, KeyPress, KeyPressEvent
from prompt_toolkit.styles import Style

from .keyboard import Keyboard

HISTORY = "chat_history"
"""The history file in the state folder."""

_STYLE = Style.from_dict({"bottom-toolbar": "noreverse fg:ansibrightblack", "prompt": "bold"})


class ChatPrompt:
    """Reads messages of the user.

    Enter sends a message; Alt-Enter, Ctrl-J, or Enter after a backslash starts a new line. The
    lines of a paste stay together.

    Args:
        history: The history file.
        completer: Completes slash commands.
        status: Returns the status line.
        keyboard: Holds what was typed during the turn.
    """

    def __init__(
        self, history: Path, completer: Completer, status: Callable[[], str], keyboard: Keyboard
    ) -> None:
        self._keyboard = keyboard
        self._session: PromptSession[str] = PromptSession(
            "> ",
            multiline=True,
            prompt_continuation="  ",
            key_bindings=_keys(),
            history=_history(history),
            completer=completer,
            complete_while_typing=True,
            enable_open_in_editor=True,
            bottom_toolbar=lambda: status(),
            style=_STYLE,
            reserve_space_for_menu=4,
        )
        self._question: PromptSession[str] = PromptSession(history=InMemoryHistory())

    async def message(self) -> str:
        """Read the next message.

        Raises:
            KeyboardInterrupt: Ctrl-C.
            EOFError: Ctrl-D.
        """
        typed, self._keyboard.typed = self._keyboard.typed, b""
        if typed:
            keys: list[KeyPress] = []
            Vt100Parser(keys.append).feed(typed.decode(errors="ignore"))
            store_typeahead(self._session.input, keys)
        return await self._session.prompt_async()

    async def answer(self, question: str) -> str:
        """Read the answer to a question, which is not added to the history.

        Earlier input is discarded: it is not an answer to the question.

        Raises:
            KeyboardInterrupt: Ctrl-C.
            EOFError: Ctrl-D.
        """
        clear_typeahead(self._question.input)
        self._keyboard.forget()
        return await self._question.prompt_async(question)


def _keys() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("enter")
    def send_or_continue(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if buffer.document.char_before_cursor == "\\":
            buffer.delete_before_cursor()
            buffer.newline(copy_margin=False)
        else:
            buffer.validate_and_handle()

    @keys.add("escape", "enter")
    @keys.add("c-j")
    def new_line(event: KeyPressEvent) -> None:
        event.current_buffer.newline(copy_margin=False)

    return keys


def _history(path: Path) -> History:
    """Return the history: a file that only its owner can read, or in memory if that fails."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600))
    except OSError:
        return InMemoryHistory()
    return FileHistory(str(path))
