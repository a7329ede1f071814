"""Every Python and shell block of the README and of docs/ runs, and prints what the page says."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from documentation import PAGES, ROOT, Block, blocks, prints_as_shown

NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]
KNOWN_REMARKS = re.compile(r"not run: .{10,}|continues|exits with \d+|")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A reader's folder: the default configuration is there."""
    shutil.copy(ROOT / "mcp_servers.json", tmp_path)
    return tmp_path


@pytest.fixture
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A reader's environment: our commands are on PATH, and the state folder is new."""
    state = tmp_path_factory.mktemp("state")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    homes = dict.fromkeys(("XDG_STATE_HOME", "XDG_CONFIG_HOME"), str(state))
    return os.environ | homes | {"PATH": path, "NO_COLOR": "1", "COLUMNS": "100"}


@pytest.mark.docs
@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_the_blocks_of_a_page_run(page: Path, folder: Path, environment: dict[str, str]) -> None:
    run = [block for block in blocks(page) if block.why_not_run is None]
    python = [block for block in run if block.language == "python"]
    if python:
        given = [
            {"code": b.code, "name": f"{b.page}:{b.line}", "continues": b.remark == "continues"}
            for b in python
        ]
        done = subprocess.run(
            [sys.executable, ROOT / "tests" / "run_blocks.py"],
            input=json.dumps(given),
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        for block, result in zip(python, json.loads(done.stdout.splitlines()[-1]), strict=True):
            assert not result["error"], f"{block.page}:{block.line}\n{result['error']}"
            check(block, result["printed"])
    for block in run:
        if block.language == "sh":
            done = subprocess.run(
                ["bash", "-euc", block.code],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=120,
            )
            assert done.returncode == block.exit_code, f"{block.page}:{block.line}\n{done.stderr}"
            check(block, done.stdout)


def check(block: Block, printed: str) -> None:
    if block.prints is not None:
        assert prints_as_shown(block.prints, printed), (
            f"{block.page}:{block.line} shows\n{block.prints}\nand prints\n{printed}"
        )


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_what_is_said_before_a_block_means_something(page: Path) -> None:
    for block in blocks(page):
        assert KNOWN_REMARKS.fullmatch(block.remark), f"{block.page}:{block.line}: {block.remark}"


def test_most_blocks_of_each_language_are_run() -> None:
    every = [block for page in PAGES for block in blocks(page)]
    for language, most in (("python", 0.1), ("sh", 0.5)):
        those = [block for block in every if block.language == language]
        shown = [f"{each.page}:{each.line}" for each in those if each.why_not_run is not None]
        assert len(shown) <= most * len(those), f"{language}: {shown}"


@pytest.mark.parametrize(
    ("shown", "printed", "right"),
    [
        ("a ... c", "a b c\n", True),
        ("a\n...\nc", "a\nb\nb\nc", True),
        ("a.c", "abc", False),
        ("42", "142", False),
    ],
)
def test_dots_stand_for_anything(shown: str, printed: str, right: bool) -> None:
    assert prints_as_shown(shown, printed) is right
