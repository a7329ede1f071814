"""What is public is documented, and the other way round."""

from __future__ import annotations

import re
import runpy
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from types import ModuleType

import pytest
from documentation import PAGES, ROOT, blocks

import qwen3_agent

PUBLIC = qwen3_agent.__all__
TEXTS = "\n".join(page.read_text("utf-8") for page in PAGES)
CODES = [
    block or span
    for block, span in re.findall(r"^ *```.*\n((?:.*\n)*?) *```$|`([^`]+)`", TEXTS, re.MULTILINE)
]
"""The code of the pages: blocks, and spans in sentences."""


def test_they_stand_in_order_and_once() -> None:
    assert sorted(set(PUBLIC)) == PUBLIC


@pytest.mark.parametrize("name", PUBLIC)
def test_public_name__has_a_docstring_of_its_own(name: str) -> None:
    public = getattr(qwen3_agent, name)
    assert (public.__doc__ or "").strip()
    assert not (public.__doc__ or "").startswith(f"{name}("), "what @dataclass has written"


@pytest.mark.parametrize("name", PUBLIC)
def test_public_name__is_used_in_code_that_pages_show(name: str) -> None:
    used = rf"import [^\n]*\b{name}\b|\bqwen3_agent\.{name}\b|@{name}\b|\b{name}[(\[.]"
    assert any(re.search(used, code) or code == name for code in CODES)


@pytest.fixture(scope="module")
def reference() -> str:
    """The page on Python, as the documentation is built from the code."""
    mkdocs_gen_files = pytest.importorskip("mkdocs_gen_files")
    pages: dict[str, StringIO] = {}

    @contextmanager
    def written(path: str, mode: str) -> Iterator[StringIO]:
        yield pages.setdefault(path, StringIO())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mkdocs_gen_files, "open", written)
        runpy.run_path(str(ROOT / "docs" / "reference_pages.py"))
    return pages["reference/python.md"].getvalue()


@pytest.mark.parametrize("name", PUBLIC)
def test_public_name__is_in_the_reference(name: str, reference: str) -> None:
    public = getattr(qwen3_agent, name)
    if not isinstance(public, ModuleType):
        assert f"::: {public.__module__}.{public.__qualname__}\n" in reference
        return
    for member in public.__all__:
        each = getattr(public, member)
        assert f"::: {each.__module__}.{each.__qualname__}\n" in reference


def test_what_pages_import_from_the_package_is_public() -> None:
    codes = [block.code for page in PAGES for block in blocks(page) if block.language == "python"]
    imported = {
        name.strip()
        for code in codes
        for names in re.findall(r"^from qwen3_agent import (.+)$", code, re.MULTILINE)
        for name in names.split("#")[0].split(",")
    }
    assert imported <= set(PUBLIC)
