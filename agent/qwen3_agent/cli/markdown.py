"""Markdown as it streams in, cut where a block ends, so that what is printed can stay."""

from __future__ import annotations


class MarkdownBlocks:
    """Splits streamed Markdown into finished blocks and the one that still grows.

    A block ends at a blank line outside of a code fence.
    """

    def __init__(self) -> None:
        self._whole = ""
        self._printed = 0

    def feed(self, text: str) -> tuple[str, str]:
        """What has become finished by `text`, and what is still open."""
        self._whole += text
        open_text = self._whole[self._printed :]
        end = _end_of_blocks(open_text)
        self._printed += end
        return open_text[:end], open_text[end:]

    def end(self) -> tuple[str, str]:
        """What was still open, and the whole text; begins anew."""
        rest, whole = self._whole[self._printed :], self._whole
        self._whole, self._printed = "", 0
        return rest, whole


def _end_of_blocks(text: str) -> int:
    """Where the last finished block ends, as an offset into `text`; 0 when none is finished."""
    end = offset = 0
    fence = ""
    for line in text.splitlines(keepends=True):
        offset += len(line)
        stripped = line.strip()
        if fence:
            if stripped.startswith(fence) and not stripped.strip(fence[0]):
                fence = ""
        elif stripped.startswith(("```", "~~~")):
            fence = stripped[: len(stripped) - len(stripped.lstrip(stripped[0]))]
        elif not stripped and line.endswith("\n"):
            end = offset
    return end
