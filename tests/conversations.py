"""Conversations and tools as hypothesis draws them."""

from __future__ import annotations

from random import Random
from typing import Any

from hypothesis import strategies as st
from oracles import CONTROL_TOKENS

# What makes tokenizers and templates stumble: blank lines at the edges, combining characters, what
# merges with its neighbors, JSON's and HTML's own characters.
_PIECES = ["\n", "\n\n", " ", "a", "Hello, ", "12", "你好", "e\u0301", "🙂", "&<>\"'\\", "{}", "\t"]


def _texts(pieces: list[str], count: int) -> list[str]:
    """Made beforehand, since drawing them letter by letter takes most of a test's time."""
    random = Random(0)
    return ["", *("".join(random.choices(pieces, k=random.randint(1, 5))) for _ in range(count))]


plain_text = st.sampled_from(_texts(_PIECES, 80)) | st.text(
    st.characters(exclude_categories=["Cs"]), max_size=4
)
"""Without control text (drawn by chance, four letters are too few for one)."""

tag_soup = st.sampled_from(
    CONTROL_TOKENS + _texts([*_PIECES, *CONTROL_TOKENS, "think", "<", ">", "</"], 200)
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | plain_text,
    lambda children: (
        st.lists(children, max_size=3) | st.dictionaries(plain_text, children, max_size=3)
    ),
    max_leaves=8,
)


def tools(text: st.SearchStrategy[str], most: int = 4) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Schemas of 0 to `most` tools."""
    properties = st.dictionaries(
        text,
        st.fixed_dictionaries({"type": st.just("string"), "description": text}),
        max_size=2,
    )
    return st.lists(
        st.builds(
            lambda name, description, properties: {
                "type": "function",
                "function": {
                    "name": name,
                    "description": description,
                    "parameters": {"type": "object", "properties": properties},
                },
            },
            text,
            text,
            properties,
        ),
        max_size=most,
    )


def conversations(
    text: st.SearchStrategy[str], *, reasoning: bool = True
) -> st.SearchStrategy[list[dict[str, Any]]]:
    """A system message or none, then turns: a question, steps with calls and results, an answer."""
    call = st.builds(
        lambda name, arguments: {
            "type": "function",
            "function": {"name": name, "arguments": arguments},
        },
        text,
        st.dictionaries(text, json_values, max_size=3),
    )
    said: dict[str, Any] = {"role": st.just("assistant"), "content": text}
    optional = {"reasoning_content": text} if reasoning else {}
    step = st.builds(
        lambda message, calls, results: [
            message | {"tool_calls": calls},
            *({"role": "tool", "content": result} for result in results[: len(calls)]),
        ],
        st.fixed_dictionaries(said, optional=optional),
        st.lists(call, min_size=1, max_size=3),
        st.lists(text, min_size=3, max_size=3),
    )
    answer = st.fixed_dictionaries(said, optional=optional)
    turn = st.builds(
        lambda question, steps, answer: [
            {"role": "user", "content": question},
            *(message for step in steps for message in step),
            *answer,
        ],
        text,
        st.lists(step, max_size=3),
        st.lists(answer, max_size=1),
    )
    system = st.lists(
        st.builds(lambda content: {"role": "system", "content": content}, text), max_size=1
    )
    return st.builds(
        lambda system, turns: [*system, *(message for turn in turns for message in turn)],
        system,
        st.lists(turn, min_size=1, max_size=3),
    )
