"""What is on disk of a run, and what comes back from there."""

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from chat_server import ChatServer, call_piece, says
from scripted import ScriptedAgent, call, double, scripted_model

from qwen3_agent import Agent, Limits, ToolResult, tool
from qwen3_agent.errors import JournalError, LimitExceededError
from qwen3_agent.events import RunFinished, RunStarted
from qwen3_agent.journal import Runs
from qwen3_agent.journal.exports import chat_json, training_records
from qwen3_agent.journal.redaction import REDACTED, Redactor
from qwen3_agent.journal.telemetry import otlp_json
from qwen3_agent.messages import AssistantMessage, SystemMessage, ToolResultMessage, UserMessage
from qwen3_agent.messages.encoding import for_chat_api
from qwen3_tools.secret_names import secrets_of

pytestmark = pytest.mark.anyio
SECRET = "sk-abcdefghijklmnopqrstuvwxyz0123"


def journal_in(folder: Path) -> Path:
    (path,) = folder.glob("*/journal.jsonl")
    return path


async def test_a_run_is_read_back_as_it_was(tmp_path: Path) -> None:
    model = scripted_model("<think>\nHm.\n</think>\n\n" + call("double", number=4), "Eight.")
    agent = Agent(model, tools=[double], instructions="Be brief.", journal=tmp_path, logprobs=True)
    result = await agent.run("Twice four?")
    run = Runs(tmp_path).read("latest")
    assert run.id == result.run_id
    assert (run.status, run.title, run.model) == ("answered", "Twice four?", "scripted")
    (turn,) = run.turns
    assert turn.output == "Eight."
    assert tuple(turn.segments) == result.transcript.segments
    assert [step.report.usage.output_tokens for step in turn.steps if step.report] == [
        step.usage.output_tokens for step in result.steps
    ]
    (made,) = turn.steps[0].calls
    assert (made.name, made.arguments, made.text) == ("double", {"number": 4}, "8")
    assert [type(message) for message in run.messages] == [
        SystemMessage,
        UserMessage,
        AssistantMessage,
        ToolResultMessage,
        AssistantMessage,
    ]


async def test_only_the_user_may_look_into_it(tmp_path: Path) -> None:
    await Agent(scripted_model("Hello."), journal=tmp_path / "runs").run("Hi")
    for path in [tmp_path / "runs", *(tmp_path / "runs").rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0


async def test_nothing_is_written_where_nothing_is_asked_for() -> None:
    before = Runs().summaries()
    assert (await Agent(scripted_model("Hello.")).run("Hi")).run_id is None
    assert Runs().summaries() == before


async def test_a_run_that_has_its_answer_gives_it_again(tmp_path: Path) -> None:
    agent = Agent(scripted_model("Hello."), journal=tmp_path)
    first = await agent.run("Hi")
    again = await agent.resume(first.run_id or "")
    assert (again.output, again.transcript.ids) == (first.output, first.transcript.ids)
    events = [event async for event in agent.resume_stream("latest")]
    assert [type(event) for event in events] == [RunFinished]


async def test_a_run_at_a_limit_goes_on_with_more(tmp_path: Path) -> None:
    def agent(*script: str, steps: int) -> ScriptedAgent:
        limits = Limits(steps=steps, at_limit="fail")
        return ScriptedAgent(*script, tools=[double], limits=limits, journal=tmp_path)

    with pytest.raises(LimitExceededError) as caught:
        await agent(call("double", number=1), steps=1).run("Go")
    assert caught.value.result.run_id == Runs(tmp_path).read("latest").id
    assert Runs(tmp_path).read("latest").status == "limit"
    with pytest.raises(LimitExceededError):
        await agent(steps=1).resume("latest")
    resumed = agent("Two.", steps=2)
    events = [event async for event in resumed.resume_stream("latest")]
    started, finished = events[0], events[-1]
    assert isinstance(started, RunStarted)
    assert started.steps_before == 1
    assert isinstance(finished, RunFinished)
    assert len(finished.result.steps) == 2
    ids = finished.result.transcript.ids
    [prompt] = resumed.engine.prompts
    assert ids[: len(prompt)] == prompt


async def test_a_conversation_is_taken_up_with_all_that_was_said(tmp_path: Path) -> None:
    agent = Agent(scripted_model("One.", "Two."), journal=tmp_path)
    async with agent.conversation() as conversation:
        await conversation.run("First")
        await conversation.run("Second")
        run_id = conversation.run_id or ""
    later = Agent(scripted_model("Three."), journal=tmp_path)
    async with later.conversation(resume=run_id) as conversation:
        assert conversation.unfinished is None
        await conversation.run("Third")
        said = [message["content"] for message in conversation.messages]
    assert said == ["First", "One.", "Second", "Two.", "Third", "Three."]
    run = Runs(tmp_path).read(run_id)
    assert [turn.output for turn in run.turns] == ["One.", "Two.", "Three."]
    assert [message["content"] for message in for_chat_api(run.messages)] == said


async def test_a_turn_that_was_taken_back_is_not_gone_on_with(tmp_path: Path) -> None:
    agent = Agent(scripted_model("One.", "Two."), journal=tmp_path)
    async with agent.conversation() as conversation:
        await conversation.run("First")
        await conversation.run("Second")
        conversation.undo()
    run = Runs(tmp_path).read("latest")
    assert [turn.status for turn in run.turns] == ["answered", "undone"]
    assert [message["content"] for message in for_chat_api(run.messages)] == ["First", "One."]


async def test_secrets_are_not_written_in_words_or_in_ids(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_API_KEY", "opensesame-42")

    @tool
    def environment() -> str:
        """What is there."""
        return f"ACME_API_KEY=opensesame-42\nOTHER={SECRET}"

    model = scripted_model(call("environment"), f"<think>\nIt is {SECRET}.\n</think>\n\nDone.")
    result = await Agent(model, tools=[environment], journal=tmp_path).run("Look")
    assert SECRET in model.chat_format.decode(result.transcript.ids)
    path = journal_in(tmp_path)
    assert "opensesame-42" not in path.read_text()
    assert SECRET not in path.read_text()
    run = Runs(tmp_path).read("latest")
    ids = [each for segment in run.turns[0].segments for each in segment.ids]
    text = model.chat_format.decode(ids)
    assert "opensesame-42" not in text
    assert SECRET not in text
    assert text.count(REDACTED) == 3
    assert text.replace(REDACTED, "") == model.chat_format.decode(result.transcript.ids).replace(
        SECRET, ""
    ).replace("opensesame-42", "")
    (record,) = training_records(run)
    written = [t for t, mine in zip(record["input_ids"], record["mask"], strict=True) if mine]
    assert REDACTED not in model.chat_format.decode(written)


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer abcdefghijklmnop123456",
        "https://ada:secret-word@example.com/x",
        "AKIAABCDEFGHIJKLMNOP",
        "hf_abcdefghijklmnopqrstuvwx",
        "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----",
    ],
)
def test_secrets_are_known_by_their_shape(text: str) -> None:
    assert REDACTED in Redactor().text(text)


