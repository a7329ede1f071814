"""What is built from this folder: a wheel and an sdist that hold what they must and no more."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.command

ROOT = Path(__file__).parents[1]
MEGABYTE = 1_000_000


def build(target: str, folder: Path) -> Path:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", folder],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", tmp_path_factory.mktemp("wheel"))


def test_the_wheel_is_small_and_holds_both_packages_typed_and_the_demo_model(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert wheel.stat().st_size < 25 * MEGABYTE
    assert {name.split("/")[0] for name in names} == {
        "qwen3_agent",
        "qwen3_tools",
        "qwen3_agent-0.1.0.dist-info",
    }
    assert {"qwen3_agent/py.typed", "qwen3_tools/py.typed"} <= names
    model = {name.rpartition("/")[2] for name in names if "/qwen3_tiny/" in name}
    assert {"config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja"} <= model


def test_the_wheel_runs_where_it_is_unpacked(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    script = "import qwen3_agent, qwen3_tools; print(qwen3_agent.__file__, qwen3_tools.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert all(path.startswith(str(tmp_path)) for path in done.stdout.split())


def test_the_sdist_builds_the_same_and_holds_the_tests(tmp_path: Path) -> None:
    with tarfile.open(build("sdist", tmp_path)) as sdist:
        inside = {name.partition("/")[2] for name in sdist.getnames()}
    assert {"LICENSE", "README.md", "Makefile", "constraints.txt", "mcp_servers.json"} <= inside
    assert {"tests/test_packaging.py", "agent/qwen3_agent/py.typed"} <= inside
    assert not [name for name in inside if name.startswith((".venv", "shared"))]


def test_every_direct_dependency_that_make_installs_is_pinned() -> None:
    import tomllib

    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"]]
    for extra in ("local", "transformers", "code", "dev"):
        wanted += project["optional-dependencies"][extra]
    wanted.remove("qwen3-agent[transformers]")
    pinned = [
        Requirement(line)
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if line.strip() and not line.startswith("#")
    ]
    pins = {canonicalize_name(each.name): each.specifier for each in pinned}
    for requirement in map(Requirement, wanted):
        (exact,) = pins[canonicalize_name(requirement.name)]
        assert exact.operator == "=="
        assert requirement.specifier.contains(exact.version), requirement
