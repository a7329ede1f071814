"""The gate that the calls of one conversation pass: hooks, then approval."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import anyio

from qwen3_tools.tool import Tool
from qwen3_tools.toolbox import Toolbox

from .. import events
from ..approvals import Approval, ApprovalRequest, Approvals
from ..events import Emit
from ..hooks import Call, Hooks, Joints, Refuse, awaited

DENIED = "The call was not made: {name} may not be used here. Do without it."
NOBODY_THERE = (
    "The call was not made: {name} needs the user's approval, and nobody is there to give it. "
    "Do without it, or say what would have to be approved."
)
_STRICTNESS = ("allow", "ask", "deny")
SAID_NO = "The user did not approve this call, and it was not made."


class Gate:
    """Decides on calls, and remembers what was said for the rest of the conversation.

    Args:
        approvals: the policy, and whom to ask.
        toolbox: the tools of the conversation.
        hooks: see calls before anybody is asked.
        granted: names of tools that were asked about before, and may run from then on.

    Attributes:
        joints: where the hooks are called.
    """

    def __init__(
        self, approvals: Approvals, toolbox: Toolbox, hooks: Hooks, granted: Iterable[str] = ()
    ) -> None:
        self.joints = Joints(hooks)
        self.clock: anyio.CancelScope | None = None
        """Bounds the turn in seconds; stands still while a question is open."""
        self._approvals = approvals
        self._tools = {tool.name: tool for tool in toolbox.tools}
        self._one_question = anyio.Lock()
        self._granted = set(granted)
        self._refusals: dict[str, str] = {}

    async def admit(
        self, id: str, name: str, arguments: dict[str, Any], emit: Emit
    ) -> tuple[Call, str | None]:
        """The call that is to be made; why it must not be, in words for the model, or None.

        Raises:
            EndedByHookError: a hook has ended the run.
        """
        call = Call(id, name, arguments, self._tools.get(name))
        said = await self.joints.before_call(call)
        if isinstance(said, Refuse):
            emit(events.ToolCallRefused(id, name, arguments, "hook", said.reason))
            return call, said.reason
        if said.tool is None:  # The toolbox says so, with the names that there are
            return said, None
        return said, await self._refusal(id, said.tool, said.arguments, emit)

    def policy_over(self, own: Approvals) -> Approvals:
        """What holds in an agent that is called as a tool and has a policy of its own.

        What either denies is denied. Else this policy counts first, so that nothing gets past it
        through another agent; and whom it asks is asked for that agent too.
        """
        policy = Approvals(
            deny=[*self._approvals.all_denied, *own.all_denied],
            default=max(own.default, self._approvals.default, key=_STRICTNESS.index),
            approver=own.approver or (self._put if self._approvals.approver else None),
            save=own.save or self._approvals.save,
        )
        return policy.over(self._approvals).over(own)

    async def _refusal(
        self,
        id: str,
        tool: Tool,
        arguments: Mapping[str, Any],
        emit: Emit,
    ) -> str | None:
        name = tool.name
        decision = self._approvals.decide(tool)
        if decision == "allow" or (decision == "ask" and name in self._granted):
            return None
        by: events.RefusedBy
        if decision == "deny":
            by, why = "policy", DENIED.format(name=name)
        elif self._approvals.approver is None:
            by, why = "nobody", NOBODY_THERE.format(name=name)
        elif (wrong := tool.objection(dict(arguments))) is not None:
            by, why = "tool", wrong
        else:
            said = await self._ask(id, tool, arguments, emit)
            if said is None:
                return None
            by, why = "person", said
        emit(events.ToolCallRefused(id, name, dict(arguments), by, why))
        return why

    async def _ask(
        self,
        id: str,
        tool: Tool,
        arguments: Mapping[str, Any],
        emit: Emit,
    ) -> str | None:
        """Put the question to the approver. None: yes."""
        same = json.dumps([tool.name, arguments])
        if same in self._refusals:  # The very same call again: the answer is known
            return self._refusals[same]
        save = self._approvals.save
        emit(events.ToolCallAsked(id, tool.name, dict(arguments)))
        said = await self._put(ApprovalRequest(tool, arguments, can_be_saved=save is not None))
        if not said.given:
            reason = f" They say: {said.reason.strip()}" if said.reason.strip() else ""
            self._refusals[same] = SAID_NO + reason
            return self._refusals[same]
        emit(events.ToolCallApproved(id, tool.name, said.answer))
        if said.answer in ("run", "always"):
            self._granted.add(tool.name)
        if said.answer == "always" and save is not None:
            save(tool.name)
        return None

    async def _put(self, request: ApprovalRequest, /) -> Approval:
        """Ask the approver, one question at a time, while no time passes for the turn."""
        assert self._approvals.approver is not None, "without one nothing is asked"
        async with self._one_question:
            with _standing_still(self.clock):
                said = await awaited(self._approvals.approver(request), "Approvals: approver")
        return said if isinstance(said, Approval) else Approval("once" if said else "no")


@contextmanager
def _standing_still(clock: anyio.CancelScope | None) -> Iterator[None]:
    """No time passes for `clock` within the block."""
    if clock is None:
        yield
        return
    left = clock.deadline - anyio.current_time()
    clock.deadline = math.inf
    try:
        yield
    finally:
        clock.deadline = anyio.current_time() + left
