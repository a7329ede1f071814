"""Text to token ids and back, with control tokens told apart from text that only looks like them.

Qwen's control tokens (`<|im_end|>`, `</think>`, `<tool_call>`, ...) are the tokenizer's added
tokens. A copy of the tokenizer without them encodes any text as ordinary text, which decodes to the
same characters. What the runtime itself writes is split at its control tokens first, as the whole
tokenizer would do, so for text without control tokens in it both ways give the same ids.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tokenizers

__all__ = ["Decoder", "Tokenizer", "byte_alphabet", "encodable"]


class Tokenizer:
    """A byte-level BPE tokenizer, as all Qwen models have it.

    Args:
        tokenizer: as read from `tokenizer.json`.
    """

    def __init__(self, tokenizer: tokenizers.Tokenizer) -> None:
        self.control_ids: dict[str, int] = {
            token.content: id for id, token in tokenizer.get_added_tokens_decoder().items()
        }
        self._control_texts = {id: text for text, id in self.control_ids.items()}
        self._plain = _without_added_tokens(tokenizer)
        self._token_bytes: dict[int, bytes] = {}
        longest_first = sorted(self.control_ids, key=len, reverse=True)
        self._control_pattern = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")

    @classmethod
    def from_file(cls, path: Path) -> Tokenizer:
        """Read a `tokenizer.json`.

        Raises:
            ValueError: the file is not one.
        """
        import tokenizers

        try:
            return cls(tokenizers.Tokenizer.from_file(str(path)))
        except Exception as error:  # the library raises bare Exception
            raise ValueError(str(error)) from error

    def encode_plain(self, text: str) -> list[int]:
        """Ids of untrusted text: never a control token."""
        ids: list[int] = self._plain.encode(encodable(text), add_special_tokens=False).ids
        return ids

    def encode(self, text: str) -> list[int]:
        """Ids of text whose control tokens are meant."""
        ids: list[int] = []
        for stretch, control in self.split(text):
            ids += self.encode_plain(stretch) if control is None else [control]
        return ids

    def split(self, text: str) -> Iterator[tuple[str, int | None]]:
        """The text in order: stretches without control text, and control tokens with their id."""
        end = 0
        for control in self._control_pattern.finditer(text):
            if control.start() > end:
                yield text[end : control.start()], None
            yield control[0], self.control_ids[control[0]]
            end = control.end()
        if end < len(text):
            yield text[end:], None

    def decode(self, ids: Iterable[int]) -> str:
        """The text that ids spell, control tokens included."""
        decoder = self.decoder()
        return decoder.feed(ids) + decoder.flush()

    def decoder(self) -> Decoder:
        """A decoder for ids that come bit by bit."""
        return Decoder(self)

    def control_text(self, id: int) -> str | None:
        """What a control token spells; None for an ordinary token."""
        return self._control_texts.get(id)

    def token_bytes(self, id: int) -> bytes:
        """The UTF-8 bytes of an ordinary token, maybe a part of a character; none if unknown."""
        found = self._token_bytes.get(id)
        if found is None:
            alphabet = byte_alphabet()
            token = self._plain.id_to_token(id) or ""
            found = self._token_bytes[id] = bytes(alphabet[character] for character in token)
        return found


class Decoder:
    """Ids in, text out, never half a character."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, ids: Iterable[int]) -> str:
        """What has become readable with `ids`."""
        pieces = []
        for id in ids:
            control = self._tokenizer.control_text(id)
            if control is None:
                pieces.append(self._utf8.decode(self._tokenizer.token_bytes(id)))
            else:
                pieces.append(self.flush())
                pieces.append(control)
        return "".join(pieces)

    def flush(self) -> str:
        """What is left: U+FFFD for a character that never became whole."""
        rest = self._utf8.decode(b"", final=True)
        self._utf8.reset()
        return rest


def _without_added_tokens(tokenizer: tokenizers.Tokenizer) -> tokenizers.Tokenizer:
    import tokenizers

    plain = tokenizers.Tokenizer(tokenizer.model)
    if tokenizer.normalizer is not None:
        plain.normalizer = tokenizer.normalizer
    if tokenizer.pre_tokenizer is not None:
        plain.pre_tokenizer = tokenizer.pre_tokenizer
    return plain


def encodable(text: str) -> str:
    """The text with U+FFFD for lone surrogates, which no UTF-8 can carry."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


@cache
def byte_alphabet() -> dict[str, int]:
    """Byte-level BPE's letters for bytes, from GPT-2's encoder.py: printable ones stand for
    themselves, the others for 256 and up in their order."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = (byte for byte in range(256) if byte not in printable)
    shifted = {chr(256 + index): byte for index, byte in enumerate(others)}
    return {chr(byte): byte for byte in printable} | shifted
