"""What the README names is there; its code is run by test_documentation.py."""

from __future__ import annotations

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
JSON = re.findall(r"^```json\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def test_the_json_block_is_the_file() -> None:
    (shown,) = [json.loads(source) for source in JSON]
    assert shown == json.loads((ROOT / "mcp_servers.json").read_text())


def test_every_make_target_and_link_is_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"^make ([a-z-]+)", README, re.MULTILINE)) <= targets
    for link in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / link).exists(), link


def test_the_first_screens_show_a_command_and_a_program_with_what_it_prints() -> None:
    start = "\n".join(README.splitlines()[:80])
    assert re.search(r"^qwen3-agent (run|chat)\b|^make run\b", start, re.MULTILINE)
    assert re.search(r"^```python\n(?:.*\n)+?```\n+```text\n", start, re.MULTILINE)


def test_every_page_of_the_documentation_is_in_its_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text().split("nav:")[1]
    listed = re.findall(r": (\S+\.md)$", navigation, re.MULTILINE)
    written = [page for page in listed if not page.startswith("reference/")]
    assert sorted(written) == sorted(page.name for page in (ROOT / "docs").glob("*.md"))
