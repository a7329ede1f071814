"""`qwen3-agent runs`, and `run` killed and resumed, as processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from scripted import call, scripted_model
from survivor import SCRIPT

from qwen3_agent import Agent, CodeInterpreter
from qwen3_agent.journal import Runs

pytestmark = pytest.mark.command

COMMAND = Path(sys.executable).with_name("qwen3-agent")
HERE = Path(__file__).parent


def qwen3_agent(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, *arguments], cwd=cwd, env=environment(cwd), capture_output=True, text=True,
        timeout=120,
    )  # fmt: skip


def environment(folder: Path) -> dict[str, str]:
    return os.environ | {
        "SURVIVOR_LOG": str(folder / "log"),
        "SURVIVOR_PAUSE": "0.1",
        "PYTHONPATH": str(HERE),
    }


def test_run__is_killed_listed_resumed_shown_exported_and_deleted(tmp_path: Path) -> None:
    agent = str(HERE / "survivor.py")
    started = subprocess.Popen(
        [COMMAND, "run", "Do all five.", "--agent", agent, "--runs", "runs", "--quiet"],
        cwd=tmp_path,
        env=environment(tmp_path),
    )
    log = tmp_path / "log"
    while not log.exists() or "begin open_door" not in log.read_text():
        assert started.poll() is None
        time.sleep(0.01)
    started.kill()
    started.wait()

    listed = qwen3_agent("runs", "list", "--runs", "runs", cwd=tmp_path)
    assert "unfinished" in listed.stdout
    assert "Do all five." in listed.stdout
    resumed = qwen3_agent("runs", "resume", "--runs", "runs", "--json", cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    events = [json.loads(line) for line in resumed.stdout.splitlines()]
    assert events[0]["type"] == "run_started"
    assert events[0]["steps_before"] >= 2
    assert events[-1]["result"]["output"] == "All five are done."
    assert log.read_text().count("begin open_door") == 1

    run_id = events[-1]["result"]["run_id"]
    shown = qwen3_agent("runs", "show", run_id[:17], "--runs", "runs", cwd=tmp_path)
    assert "All five are done." in shown.stdout
    page = qwen3_agent(
        "runs", "show", run_id, "--html", "-o", "a.html", "--runs", "runs", cwd=tmp_path
    )
    assert page.stdout == "a.html\n"
    assert "All five are done." in (tmp_path / "a.html").read_text()
    for shape, has in (("chat", "messages"), ("training", "input_ids"), ("otlp", "resourceSpans")):
        done = qwen3_agent("runs", "export", run_id, "--as", shape, "--runs", "runs", cwd=tmp_path)
        assert has in json.loads(done.stdout)
    assert qwen3_agent("runs", "delete", run_id, "--runs", "runs", cwd=tmp_path).returncode == 0
    assert list((tmp_path / "runs").iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["show", "20200101"], "There is no run '20200101' in nowhere. There are no runs yet."),
        (["resume", "../../etc"], "There is no run '../../etc'"),
        (["delete"], "Specify runs, or --older-than DAYS."),
    ],
)
def test_unknown_run__is_one_sentence(arguments: list[str], says: str, tmp_path: Path) -> None:
    done = qwen3_agent("runs", *arguments, "--runs", "nowhere", cwd=tmp_path)
    assert done.returncode in (1, 2)
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_run_of_a_program__explains_how_to_resume_it(tmp_path: Path) -> None:
    agent = Agent(scripted_model(SCRIPT[0]), journal=tmp_path / "runs")
    with pytest.raises(IndexError):
        agent.run_sync("Go")
    done = qwen3_agent("runs", "resume", "--runs", "runs", cwd=tmp_path)
    assert done.returncode == 1
    assert "resume it there with agent.resume(" in done.stderr


def test_resume__keeps_files_of_the_interpreter_and_reports_lost_variables(
    tmp_path: Path,
) -> None:
    def agent(*script: str) -> Agent:
        return Agent(scripted_model(*script), tools=[CodeInterpreter()], journal=tmp_path)

    with pytest.raises(IndexError):
        agent(call("code_interpreter", code="x = 1\nopen('kept.txt', 'w').write('here')")).run_sync(
            "Go"
        )
    agent(call("code_interpreter", code="print(open('kept.txt').read())"), "Done.").resume_sync(
        "latest"
    )
    run = Runs(tmp_path).read("latest")
    (result,) = run.turns[0].steps[-2].calls
    assert "here" in result.text
    assert "lost" in result.text
