from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from backends import Backend, on
from hypothesis import settings

# On a busy machine an example takes long for no fault of its own
settings.register_profile("without a deadline", settings.default, deadline=None)
settings.load_profile("without a deadline")

SLOW = {"command", "docs", "model", "sandbox", "servers", "terminal", "thorough"}
"""Markers of tests that take long, described in pyproject.toml."""
SLOW_FILE = re.compile(rf"^pytestmark = .*\bmark\.({'|'.join(sorted(SLOW))})\b", re.MULTILINE)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--on",
        choices=["transformers", "vllm", "vllm-serve", "transformers-serve"],
        default="transformers",
        help="what the end-to-end tests run on",
    )
    parser.addoption("--fast", action="store_true", help="leave out the tests that are marked slow")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With --fast, skip a file that is slow as a whole, since even its imports take seconds."""
    if not config.getoption("--fast") or collection_path.suffix != ".py":
        return None
    return bool(SLOW_FILE.search(collection_path.read_text("utf-8"))) or None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--fast"):
        return
    slow = [item for item in items if SLOW & {mark.name for mark in item.iter_markers()}]
    config.hook.pytest_deselected(items=slow)
    items[:] = [item for item in items if item not in slow]


@pytest.fixture(scope="session")
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    """Where the bundled model runs in end-to-end tests."""
    with on(request.config.getoption("--on")) as backend:
        yield backend


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def own_state_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Logs and tokens of tests are nobody's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project, for a user without files."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder
