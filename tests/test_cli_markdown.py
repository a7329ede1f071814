from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen3_agent.cli.terminal.markdown import MarkdownBlocks, tail_of_block

PIECES = st.lists(st.sampled_from(["a", "b c", "\n", "\n\n", "```", "```py\n", "~~~", " ", "时"]))


def finished(*pieces: str) -> str:
    blocks = MarkdownBlocks()
    return "".join(blocks.feed(piece)[0] for piece in pieces)


@pytest.mark.parametrize(
    ("text", "done"),
    [
        ("a paragraph", ""),
        ("a paragraph\n", ""),
        ("a paragraph\n\n", "a paragraph\n\n"),
        ("one\n\ntwo", "one\n\n"),
        ("\n", "\n"),
        ("```py\nx\n\ny", ""),
        ("```py\nx\n\n```\n\n", "```py\nx\n\n```\n\n"),
        ("````\n```\n\n", ""),
    ],
)
def test_a_block_ends_at_a_blank_line_outside_of_a_fence(text: str, done: str) -> None:
    assert finished(text) == done


@given(PIECES)
def test_nothing_is_lost_or_shown_twice(pieces: list[str]) -> None:
    blocks = MarkdownBlocks()
    shown = "".join(blocks.feed(piece)[0] for piece in pieces)
    rest, whole = blocks.end()
    assert shown + rest == whole == "".join(pieces)


@given(PIECES)
def test_where_the_chunks_are_cut_does_not_matter(pieces: list[str]) -> None:
    whole = "".join(pieces)
    assert finished(*whole) == finished(whole)


def test_of_a_long_block_of_code_the_end_is_drawn_while_it_grows() -> None:
    code = "".join(f"line {number}\n" for number in range(100))
    assert tail_of_block(f"```py\n{code}", 3) == "```py\nline 98\nline 99\n"
    for whole in (f"```py\n{code}", f"A table\n{code}"):
        assert tail_of_block(whole, 1000) == whole
    assert tail_of_block(f"A list\n{code}", 3) == f"A list\n{code}"
