"""Approval policies: which tool calls run, which need a person's approval, which are denied."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any, Literal, Protocol, get_args

from qwen3_tools.tool import Tool

from .call_display import exact_call

Decision = Literal["allow", "ask", "deny"]

Answer = Literal["once", "run", "always", "no"]
"""once: this call. run: this tool for the rest of the conversation. always: this tool in later runs
too, if the policy has `save`. no: not this call."""


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """A call that waits for approval."""

    tool: Tool
    arguments: Mapping[str, Any]
    """The exact arguments of the call."""
    can_be_saved: bool = False
    """Whether "always" is remembered after the conversation."""

    @property
    def text(self) -> str:
        """The exact call on one or several lines, with hidden characters made visible."""
        return exact_call(self.tool.name, self.arguments)


@dataclass(frozen=True, slots=True)
class Approval:
    """The answer to an approval request.

    Raises:
        ValueError: `answer` is not one of the allowed values.
    """

    answer: Answer
    reason: str = ""
    """The reason for a no, sent to the model."""

    def __post_init__(self) -> None:
        if self.answer not in get_args(Answer):
            raise ValueError(
                f"An approval must be one of {', '.join(get_args(Answer))}, not {self.answer!r}."
            )

    @property
    def given(self) -> bool:
        """Whether the call may run."""
        return self.answer != "no"


class Approver(Protocol):
    """An async function that answers approval requests, one at a time.

    Its time does not count toward the run's limit in seconds. True means "once", False "no".
    """

    def __call__(self, request: ApprovalRequest, /) -> Awaitable[Approval | bool]: ...


@dataclass(frozen=True, slots=True)
class Approvals:
    """A policy for tool calls.

    A pattern is a tool's name with the wildcards of a shell, `*`, `?` and `[abc]`, optionally
    followed by `:read-only` or `:writes`: `time__*`, `files__*:writes`, `*:read-only`. If several
    patterns match a tool, `deny` takes precedence over `ask`, and `ask` over `allow`.

    A tool that matches none is allowed when it is read-only; when it is contained, as the code
    interpreter is in its sandbox; or when whoever provided it approved it: you, by giving the agent
    a Python function (unless you made it with `@tool(requires_approval=True)`), or the file of MCP
    servers (`autoApprove`, `alwaysAllow`, `trust`). Otherwise `default` decides. An MCP tool's own
    `readOnlyHint` is believed; `ask=["server__*"]` is for a server that you distrust.

    Args:
        allow: Patterns of tools that run without asking.
        ask: Patterns of tools whose calls need approval.
        deny: Patterns of tools that must not run.
        default: Decision for all other tools.
        approver: Answers approval requests. None: calls that need approval are refused.
        save: Called with the tool's name when the answer is "always".
        below: The policy that decides if no pattern of this one matches; its `default`, `approver`
            and `save` are ignored.

    Raises:
        ValueError: A pattern or `default` is not valid.
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
        """Return the decision on calls of a tool."""
        layer: Approvals | None = self
        while layer is not None:
            for decision, patterns in layer._lists():
                if any(_fits(tool, pattern) for pattern in patterns):
                    return decision
            layer = layer.below
        return "allow" if tool.read_only or not tool.requires_approval else self.default

    @property
    def all_denied(self) -> list[str]:
        """The patterns of `deny`, including those of the policies below."""
        return [*self.deny, *(self.below.all_denied if self.below else ())]

    def over(self, below: Approvals) -> Approvals:
        """Return this policy with `below` as the lowest policy."""
        return replace(self, below=self.below.over(below) if self.below else below)

    def _lists(self) -> Iterator[tuple[Decision, Sequence[str]]]:
        """Yield the lists of patterns, the strictest first."""
        yield "deny", self.deny
        yield "ask", self.ask
        yield "allow", self.allow


def check_pattern(pattern: str) -> None:
    """Raise ValueError if `pattern` is not a pattern of tools."""
    name, colon, kind = str(pattern).partition(":")
    if not name or (colon and kind not in ("read-only", "writes")):
        raise ValueError(
            f"{pattern!r} is not a pattern of tools: give a name such as files__*, optionally "
            "followed by :read-only or :writes."
        )


def _fits(tool: Tool, pattern: str) -> bool:
    name, _, kind = pattern.partition(":")
    return fnmatchcase(tool.name, name) and (not kind or tool.read_only is (kind == "read-only"))
