"""What the interpreter promises to those who use it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from qwen3_tools.code_interpreter import CodeInterpreter
from qwen3_tools.code_interpreter.sandbox import NEEDS_LINUX, survey
from qwen3_tools.errors import Qwen3AgentError, SandboxUnavailableError, ToolError
from qwen3_tools.progress import progress_to

from .conftest import MARKER, left_behind

pytestmark = [pytest.mark.anyio, pytest.mark.sandbox]


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def interpreter() -> AsyncIterator[CodeInterpreter]:
    async with CodeInterpreter(timeout=20, preload=()) as interpreter:
        yield interpreter


async def test_state_persists_and_the_last_expression_is_shown(
    interpreter: CodeInterpreter,
) -> None:
    await interpreter.run("x = 20\ndef double(n): return 2 * n")
    result = await interpreter.run("print('seen'); double(x) + 2")
    assert (result.status, result.stdout, result.result) == ("ok", "seen\n", "42")
    assert result.seconds < 20
    assert "seccomp" in interpreter.isolation


@pytest.mark.parametrize(
    "code",
    ["1+1", "```python\n1+1\n```", "```\n1+1\n```", "\n```py\n1+1```\n", "```python3\n1+1\n\n```"],
)
async def test_code_may_be_raw_or_fenced(code: str, interpreter: CodeInterpreter) -> None:
    assert (await interpreter.run(code)).result == "2"


@pytest.mark.parametrize("name", ["json", "math", "os", "re"])
async def test_names_are_ready_from_the_first_cell_on(
    name: str, interpreter: CodeInterpreter
) -> None:
    assert (await interpreter.run(f"eval('{name}.__name__')")).result == repr(name)
    assert (await interpreter.run(f"'{name}' in globals()")).result == "True"


async def test_a_ready_name_may_be_taken(interpreter: CodeInterpreter) -> None:
    await interpreter.run("globals()['js' + 'on'] = 5")  # before all of them are there
    assert (await interpreter.run("json")).result == "5"


async def test_a_first_cell_may_break_what_comes_after_it(interpreter: CodeInterpreter) -> None:
    await interpreter.run("import sys; sys.modules['traceback'] = sys.modules['r' + 'e'] = None")
    result = await interpreter.run("1 + 1")
    assert (result.result, result.state_lost) == ("2", False)


async def test_an_error_in_the_first_cell_has_its_traceback(interpreter: CodeInterpreter) -> None:
    error = str((await interpreter.run("1 / 0")).error)
    assert error.startswith('Traceback (most recent call last):\n  File "<cell>", line 1')


async def test_a_semicolon_keeps_the_last_expression_quiet(interpreter: CodeInterpreter) -> None:
    assert (await interpreter.run("1+1;")).result is None


async def test_tracebacks_have_the_users_frames_only(interpreter: CodeInterpreter) -> None:
    await interpreter.run("import json\ndef read(text):\n    return json.loads(text)")
    assert (await interpreter.run("\nread('{')")).error == (
        "Traceback (most recent call last):\n"
        '  File "<cell>", line 2, in <module>\n'
        '  File "<cell>", line 3, in read\n'
        "json.decoder.JSONDecodeError: Expecting property name enclosed in double quotes: "
        "line 1 column 2 (char 1)"
    )


async def test_a_syntax_error_shows_its_line(interpreter: CodeInterpreter) -> None:
    result = await interpreter.run("x = 1\ny = = 2")
    assert result.error == '  File "<cell>", line 2\n    y = = 2\nSyntaxError: invalid syntax'


async def test_what_was_printed_before_an_error_is_kept(interpreter: CodeInterpreter) -> None:
    result = await interpreter.run("import sys; print('a'); print('b', file=sys.stderr); 1/0")
    assert (result.status, result.stdout, result.stderr) == ("error", "a\n", "b\n")
    assert str(result.error).endswith("ZeroDivisionError: division by zero")


async def test_output_of_programs_is_captured_too(interpreter: CodeInterpreter) -> None:
    assert (await interpreter.run("import os; os.system('echo shell'); 1;")).stdout == "shell\n"


async def test_code_may_be_longer_than_a_pipe_holds(interpreter: CodeInterpreter) -> None:
    assert (await interpreter.run(f"text = {'x' * 3_000_000!r}\nlen(text)")).result == "3000000"


async def test_output_is_told_as_it_is_written(interpreter: CodeInterpreter) -> None:
    told: list[tuple[str, str]] = []
    asked = anyio.Event()

    def on_output(stream: str, text: str) -> None:
        told.append((stream, text))
        asked.set()

    async def answer() -> None:
        await asked.wait()
        (interpreter.work_dir / "go").touch()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(answer)
        result = await interpreter.run(
            "import sys, time\nprint('Zürich', flush=True)\n"
            "while not os.path.exists('go'): time.sleep(0.01)\n"  # ends only if it was told
            "print('late', file=sys.stderr)",
            on_output,
        )
    assert (result.status, result.stdout, result.stderr) == ("ok", "Zürich\n", "late\n")
    assert told == [("stdout", "Zürich\n"), ("stderr", "late\n")]


async def test_what_is_told_has_a_bound_too() -> None:
    told: list[str] = []
    async with CodeInterpreter(max_output_chars=1000) as interpreter:
        await interpreter.run("print('é' * 100_000)", lambda _, text: told.append(text))
    assert "".join(told) == "é" * 1000


async def test_the_tool_tells_its_output_as_progress(interpreter: CodeInterpreter) -> None:
    heard: list[str] = []
    with progress_to(lambda progress: heard.append(progress.message)):
        await interpreter.tool().run({"code": "print('one'); print('two')"})
    assert heard == ["two"]


async def test_input_is_disabled(interpreter: CodeInterpreter) -> None:
    result = await interpreter.run("input('name? ')")
    assert result.error is not None
    assert result.error.endswith("NotImplementedError: Python input() function is disabled.")


async def test_new_files_are_named_once(interpreter: CodeInterpreter) -> None:
    result = await interpreter.run("os.mkdir('out'); open('out/a.txt', 'w').write('a');")
    assert result.files == ("out/a.txt",)
    assert (interpreter.work_dir / "out/a.txt").read_text() == "a"
    assert (await interpreter.run("1")).files == ()


async def test_long_output_loses_its_middle() -> None:
    async with CodeInterpreter(max_output_chars=1000) as interpreter:
        result = await interpreter.run("print('a' * 50_000 + 'end'); 'b' * 5000")
        flood = await interpreter.run("print('é' * 3_000_000, 'end')")
    assert len(result.stdout) < 1100
    assert re.fullmatch(r"a+\n\.\.\. \[\d+ characters left out\] \.\.\.\na+end\n", result.stdout)
    assert len(str(result.result)) < 1100
    assert len(flood.stdout) < 1100
    assert flood.stdout.endswith("é end\n")


async def test_a_time_out_keeps_the_state_where_the_code_can_be_interrupted() -> None:
    async with CodeInterpreter(timeout=0.5, preload=()) as interpreter:
        await interpreter.run("x = 42")
        result = await interpreter.run("print('began')\nwhile True: pass")
        assert (result.status, result.state_lost) == ("timeout", False)
        assert result.error == "Timeout: Code execution exceeded the time limit."
        assert result.stdout == "began\n"
        assert (await interpreter.run("x")).result == "42"


async def test_a_time_out_that_needs_a_kill_says_that_the_state_is_lost() -> None:
    async with CodeInterpreter(timeout=0.3, preload=()) as interpreter:
        await interpreter.run("x = 42")
        result = await interpreter.run(
            "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass"
        )
        assert (result.status, result.state_lost) == ("timeout", True)
        assert (await interpreter.run("'x' in globals()")).result == "False"


async def test_code_that_ends_its_process_costs_the_state(interpreter: CodeInterpreter) -> None:
    result = await interpreter.run("print('last words', flush=True); import os; os._exit(7)")
    assert (result.status, result.state_lost) == ("killed", True)
    assert result.error == "The interpreter exited with code 7."
    assert result.stdout == "last words\n"


async def test_too_much_memory_is_an_error_or_an_end(interpreter: CodeInterpreter) -> None:
    result = await interpreter.run("x = bytearray(3 << 30)")
    assert "MemoryError" in str(result.error)


async def test_memory_is_limited_for_all_processes_together() -> None:
    async with CodeInterpreter(memory_mb=256, preload=()) as interpreter:
        result = await interpreter.run(
            "import time\nfor _ in range(4):\n    if os.fork() == 0:\n"
            "        data = bytearray(b'x') * (100 << 20); time.sleep(98765)\ntime.sleep(98765)"
        )
    assert (result.status, result.state_lost) == ("killed", True)
    assert result.error == "The code was stopped: it used more than 256 MiB of memory."
    assert left_behind() == []


async def test_processes_are_limited() -> None:
    async with CodeInterpreter(max_processes=8, preload=()) as interpreter:
        result = await interpreter.run(
            "import time\nmade = 0\ntry:\n    while made < 50:\n        if os.fork() == 0:\n"
            "            time.sleep(98765)\n        made += 1\nexcept OSError: pass\nmade < 8"
        )
    assert result.result == "True"


async def test_too_many_files_on_disk_end_the_session() -> None:
    async with CodeInterpreter(disk_mb=8, preload=()) as interpreter:
        result = await interpreter.run(
            "for n in range(4): open(f'{n}.bin', 'wb').write(bytes(4 << 20))"
        )
        assert (result.status, result.state_lost) == ("killed", True)
        assert result.error == "The code was stopped: it wrote more than 8 MiB of files."
        assert (interpreter.work_dir / "0.bin").stat().st_size == 4 << 20


async def test_limits_hold_for_cells_too_short_to_be_looked_at_one_by_one() -> None:
    async with CodeInterpreter(disk_mb=8, preload=()) as interpreter:
        for n in range(2000):
            result = await interpreter.run(f"open('{n}', 'wb').write(bytes(1 << 18))")
            if result.state_lost:
                break
    assert result.state_lost
    assert n > 16
    assert result.status == "ok"  # it did what it was to do, and cost its state


async def test_limits_hold_between_cells() -> None:
    async with CodeInterpreter(memory_mb=128, preload=()) as interpreter:
        await interpreter.run("import time")
        await interpreter.run(
            "for _ in range(2):\n    if not os.fork():\n        time.sleep(0.2)\n"
            "        data = bytearray(b'x') * (90 << 20); time.sleep(98765)"
        )
        for _ in range(300):
            await anyio.sleep(0.1)
            if lost := (await interpreter.run("1")).state_lost:
                break
    assert lost
    assert left_behind() == []


async def test_cancelling_ends_the_cell_at_once_and_the_next_one_works(
    interpreter: CodeInterpreter,
) -> None:
    await interpreter.run("x = 1")
    began = time.monotonic()
    with anyio.move_on_after(0.3) as scope:
        await interpreter.run("import time; time.sleep(60)")
    assert scope.cancelled_caught
    assert time.monotonic() - began < 20
    result = await interpreter.run("'x' in globals()")
    assert (result.result, result.state_lost) == ("False", True)


async def test_nothing_is_left_after_the_end() -> None:
    async with CodeInterpreter() as interpreter:
        await interpreter.run(f"import subprocess; subprocess.Popen(['sleep', '{MARKER}'])")
        folder = interpreter.work_dir
    assert not folder.exists()
    assert left_behind() == []


async def test_a_given_work_dir_stays(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("given")
    async with CodeInterpreter(work_dir=tmp_path) as interpreter:
        result = await interpreter.run("open('out.txt', 'w').write(open('in.txt').read().upper());")
        assert result.files == ("out.txt",)
    assert (tmp_path / "out.txt").read_text() == "GIVEN"


async def test_survey__names_every_backend_and_why_it_fails() -> None:
    found = await survey()
    assert list(found) == ["bubblewrap", "namespaces", "landlock"]
    assert None in found.values()


async def test_without_a_sandbox_only_when_told_so() -> None:
    async with CodeInterpreter(sandbox="none") as interpreter:
        assert (await interpreter.run("import os; os.getuid()")).result == str(os.getuid())
        assert interpreter.isolation.startswith("none")


async def test_it_is_a_source_of_the_one_tool() -> None:
    source = CodeInterpreter()
    assert source.shared is False
    async with source.open() as tools, source.open() as others:
        (tool,), (other,) = tools, others
        assert tool.schema()["function"] == {
            "name": "code_interpreter",
            "description": "Python code sandbox, which can be used to execute Python code.",
            "parameters": {
                "type": "object",
                "properties": {"code": {"description": "The python code.", "type": "string"}},
                "required": ["code"],
            },
        }
        assert (await tool.run({"code": "x = 1"})).text == "Finished execution."
        said = await other.run({"code": "x"})  # each conversation has its own
        assert "NameError: name 'x' is not defined" in said.text
        with pytest.raises(ToolError, match="code: a string is needed"):
            await tool.run({})


async def test_an_open_interpreter_is_the_source_itself(interpreter: CodeInterpreter) -> None:
    await interpreter.run("x = 5")
    async with interpreter.open() as (tool,):
        assert (await tool.run({"code": "x"})).text == "execute_result:\n\n```\n5\n```"
    assert (await interpreter.run("x")).result == "5"


async def test_calls_wait_for_each_other(interpreter: CodeInterpreter) -> None:
    seen: list[str | None] = []

    async def step() -> None:
        seen.append((await interpreter.run("n = globals().get('n', 0) + 1; n")).result)

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(step)
    assert sorted(seen, key=str) == ["1", "2", "3", "4", "5"]


async def test_misuse_is_told_in_a_sentence() -> None:
    with pytest.raises(Qwen3AgentError, match="is not open"):
        await CodeInterpreter().run("1")
    async with CodeInterpreter(python="/nowhere/python") as interpreter:
        with pytest.raises(SandboxUnavailableError, match="does not start"):
            await interpreter.run("1")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            {"sandbox": "magic"},
            "sandbox must be one of auto, bubblewrap, namespaces, landlock, none, not 'magic'",
        ),
        ({"sandbox": ["namespaces"]}, "must be one of"),
        ({"timeout": "soon"}, "timeout must be a positive number, not 'soon'"),
        ({"timeout": 0}, "timeout must be a positive number, not 0"),
        ({"timeout": float("nan")}, "timeout must be a positive number, not nan"),
        ({"memory_mb": 0.5}, "memory_mb must be an integer, not 0.5"),
        ({"disk_mb": -1}, "disk_mb must be a positive number, not -1"),
        ({"max_processes": True}, "max_processes must be a positive number, not True"),
        ({"max_output_chars": None}, "max_output_chars must be a positive number, not None"),
    ],
)
async def test_arguments_are_looked_at_before_anything_starts(
    arguments: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        CodeInterpreter(**arguments)


async def test_another_system_than_linux_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    async with CodeInterpreter() as interpreter:
        with pytest.raises(SandboxUnavailableError, match="requires Linux"):
            await interpreter.run("1")
        assert interpreter.isolation == "not started"
    assert set(filter(None, (await survey()).values())) == {NEEDS_LINUX}


async def test_files_go_in_and_come_out(interpreter: CodeInterpreter, tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("a,b")
    await interpreter.upload(tmp_path / "table.csv")
    await interpreter.upload(b"1,2", "more.csv")
    await interpreter.run(
        "open('table.csv', 'a').write('\\n' + open('more.csv').read()); os.mkdir('out');"
        "os.rename('more.csv', 'out/more.csv')"
    )
    assert await interpreter.list_files() == ["out/more.csv", "table.csv"]
    assert await interpreter.download("table.csv") == b"a,b\n1,2"
    assert await interpreter.download("out/more.csv") == b"1,2"


@pytest.mark.parametrize(
    "trap",
    [
        "os.symlink(CANARY, 'trap')",
        "os.symlink(os.path.dirname(CANARY), 'folder'); os.rename('folder', 'trap')",
        "os.mkfifo('trap')",
        "os.mkdir('trap')",
        "open('one', 'w').close(); os.link('one', 'trap')",
    ],
)
async def test_a_download_follows_nothing_that_code_laid_out(
    trap: str, interpreter: CodeInterpreter, tmp_path: Path
) -> None:
    canary = tmp_path / "canary.txt"
    canary.write_text("secret")
    assert (await interpreter.run(f"CANARY = {str(canary)!r}\n{trap};")).status == "ok"
    for name in ("trap", "trap/canary.txt", str(canary), f"../{tmp_path.name}/canary.txt"):
        with pytest.raises(OSError, match=r"open|regular"):
            await interpreter.download(name)
    if "mkdir" not in trap:
        await interpreter.upload(b"mine", "trap")
        assert await interpreter.download("trap") == b"mine"
    assert canary.read_text() == "secret"
    with pytest.raises(ValueError, match="is not a file name"):
        await interpreter.upload(b"", "../up")


async def test_an_interrupt_ends_the_cell_and_keeps_the_state(
    interpreter: CodeInterpreter,
) -> None:
    await interpreter.run("x = 1")

    async def interrupt() -> None:
        await anyio.sleep(0.3)
        await interpreter.interrupt()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(interrupt)
        result = await interpreter.run("import time; time.sleep(60)")
    assert result.status == "error"
    assert str(result.error).endswith("KeyboardInterrupt")
    assert (await interpreter.run("x")).result == "1"


async def test_a_reset_forgets_names_and_keeps_files(interpreter: CodeInterpreter) -> None:
    await interpreter.run("x = 1; open('kept.txt', 'w').close()")
    await interpreter.reset()
    result = await interpreter.run("'x' in globals(), os.listdir()")
    assert (result.result, result.state_lost) == ("(False, ['kept.txt'])", False)


def test_there_is_a_sync_door() -> None:
    with CodeInterpreter(preload=()) as interpreter:
        interpreter.run_sync("x = 6")
        assert interpreter.run_sync("x * 7").result == "42"
        interpreter.reset_sync()
        assert interpreter.run_sync("x").status == "error"
        interpreter.upload_sync(b"1", "a.txt")
        assert interpreter.list_files_sync() == ["a.txt"]
        assert interpreter.download_sync("a.txt") == b"1"
        interpreter.close_sync()
        assert left_behind() == []
        with pytest.raises(Qwen3AgentError, match="is not open"):
            interpreter.run_sync("1")


def test_a_cell_is_interrupted_from_another_thread() -> None:
    with CodeInterpreter(preload=()) as interpreter:
        told = threading.Event()

        def interrupt() -> None:
            told.wait(60)
            interpreter.interrupt_sync()

        thread = threading.Thread(target=interrupt)
        thread.start()
        result = interpreter.run_sync(
            "import time; print('began', flush=True); time.sleep(60)", lambda *_: told.set()
        )
        thread.join()
    assert str(result.error).endswith("KeyboardInterrupt")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_nothing_outlives_a_killed_host(number: int) -> None:
    program = f"""
        import anyio, signal
        from qwen3_tools.code_interpreter import CodeInterpreter
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's "&" has it ignored
        async def main():
            async with CodeInterpreter() as interpreter:
                await interpreter.run("import subprocess; subprocess.Popen(['sleep', '{MARKER}'])")
                print("started", flush=True)
                await interpreter.run("import time; time.sleep(98765)")
        try:
            anyio.run(main)
        except KeyboardInterrupt:
            pass
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as host:
        assert host.stdout is not None
        assert host.stdout.readline() == b"started\n"
        assert len(left_behind(host.pid)) > 1
        os.kill(host.pid, number)
        host.wait(30)
    end = time.monotonic() + 10
    while left_behind(host.pid) and time.monotonic() < end:
        time.sleep(0.02)
    assert left_behind(host.pid) == []
