"""`mcp_servers.json`: what it may say, and how wrong ones are told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen3_tools import MCPConfigError
from qwen3_tools.mcp import mcp_servers
from qwen3_tools.mcp.config.environment import (
    find_command,
    read_env_file,
    safe_environment,
)
from qwen3_tools.mcp.config.json_positions import line_of
from qwen3_tools.mcp.config.servers_file import (
    config_schema,
    load_config,
    load_configs,
)


def write(folder: Path, text: str) -> Path:
    path = folder / "mcp_servers.json"
    path.write_text(text)
    return path


def servers(entry: dict[str, Any], environ: dict[str, str] | None = None) -> Any:
    return load_config({"mcpServers": {"s": entry}}, environ or {}).servers["s"]


def test_the_shape_that_other_programs_write(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """{"mcpServers": {
            "b": {"command": "npx", "args": ["-y", "x"], "env": {"N": 1}, "timeout": 5000,
                  "trust": true, "includeTools": ["run(ls)"], "alwaysAllow": ["a"]},
            "a": {"type": "streamable-http", "url": "https://example.com/mcp",
                  "headers": {"Authorization": "Bearer x"}, "autoApprove": []},
            "off": {"command": "x", "disabled": true}
        }}""",
    )
    config = load_config(path)
    assert list(config.servers) == ["b", "a"]
    b, a = config.servers["b"], config.servers["a"]
    assert (b.command, b.args, b.env, b.call_seconds) == ("npx", ["-y", "x"], {"N": "1"}, 5)
    assert (b.offers("run"), b.offers("walk")) == (True, False)
    assert (a.address, a.http_kind) == ("https://example.com/mcp", "http")
    assert (config.warnings, config.failures, config.disabled) == ((), {}, ("off",))
    assert config.sources == (path,)


def test_vs_codes_key_is_understood() -> None:
    config = load_config({"servers": {"s": {"type": "stdio", "command": "x"}}, "inputs": []})
    assert list(config.servers) == ["s"]


@pytest.mark.parametrize(
    ("entry", "kind"),
    [
        ({"url": "http://x"}, "either"),
        ({"url": "http://x", "type": "sse"}, "sse"),
        ({"url": "http://x", "transport": "streamableHttp"}, "http"),
        ({"httpUrl": "http://x"}, "http"),
    ],
)
def test_how_a_url_is_spoken_to(entry: dict[str, Any], kind: str) -> None:
    assert servers(entry).http_kind == kind


@pytest.mark.parametrize(
    ("entry", "seconds"),
    [({}, 60), ({"timeout": 30}, 30), ({"timeout": 30_000}, 30), ({"callTimeout": 2000}, 2000)],
)
def test_the_bound_on_a_call(entry: dict[str, Any], seconds: float) -> None:
    assert servers({"command": "x", **entry}).call_seconds == seconds


def test_variables_are_replaced_in_values_once_and_only_there() -> None:
    environ = {"HOST": "example.com", "TRICK": "${HOST}", "EMPTY": ""}
    server = servers(
        {
            "command": "${env:HOST}",
            "args": [
                "${HOST}:${PORT:-80}",
                "$HOST",
                "${TRICK}",
                "${EMPTY:-d}",
                "${NO:-}",
                "a${EMPTY}",
            ],
            "env": {"${HOST}": "${HOST}"},
        },
        environ,
    )
    assert server.command == "example.com"
    assert server.args == ["example.com:80", "$HOST", "${HOST}", "d", "", "a"]
    assert server.env == {"${HOST}": "example.com"}


def test_relative_paths_begin_at_the_file(tmp_path: Path) -> None:
    entry = {"command": "x", "cwd": "a", "envFile": "../b", "roots": [".", "/c"]}
    path = write(tmp_path, json.dumps({"mcpServers": {"s": entry, "home": {**entry, "cwd": "~"}}}))
    found = load_config(path).servers
    assert found["s"].cwd == str(tmp_path / "a")
    assert found["s"].env_file == str(tmp_path / "../b")
    assert found["s"].roots == [str(tmp_path), "/c"]
    assert found["home"].cwd == str(Path.home())


def test_several_files_are_one_config_in_which_no_name_comes_twice(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    one = write(tmp_path, '{"mcpServers": {"a": {"command": "x"}}}')
    other = write(tmp_path / "other", '{"servers": {"b": {"command": "x", "cwd": "."}}}')
    config = load_configs([one, other])
    assert list(config.servers) == ["a", "b"]
    assert config.servers["b"].cwd == str(tmp_path / "other")
    with pytest.raises(MCPConfigError, match=f"server 'a' is in both {one} and the MCP config"):
        load_configs([one, {"mcpServers": {"a": {"url": "${NOPE}"}}}], {})


def test_servers_of_nothing_are_a_mistake() -> None:
    with pytest.raises(MCPConfigError, match="No config file was given"):
        mcp_servers()


def test_an_unset_variable_fails_its_own_server_alone(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        '{"mcpServers": {\n"a": {"command": "x", "cwd": "${NOPE}"},\n"b": {"command": "x"}}}',
    )
    config = load_config(path, {})
    assert list(config.servers) == ["b"]
    assert config.failures == {"a": f"{path}:2: server 'a': environment variables not set: NOPE"}


@pytest.mark.parametrize(
    "entry",
    [
        {"url": "${NOPE}"},
        {"command": "${NOPE}", "timeout": 3},
        {"command": "x", "timeout": "${NOPE}"},
        {"command": "x", "args": ["${input:NOPE}"]},
    ],
)
def test_wherever_the_unset_variable_is(entry: dict[str, Any]) -> None:
    config = load_config({"mcpServers": {"a": entry, "b": {"command": "x"}}}, {})
    assert list(config.servers) == ["b"]
    assert "NOPE" in config.failures["a"]
    off = load_config({"mcpServers": {"a": entry | {"disabled": True}}}, {})
    assert (off.failures, off.disabled) == ({}, ("a",))


def test_a_number_may_come_from_a_variable() -> None:
    entry = {"command": "x", "timeout": "${SECONDS_}", "disabled": "${OFF:-false}"}
    server = servers(entry, {"SECONDS_": "7"})
    assert (server.call_seconds, server.disabled) == (7, False)


def test_an_unknown_key_is_one_warning_with_the_nearest_known(tmp_path: Path) -> None:
    path = write(tmp_path, '{"mcpServers": {"a": {\n"command": "x",\n"startTimout": 3, "zz": 1}}}')
    assert load_config(path).warnings == (
        f"{path}:3: server 'a': unknown key 'startTimout' is ignored; did you mean 'startTimeout'?",
        f"{path}:3: server 'a': unknown key 'zz' is ignored",
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            '{"mcpServers": {\n  "a": {"command" "x"}}}',
            ":2: not valid JSON: Expecting ':' delimiter",
        ),
        ("[]", ':1: must be an object: {"mcpServers": {...}}'),
        ('{"mcp": {}, "x": 1}', ':1: "mcpServers" is missing; keys found: mcp, x'),
        ('{\n"mcpServers": []}', ':2: "mcpServers" must be an object of servers by name'),
        ('{"mcpServers": {\n"a": 3}}', ":2: server 'a': must be an object with command or url"),
        ('{"mcpServers": {\n"a": {}}}', ":2: server 'a': give command"),
        (
            '{"mcpServers": {"a": {"command": "x",\n"url": "http://x"}}}',
            ":1: server 'a': give either command or url, not both",
        ),
        (
            '{"mcpServers": {"a": {\n"command": "x",\n"args": "y"}}}',
            ":3: server 'a': args: Input should be a valid list",
        ),
        (
            '{"mcpServers": {"a": {"command": "x",\n"args": ["y",\n["z"]]}}}',
            ":3: server 'a': args.1: Input should be a valid string",
        ),
        (
            '{"mcpServers": {"a": {"command": "x",\n"env": {\n"A": null}}}}',
            ":3: server 'a': env.A: Input should be a valid string",
        ),
        (
            '{"mcpServers": {"a": {"command": "x",\n"startTimeout": 0}}}',
            ":2: server 'a': startTimeout: Input should be greater than 0",
        ),
        (
            '{"mcpServers": {"a": {"command": "x",\n"type": "carrier"}}}',
            ":2: server 'a': type: Input should be 'stdio', 'http'",
        ),
        (
            '{"mcpServers": {"a": {"type": "stdio",\n"url": "http://x"}}}',
            ":1: server 'a': type stdio needs a command (a program to start)",
        ),
    ],
)
def test_a_wrong_file_is_one_sentence_with_file_line_server_and_key(
    text: str, says: str, tmp_path: Path
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(MCPConfigError) as caught:
        load_config(path)
    assert str(caught.value).startswith(f"{path}{says}")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_or_not_readable(tmp_path: Path) -> None:
    with pytest.raises(MCPConfigError, match="file not found; expected a JSON file"):
        load_config(tmp_path / "nope.json")
    with pytest.raises(MCPConfigError, match="cannot be read: Is a directory"):
        load_config(tmp_path)


def test_unknown_keys_of_the_sign_in_too() -> None:
    entry = {"url": "http://x", "oauth": {"clientID": "me"}}
    [warning] = load_config({"mcpServers": {"a": entry}}).warnings
    assert warning == (
        "the MCP config: server 'a': unknown key 'clientID' is ignored; did you mean 'clientId'?"
    )


def test_without_a_file_errors_name_server_and_key() -> None:
    with pytest.raises(MCPConfigError, match=r"^the MCP config: server 's': cwd: Input should"):
        load_config({"mcpServers": {"s": {"command": "x", "cwd": []}}})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(JSON, st.sampled_from([None, 0, 2]))
def test_the_line_of_a_key_is_where_it_stands(value: Any, indent: int | None) -> None:
    text = json.dumps(value, indent=indent)

    def check(value: Any, path: tuple[str | int, ...]) -> None:
        line = text.splitlines()[line_of(text, path) - 1]
        if path and isinstance(path[-1], str):
            assert json.dumps(path[-1]) in line
        inner = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in inner:
            if isinstance(item, dict | list):
                check(item, (*path, key))

    if isinstance(value, dict | list):
        check(value, ())


def test_the_environment_of_a_server_has_what_it_needs_and_no_credentials() -> None:
    environ = {
        "PATH": "/bin",
        "LC_ALL": "C",
        "https_proxy": "http://proxy",
        "SSL_CERT_FILE": "ca.pem",
        "UV_CACHE_DIR": "cache",
        "npm_config_cache": "cache",
        "OPENAI_API_KEY": "secret",
        "UV_PUBLISH_TOKEN": "secret",
        "UV_INDEX_URL": "https://me:secret@example.com/simple",
        "UV_INDEX_PRIVATE_PASSWORD": "secret",
        "npm_config__auth": "secret",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "LD_PRELOAD": "evil.so",
    }
    assert set(safe_environment(environ)) == {
        *("PATH", "LC_ALL", "https_proxy", "SSL_CERT_FILE", "UV_CACHE_DIR", "npm_config_cache")
    }


def test_an_env_file_is_read_as_shells_write_them(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text(
        "# mine\n\nA=1\nexport B = 'two words'\nC=\"x=y\"\nD=\nE=a#b # why\nF='#' # x\n"
    )
    assert read_env_file(path) == {
        **{"A": "1", "B": "two words", "C": "x=y", "D": "", "E": "a#b", "F": "#"}
    }
    path.write_text("A=1\nnonsense")
    with pytest.raises(ValueError, match=r"its envFile .*\.env:2: expected NAME=value"):
        read_env_file(path)
    with pytest.raises(ValueError, match="cannot be read: No such file or directory"):
        read_env_file(tmp_path / "nope")


def test_the_schema_of_the_file_says_what_the_reader_takes() -> None:
    schema = config_schema()
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    root = json.loads((Path(__file__).parents[2] / "mcp_servers.json").read_text())
    assert validator.is_valid(root)
    assert validator.is_valid({"servers": {"s": {"url": "http://x", "timeout": 3, "mine": 1}}})
    numbers = {"command": "x", "args": ["-p", 80], "env": {"N": 1}}
    assert validator.is_valid({"mcpServers": {"s": numbers}})
    assert servers(numbers).args == ["-p", "80"]
    assert not validator.is_valid({"mcpServers": {"s": {"command": "x", "args": "y"}}})
    assert not validator.is_valid({})
    assert schema["$defs"]["server"]["properties"]["startTimeout"]["default"] == 30


def test_a_command_is_looked_for_beside_python_first_then_on_path(tmp_path: Path) -> None:
    script = tmp_path / "my-server"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    environ = {"PATH": str(tmp_path)}
    assert find_command("my-server", environ, None) == str(script)
    assert find_command("./my-server", {}, tmp_path) == str(script)
    (tmp_path / "python3").write_text("#!/bin/sh\n")
    (tmp_path / "python3").chmod(0o755)
    assert find_command("python3", environ, None) != str(tmp_path / "python3")
    with pytest.raises(FileNotFoundError, match="'nope' was not found next to"):
        find_command("nope", environ, None)
    with pytest.raises(FileNotFoundError, match="does not exist or is not executable"):
        find_command("./nope", environ, tmp_path)


@pytest.mark.parametrize(
    ("entry", "approved"),
    [
        ({}, set()),
        ({"autoApprove": ["a"]}, {"a"}),
        ({"alwaysAllow": ["b(ls)"]}, {"b"}),
        ({"autoApprove": ["a"], "alwaysAllow": ["b"]}, {"a", "b"}),
        ({"alwaysAllow": ["*"]}, {"a", "b"}),
        ({"autoApprove": True}, {"a", "b"}),
        ({"trust": True}, {"a", "b"}),
    ],
)
def test_what_may_run_unasked(entry: dict[str, Any], approved: set[str]) -> None:
    server = servers({"command": "x", **entry})
    assert {name for name in ("a", "b") if server.approves(name)} == approved


def test_oauth_is_settings_or_a_plain_yes_or_no() -> None:
    assert servers({"url": "http://x"}).oauth is None
    assert servers({"url": "http://x", "oauth": False}).oauth is False
    settings = servers({"url": "http://x", "oauth": {"clientId": "me", "scopes": ["a"]}}).oauth
    assert (settings.client_id, settings.scopes, settings.enabled) == ("me", ["a"], True)
    with pytest.raises(MCPConfigError, match=r"oauth\.callbackPort"):
        servers({"url": "http://x", "oauth": {"callbackPort": "many"}})


def test_disabled_servers_are_named() -> None:
    config = load_config({"mcpServers": {"a": {"command": "x", "disabled": True}}})
    assert (config.disabled, config.servers) == (("a",), {})