def test_what_only_looks_like_a_secret_stays() -> None:
    text = "The sk-learn package at http://localhost:8000/v1 has keys; task-1 is done by me@home."
    assert Redactor(["short"]).text(text) == text
    assert secrets_of({"MONKEY": "bananas-and-more", "KEYBOARD": "qwertz-layout"}) == []
    assert secrets_of({"Authorization": "Bearer abcdefgh", "X-Api-Key": "k"}) == ["abcdefgh", "k"]


async def test_a_journal_is_in_use_by_one_at_a_time(tmp_path: Path) -> None:
    agent = Agent(scripted_model("One."), journal=tmp_path)
    async with agent.conversation() as conversation:
        run_id = conversation.run_id or ""
        assert Runs(tmp_path).summaries()[0].status == "running"
        with pytest.raises(JournalError, match="is in use by another process"):
            await Agent(scripted_model("Two."), journal=tmp_path).resume(run_id)
        with pytest.raises(JournalError, match="is in use by another process"):
            Runs(tmp_path).delete(run_id)
    assert Runs(tmp_path).delete(run_id) == run_id
    assert Runs(tmp_path).summaries() == []


async def test_another_model_does_not_take_up_a_run(tmp_path: Path) -> None:
    agent = Agent(scripted_model(call("double", number=1)), tools=[double], journal=tmp_path)
    with pytest.raises(IndexError):
        await agent.run("Go")
    model = scripted_model("Two.")
    model.name = "another"
    with pytest.raises(
        JournalError, match=r"was recorded with scripted \(engine\), not with another"
    ):
        await Agent(model, tools=[double], journal=tmp_path).resume("latest")


