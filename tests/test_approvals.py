"""Approvals: which calls run, which wait for a yes, which are refused, and what each side hears."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from scripted import ScriptedAgent, call, events_of, scripted_model

from qwen3_agent import (
    Agent,
    Approval,
    ApprovalRequest,
    Approvals,
    CodeInterpreter,
    LimitExceededError,
    Limits,
    Tool,
    ToolResult,
    events,
    mcp_servers,
    tool,
)
from qwen3_agent.call_display import exact_call
from qwen3_agent.cli.terminal.approving import question

both_backends = pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
SERVER = Path(__file__).parent / "tools/writing_mcp_server.py"


@tool(requires_approval=True)
def send(to: str, text: str = "") -> str:
    """Sends a letter."""
    return f"sent to {to}"


@tool(requires_approval=True)
def burn(what: str = "all") -> str:
    """Burns a letter."""
    return f"burnt {what}"


@tool(requires_approval=True, read_only=True)
def read() -> str:
    """Reads a letter."""
    return "Dear Ada"


@tool
def own() -> str:
    """A function of the developer's."""
    return "done"


class Person:
    """Answers in a fixed order, and keeps what was asked."""

    def __init__(self, *answers: Approval | bool) -> None:
        self.answers = list(answers)
        self.asked: list[ApprovalRequest] = []

    async def __call__(self, request: ApprovalRequest, /) -> Approval | bool:
        await anyio.lowlevel.checkpoint()
        self.asked.append(request)
        return self.answers.pop(0)


def agent(*script: str, approvals: Approvals | None, **options: Any) -> ScriptedAgent:
    tools = options.pop("tools", [send, burn, read, own])
    return ScriptedAgent(*script, tools=tools, approvals=approvals, **options)


def results(seen: list[events.Event]) -> list[str]:
    return [each.text for each in seen if isinstance(each, events.ToolCallFinished)]


def named(
    name: str, *, read_only: bool = False, requires_approval: bool = True, approvals: Approvals
) -> str:
    async def run(arguments: dict[str, Any]) -> ToolResult:
        raise AssertionError("only decided on")

    return approvals.decide(
        Tool(name, "", {}, run, read_only=read_only, requires_approval=requires_approval)
    )


def test_without_a_rule_what_only_reads_or_was_approved_runs_and_the_rest_is_asked_about() -> None:
    assert named("x", approvals=Approvals()) == "ask"
    assert named("x", read_only=True, approvals=Approvals()) == "allow"
    assert named("x", requires_approval=False, approvals=Approvals()) == "allow"
    assert named("x", approvals=Approvals(default="deny")) == "deny"
    assert named("x", requires_approval=False, approvals=Approvals(default="deny")) == "allow"


@pytest.mark.parametrize(
    ("pattern", "fits", "does_not"),
    [
        ("files__read", ["files__read"], ["files__reads", "xfiles__read", "FILES__read"]),
        ("files__*", ["files__read", "files__"], ["notes__read"]),
        ("*__read?", ["files__reads"], ["files__read"]),
        ("[ab]__*", ["a__x", "b__x"], ["c__x"]),
    ],
)
def test_a_pattern_is_read_as_in_a_shell(
    pattern: str, fits: list[str], does_not: list[str]
) -> None:
    policy = Approvals(deny=[pattern])
    assert {named(name, approvals=policy) for name in fits} == {"deny"}
    assert {named(name, approvals=policy) for name in does_not} == {"ask"}


def test_a_pattern_can_ask_what_the_tool_says_of_itself() -> None:
    policy = Approvals(ask=["files__*:read-only"], deny=["*:writes"])
    assert named("files__list", read_only=True, approvals=policy) == "ask"
    assert named("notes__list", read_only=True, approvals=policy) == "allow"
    assert named("files__put", requires_approval=False, approvals=policy) == "deny"


