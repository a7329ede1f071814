"""The messages of a request as JSON, each encoded once."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ...messages import Message, ToolResultMessage
from ...messages.encoding import chat_api_message, with_call_ids

_CONTROL_TEXT = re.compile(r"<(?=\|[a-z_]+\|>|/?(?:think|tool_call|tool_response)>)")


class EncodedOnce:
    """Messages as JSON, each encoded once, or each step of a long run would take longer.

    The server's template spells tool results without a mask, so text in them that looks like a
    control token of Qwen3 is defused: a word joiner (U+2060) is put behind its first character.
    """

    def __init__(self) -> None:
        self._encoded: list[tuple[Message, bytes]] = []

    def of(self, messages: Sequence[Message]) -> list[bytes]:
        """Return each message as JSON."""
        same = 0
        for message, (known, _) in zip(messages, self._encoded, strict=False):
            if message is not known:
                break
            same += 1
        del self._encoded[same:]
        for message, ids in with_call_ids(messages, start=same):
            encoded = json_bytes(chat_api_message(_defused(message), ids))
            self._encoded.append((message, encoded))
        return [encoded for _, encoded in self._encoded]


def json_bytes(value: Any) -> bytes:
    """Return JSON in UTF-8, with a question mark for half of a surrogate pair."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def _defused(message: Message) -> Message:
    if not isinstance(message, ToolResultMessage):
        return message
    return replace(message, text=_CONTROL_TEXT.sub("<\u2060", message.text))