async def test_tools_that_are_gone_are_told_of(tmp_path: Path) -> None:
    agent = Agent(scripted_model(call("double", number=1)), tools=[double], journal=tmp_path)
    with pytest.raises(IndexError):
        await agent.run("Go")
    later = Agent(scripted_model("Two."), journal=tmp_path)
    texts = [getattr(event, "text", "") async for event in later.resume_stream("latest")]
    assert "Tools of the recorded run are missing: double." in texts


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda text: text.replace('"version":2', '"version":3'), "version 3 of the format"),
        (lambda text: text.replace('{"type":"turn"', '{"type":"turn'), ":3 is not a record"),
        (lambda text: text.replace('"thinking":{', '"thought":{'), "'step_started' record is dam"),
        (lambda text: "", "is empty"),
        (lambda text: "[]\n" + text, ":1 is not a record of a journal"),
    ],
)
async def test_a_damaged_journal_is_one_sentence(tmp_path: Path, damage: Any, says: str) -> None:
    await Agent(scripted_model("Hello."), journal=tmp_path).run("Hi")
    path = journal_in(tmp_path)
    path.write_text(damage(path.read_text()))
    with pytest.raises(JournalError, match=says):
        Runs(tmp_path).read("latest")
    Runs(tmp_path).summaries()


async def test_records_of_a_type_that_is_not_known_are_passed_over(tmp_path: Path) -> None:
    await Agent(scripted_model("Hello."), journal=tmp_path).run("Hi")
    path = journal_in(tmp_path)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:3], '{"type":"weather","at":1.0,"sun":true}\n', *lines[3:]]))
    assert Runs(tmp_path).read("latest").status == "answered"


def descriptor_of(path: Path) -> int:
    """The file descriptor under which this process has a file open."""
    [link] = [each for each in Path("/proc/self/fd").iterdir() if each.resolve() == path]
    return int(link.name)


async def test_a_full_disk_ends_the_run_in_one_sentence(tmp_path: Path) -> None:
    agent = Agent(scripted_model("Hello."), journal=tmp_path)
    async with agent.conversation() as conversation:
        assert conversation.run_id is not None
        full = os.open("/dev/full", os.O_WRONLY)
        os.dup2(full, descriptor_of(journal_in(tmp_path)))
        os.close(full)
        with pytest.raises(JournalError, match="No space left on device"):
            await conversation.run("Hi")


async def test_images_are_kept_and_links_are_not_followed(tmp_path: Path) -> None:
    image = tmp_path / "plot.png"
    image.write_bytes(b"\x89PNG\r\n\x1a\n" + b"x" * 100)
    (tmp_path / "link.png").symlink_to(image)

    @tool
    def plot() -> ToolResult:
        """Plot."""
        return ToolResult("Done.", files=(image, tmp_path / "link.png", tmp_path / "gone.png"))

    agent = Agent(scripted_model(call("plot"), "Here."), tools=[plot], journal=tmp_path / "runs")
    await agent.run("Plot")
    run = Runs(tmp_path / "runs").read("latest")
    (made,) = run.turns[0].steps[0].calls
    assert made.images == ("image-1.png",)
    assert (run.folder / "image-1.png").read_bytes() == image.read_bytes()
    assert len(made.files) == 3


async def test_a_run_over_a_chat_server_is_resumed_by_its_messages(tmp_path: Path) -> None:
    first = says(call_piece(0, id="x", name="double", arguments='{"number": 4}'))
    with ChatServer(first, says({"content": "Eight."})) as server:

        def agent(steps: int) -> Agent:
            limits = Limits(steps=steps, at_limit="fail")
            return Agent(base_url=server.url, tools=[double], limits=limits, journal=tmp_path)

        with pytest.raises(LimitExceededError):
            await agent(1).run("Twice four?")
        assert (await agent(2).resume("latest")).output == "Eight."
        sent = server.requests[-1]["messages"]
    assert [message["role"] for message in sent] == ["user", "assistant", "tool"]
    assert sent[2]["tool_call_id"] == sent[1]["tool_calls"][0]["id"]
    run = Runs(tmp_path).read("latest")
    assert run.status == "answered"
    with pytest.raises(JournalError, match="export it as chat"):
        training_records(run)
    assert chat_json(run)["messages"][:3] == sent


async def test_exports(tmp_path: Path) -> None:
    said = "<tool_call>\n{no}\n</tool_call>\n" + call("double", number=4)
    model = scripted_model("<think>\nHm.\n</think>\n\n" + said, "Eight.")
    result = await Agent(model, tools=[double], journal=tmp_path).run("Twice four?")
    run = Runs(tmp_path).read("latest")

    (record,) = training_records(run)
    assert record["input_ids"] == result.transcript.ids
    assert record["mask"] == [int(mine) for mine in result.transcript.mask]

    chat = chat_json(run)
    roles = [message["role"] for message in chat["messages"]]
    assert roles == ["user", "assistant", "user", "tool", "assistant"]
    (made,) = chat["messages"][1]["tool_calls"]
    assert json.loads(made["function"]["arguments"]) == {"number": 4}
    assert chat["messages"][3] == {"role": "tool", "content": "8", "tool_call_id": made["id"]}
    assert chat["messages"][2]["content"].startswith("<tool_response>\nError: ")
    assert [tool["function"]["name"] for tool in chat["tools"]] == ["double"]


