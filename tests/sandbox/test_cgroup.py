"""A session's control group, where one can be made."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from qwen3_tools.code_interpreter import CodeInterpreter, self_test
from qwen3_tools.code_interpreter.backends import cgroup


@pytest.fixture
def group() -> cgroup.Group:
    made = cgroup.make(1 << 30, 64)
    if made is None:
        pytest.skip("this user can make no control group here")
    made.remove()
    return made


@pytest.mark.anyio
async def test_a_session_is_in_a_group_of_its_own_that_goes_with_it(group: cgroup.Group) -> None:
    parents = {folder.parent for folder in group.folders}

    def groups() -> list[Path]:
        ours = f"qwen3-agent-{os.getpid()}-*"
        found = {each for parent in parents for each in parent.glob(ours)}
        return sorted(found - before)

    before: set[Path] = set()  # what a session that was killed just now may have left
    before = set(groups())
    async with CodeInterpreter() as interpreter:
        await interpreter.run("1")
        assert len(groups()) == len(parents)
        for found in groups():
            assert len((found / "cgroup.procs").read_text().split()) >= 2
    assert groups() == []


@pytest.mark.sandbox
@pytest.mark.anyio
async def test_the_kernel_ends_what_takes_memory_too_fast_to_be_watched(
    group: cgroup.Group,
) -> None:
    assert group
    take = "import os\nfor _ in range(8):\n    if os.fork() == 0:\n        bytearray(200 << 20)\n"
    async with CodeInterpreter(memory_mb=256, preload=()) as interpreter:
        result = await interpreter.run(take + "import time; time.sleep(20)")
    assert result.state_lost or result.status == "ok"
    if result.status == "killed":
        assert result.error == "The code was stopped: it used more than 256 MiB of memory."


def test_version_2_is_found_above_a_group_with_processes(tmp_path: Path) -> None:
    """A tree of plain files, as a login under systemd has it; no kernel behind it."""
    user, scope = tmp_path / "cg/user", tmp_path / "cg/user/scope"
    scope.mkdir(parents=True)
    for folder, given in ((tmp_path / "cg", ""), (user, "cpu memory pids"), (scope, "")):
        (folder / "cgroup.subtree_control").write_text(given)
        (folder / "cgroup.procs").write_text("")
    proc = tmp_path / "proc"
    proc.mkdir()
    (proc / "cgroup").write_text("0::/user/scope\n")
    (proc / "mountinfo").write_text(f"30 1 0:26 / {tmp_path}/cg rw - cgroup2 cgroup2 rw\n")
    # The kernel would fill a new folder with files; in a plain one there is no way in.
    assert cgroup.make(1 << 20, 4, proc) is None
    assert cgroup._with_controllers(scope) == user
    assert cgroup._hierarchies(proc) == {"": scope}


def test_no_groups_at_all_is_no_error(tmp_path: Path) -> None:
    assert cgroup.make(1 << 20, 4, tmp_path) is None


@pytest.mark.anyio
async def test_the_self_test_says_what_holds() -> None:
    outcome = await self_test()
    assert outcome.backend is not None
    assert outcome.tried[outcome.backend] is None
    assert "seccomp" in outcome.isolation
    assert set(outcome.limits) == {"time", "memory", "processes", "disk", "network"}
