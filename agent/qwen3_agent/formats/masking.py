"""Masking of control text in untrusted strings while the chat template is rendered.

In a rendered conversation, a `<|im_end|>` written by the template cannot be distinguished from one
in a message or a tool's description. So before rendering, control text in untrusted strings is
replaced by unguessable marks. All control tokens in the rendered text are then the template's own;
between them the marks are replaced by the original text, and everything is encoded as plain text.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping
from typing import Any

_MARK = re.compile("\ue000[0-9a-f]+\ue001")


class ControlTexts:
    """The text that untrusted strings must not contribute.

    Besides whole control texts, these are pieces that a template could complete to one: in
    `'<function=' + name + '>'` a tool named `x<think`, or a key `/think` between angle brackets.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        texts = sorted(texts, key=len, reverse=True)
        self.whole = re.compile("|".join(map(re.escape, texts)) or r"(?!)")
        self.beginnings = {text[:end] for text in texts for end in range(1, len(text))}
        self.endings = {text[start:] for text in texts for start in range(1, len(text))}
        self.cores = {text[1:-1] for text in texts} | {text[2:-1] for text in texts}
        self.longest = max(map(len, texts), default=0)
        self.first_letters = {text[0] for text in texts}
        self.last_letters = {text[-1] for text in texts}

    def at_end_of(self, text: str) -> int:
        """Return the length of the longest suffix of `text` that begins a control text."""
        tail = text[-self.longest :]
        if not any(letter in tail for letter in self.first_letters):
            return 0
        lengths = range(min(self.longest - 1, len(text)), 0, -1)
        return next((length for length in lengths if text[-length:] in self.beginnings), 0)

    def at_start_of(self, text: str) -> int:
        """Return the length of the longest prefix of `text` that ends a control text."""
        head = text[: self.longest]
        if not any(letter in head for letter in self.last_letters):
            return 0
        lengths = range(min(self.longest - 1, len(text)), 0, -1)
        return next((length for length in lengths if text[:length] in self.endings), 0)


class Mask:
    """The marks used in one rendering."""

    def __init__(self, controls: ControlTexts) -> None:
        self._controls = controls
        self.nonce = secrets.token_hex(8)
        self._marks: dict[str, str] = {}
        self._hidden: dict[str, str] = {}
        self._guard = f"\ue002{self.nonce}"

    @property
    def used(self) -> bool:
        """Whether anything was hidden."""
        return bool(self._marks)

    def hide(self, value: Any) -> Any:
        """Return the value with control text hidden in all of its strings."""
        match value:
            case str():
                return self._hide_text(value)
            case Mapping():
                return {self.hide(key): self.hide(item) for key, item in value.items()}
            case list() | tuple():
                return [self.hide(item) for item in value]
        return value

    def hide_within(self, text: str, opening: str, closing: str) -> str:
        """Return text that starts with `opening` and ends with `closing`, hidden between them.

        These two control texts remain visible to the template; `settle` hides them afterwards.
        """
        inner = self.hide(text[len(opening) : -len(closing)])
        return f"{opening}{self._guard}{inner}{self._guard}{closing}"

    def settle(self, rendered: str) -> str:
        """Return the rendered text with the control texts hidden that `hide_within` left."""
        guard = self._guard
        if guard not in rendered:
            return rendered
        rendered = re.sub(f"(<[^<>]*>){guard}", lambda found: self._mark(found[1]), rendered)
        return re.sub(f"{guard}(<[^<>]*>)", lambda found: self._mark(found[1]), rendered)

    def reveal(self, text: str) -> str:
        """Return the text with all marks replaced by what they hide."""
        if not self._hidden:
            return text
        return _MARK.sub(lambda mark: self._hidden.get(mark[0], mark[0]), text)

    def _hide_text(self, text: str) -> str:
        controls = self._controls
        if text in controls.cores:
            return self._mark(text)
        text = controls.whole.sub(lambda found: self._mark(found[0]), text)
        if length := controls.at_end_of(text):
            text = text[:-length] + self._mark(text[-length:])
        if length := controls.at_start_of(text):
            text = self._mark(text[:length]) + text[length:]
        return text

    def _mark(self, text: str) -> str:
        mark = self._marks.get(text)
        if mark is None:
            mark = self._marks[text] = f"\ue000{self.nonce}{len(self._marks)}\ue001"
            self._hidden[mark] = text
        return mark
