"""The text that a model reads, byte for byte: Qwen3 was trained on this format."""

from pathlib import Path

from qwen3_tools.code_interpreter import CodeResult, format_result
from qwen3_tools.code_interpreter.worker import cut_middle


def test_a_printed_line_keeps_its_newline_inside_the_fence() -> None:
    assert format_result(CodeResult("ok", stdout="4\n")) == "stdout:\n\n```\n4\n\n```"


def test_the_last_expression_is_an_execute_result() -> None:
    assert format_result(CodeResult("ok", result="2")) == "execute_result:\n\n```\n2\n```"


def test_silence_says_finished_execution() -> None:
    assert format_result(CodeResult("ok")) == "Finished execution."


def test_blocks_come_in_one_order_with_blank_lines_between() -> None:
    text = format_result(
        CodeResult("ok", stdout="a\n", stderr="b\n", result="3", images=(Path("fig-1.png"),))
    )
    assert text == (
        "stdout:\n\n```\na\n\n```\n\nstderr:\n\n```\nb\n\n```\n\n"
        "execute_result:\n\n```\n3\n```\n\n![fig-001](fig-1.png)"
    )


def test_an_error_shows_what_was_printed_before_it() -> None:
    error = (
        'Traceback (most recent call last):\n  File "<cell>", line 2, in <module>\n'
        "ZeroDivisionError: division by zero"
    )
    assert format_result(CodeResult("error", stdout="x\n", error=error)) == (
        f"stdout:\n\n```\nx\n\n```\n\nerror:\n\n```\n{error}\n```"
    )


def test_extra_lines_appear_only_where_they_apply() -> None:
    assert format_result(CodeResult("timeout", error="Timeout", state_lost=True)) == (
        "error:\n\n```\nTimeout\n```\n\n"
        "The interpreter was restarted: variables, functions and imports are lost."
    )
    assert format_result(CodeResult("ok", files=("a.csv", "b/c.txt"))) == (
        "Finished execution.\n\nNew files: a.csv, b/c.txt"
    )


def test_long_output_loses_its_middle() -> None:
    text = cut_middle("a" * 60 + "b" * 60, 100)
    assert text == "a" * 50 + "\n... [20 characters left out] ...\n" + "b" * 50
    assert cut_middle("short", 100) == "short"
