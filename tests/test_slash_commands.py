"""What can be typed after a slash: what is a command, what is proposed, what is saved."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from qwen3_agent.cli.terminal.slash_commands import (
    COMMANDS,
    CommandCompleter,
    as_markdown,
    split_command,
)
from qwen3_agent.messages import (
    AssistantMessage,
    Content,
    Message,
    Reasoning,
    ToolCall,
    ToolResultMessage,
    UserMessage,
)


@pytest.mark.parametrize(
    ("typed", "command"),
    [
        ("/help", ("help", "")),
        (" /save  my file.md ", ("save", "my file.md")),
        ("/think", ("think", "")),
        ("/think 512", ("think", "512")),
        ("/", ("", "")),
        ("/quit", ("quit", "")),
        ("/no_think What is 2 + 2?", None),
        ("/etc/hosts holds what?", None),
        ("// is a comment", None),
        ("What does /help do?", None),
    ],
)
def test_command__is_one_word_after_a_slash(typed: str, command: tuple[str, str] | None) -> None:
    assert split_command(typed) == command


@pytest.mark.parametrize(
    ("typed", "proposed"),
    [
        ("/", [f"/{command.name}" for command in COMMANDS]),
        ("/t", ["/think", "/tools"]),
        ("/think ", ["on", "off", "auto"]),
        ("/think o", ["on", "off"]),
        ("/tools ", []),
        ("/nothing ", []),
        ("What is /t", []),
        ("/t\n", []),
    ],
)
def test_completion__proposes_commands_and_arguments(typed: str, proposed: list[str]) -> None:
    completions = CommandCompleter().get_completions(Document(typed), CompleteEvent())
    assert [completion.text for completion in completions] == proposed


def test_saved_conversation__has_a_heading_per_message() -> None:
    messages: list[Message] = [
        UserMessage("Add."),
        AssistantMessage((Reasoning("I add.\n\nYes."), ToolCall("add", {"a": 1, "b": "你"}))),
        ToolResultMessage(0, "```\n3\n```"),
        AssistantMessage((Content("It is **3**."),)),
    ]
    assert as_markdown(messages) == (
        "## User\n\nAdd.\n\n"
        "## Assistant\n\n> I add.\n>\n> Yes.\n\n"
        'Calls `add`:\n\n```\n{"a": 1, "b": "你"}\n```\n\n'
        "## Tool\n\n````\n```\n3\n```\n````\n\n"
        "## Assistant\n\nIt is **3**.\n"
    )


@given(st.text("`a\n").filter(str.strip))
def test_saved_result__cannot_end_its_code_block(result: str) -> None:
    _, _, fence, *inside, last, _ = as_markdown([ToolResultMessage(0, result)]).split("\n")
    assert set(fence) == {"`"}
    assert last == fence
    assert not any(line.strip().startswith(fence) for line in inside)
