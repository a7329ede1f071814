"""Hooks: what each may change, refuse and end, and that nothing is left hanging then."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import anyio
import pytest
from scripted import ScriptedAgent, call, events_of, result_of

from qwen3_agent import Approvals, Hooks, Limits, ToolResult, events, tool
from qwen3_agent.errors import LimitExceededError
from qwen3_agent.hooks import Call, End, Refuse
from qwen3_agent.result import RunResult, StepReport
from qwen3_agent.thinking import Plan

both_backends = pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
pytestmark = pytest.mark.anyio

ran: list[str] = []


@pytest.fixture(autouse=True)
def nothing_ran() -> None:
    ran.clear()


@tool
async def send(to: str) -> str:
    """Sends a letter."""
    ran.append(to)
    await anyio.sleep(0.02)
    return f"sent to {to}"


def agent(*script: str, hooks: Hooks, **options: Any) -> ScriptedAgent:
    return ScriptedAgent(*script, tools=[send], hooks=hooks, **options)


@both_backends
async def test_before_call_changes_what_the_tool_and_the_approver_see() -> None:
    asked: list[str] = []

    async def approver(request: Any, /) -> bool:
        asked.append(request.text)
        return True

    async def to_bob(call: Call) -> Call:
        assert (call.id, call.name, call.tool) == ("0.0", "send", send)
        return replace(call, arguments={"to": "Bob"})

    policy = Approvals(ask=["send"], approver=approver)
    hooks = Hooks(before_call=to_bob)
    seen = await events_of(agent(call("send", to="Ada"), "Done.", hooks=hooks, approvals=policy))
    assert (ran, asked) == (["Bob"], ['send(to="Bob")'])
    (started,) = [each for each in seen if isinstance(each, events.ToolCallStarted)]
    assert started.arguments == {"to": "Bob"}


async def test_before_call_refuses_one_call_and_lets_the_other_be_made() -> None:
    async def not_ada(call: Call) -> Refuse | None:
        return Refuse("Ada is away.") if call.arguments["to"] == "Ada" else None

    one = agent(
        call("send", to="Ada") + call("send", to="Bob"), "Done.", hooks=Hooks(before_call=not_ada)
    )
    seen = await events_of(one)
    assert ran == ["Bob"]
    (refused,) = [each for each in seen if isinstance(each, events.ToolCallRefused)]
    assert (refused.by, refused.reason) == ("hook", "Ada is away.")
    assert "Error: Ada is away." in one.prompts_text[1]


async def test_before_call_ends_the_run_before_any_call_is_made_and_the_conversation_goes_on() -> (
    None
):
    async def stop_at_bob(call: Call) -> End | None:
        return End("Not to Bob.") if call.arguments["to"] == "Bob" else None

    ended = agent(
        call("send", to="Ada") + call("send", to="Bob"),
        "I am still here.",
        hooks=Hooks(before_call=stop_at_bob),
    )
    async with ended.conversation() as conversation:
        result = await conversation.run("Go")
        assert (result.output, result.ended_by_hook, ran) == ("Not to Bob.", True, [])
        again = await conversation.run("Are you there?")
    assert (again.output, again.ended_by_hook) == ("I am still here.", False)


async def test_before_call_cannot_make_another_tool_of_it() -> None:
    async def other(call: Call) -> Call:
        return replace(call, name="burn")

    with pytest.raises(ValueError, match="a call of send cannot become one of burn"):
        await agent(call("send", to="Ada"), hooks=Hooks(before_call=other)).run("Go")
    assert ran == []


async def test_after_call_changes_what_the_model_and_the_events_are_told() -> None:
    async def redact(call: Call, result: ToolResult) -> ToolResult:
        assert result.text == "sent to Ada"
        return replace(result, text="sent to someone")

    one = agent(call("send", to="Ada"), "Done.", hooks=Hooks(after_call=redact))
    seen = await events_of(one)
    assert [e.text for e in seen if isinstance(e, events.ToolCallFinished)] == ["sent to someone"]
    assert "sent to Ada" not in one.prompts_text[1]


@both_backends
async def test_after_call_ends_the_run_when_the_other_calls_have_answered() -> None:
    async def first_is_enough(call: Call, result: ToolResult) -> End | None:
        return End("Enough.") if call.arguments["to"] == "Ada" else None

    seen = await events_of(
        agent(
            call("send", to="Ada") + call("send", to="Bob"),
            hooks=Hooks(after_call=first_is_enough),
        )
    )
    answered = [each.text for each in seen if isinstance(each, events.ToolCallFinished)]
    assert sorted(answered) == ["sent to Ada", "sent to Bob"]
    assert isinstance(last := seen[-1], events.RunFinished)
    assert (last.result.output, last.result.ended_by_hook) == ("Enough.", True)


@both_backends
async def test_what_a_hook_raises_comes_out_as_it_is() -> None:
    async def broken(call: Call, result: ToolResult) -> None:
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        await agent(call("send", to="Ada"), hooks=Hooks(after_call=broken)).run("Go")


async def test_before_step_changes_the_plan_and_ends_the_run() -> None:
    ahead: list[int] = []

    async def one_thought(so_far: RunResult, plan: Plan) -> Plan | End | None:
        ahead.append(len(so_far.steps))
        if len(so_far.steps) == 1:
            return End("One step is enough.")
        assert plan.on
        return Plan(on=False, reason="the hook")

    result = await agent(
        call("send", to="Ada"), hooks=Hooks(before_step=one_thought), thinking="on"
    ).run("Go")
    assert (result.output, ahead) == ("One step is enough.", [0, 1])
    assert [(step.thinking, step.reason) for step in result.steps] == [("off", "the hook")]


async def test_after_step_ends_the_run_on_what_the_step_cost() -> None:
    async def dear(report: StepReport) -> End | None:
        return End(f"{report.usage.output_tokens} tokens are too many.")

    result = await agent(call("send", to="Ada"), hooks=Hooks(after_step=dear)).run("Go")
    assert result.output == f"{result.usage.output_tokens} tokens are too many."
    assert ran == ["Ada"]


async def test_on_answer_refuses_until_it_is_right_and_the_prompt_only_grows() -> None:
    async def with_source(answer: RunResult) -> Refuse | None:
        return None if "source" in answer.output else Refuse("Name your source.")

    one = agent("It is so.", "It is so, says my source.", hooks=Hooks(on_answer=with_source))
    result = await one.run("Go")
    assert result.output == "It is so, says my source."
    model: Any = one.model
    first, second = model.engine.prompts
    assert second[: len(first)] == first
    assert "It is so." in one.prompts_text[1]
    assert "Name your source." in one.prompts_text[1]


async def test_on_answer_changes_the_answer_and_not_the_transcript() -> None:
    async def shout(answer: RunResult) -> str:
        return answer.output.upper()

    one = agent("hello", hooks=Hooks(on_answer=shout))
    seen = await events_of(one)
    result = result_of(seen)
    assert result.output == "HELLO"
    assert "HELLO" not in one.text_of(result.transcript.ids)
    assert [each.text for each in seen if isinstance(each, events.AnswerChanged)] == ["HELLO"]


async def test_an_answer_that_is_refused_at_a_limit_is_none() -> None:
    async def never(answer: RunResult) -> Refuse:
        return Refuse("Not good enough.")

    with pytest.raises(LimitExceededError) as caught:
        await agent("One.", "Two.", hooks=Hooks(on_answer=never), limits=Limits(steps=1)).run("Go")
    assert caught.value.result.limit == "steps"


@pytest.mark.parametrize(
    ("name", "hook", "says"),
    [
        ("before_step", lambda so_far, plan: None, "before_step must be an async function"),
        ("on_answer", lambda result: "Yes.", "on_answer must be an async function"),
        ("before_step", "off", r"before_step must return Plan, End or None, not 'off'\."),
        (
            "before_call",
            False,
            "before_call must return Call, Refuse, End or None, not False",
        ),
        ("after_call", "sent", "after_call must return ToolResult, End or None, not 'sent'"),
        ("after_step", True, "after_step must return End or None, not True"),
        ("on_answer", 5, "on_answer must return str, Refuse or None, not 5"),
    ],
)
async def test_a_hook_that_is_none_says_what_it_must_be(name: str, hook: Any, says: str) -> None:
    async def answers(*given: object) -> Any:
        return hook

    hooks = Hooks(**{name: hook if callable(hook) else answers})
    with pytest.raises(TypeError, match=says):
        await agent(call("send", to="Ada"), "Done.", hooks=hooks).run("Write to Ada.")
