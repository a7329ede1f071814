"""Adding and removing servers in a config file loses nothing else that is in it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qwen3_tools import MCPServerError
from qwen3_tools.mcp.config.edit import add_server, remove_server

ENTRY = {"command": "x", "args": ["1"]}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            '{\n  "mcpServers": {\n    "a": {\n      "command": "y"\n    }\n  },\n  "m": 1.0\n}\n',
            '{\n  "mcpServers": {\n    "a": {\n      "command": "y"\n    },\n    "b": {\n'
            '      "command": "x",\n      "args": [\n        "1"\n      ]\n    }\n  },\n'
            '  "m": 1.0\n}\n',
        ),
        (
            '{"servers": {"a": {"url": "http://\\u00e9"}}, "m": []}',
            '{"servers": {"a": {"url": "http://\\u00e9"}, "b": {"command": "x", "args": ["1"]}}, '
            '"m": []}',
        ),
        (
            '\ufeff{\r\n\t"mcpServers": {}\r\n}',
            '\ufeff{\r\n\t"mcpServers": {\r\n\t\t"b": {\r\n\t\t\t"command": "x",\r\n'
            '\t\t\t"args": [\r\n\t\t\t\t"1"\r\n\t\t\t]\r\n\t\t}\r\n\t}\r\n}',
        ),
    ],
)
def test_add__follows_the_format_of_the_file(before: str, after: str, tmp_path: Path) -> None:
    path = tmp_path / "mcp.json"
    path.write_bytes(before.encode())
    assert add_server(path, "b", ENTRY) is None
    assert path.read_bytes().decode() == after
    assert remove_server(path, "b") is None
    assert path.read_bytes().decode() == before
    assert list(tmp_path.iterdir()) == [path]


def test_reformatted_file__keeps_a_backup_that_only_its_owner_can_read(tmp_path: Path) -> None:
    path = tmp_path / "mcp.json"
    before = '{"mcpServers": {\n  "a": {"command":"x"},\n\n  "b": {"command": "y"}\n}}'
    path.write_text(before)
    path.chmod(0o600)
    (tmp_path / "mcp.json.bak").write_text("the user's own")
    backup = remove_server(path, "a")
    assert backup == tmp_path / "mcp.json.bak1"
    assert backup.read_text() == before
    assert json.loads(path.read_text()) == {"mcpServers": {"b": {"command": "y"}}}
    assert {each.stat().st_mode & 0o777 for each in (path, backup)} == {0o600}
    assert (tmp_path / "mcp.json.bak").read_text() == "the user's own"


def test_link__stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.json").write_text('{"mcpServers": {}}')
    os.symlink("real.json", tmp_path / "mcp.json")
    add_server(tmp_path / "mcp.json", "b", ENTRY)
    assert (tmp_path / "mcp.json").is_symlink()
    assert json.loads((tmp_path / "real.json").read_text()) == {"mcpServers": {"b": ENTRY}}


NAMES = st.text(min_size=1, max_size=5).filter(lambda name: not name.isspace())
OTHERS = st.dictionaries(NAMES, st.just({"command": "y"}), max_size=4)


@given(OTHERS, NAMES, st.sampled_from([None, 2, "\t"]), st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_add_and_remove__give_the_same_config(
    tmp_path: Path, others: dict[str, Any], name: str, indent: Any, ascii_only: bool
) -> None:
    path = tmp_path / "mcp.json"
    content = {"x": 1, "mcpServers": others, "servers": {"b": 3}}
    before = json.dumps(content, indent=indent, ensure_ascii=ascii_only)
    path.write_bytes(before.encode(errors="surrogatepass"))
    if name in others:
        with pytest.raises(MCPServerError, match="already"):
            add_server(path, name, ENTRY)
    else:
        add_server(path, name, ENTRY)
        added = json.loads(path.read_text())
        assert added == {**content, "mcpServers": others | {name: ENTRY}}
        assert list(added["mcpServers"])[-1] == name
        remove_server(path, name)
    assert json.loads(path.read_text()) == content
