"""Authorization of tool calls: the approval policy, and the answers of a person."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager

import anyio

from qwen3_tools.tool import Tool

from .. import events
from ..approvals import Approval, ApprovalRequest, Approvals
from ..events import Emit
from ..hooks import Call, awaited

DENIED = "The call was not made: {name} may not be used here. Do without it."
NOBODY_THERE = (
    "The call was not made: {name} needs the user's approval, and nobody is there to give it. "
    "Do without it, or say what would have to be approved."
)
SAID_NO = "The user did not approve this call, and it was not made."

_STRICTNESS = ("allow", "ask", "deny")

Paused = Callable[[], AbstractContextManager[None]]
"""Return a context manager that stops the clock of the turn."""


class CallAuthorizer:
    """Decides which calls may run, and remembers the answers for the rest of the conversation.

    Args:
        approvals: The policy, and the approver to ask.
        granted: Names of tools that a person has approved for the rest of the conversation.
    """

    def __init__(self, approvals: Approvals, granted: Iterable[str] = ()) -> None:
        self._approvals = approvals
        self._one_question = anyio.Lock()
        self._granted = set(granted)
        self._refusals: dict[str, str] = {}

    async def refusal(self, call: Call, tool: Tool, emit: Emit, paused: Paused) -> str | None:
        """Return the reason why a call must not run, for the model. None: it may."""
        name = call.name
        decision = self._approvals.decide(tool)
        if decision == "allow" or (decision == "ask" and name in self._granted):
            return None
        by: events.RefusedBy
        if decision == "deny":
            by, reason = "policy", DENIED.format(name=name)
        elif self._approvals.approver is None:
            by, reason = "nobody", NOBODY_THERE.format(name=name)
        elif (problem := tool.problem(dict(call.arguments))) is not None:
            by, reason = "tool", problem
        else:
            refused = await self._ask(call, tool, emit, paused)
            if refused is None:
                return None
            by, reason = "person", refused
        emit(events.ToolCallRefused(call.id, name, dict(call.arguments), by, reason))
        return reason

    def policy_over(self, own: Approvals, paused: Paused) -> Approvals:
        """Return the policy of an agent that is called as a tool and has its own.

        Whatever either policy denies is denied. Otherwise this policy counts first, so that no
        call evades it through another agent, and this approver is asked for that agent too.
        """

        async def ask(request: ApprovalRequest, /) -> Approval:
            return await self._question(request, paused)

        policy = Approvals(
            deny=[*self._approvals.all_denied, *own.all_denied],
            default=max(own.default, self._approvals.default, key=_STRICTNESS.index),
            approver=own.approver or (ask if self._approvals.approver else None),
            save=own.save or self._approvals.save,
        )
        return policy.over(self._approvals).over(own)

    async def _ask(self, call: Call, tool: Tool, emit: Emit, paused: Paused) -> str | None:
        """Ask the approver about a call. Return the reason of a no. None: approved."""
        same = json.dumps([call.name, call.arguments])
        if same in self._refusals:  # Do not ask about the very same call twice
            return self._refusals[same]
        save = self._approvals.save
        emit(events.ToolCallAsked(call.id, call.name, dict(call.arguments)))
        request = ApprovalRequest(tool, call.arguments, can_be_saved=save is not None)
        approval = await self._question(request, paused)
        if not approval.given:
            reason = f" They say: {approval.reason.strip()}" if approval.reason.strip() else ""
            self._refusals[same] = SAID_NO + reason
            return self._refusals[same]
        emit(events.ToolCallApproved(call.id, call.name, approval.answer))
        if approval.answer in ("run", "always"):
            self._granted.add(call.name)
        if approval.answer == "always" and save is not None:
            save(call.name)
        return None

    async def _question(self, request: ApprovalRequest, paused: Paused) -> Approval:
        """Ask one question at a time, while the clock of the turn is stopped."""
        assert self._approvals.approver is not None, "without one nothing is asked"
        async with self._one_question:
            with paused():
                answer = await awaited(self._approvals.approver(request), "Approvals: approver")
        return answer if isinstance(answer, Approval) else Approval("once" if answer else "no")
