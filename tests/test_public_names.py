"""What is public is documented, and the other way round."""

from __future__ import annotations

import re

import pytest
from documentation import PAGES, blocks

import qwen3_agent

PUBLIC = qwen3_agent.__all__
TEXTS = "\n".join(page.read_text("utf-8") for page in PAGES)


def test_they_stand_in_order_and_once() -> None:
    assert sorted(set(PUBLIC)) == PUBLIC


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_is_documented_where_people_read_and_where_it_is(name: str) -> None:
    assert (getattr(qwen3_agent, name).__doc__ or "").strip()
    assert re.search(rf"\b{name}\b", TEXTS)


def test_what_pages_import_from_the_package_is_public() -> None:
    codes = [block.code for page in PAGES for block in blocks(page) if block.language == "python"]
    imported = {
        name.strip()
        for code in codes
        for names in re.findall(r"^from qwen3_agent import (.+)$", code, re.MULTILINE)
        for name in names.split("#")[0].split(",")
    }
    assert imported <= set(PUBLIC)
