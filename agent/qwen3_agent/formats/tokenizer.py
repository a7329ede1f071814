"""Tokenization that distinguishes control tokens from text that only looks like them.

Qwen's control tokens (`<|im_end|>`, `</think>`, `<tool_call>`, ...) are the tokenizer's added
tokens. A copy of the tokenizer without them encodes any text as ordinary text, which decodes to the
same characters. Text from the runtime itself is split at its control tokens first, as the complete
tokenizer does, so text without control tokens gets the same ids either way.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tokenizers

_COMMON_TEXTS, _COMMON_LENGTH = 256, 16_384
"""Number of texts whose ids are kept, and their maximum length in characters."""


class Tokenizer:
    """A byte-level BPE tokenizer, as used by all Qwen models.

    Args:
        tokenizer: loaded from `tokenizer.json`.
    """

    def __init__(self, tokenizer: tokenizers.Tokenizer) -> None:
        self.control_ids: dict[str, int] = {
            token.content: number for number, token in tokenizer.get_added_tokens_decoder().items()
        }
        self._control_texts = {token: text for text, token in self.control_ids.items()}
        self._plain = _without_added_tokens(tokenizer)
        # Conversations have many texts in common, such as the descriptions of the tools
        self._encode_common = lru_cache(_COMMON_TEXTS)(self._encode)
        self._token_bytes: dict[int, bytes] = {}
        longest_first = sorted(self.control_ids, key=len, reverse=True)
        self._control_pattern = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")

    @classmethod
    def from_file(cls, path: Path) -> Tokenizer:
        """Read a `tokenizer.json`.

        Raises:
            ValueError: the file is not a tokenizer.
        """
        import tokenizers

        try:
            return cls(tokenizers.Tokenizer.from_file(str(path)))
        except Exception as error:  # the library raises bare Exception
            raise ValueError(str(error)) from error

    def encode_plain(self, text: str) -> list[int]:
        """Encode untrusted text; the result contains no control tokens."""
        encode = self._encode_common if len(text) <= _COMMON_LENGTH else self._encode
        return list(encode(text))

    def _encode(self, text: str) -> tuple[int, ...]:
        return tuple(self._plain.encode(encodable(text), add_special_tokens=False).ids)

    def encode(self, text: str) -> list[int]:
        """Encode trusted text; control text in it becomes control tokens."""
        ids: list[int] = []
        for piece, control in self.split(text):
            ids += self.encode_plain(piece) if control is None else [control]
        return ids

    def split(self, text: str) -> Iterator[tuple[str, int | None]]:
        """Yield the pieces of a text in order; control tokens come with their id."""
        end = 0
        for control in self._control_pattern.finditer(text):
            if control.start() > end:
                yield text[end : control.start()], None
            yield control[0], self.control_ids[control[0]]
            end = control.end()
        if end < len(text):
            yield text[end:], None

    def decode(self, ids: Iterable[int]) -> str:
        """Decode ids to text, control tokens included."""
        decoder = self.decoder()
        return decoder.feed(ids) + decoder.flush()

    def decoder(self) -> Decoder:
        """Return an incremental decoder."""
        return Decoder(self)

    def control_text(self, token: int) -> str | None:
        """Return the text of a control token, or None for an ordinary token."""
        return self._control_texts.get(token)

    def token_bytes(self, token: int) -> bytes:
        """Return the UTF-8 bytes of an ordinary token; empty if the id is unknown.

        They may be a part of a character.
        """
        found = self._token_bytes.get(token)
        if found is None:
            alphabet = byte_alphabet()
            letters = self._plain.id_to_token(token) or ""
            found = self._token_bytes[token] = bytes(alphabet[letter] for letter in letters)
        return found


class Decoder:
    """Decodes ids incrementally to text, in whole characters."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        self._incomplete = False
        """Whether `_utf8` holds the beginning of a character."""

    def feed(self, ids: Iterable[int]) -> str:
        """Add ids, and return the text that is complete now."""
        pieces = []
        for token in ids:
            control = self._tokenizer.control_text(token)
            if control is None:
                pieces.append(self._decode(self._tokenizer.token_bytes(token)))
            else:
                pieces.append(self.flush())
                pieces.append(control)
        return "".join(pieces)

    def flush(self) -> str:
        """Return U+FFFD if the last character is incomplete, otherwise nothing."""
        rest = self._utf8.decode(b"", final=True)
        self._utf8.reset()
        self._incomplete = False
        return rest

    def _decode(self, part: bytes) -> str:
        if not self._incomplete and part.isascii():
            return part.decode("ascii")
        text = self._utf8.decode(part)
        self._incomplete = bool(self._utf8.getstate()[0])
        return text


def _without_added_tokens(tokenizer: tokenizers.Tokenizer) -> tokenizers.Tokenizer:
    import tokenizers

    plain = tokenizers.Tokenizer(tokenizer.model)
    if tokenizer.normalizer is not None:
        plain.normalizer = tokenizer.normalizer
    if tokenizer.pre_tokenizer is not None:
        plain.pre_tokenizer = tokenizer.pre_tokenizer
    return plain


def encodable(text: str) -> str:
    """Return the text with lone surrogates, which UTF-8 cannot represent, replaced by U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


@cache
def byte_alphabet() -> dict[str, int]:
    """Return the byte for each letter of byte-level BPE, as in GPT-2's encoder.py.

    Printable bytes have their own letter; the others have the letters from 256 on, in order.
    """
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = (byte for byte in range(256) if byte not in printable)
    shifted = {chr(256 + index): byte for index, byte in enumerate(others)}
    return {chr(byte): byte for byte in printable} | shifted
