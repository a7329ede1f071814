from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from backends import Backend, on
from hypothesis import settings

# On a busy machine an example takes long for no fault of its own
settings.register_profile("without a deadline", settings.default, deadline=None)
settings.load_profile("without a deadline")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--on",
        choices=["transformers", "vllm", "vllm-serve", "transformers-serve"],
        default="transformers",
        help="what the end-to-end tests run on",
    )


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
