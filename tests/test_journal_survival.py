"""A run that is killed at any moment comes to its end, and nothing that was done is done again."""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import survivor

from qwen3_agent.journal import RecordedRun, Runs
from qwen3_agent.journal.resume import UNKNOWN

pytestmark = pytest.mark.command

SLOW = 0.02
MOMENTS = int(os.environ.get("SURVIVAL_MOMENTS", "12"))
READ_ONLY = {tool.name for tool in survivor.TOOLS if tool.read_only}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Runs, Path, float]]:
    """A run that nobody disturbed: its folder, its tools' log, and how many seconds it took."""
    folder = tmp_path_factory.mktemp("whole")
    before = os.environ.get("SURVIVOR_LOG")
    started = time.monotonic()
    survivor.run_to_its_end(folder / "runs", folder / "log", resume=False, pause=SLOW)
    yield Runs(folder / "runs"), folder / "log", time.monotonic() - started
    if before is None:
        del os.environ["SURVIVOR_LOG"]


def ids_of(run: RecordedRun) -> list[int]:
    return [each for segment in run.transcripts[-1] for each in segment.ids]


def check(before: RecordedRun | None, after: RecordedRun, log: Path) -> None:
    """What holds of every run that was cut off and resumed."""
    assert after.status == "answered"
    assert after.turns[-1].output == "All five are done."
    done = log.read_text().splitlines()
    begun = Counter(line.removeprefix("begin ") for line in done if line.startswith("begin "))
    ended = Counter(line.removeprefix("end ") for line in done if line.startswith("end "))
    for what, times in begun.items():
        if what.split()[0] in READ_ONLY:
            assert ended[what] >= 1
        else:
            assert times == 1, f"{what} was done {times} times"
    if before is None:
        return
    ids = ids_of(before)
    assert ids_of(after)[: len(ids)] == ids
    finished = [
        (step.index, call.id, call.text)
        for turn in before.turns
        for step in turn.steps
        for call in step.calls
        if call.finished is not None
    ]
    there = [
        (step.index, call.id, call.text) for step in after.turns[-1].steps for call in step.calls
    ]
    assert set(finished) <= set(there)


def test_cut_off_after_every_line_and_in_the_middle_of_each(
    whole: tuple[Runs, Path, float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs, _, _ = whole
    folder = runs.find("latest")
    lines = (folder / "journal.jsonl").read_bytes().splitlines(keepends=True)
    unknown = 0
    for count in range(1, len(lines)):
        for cut in (b"".join(lines[:count]), b"".join([*lines[:count], lines[count][:-1]])):
            shutil.rmtree(tmp_path / "runs", ignore_errors=True)
            (tmp_path / "runs" / folder.name).mkdir(parents=True)
            (tmp_path / "runs" / folder.name / "journal.jsonl").write_bytes(cut)
            log = tmp_path / "log"
            before = Runs(tmp_path / "runs").read("latest")
            # What the tools of the lost process had done by then
            log.write_text(
                "".join(
                    f"begin {said}\nend {said}\n"
                    for turn in before.turns
                    for step in turn.steps
                    for call in step.calls
                    if call.started
                    for said in [f"{call.name} {next(iter(call.arguments.values()))}"]
                )
            )
            monkeypatch.setenv("SURVIVOR_LOG", str(log))
            monkeypatch.setattr(survivor, "PAUSE", 0)
            result = survivor.survivor(tmp_path / "runs").resume_sync("latest")
            after = Runs(tmp_path / "runs").read("latest")
            check(before, after, log)
            assert result.run_id == folder.name
            assert [step.index for step in result.steps] == list(range(6))
            unknown += UNKNOWN in (tmp_path / "runs" / folder.name / "journal.jsonl").read_text()
    assert unknown, "some were cut off while a tool that writes was at work"


def test_killed_at_random_moments(
    whole: tuple[Runs, Path, float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = whole[2]
    # For the server that forks: it imports the survivor once
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["survivor"])
    chance = random.Random(7)
    killed = 0
    for moment in range(MOMENTS):
        folder, log = tmp_path / f"runs-{moment}", tmp_path / f"log-{moment}"
        first = processes.Process(target=survivor.run_to_its_end, args=(folder, log, False, SLOW))
        first.start()
        while not list(folder.glob("*/journal.jsonl")) and first.is_alive():
            time.sleep(0.002)
        time.sleep(chance.uniform(0, seconds))
        first.kill()
        first.join()
        killed += first.exitcode != 0
        runs = Runs(folder)
        (path,) = folder.glob("*/journal.jsonl")
        if not path.read_bytes().count(b"\n"):
            continue  # killed before the first line was written: nothing had begun
        before = runs.read("latest")
        second = processes.Process(target=survivor.run_to_its_end, args=(folder, log, True, SLOW))
        second.start()
        second.join(60)
        assert second.exitcode == 0, f"after a kill at moment {moment}: {before}"
        check(before, runs.read("latest"), log)
    assert killed > MOMENTS / 3