def test_the_strictest_pattern_counts_and_a_policy_counts_before_the_one_below() -> None:
    policy = Approvals(allow=["*"], ask=["a*"], deny=["ab*"])
    assert [named(name, approvals=policy) for name in ("x", "a", "ab")] == ["allow", "ask", "deny"]
    above = Approvals(allow=["ab"], below=policy)
    assert [named(name, approvals=above) for name in ("ab", "abc")] == ["allow", "deny"]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"allow": ["files__*:reads"]}, "'files__\\*:reads' is not a pattern of tools"),
        ({"deny": [""]}, "'' is not a pattern"),
        ({"ask": "files__*"}, r"ask must be a list, such as \['files__\*'\]"),
        ({"default": "maybe"}, "default must be allow, ask or deny, not 'maybe'"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Approvals(**wrong)


@both_backends
@pytest.mark.anyio
async def test_the_approver_sees_the_exact_call_and_its_yes_lets_it_run() -> None:
    person = Person(True)
    seen = await events_of(
        agent(call("send", to="Ada"), "Sent.", approvals=Approvals(approver=person))
    )
    (request,) = person.asked
    assert request.tool.name == "send"
    assert request.arguments == {"to": "Ada"}
    assert request.text == 'send(to="Ada")'
    of_call = [each.type for each in seen if each.type.startswith("tool_")]
    assert of_call == [
        "tool_call_asked",
        "tool_call_approved",
        "tool_call_started",
        "tool_call_finished",
    ]
    assert results(seen) == ["sent to Ada"]


@pytest.mark.anyio
async def test_a_no_reaches_the_model_with_its_reason_and_the_tool_never_runs() -> None:
    person = Person(Approval("no", "Ada is on holiday.\n"))
    model = scripted_model(call("send", to="Ada"), "I see.")
    seen = await events_of(Agent(model, tools=[send], approvals=Approvals(approver=person)))
    of_call = [each for each in seen if each.type.startswith("tool_")]
    assert [each.type for each in of_call] == [
        "tool_call_asked",
        "tool_call_refused",
        "tool_call_finished",
    ]
    assert isinstance(refused := of_call[1], events.ToolCallRefused)
    assert (refused.by, refused.arguments) == ("person", {"to": "Ada"})
    prompt = model.prompts_text[1]
    assert "did not approve this call" in prompt
    assert "Ada is on holiday." in prompt
    assert "sent to" not in prompt


@pytest.mark.anyio
async def test_the_same_call_is_not_asked_about_twice_after_a_no_but_another_one_is() -> None:
    person = Person(False, True)
    seen = await events_of(
        agent(
            call("send", to="Ada"),
            call("send", to="Ada"),
            call("send", to="Bob"),
            "Done.",
            approvals=Approvals(approver=person),
        )
    )
    assert [request.arguments["to"] for request in person.asked] == ["Ada", "Bob"]
    first, second, third = results(seen)
    assert first == second != third == "sent to Bob"


@pytest.mark.anyio
async def test_once_run_and_always_last_as_long_as_they_say() -> None:
    saved: list[str] = []
    person = Person(Approval("once"), Approval("run"), Approval("always"), True)
    policy = Approvals(approver=person, save=saved.append)
    chat = agent(
        call("send", to="A") + call("send", to="B") + call("send", to="C"),
        call("burn"),
        "Done.",
        call("burn") + call("send", to="D"),
        "Done again.",
        call("burn"),
        "In another conversation.",
        approvals=policy,
    )
    async with chat.conversation() as conversation:
        await conversation.run("Go")
        await conversation.run("Again")
    asked = [request.text for request in person.asked]
    assert asked == ['send(to="A")', 'send(to="B")', "burn()"]
    assert all(request.can_be_saved for request in person.asked)
    assert saved == ["burn"]
    await chat.run("Anew")
    assert [request.text for request in person.asked[3:]] == ["burn()"]


@pytest.mark.anyio
async def test_questions_come_one_at_a_time_and_nothing_of_the_step_runs_meanwhile() -> None:
    open_now: list[str] = []
    ran: list[str] = []

    @tool(requires_approval=False)
    def free() -> str:
        """Runs unasked."""
        ran.append("free")
        return "ok"

    async def approver(request: ApprovalRequest, /) -> bool:
        assert not open_now
        assert not ran
        open_now.append(request.text)
        await anyio.sleep(0.01)
        open_now.clear()
        return True

    steps = call("free") + call("send", to="A") + call("burn")
    seen = await events_of(
        agent(steps, "Done.", tools=[free, send, burn], approvals=Approvals(approver=approver))
    )
    assert sorted(results(seen)) == ["burnt all", "ok", "sent to A"]


@both_backends
@pytest.mark.anyio
async def test_the_clock_of_a_run_stands_still_while_a_person_thinks() -> None:
    async def slow(request: ApprovalRequest, /) -> bool:
        await anyio.sleep(1.5)
        return True

    seen = await events_of(
        agent(
            call("send", to="A"),
            "Sent.",
            approvals=Approvals(approver=slow),
            limits=Limits(seconds=1),
        )
    )
    assert seen[-1].type == "run_finished"


@pytest.mark.anyio
async def test_with_nobody_to_ask_it_is_refused_and_both_sides_hear_why() -> None:
    seen = await events_of(agent(call("send", to="A") + call("own"), "Done.", approvals=None))
    (refused,) = [each for each in seen if isinstance(each, events.ToolCallRefused)]
    assert refused.by == "nobody"
    assert "nobody is there" in refused.reason
    assert sorted(results(seen)) == sorted([refused.reason, "done"])


@pytest.mark.anyio
async def test_what_is_denied_is_not_even_asked_about() -> None:
    seen = await events_of(
        agent(call("own"), "Done.", approvals=Approvals(deny=["own"], approver=Person()))
    )
    (text,) = results(seen)
    assert "own may not be used here" in text


@pytest.mark.anyio
async def test_a_name_that_no_tool_has_is_no_question() -> None:
    seen = await events_of(agent(call("sent"), "Oh.", approvals=Approvals(approver=Person())))
    assert 'Did you mean "send"?' in results(seen)[0]


@pytest.mark.anyio
async def test_what_an_approver_raises_ends_the_run_as_it_is() -> None:
    async def broken(request: ApprovalRequest, /) -> bool:
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        await agent(call("burn"), approvals=Approvals(approver=broken)).run("Go")


@pytest.mark.anyio
async def test_leaving_the_stream_while_a_question_is_open_ends_the_run() -> None:
    cancelled = anyio.Event()

    async def never(request: ApprovalRequest, /) -> bool:
        try:
            await anyio.sleep_forever()
        finally:
            cancelled.set()
        return True

    with anyio.fail_after(5):
        async with agent(call("burn"), approvals=Approvals(approver=never)).stream("Go") as stream:
            async for event in stream:
                if isinstance(event, events.ToolCallAsked):
                    break
        await cancelled.wait()


@pytest.mark.servers
@pytest.mark.anyio
async def test_mcp_tools_are_taken_at_their_annotations_and_at_the_word_of_their_config() -> None:
    """A real server: `look` only reads, `put` and `drop` write, and `put` is auto-approved."""
    entry = {"command": sys.executable, "args": ["-I", str(SERVER)], "autoApprove": ["put"]}
    steps = [call("s__look"), call("s__put", text="a"), call("s__drop"), "Done."]
    seen = await events_of(
        agent(*steps, tools=[mcp_servers({"mcpServers": {"s": entry}})], approvals=None)
    )
    look, put, drop = results(seen)
    assert (look, put) == ("nothing", "put a")
    assert "s__drop needs the user's approval" in drop
    person = Person(True)
    trusted = mcp_servers({"mcpServers": {"s": entry | {"trust": True}}})
    policy = Approvals(ask=["s__look"], approver=person)
    seen = await events_of(agent(*steps, tools=[trusted], approvals=policy))
    assert results(seen) == ["nothing", "put a", "dropped"]
    assert [request.text for request in person.asked] == ["s__look()"]


@both_backends
@pytest.mark.anyio
async def test_an_agent_that_is_called_as_a_tool_is_under_its_callers_policy() -> None:
    """Two at once: they ask the caller's approver, one after the other, and its denials hold."""
    open_now: list[str] = []
    asked: list[str] = []

    async def approver(request: ApprovalRequest, /) -> bool:
        assert not open_now
        open_now.append(request.text)
        await anyio.sleep(0.7)
        asked.append(open_now.pop())
        return True

    def helper(name: str, policy: Approvals | None) -> Any:
        steps = (call("send", to=name) + call("own") + call("burn"), "Done.")
        inner = Agent(scripted_model(*steps), tools=[send, own, burn], approvals=policy)
        return inner.as_tool(name, description="Helps.")

    outer = agent(
        call("one", task="Go") + call("two", task="Go"),
        "Both are done.",
        tools=[helper("one", None), helper("two", Approvals(allow=["own"], deny=["burn"]))],
        approvals=Approvals(deny=["own"], ask=["send"], approver=approver),
        limits=Limits(seconds=2),
    )
    seen = await events_of(outer)
    inner = [each.event for each in seen if isinstance(each, events.SubagentEvent)]
    assert seen[-1].type == "run_finished"
    assert sorted(asked) == ["burn()", 'send(to="one")', 'send(to="two")']
    texts = sorted(results(inner))
    assert [text for text in texts if "sent" in text or "burnt" in text] == [
        "burnt all",
        "sent to one",
        "sent to two",
    ]
    assert sum("own may not be used here" in text for text in texts) == 2
    assert sum("burn may not be used here" in text for text in texts) == 1


@pytest.mark.servers
@pytest.mark.anyio
async def test_nobody_is_asked_about_a_call_that_the_tool_could_not_take() -> None:
    person = Person(True)
    async with mcp_servers(
        {"mcpServers": {"notes": {"command": sys.executable, "args": [str(SERVER)]}}}
    ) as notes:
        seen = await events_of(
            agent(
                call("send", whom="Ada"),
                call("notes__put", text=5),
                call("send", to="Ada"),
                "Sent.",
                approvals=Approvals(approver=person),
                tools=[send, notes],
            )
        )
    assert [each.text for each in person.asked] == ['send(to="Ada")']
    wrong, wrong_too, sent = results(seen)
    assert wrong.startswith("Invalid arguments for send: to: Field required; whom: No such")
    assert wrong_too.startswith("Invalid arguments for notes__put: ")
    assert sent == "sent to Ada"
    refused = [each.by for each in seen if isinstance(each, events.ToolCallRefused)]
    assert refused == ["tool", "tool"]


@pytest.mark.anyio
async def test_yes_for_this_run_holds_when_the_run_is_resumed_but_not_against_a_denial(
    tmp_path: Path,
) -> None:
    person = Person(Approval("run"), Approval("once"))

    def begun(*script: str, steps: int = 9, **policy: Any) -> Agent:
        return agent(
            *script,
            approvals=Approvals(approver=person, **policy),
            journal=tmp_path,
            limits=Limits(steps=steps, at_limit="fail"),
        )

    with pytest.raises(LimitExceededError):
        await begun(call("send", to="Ada"), call("burn"), steps=2).run("Go")
    assert (await begun(call("send", to="Bob"), "Done.").resume("latest")).output == "Done."
    assert [each.tool.name for each in person.asked] == ["send", "burn"]

    denying = begun(call("send", to="Eve"), "Not sent.", deny=["send"])
    async with denying.conversation(resume="latest") as conversation:
        await conversation.run("And now?")
        assert "send may not be used here" in str(conversation.messages[-2]["content"])


@pytest.mark.anyio
async def test_the_code_interpreter_runs_unasked_because_it_is_contained() -> None:
    async with CodeInterpreter() as inside, CodeInterpreter(sandbox="none") as outside:
        assert Approvals().decide(inside.tool()) == "allow"
        assert Approvals().decide(outside.tool()) == "ask"


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ({}, "t()"),
        ({"a": 1, "b": [None, True]}, "t(a=1, b=[null, true])"),
        ({"a": "東京 é"}, 't(a="東京 é")'),
        ({"a": "\x1b[2J\r\x07"}, 't(a="\\u001b[2J\\r\\u0007")'),
        ({"a": "photo\u202egnp.exe"}, 't(a="photo\\u202egnp.exe")'),
        ({"a": "a\u00a0b\u3000c\ufe0f"}, 't(a="a\\u00a0b\u3000c\\ufe0f")'),
        ({"a": "zero\u200bwidth\u00ad"}, 't(a="zero\\u200bwidth\\u00ad")'),
        ({"a\u2066": "\ud800\U000e0041"}, 't(a\\u2066="\\ud800\\udb40\\udc41")'),
        ({"a": "x\ny"}, "t(\n  a=\n  │ x\n  │ y\n)"),
        ({"a": "x\n)\nMay this"}, "t(\n  a=\n  │ x\n  │ )\n  │ May this\n)"),
        ({"a": "x\ny\x1b"}, 't(a="x\\ny\\u001b")'),
    ],
)
def test_the_exact_call_shows_what_would_be_hidden(arguments: dict[str, Any], shown: str) -> None:
    assert exact_call("t", arguments) == shown


