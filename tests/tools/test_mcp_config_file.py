"""A server more or less in a config file leaves every other character where it was."""

from __future__ import annotations

import json
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
            '{\n  "mcpServers": {\n    "a": {"command": "y"}\n  },\n  "m": [1.0, "\\u00e9"]\n}\n',
            '{\n  "mcpServers": {\n    "a": {"command": "y"},\n    "b": {\n      "command": "x",\n'
            '      "args": [\n        "1"\n      ]\n    }\n  },\n  "m": [1.0, "\\u00e9"]\n}\n',
        ),
        (
            '{"servers":{"a":{"url":"http://x"}},"m":[]}',
            '{"servers":{"a":{"url":"http://x"}, "b": {"command": "x", "args": ["1"]}},"m":[]}',
        ),
        (
            '\ufeff{\r\n\t"mcpServers": { }\r\n}',
            '\ufeff{\r\n\t"mcpServers": {\r\n\t\t"b": {\r\n\t\t\t"command": "x",\r\n'
            '\t\t\t"args": [\r\n\t\t\t\t"1"\r\n\t\t\t]\r\n\t\t}\r\n\t}\r\n}',
        ),
    ],
)
def test_one_more_is_written_as_the_others_are(before: str, after: str, tmp_path: Path) -> None:
    path = tmp_path / "mcp.json"
    path.write_bytes(before.encode())
    add_server(path, "b", ENTRY)
    assert path.read_bytes().decode() == after


@pytest.mark.parametrize(
    ("name", "after"),
    [
        ("a", '{"mcpServers": {\n  "b": {"command":"y"},\n\n  "c": {"command": "z"}\n}}'),
        ("b", '{"mcpServers": {\n  "a": {"command": "x"},\n  "c": {"command": "z"}\n}}'),
        ("c", '{"mcpServers": {\n  "a": {"command": "x"},\n  "b": {"command":"y"}\n}}'),
    ],
)
def test_one_less_takes_its_comma_along(name: str, after: str, tmp_path: Path) -> None:
    path = tmp_path / "mcp.json"
    path.write_text(
        '{"mcpServers": {\n  "a": {"command": "x"},\n  "b": {"command":"y"},\n\n'
        '  "c": {"command": "z"}\n}}'
    )
    remove_server(path, name)
    assert path.read_text() == after


NAMES = st.text(min_size=1, max_size=5).filter(lambda name: not name.isspace())
OTHERS = st.dictionaries(NAMES, st.just({"command": "y"}), max_size=4)


@given(OTHERS, NAMES, st.sampled_from([None, 2, "\t"]), st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_added_and_removed_it_is_the_same_config(
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
        assert path.read_bytes().decode() == before or not others
    assert json.loads(path.read_text()) == content
