"""Sessions that are started before they are wanted."""

from __future__ import annotations

import anyio
import pytest

from qwen3_tools.code_interpreter import CodeInterpreter

from .conftest import left_behind

pytestmark = [pytest.mark.anyio, pytest.mark.sandbox]

IMPORTED = "import sys; 'colorsys' in sys.modules"


async def test_nothing_starts_before_the_first_cell() -> None:
    async with CodeInterpreter() as interpreter:
        assert left_behind() == []
        assert interpreter.isolation == "not started"


async def test_a_warm_source_has_a_session_with_its_modules_ready() -> None:
    source = CodeInterpreter(preload=["colorsys", "no_such_module"])
    async with source.warm():
        await anyio.sleep(0.1)  # a program that is being loaded has no command line yet
        assert left_behind() != []
        async with source.open() as (tool,):
            assert "True" in (await tool.run({"code": IMPORTED})).text
            async with source.open() as (other,):  # the next conversation's was made meanwhile
                assert "True" in (await other.run({"code": IMPORTED})).text
                await tool.run({"code": "x = 1"})
                assert "NameError" in (await other.run({"code": "x"})).text
    assert left_behind() == []


async def test_a_session_that_was_lost_is_replaced_by_a_ready_one() -> None:
    async with CodeInterpreter(preload=["colorsys"]) as interpreter:
        assert (await interpreter.run(IMPORTED)).result == "False"
        assert (await interpreter.run("import os; os._exit(1)")).state_lost
        assert (await interpreter.run(IMPORTED)).result == "True"
        await interpreter.reset()
        assert (await interpreter.run(IMPORTED)).result == "True"
    assert left_behind() == []
