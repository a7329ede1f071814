"""Removes secrets from what is written to disk: known ones by value, others by their form."""

from __future__ import annotations

import os
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any

from qwen3_tools.secret_names import secrets_of

REDACTED = "[redacted]"
SHORTEST_SECRET = 8
"""Characters. Shorter secrets would also match harmless text."""

_SHAPES = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|\b(?:sk|pk|rk)-[A-Za-z0-9_-]{16,}"  # OpenAI, Anthropic, DashScope, OpenRouter
    r"|\b(?:sk|rk)_live_[A-Za-z0-9]{16,}"  # Stripe
    r"|\bgh[opusr]_[A-Za-z0-9]{20,}|\bgithub_pat_[A-Za-z0-9_]{20,}"
    r"|\bglpat-[A-Za-z0-9_-]{16,}"
    r"|\bhf_[A-Za-z0-9]{20,}"
    r"|\bxox[abeoprs]-[A-Za-z0-9-]{10,}"  # Slack
    r"|\bA(?:KIA|SIA)[A-Z0-9]{16}\b"  # AWS
    r"|\bAIza[A-Za-z0-9_-]{35}"  # Google
    r"|\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"  # JSON web tokens
    r"|(?<=[Bb]earer )[A-Za-z0-9._~+/-]{16,}=*"
    r"|(?<=://)[^\s/@:]+:[^\s/@]+(?=@)",  # the user and password of a URL
    re.DOTALL,
)


class Redactor:
    """Removes secrets from text, JSON and token ids.

    Args:
        secrets: Values to remove; those with fewer than `SHORTEST_SECRET` characters are ignored.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = sorted({each for each in secrets if len(each) >= SHORTEST_SECRET}, key=len)
        # Longest first, since one may contain another
        self._known = re.compile("|".join(map(re.escape, reversed(known)))) if known else None

    def text(self, text: str) -> str:
        """Return the text with its secrets replaced."""
        if self._known is not None:
            text = self._known.sub(REDACTED, text)
        return _SHAPES.sub(REDACTED, text)

    def json(self, value: Any) -> Any:
        """Return a JSON value with the secrets in its strings and keys replaced."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(key): self.json(each) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [self.json(each) for each in value]
        return value

    def ids(
        self,
        ids: Sequence[int],
        decode: Callable[[Sequence[int]], str],
        encode: Callable[[str], list[int]],
    ) -> list[tuple[int, list[int]]]:
        """Replace every token that is part of a secret.

        Args:
            ids: The token ids.
            decode: Converts ids to text, including control tokens.
            encode: Converts text to ids, never to control tokens.

        Returns:
            Pieces: the number of ids that a piece replaces, and the same or other ids.
        """
        whole = decode(ids)
        if self.text(whole) == whole:
            return [(len(ids), list(ids))]
        pieces = [decode([each]) for each in ids]
        text = "".join(pieces)
        ends = list(accumulate(len(piece) for piece in pieces))
        runs: list[tuple[int, list[int]]] = []
        done = 0
        for start, end in self._found(text):
            first = max(done, bisect_right(ends, start))
            last = bisect_left(ends, end)
            if last < first:  # it is inside the token that was replaced last
                continue
            if first > done:
                runs.append((first - done, list(ids[done:first])))
            covered = "".join(pieces[first : last + 1])
            runs.append((last + 1 - first, encode(self.text(covered))))
            done = last + 1
        if done < len(ids):
            runs.append((len(ids) - done, list(ids[done:])))
        left = decode([each for _, run in runs for each in run])
        if self.text(left) != left:  # the bytes of a character are spread over tokens
            return [(len(ids), encode(self.text(whole)))]
        return runs

    def _found(self, text: str) -> list[tuple[int, int]]:
        found = [match.span() for match in _SHAPES.finditer(text)]
        if self._known is not None:
            found += [match.span() for match in self._known.finditer(text)]
        spans: list[tuple[int, int]] = []
        for start, end in sorted(found):
            if spans and start < spans[-1][1]:
                spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
            else:
                spans.append((start, end))
        return spans


def secrets_in_environment(environ: Mapping[str, str] | None = None) -> list[str]:
    """Return the values of the variables whose names mark them as secret."""
    return secrets_of(os.environ if environ is None else environ)
