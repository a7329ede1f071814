"""Which calls run at once, which wait for a person's yes, and which are refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any, Literal, Protocol, get_args

from qwen3_tools.tool import Tool

from .call_display import exact_call

__all__ = ["Approval", "ApprovalRequest", "Approvals", "Approver", "Decision"]

Decision = Literal["allow", "ask", "deny"]

Answer = Literal["once", "run", "always", "no"]
"""once: this call. run: this tool, as long as the conversation lasts. always: this tool, in later
runs too, where something saves it. no: not this call."""


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """A call that waits for a yes or a no."""

    tool: Tool
    arguments: Mapping[str, Any]
    """Exactly what the tool will be called with."""
    can_be_saved: bool = False
    """Whether "always" lasts longer than the conversation."""

    @property
    def text(self) -> str:
        """The exact call, hidden characters made visible, in one line or several."""
        return exact_call(self.tool.name, self.arguments)


@dataclass(frozen=True, slots=True)
class Approval:
    """What was said to a request.

    Raises:
        ValueError: `answer` is none.
    """

    answer: Answer
    reason: str = ""
    """Why not; the model sees it."""

    def __post_init__(self) -> None:
        if self.answer not in get_args(Answer):
            raise ValueError(
                f"An approval is one of {', '.join(get_args(Answer))}, not {self.answer!r}."
            )

    @property
    def given(self) -> bool:
        """Whether the call may run."""
        return self.answer != "no"


class Approver(Protocol):
    """Whoever decides: an async function. A question comes when the one before is answered.

    While it decides no limit of the run in seconds goes on. True is "once" and False is "no".
    """

    def __call__(self, request: ApprovalRequest, /) -> Awaitable[Approval | bool]: ...


@dataclass(frozen=True, slots=True)
class Approvals:
    """A policy for tool calls.

    A pattern is a tool's name, in which `*`, `?` and `[abc]` stand for what they do in a shell;
    behind it may come `:read-only` or `:writes`: `time__*`, `files__*:writes`, `*:read-only`.
    Of several patterns that a tool fits, one of `deny` counts before one of `ask`, and that before
    one of `allow`.

    A tool that fits none is allowed when it is read-only; when it is contained, as the code
    interpreter is in its sandbox; or when whoever provided it approved it: you, by giving the agent
    a Python function (unless you made it with `@tool(requires_approval=True)`), or the file of MCP
    servers (`autoApprove`, `alwaysAllow`, `trust`). Otherwise `default` decides. An MCP tool's own
    `readOnlyHint` is believed; `ask=["server__*"]` is for a server that you distrust.

    Args:
        allow: patterns of tools that run at once.
        ask: patterns of tools that are asked about.
        deny: patterns of tools that are refused.
        default: for the tools of which nobody has said anything.
        approver: whom to ask. None: a call that would be asked about is refused, and the model
            and the events say so.
        save: called with a tool's name when the answer is "always".
        below: a policy that decides where no pattern of this one fits; its `default`, `approver`
            and `save` do not count.

    Raises:
        ValueError: a pattern or `default` is none.
    """

    allow: Sequence[str] = ()
    ask: Sequence[str] = ()
    deny: Sequence[str] = ()
    default: Decision = "ask"
    approver: Approver | None = None
    save: Callable[[str], None] | None = None
    below: Approvals | None = None

    def __post_init__(self) -> None:
        for decision, patterns in self._lists():
            if isinstance(patterns, str):
                raise ValueError(f"Approvals: {decision} must be a list, such as [{patterns!r}].")
            for pattern in patterns:
                check_pattern(pattern)
        if self.default not in get_args(Decision):
            raise ValueError(f"Approvals: default must be allow, ask or deny, not {self.default!r}")

    def decide(self, tool: Tool) -> Decision:
        """What is to be done with calls of a tool."""
        layer: Approvals | None = self
        while layer is not None:
            for decision, patterns in layer._lists():
                if any(_fits(tool, pattern) for pattern in patterns):
                    return decision
            layer = layer.below
        return "allow" if tool.read_only or not tool.requires_approval else self.default

    @property
    def all_denied(self) -> list[str]:
        """The patterns of `deny`, with those of the policies below."""
        return [*self.deny, *(self.below.all_denied if self.below else ())]

    def over(self, below: Approvals) -> Approvals:
        """This policy, with `below` at the very bottom."""
        return replace(self, below=self.below.over(below) if self.below else below)

    def _lists(self) -> Iterator[tuple[Decision, Sequence[str]]]:
        """The strictest first."""
        yield "deny", self.deny
        yield "ask", self.ask
        yield "allow", self.allow


def check_pattern(pattern: str) -> None:
    """Raises ValueError for what is no pattern of tools."""
    name, colon, kind = str(pattern).partition(":")
    if not name or (colon and kind not in ("read-only", "writes")):
        raise ValueError(
            f"{pattern!r} is no pattern of tools: give a name such as files__*, and behind it "
            "nothing, :read-only or :writes."
        )


def _fits(tool: Tool, pattern: str) -> bool:
    name, _, kind = pattern.partition(":")
    return fnmatchcase(tool.name, name) and (not kind or tool.read_only is (kind == "read-only"))
