"""The folders of an interpreter: nothing that code makes of them outlives it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from qwen3_tools.code_interpreter import CodeInterpreter
from qwen3_tools.code_interpreter.folder import files_in, remove_tree
from qwen3_tools.code_interpreter.workspace import Workspace

pytestmark = pytest.mark.sandbox

OPEN = """
    import sys
    from qwen3_tools.code_interpreter import CodeInterpreter
    with CodeInterpreter() as interpreter:
        print(interpreter.work_dir, flush=True)
        sys.stdin.read()
"""


def interpreter_in_another_process() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(OPEN)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def test_killed_process__its_folder_is_removed_by_the_next_interpreter() -> None:
    with interpreter_in_another_process() as other:
        assert other.stdout is not None
        folder = Path(os.fsdecode(other.stdout.readline().strip()))
        (folder / "precious.txt").write_text("x")
        with CodeInterpreter() as interpreter:
            interpreter.run_sync("1")
        assert (folder / "precious.txt").exists()  # its owner lives
        os.kill(other.pid, signal.SIGKILL)
    assert folder.exists()
    with CodeInterpreter():
        assert not folder.parent.exists()


def test_given_folder__is_kept(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "mine")
    workspace.close()
    assert (tmp_path / "mine").is_dir()


def test_remove_tree__works_at_any_depth(tmp_path: Path) -> None:
    top = tmp_path / "top"
    top.mkdir()
    handle = os.open(top, os.O_RDONLY)
    for _ in range(1200):  # deeper than a path can be long, or Python can recurse
        os.mkdir("deeper", dir_fd=handle)
        inner = os.open("deeper", os.O_RDONLY, dir_fd=handle)
        os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=inner))
        os.close(handle)
        handle = inner
    os.close(handle)
    assert len(files_in(top)) < 100
    remove_tree(top)
    assert list(tmp_path.iterdir()) == []


def test_remove_tree__opens_closed_folders_and_follows_no_links(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "canary").write_text("x")
    top = tmp_path / "top"
    (top / "a" / "b").mkdir(parents=True)
    (top / "a" / "b" / "file").write_text("x")
    (top / "link").symlink_to(outside)
    (top / "a" / "link").symlink_to(outside)
    (top / "a" / "b").chmod(0)
    (top / "a").chmod(0)
    remove_tree(top)
    assert not top.exists()
    assert (outside / "canary").exists()


def test_root__gives_a_folder_to_the_same_user_again(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root runs code as another user")
    uids = []
    for _ in range(2):
        workspace = Workspace(tmp_path)
        uids.append(workspace.uid)
        workspace.close()
    assert uids[0] == uids[1] != 0


def test_work_dir__must_not_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(FileExistsError):
        Workspace(tmp_path / "file")
    assert (tmp_path / "file").stat().st_uid == os.geteuid()