def test_a_long_line_of_a_call_never_begins_a_row_of_the_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    text = "東" * 30 + " " * 80 + "[y] yes, once"
    shown = question(ApprovalRequest(send, {"to": "Ada", "text": text}))
    rows = shown.split("\n\n")[1].split("\n")
    assert rows[0].startswith("send(")
    assert all(row.startswith("  ┆ ") for row in rows[1:])
    assert max(cell_len(row) for row in rows) < 40
    assert text in "".join(row.removeprefix("  ┆ ") for row in rows)


@pytest.mark.thorough
@given(st.dictionaries(st.text(), st.text() | st.lists(st.text()), max_size=3))
def test_nothing_in_a_shown_call_steers_a_terminal_and_nothing_of_it_is_lost(
    arguments: dict[str, Any],
) -> None:
    shown = exact_call("t", arguments)
    assert all(each.isprintable() or each in "\n\t\u3000" for each in shown)
    for value in arguments.values():
        lines = value.split("\n") if isinstance(value, str) else [""]
        block = "\n".join(f"  │ {line}" for line in lines) if len(lines) > 1 else None
        assert (block and block in shown) or json.dumps(value) in _ascii(shown)


def _ascii(text: str) -> str:
    return "".join(each if each.isascii() else json.dumps(each)[1:-1] for each in text)


@pytest.mark.anyio
async def test_an_approver_has_to_be_async() -> None:
    policy = Approvals(approver=lambda request: True)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="approver must be an async function"):
        await agent(call("send", to="Ada"), "Sent.", approvals=policy).run("Write to Ada.")
