"""Each example runs: on the demo model, or on a script where that one cannot do it."""

from __future__ import annotations

import importlib.util
import json
import socket
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path
from types import ModuleType

import anyio
import pytest
import uvicorn
from scripted import call, scripted_model

pytestmark = pytest.mark.docs

EXAMPLES = Path(__file__).parents[1] / "examples"
PRINTS = {
    "approval.py": 'May this run? code_interpreter(code="print(48213 * 12)")',
    "events.py": "time__get_current_time",
    "from_qwen_agent.py": "Asia/Tokyo",
    "many_tasks.py": "2: The task is empty",
    "mcp_alone.py": "Asia/Tokyo",
    "own_tool.py": "47104101",
    "parallel_calls.py": "2 calls of 1 s each took ",
    "resume.py": "calls made: 1",
    "thinking_per_step.py": "never: 0 thinking tokens [0, 0]: The result is 578556.",
    "thinking_policy.py": "step 2: thinking off, the result is enough",
    "time_and_fetch.py": "Asia/Tokyo",
}
ON_A_SCRIPT = {"agent_as_tool.py", "analyst.py", "structured_output.py"}
SERVED = {"web_stream.py"}


def test_every_example_is_tested_and_short_and_says_what_it_shows() -> None:
    files = {path.name: path.read_text() for path in EXAMPLES.glob("*.py")}
    assert set(files) == set(PRINTS) | ON_A_SCRIPT | SERVED
    for name, text in files.items():
        assert len(text.splitlines()) < 60, name
        assert text.startswith('"""'), name


@pytest.mark.parametrize(("name", "prints"), PRINTS.items())
def test_an_example_runs(name: str, prints: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, EXAMPLES / name],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert prints in done.stdout


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name.removesuffix(".py"), EXAMPLES / name)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_analyst_draws_a_plot_of_what_was_uploaded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = (
        "table = pd.read_csv('sales.csv')\n"
        "plt.bar(table.month, table.units)\n"
        "plt.show()\n"
        "print(table.loc[table.units.idxmax(), 'month'])"
    )
    model = scripted_model(
        f"<think>\nI draw.\n</think>\n\n{call('code_interpreter', code=code)}",
        "<think>\nMarch.\n</think>\n\nMarch sold the most.",
    )
    anyio.run(example("analyst.py").main, model, tmp_path)
    said = capsys.readouterr().out
    assert "March sold the most." in said
    picture = said.split("See ")[1].strip()
    assert (tmp_path / picture).read_bytes().startswith(b"\x89PNG")


def test_an_agent_calls_another(capsys: pytest.CaptureFixture[str]) -> None:
    helper = scripted_model(
        call("code_interpreter", code="a, b = 0, 1\nfor _ in range(30): a, b = b, a + b\na"),
        "The 30th Fibonacci number is 832040.",
    )
    caller = scripted_model(
        call("mathematician", task="The 30th Fibonacci number?"), "832040, which is even."
    )
    anyio.run(example("agent_as_tool.py").main, caller, helper)
    said = capsys.readouterr().out
    assert "mathematician calls code_interpreter" in said
    assert "832040, which is even." in said


def test_an_answer_is_data(capsys: pytest.CaptureFixture[str]) -> None:
    model = scripted_model(
        call("code_interpreter", code="list(__import__('sympy').factorint(1001))"),
        '{"number": 1001, "primes": [7, 11, 13]}',
    )
    example("structured_output.py").main(model)
    assert capsys.readouterr().out == "1001 = 7 * 11 * 13\n"


def test_a_web_handler_streams_events() -> None:
    ready = threading.Event()

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            ready.set()

    app = example("web_stream.py").web_app(None)
    server = Server(uvicorn.Config(app, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert ready.wait(60)
        port = server.servers[0].sockets[0].getsockname()[1]
        types = {}
        for task in ("Hello!", "%20"):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/?task={task}") as answer:
                lines = [line for line in answer.read().decode().splitlines() if line]
            types[task] = [json.loads(line.removeprefix("data: "))["type"] for line in lines]
    finally:
        server.should_exit = True
        thread.join()
    assert types["Hello!"][0] == "run_started"
    assert "content_text" in types["Hello!"]
    assert types["Hello!"][-1] == "run_finished"
    assert types["%20"] == ["error"]
