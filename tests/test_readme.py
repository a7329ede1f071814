"""What the README shows is run, and what it names is there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
PYTHON = [source for language, source in BLOCKS if language == "python"]


PRINT = ["578556", "time__get_current_time", "Asia/Tokyo", "42 "]


@pytest.mark.parametrize(("source", "prints"), list(zip(PYTHON, PRINT, strict=True)), ids=PRINT)
def test_a_python_block_runs_and_prints_what_it_should(source: str, prints: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", source],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert prints in done.stdout.replace(",", "")


def test_the_json_block_is_the_file() -> None:
    (shown,) = [json.loads(source) for language, source in BLOCKS if language == "json"]
    assert shown == json.loads((ROOT / "mcp_servers.json").read_text())


def test_every_option_of_the_command_is_named() -> None:
    command = Path(sys.executable).with_name("qwen3-agent")
    shown = subprocess.run([command, "run", "--help"], capture_output=True, text=True, check=True)
    options = set(re.findall(r"--[a-z][a-z-]+", shown.stdout)) - {"--help"}
    assert options <= set(re.findall(r"--[a-z][a-z-]+", README))


def test_every_make_target_and_link_is_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"^    make ([a-z-]+)", README, re.MULTILINE)) <= targets
    for link in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / link).exists(), link


def test_it_is_short() -> None:
    assert len(README.splitlines()) <= 250
