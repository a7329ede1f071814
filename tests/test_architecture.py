"""Which room may import from which. Read off the syntax trees, imports for types alone included."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {"qwen3_agent": ROOT / "agent", "qwen3_tools": ROOT / "tools"}

LAYERS = (
    ("cli", "integrations"),
    ("agent",),
    ("batch", "subagent"),
    ("runtime",),
    ("conversation",),
    ("spec",),
    ("journal",),
    ("loop",),
    ("models",),
    ("engines",),
    ("grammar",),
    ("parsing",),
    ("formats",),
    ("openai_http",),
    ("hooks",),
    ("streaming",),
    ("events",),
    ("approvals",),
    ("result",),
    ("limits", "thinking", "transcript", "call_display", "sampling"),
    ("messages",),
    ("errors", "option"),
    ("mcp", "sandbox", "tools"),
)
"""Rooms of qwen3_agent from the top down: a module imports from its own room and from those in
lower rows. A row's rooms do not know each other."""

LONG: set[str] = set()
"""Files that still have to become shorter."""

MODULES_PER_FOLDER = 14
MODULES_AT_THE_TOP = 20
LINES = 400


def modules() -> dict[str, Path]:
    """Every module of the two packages by its dotted name."""
    found = {}
    for package, root in PACKAGES.items():
        for path in (root / package).rglob("*.py"):
            parts = list(path.relative_to(root).with_suffix("").parts)
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imports_of(name: str, path: Path) -> Iterator[str]:
    """The modules of ours that a module imports anywhere, in functions and for types too."""
    package = name.split(".") if path.stem == "__init__" else name.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names if each.name in MODULES)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*base, *filter(None, [node.module])])
            for each in node.names:
                target = f"{source}.{each.name}"
                if target in MODULES:
                    yield target
                elif source in MODULES:
                    yield source


ARROWS = {
    (name, target)
    for name, path in MODULES.items()
    if name not in PACKAGES and not name.endswith("__main__")  # these import whatever they offer
    for target in imports_of(name, path)
    if target != name
}


TARGETS: dict[str, set[str]] = {}
for _source, _target in ARROWS:
    TARGETS.setdefault(_source, set()).add(_target)


def room_of(module: str) -> str:
    """The folder or module at the top of qwen3_agent in which a module stands."""
    return module.split(".")[1]


def upward_arrows() -> set[tuple[str, str]]:
    floor = {room: number for number, row in enumerate(LAYERS) for room in row}
    return {
        (room_of(source), room_of(target))
        for source, target in ARROWS
        if source.startswith("qwen3_agent.") and target.startswith("qwen3_agent.")
        if room_of(source) != room_of(target)
        if floor[room_of(target)] <= floor[room_of(source)]
    }


def test_layers__every_room_has_its_place() -> None:
    rooms = {room_of(name) for name in MODULES if name.startswith("qwen3_agent.")}
    assert rooms - {"__main__", "qwen3_tiny"} == {room for row in LAYERS for room in row}


def test_layers__arrows_point_down() -> None:
    assert upward_arrows() == set()


def test_tools__never_import_the_runtime() -> None:
    assert not [
        arrow
        for arrow in ARROWS
        if arrow[0].startswith("qwen3_tools.") and arrow[1].split(".")[0] == "qwen3_agent"
    ]


def reachable(module: str) -> set[str]:
    """What a module imports, directly or through others."""
    found: set[str] = set()
    ahead = [module]
    while ahead:
        new = TARGETS.get(ahead.pop(), set()) - found
        found |= new
        ahead += new
    return found


def test_modules__form_no_circle() -> None:
    assert {name for name in MODULES if name in reachable(name)} == set()


def counted(folder: Path) -> list[str]:
    return sorted(p.stem for p in folder.glob("*.py") if p.stem not in ("__init__", "__main__"))


@pytest.mark.parametrize("package", PACKAGES)
def test_folders__hold_what_a_reader_can_survey(package: str) -> None:
    top = PACKAGES[package] / package
    for folder in [top, *(each for each in top.rglob("*") if each.is_dir())]:
        most = MODULES_AT_THE_TOP if folder == top else MODULES_PER_FOLDER
        assert len(counted(folder)) <= most, f"{folder.relative_to(ROOT)}: {counted(folder)}"


@pytest.mark.parametrize("name", MODULES)
def test_files__can_be_held_in_the_head(name: str) -> None:
    count = len(MODULES[name].read_text("utf-8").splitlines())
    assert (count > LINES) == (name in LONG), f"{name} has {count} lines"