async def test_the_trace_is_otlp_and_its_names_are_the_conventions(tmp_path: Path) -> None:
    from opentelemetry.proto_json.trace.v1.trace import TracesData
    from opentelemetry.semconv._incubating.attributes import error_attributes, gen_ai_attributes

    model = scripted_model(call("double", number=4) + call("double", number="x"), "Eight.")
    await Agent(model, tools=[double], journal=tmp_path).run("Twice four?")
    exported = json.loads(json.dumps(otlp_json(Runs(tmp_path).read("latest"))))
    assert TracesData.from_dict(exported).to_dict() == exported
    (scope,) = exported["resourceSpans"][0]["scopeSpans"]
    spans = scope["spans"]
    assert [span["name"] for span in spans] == [
        "invoke_agent qwen3-agent",
        "chat scripted",
        "execute_tool double",
        "execute_tool double",
        "chat scripted",
    ]
    root = spans[0]
    assert {span.get("parentSpanId") for span in spans[1:]} == {root["spanId"]}
    assert len({span["spanId"] for span in spans}) == 5
    named = {**vars(gen_ai_attributes), **vars(error_attributes)}
    known = {value for value in named.values() if isinstance(value, str)}
    for span in spans:
        assert len(span["traceId"]) == 32
        assert len(span["spanId"]) == 16
        assert int(root["startTimeUnixNano"]) <= int(span["startTimeUnixNano"])
        assert int(span["endTimeUnixNano"]) <= int(root["endTimeUnixNano"])
        for attribute in span["attributes"]:
            assert attribute["key"] in known or attribute["key"].startswith("qwen3_agent.")
    assert [span.get("status", {}).get("code") for span in spans] == [None, None, None, 2, None]


@tool(read_only=True)
async def page(number: int) -> str:
    """A page of a book."""
    return f"Page {number} begins. " + "word " * 600 + f"Page {number} ends."


async def test_a_run_that_was_made_shorter_goes_on_as_it_was(tmp_path: Path) -> None:
    script = [*[call("page", number=number) for number in range(1, 7)], "Read."]
    whole = await Agent(scripted_model(*script), tools=[page], journal=tmp_path / "a").run("Read")
    assert whole.earlier_transcripts
    (path,) = [journal_in(tmp_path / "a")]
    lines = path.read_text().splitlines(keepends=True)
    steps = [n for n, line in enumerate(lines) if line.startswith('{"type":"step_finished"')]
    for done, line in enumerate(steps, 1):
        copy = tmp_path / f"b{done}" / path.parent.name / path.name
        copy.parent.mkdir(parents=True)
        copy.write_text("".join(lines[: line + 1]))
        later = Agent(scripted_model(*script[done:]), tools=[page], journal=tmp_path / f"b{done}")
        resumed = await later.resume("latest")
        assert resumed.output == "Read."
        assert resumed.transcript.ids == whole.transcript.ids
        assert [each.ids for each in resumed.earlier_transcripts] == [
            each.ids for each in whole.earlier_transcripts
        ]


async def test_the_last_turn_of_a_resumed_conversation_can_be_taken_back(tmp_path: Path) -> None:
    agent = Agent(scripted_model("One.", "Two."), journal=tmp_path)
    async with agent.conversation() as conversation:
        await conversation.run("First")
        await conversation.run("Second")
    later = Agent(scripted_model("Again."), journal=tmp_path)
    async with later.conversation(resume="latest") as conversation:
        assert conversation.undo() == "Second"
        with pytest.raises(LookupError):
            conversation.undo()
        await conversation.run("Another")
        assert [message["content"] for message in conversation.messages] == [
            *("First", "One.", "Another", "Again."),
        ]


@pytest.mark.parametrize("full_at", ["tool_call_started", "tool_call_finished"])
async def test_a_disk_that_is_full_in_the_middle_of_calls_is_one_error(
    full_at: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write

    def write_until_full(file: int, data: bytes) -> int:
        if f'"type":"{full_at}"'.encode() in bytes(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(file, data)

    monkeypatch.setattr(os, "write", write_until_full)
    two = call("double", number=4) + "\n" + call("double", number=5)
    agent = Agent(scripted_model(two, "Eight, ten."), tools=[double], journal=tmp_path)
    with pytest.raises(JournalError, match="No space left on device"):
        await agent.run("Twice four, twice five?")
