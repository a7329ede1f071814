"""Run the official MCP conformance suite, two scenarios at a time: `make conformance`.

    python run.py FOLDER [WORD...]

FOLDER holds `node` and the suite, as `make conformance` puts them there; with WORDs only scenarios
that are named by all of them are run. Our client must pass all
that a revision of the protocol requires. Our server is an agent with one tool and nothing else, so
scenarios that need other tools, resources or prompts cannot pass: `expected_failures.txt` names
them, and one that it names and that passes is an error too, so the file only shrinks.
"""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
REVISIONS = ("2025-11-25", "2026-07-28")
# Required by no revision any more, but by servers that have not moved on since 2025-03-26.
OLDER = ("auth/2025-03-26-oauth-metadata-backcompat", "auth/2025-03-26-oauth-endpoint-fallback")
AT_A_TIME = 2
SECONDS = 120


@dataclass(frozen=True)
class Scenario:
    role: str
    revision: str
    name: str

    def __str__(self) -> str:
        return f"{self.role} {self.revision} {self.name}"


def main(folder: Path, words: Sequence[str]) -> int:
    suite = [str(folder / "node"), str(folder / "node_modules/.bin/conformance")]
    every = [
        *(
            Scenario("client", each, name)
            for each in REVISIONS
            for name in required(suite, each, "Client")
        ),
        *(Scenario("client", "2025-03-26", name) for name in OLDER),
        *(
            Scenario("server", each, name)
            for each in REVISIONS
            for name in required(suite, each, "Server")
        ),
    ]
    scenarios = [each for each in every if all(word in str(each) for word in words)]
    allowed = {
        line.partition("#")[0].strip()
        for line in (HERE / "expected_failures.txt").read_text().splitlines()
    }

    def outcome_of(scenario: Scenario) -> tuple[bool, str]:
        outcome = passes(suite, scenario, url)
        print(f"{'pass' if outcome[0] else 'FAIL'}  {scenario}", flush=True)
        return outcome

    with served_agent() as url, ThreadPoolExecutor(AT_A_TIME) as pool:
        outcomes = list(pool.map(outcome_of, scenarios))
    wrong = 0
    for scenario, (passed, said) in zip(scenarios, outcomes, strict=True):
        expected = str(scenario) not in allowed
        if passed is not expected:
            wrong += 1
            print(f"{scenario}: {'passes' if passed else 'FAILS'}, which is unexpected\n{said}")
    for role in ("client", "server"):
        passed_by = [
            passed
            for each, (passed, _) in zip(scenarios, outcomes, strict=True)
            if each.role == role
        ]
        if passed_by:
            print(f"{role}: {sum(passed_by)} of {len(passed_by)} scenarios pass")
    return 1 if wrong else 0


def required(suite: list[str], revision: str, role: str) -> list[str]:
    """The names of the scenarios that a revision requires of a role, "Client" or "Server"."""
    listed = subprocess.run(
        [*suite, "list", "--requirements", revision], capture_output=True, text=True, check=True
    ).stdout
    section = re.search(rf"^{role} scenarios.*:\n((?:  - .*\n?)+)", listed, re.MULTILINE)
    assert section, listed
    return [line.split()[1] for line in section[1].splitlines()]


def passes(suite: list[str], scenario: Scenario, url: str) -> tuple[bool, str]:
    """Whether a scenario passes, and the end of what the suite said."""
    options = ["--scenario", scenario.name, "--spec-version", scenario.revision]
    options += ["--timeout", f"{SECONDS * 1000}"]
    if scenario.role == "client":
        options += ["--command", f"{sys.executable} {HERE / 'client.py'}"]
    else:
        options += ["--url", url]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [*suite, scenario.role, *options, "--output-dir", folder],
            capture_output=True,
            text=True,
            cwd=folder,
            timeout=SECONDS + 60,
        )
    return done.returncode == 0, (done.stdout + done.stderr)[-4000:]


@contextlib.contextmanager
def served_agent() -> Iterator[str]:
    """An agent as an MCP server over HTTP; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with subprocess.Popen([sys.executable, HERE / "server.py", str(port)]) as process:
        try:
            wait_for(port)
            yield f"http://127.0.0.1:{port}/mcp"
        finally:
            process.terminate()


def wait_for(port: int) -> None:
    for _ in range(600):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise TimeoutError("the agent's server does not answer")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).absolute(), sys.argv[2:]))
