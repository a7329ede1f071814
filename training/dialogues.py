"""A dialogue, and the text that the runtime would have in its transcript for it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from training.tool_schemas import call_text

CLOSING = (
    "\n\nConsidering the limited time by the user, I have to give the solution based on the thinking "
    "directly now.\n</think>\n\n"
)
EMPTY_THOUGHT = "<think>\n\n</think>\n\n"


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call and the text that came back."""

    name: str
    arguments: dict[str, Any]
    result: str
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """What the assistant says in one generation: calls, or the answer."""

    thought: str
    content: str = ""
    calls: tuple[Call, ...] = ()


@dataclass(frozen=True, slots=True)
class Turn:
    """A user message, the steps up to the answer, and what a right answer must hold.

    `expect` are texts of which each must stand in the answer; `{"now": zone}` and the like are for
    what only the time of the run decides (see `evaluate.py`).
    """

    user: str
    steps: tuple[Step, ...]
    expect: tuple[str | dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A conversation under a tool list; `pages` are the documents that its URLs stand for."""

    family: str
    language: str
    turns: tuple[Turn, ...]
    pages: dict[str, tuple[str, str]] = field(default_factory=dict)


Piece = tuple[str, bool]  # text, and whether the model is to learn to say it


def _assistant(step: Step) -> str:
    calls = "\n".join(call_text(call.name, call.arguments) for call in step.calls)
    return f"{step.content}\n{calls}" if step.content and calls else step.content or calls


def _responses(calls: Sequence[Call], prefix_errors: bool) -> str:
    shown = [f"Error: {c.result}" if c.is_error and prefix_errors else c.result for c in calls]
    body = "".join(f"\n<tool_response>\n{text}\n</tool_response>" for text in shown)
    return f"<|im_start|>user{body}<|im_end|>\n"


def _opening(step: Step, thinking: bool, soft_off: bool, rng: random.Random) -> list[Piece]:
    """The beginning of an assistant message up to where it speaks."""
    start: Piece = ("<|im_start|>assistant\n", False)
    if not thinking:
        return [start, (EMPTY_THOUGHT, False)]
    if soft_off:
        return [start, (EMPTY_THOUGHT, True)]
    thought = f"<think>\n{step.thought}"
    if rng.random() < 0.06:  # a budget ran out: the runtime closes the thought wherever it was
        cut = rng.randrange(len("<think>\n"), len(thought))
        return [start, (thought[:cut], True), (CLOSING, False)]
    return [start, (f"{thought}\n</think>\n\n", True)]


def pieces(dialogue: Dialogue, rng: random.Random) -> list[Piece]:
    """The dialogue as the transcript has it, beginning with the first user message.

    Earlier turns stand as the template renders them (thoughts dropped) or, as with
    `keep_thoughts`, as they were sampled. The last turn's thinking mode is drawn step by step.
    """
    style = rng.random()
    keep = rng.random() < 0.15
    prefix_errors = rng.random() < 0.7
    out: list[Piece] = []
    for number, turn in enumerate(dialogue.turns):
        last = number == len(dialogue.turns) - 1
        user, soft_off = turn.user, False
        if last and style < 0.04:
            soft_off = style < 0.03
            user += " /no_think" if soft_off else " /think"
        out.append((f"<|im_start|>user\n{user}<|im_end|>\n", False))
        for step in turn.steps:
            thinking = soft_off or (style < 0.45 if style < 0.85 else rng.random() < 0.5)
            if last or keep:
                out += _opening(step, thinking, soft_off, rng)
                out.append((f"{_assistant(step)}<|im_end|>", True))
                out.append(("\n", False))
            else:
                out.append((f"<|im_start|>assistant\n{_assistant(step)}<|im_end|>\n", False))
            if step.calls:
                out.append((_responses(step.calls, prefix_errors), False))
    if out[-1] == ("\n", False):
        out.pop()
    return out
