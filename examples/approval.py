"""Approve tool calls: code runs only after an approver, here a function, has allowed it.

python examples/approval.py [model]
"""

from __future__ import annotations

import sys

from qwen3_agent import Agent, Approval, ApprovalRequest, Approvals, CodeInterpreter


async def decide(request: ApprovalRequest) -> Approval:
    """Allow everything except file access. A real approver would ask a person."""
    print("May this run?", request.text)
    if "open(" in request.text:
        return Approval("no", "Files are off limits: compute without them.")
    return Approval("once")


def main(model: str | None) -> None:
    approvals = Approvals(ask=["code_interpreter"], approver=decide)
    agent = Agent(model, tools=[CodeInterpreter()], approvals=approvals)
    print(agent.run_sync("What is 48213 * 12?").output)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
