"""`qwen3-agent doctor`, as a user runs it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from chat_server import ModelServer
from scripted import scripted_model

from qwen3_agent.cli.doctor import examine_model

pytestmark = pytest.mark.command

COMMAND = Path(sys.executable).with_name("qwen3-agent")


def examine(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, "doctor", *arguments], cwd=cwd, capture_output=True, text=True, timeout=120
    )


def test_doctor__shows_what_a_task_would_run_on(tmp_path: Path) -> None:
    done = examine(cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    for line in (
        r"ok  python +3\.\d+\.\d+ in .+",
        r"ok  torch +[\d.]+\S*",
        r"ok  transformers +5\.[\d.]+",
        r"(ok|--)  cuda +.+",
        r"(ok|--)  vllm +.+",
        r"ok  model +\S+ .+; (runs|would run) on (vLLM|Transformers) on the (GPU|CPU)",
        r"ok  memory +[\d.]+ GiB for the weights.*, [\d.]+ GiB are free",
        r"(ok|--)  hub +Hugging Face .+",
        r"ok  sandbox +.+",
        r"ok  mcp time +[\d.]+ s; convert_time, get_current_time",
        r"ok  mcp fetch +[\d.]+ s; fetch",
    ):
        assert re.search(f"^{line}$", done.stdout, re.MULTILINE), (line, done.stdout)
    assert done.stdout.endswith("\nA task can run here.\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--model", "no-such"], r"!!  model +There is no model 'no-such'"),
        (["--base-url", "http://127.0.0.1:9/v1"], r"!!  server +Nothing answers at http://127"),
    ],
)
def test_missing_requirement__is_exit_code_1(
    arguments: list[str], said: str, tmp_path: Path
) -> None:
    done = examine("--no-mcp", *arguments, cwd=tmp_path)
    assert done.returncode == 1
    assert re.search(said, done.stdout)
    assert done.stdout.endswith("\nA task cannot run here.\n")
    assert "Traceback" not in done.stdout + done.stderr


def test_model_that_is_too_large__is_reported_with_a_smaller_one(tmp_path: Path) -> None:
    done = examine("--no-mcp", "--model", "Qwen/Qwen3-235B-A22B", cwd=tmp_path)
    assert done.returncode == 1
    assert re.search(
        r"!!  memory +[\de+.]+ GiB for the weights \(according to its name\)", done.stdout
    )
    assert "-> hf download Qwen/Qwen3-235B-A22B" in done.stdout
    assert "-> use a smaller model, such as --model Qwen/Qwen3-0.6B" in done.stdout


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ("{", "Cannot read .*config.json: "),
        ("[]", "config.json is not a JSON object"),
        ("{}", "has no tokenizer: looked for tokenizer.json"),
    ],
)
def test_invalid_model__is_reported(config: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(config)
    found = [*examine_model(str(tmp_path), "auto", "huggingface")]
    assert [finding.state for finding in found] == ["missing"]
    assert re.search(says, found[0].text)


def test_selected_engine_that_is_missing__is_reported(tmp_path: Path) -> None:
    done = examine("--no-mcp", "--engine", "vllm", cwd=tmp_path)
    if "ok  vllm" in done.stdout:
        pytest.skip("vLLM is installed here")
    assert done.returncode == 1
    assert (
        '!!  vllm          not installed\n                  -> pip install "qwen3-agent[vllm]"'
        in (done.stdout)
    )


def test_broken_server_of_the_user__is_named_but_not_a_failure(
    tmp_path: Path,
) -> None:
    servers = {"mine": {"command": "no-such-command"}}
    (tmp_path / "mcp_servers.json").write_text(json.dumps({"mcpServers": servers}))
    done = examine(cwd=tmp_path)
    assert done.returncode == 0
    assert re.search(
        r"^--  mcp mine +failed to start: .*no-such-command", done.stdout, re.MULTILINE
    )


@pytest.mark.parametrize("gives_ids", [True, False])
def test_server__is_reported_with_its_route(gives_ids: bool, tmp_path: Path) -> None:
    model = scripted_model("Hello.")
    served = [{"id": "qwen3-tiny", "owned_by": "vllm", "max_model_len": 4096}]
    with ModelServer(model.engine, model.chat_format, models=served, parses=True) as server:
        server.gives_ids = gives_ids
        done = examine("--no-mcp", "--base-url", server.url, cwd=tmp_path)
    assert done.returncode == 0
    path = "by token ids" if gives_ids else "by its chat protocol: the server returns no token ids"
    assert f"serves qwen3-tiny, {path}\n" in done.stdout
