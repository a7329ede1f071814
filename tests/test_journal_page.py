"""The page of a run: whole in itself, small, readable, and reached by the keyboard."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from scripted import call, scripted_model

from qwen3_agent import Agent, Limits, Thinking, ToolResult, tool
from qwen3_agent.journal import Runs
from qwen3_agent.journal.page import LARGEST_PAGE, html_page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
HOSTILE = '<script>alert(1)</script><img src=x onerror="alert(2)"> </pre></details>'


def png(width: int, noise: bytes) -> bytes:
    """A grey image, as wide as it is high; its bytes repeat `noise`."""

    def block(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    rows = b"".join(b"\0" + (noise * width)[:width] for _ in range(width))
    head = struct.pack(">IIBBBBB", width, width, 8, 0, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(rows, 0)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(block(*each) for each in parts)


def page_of(
    tmp_path: Path, *script: str, tools: Sequence[Any], task: str = "Go", **options: Any
) -> str:
    model = scripted_model(*script, context_length=10_000_000)
    agent = Agent(model, tools=tools, journal=tmp_path / "runs", **options)
    agent.run_sync(task)
    return html_page(Runs(tmp_path / "runs").read("latest"))


@pytest.fixture
def page(tmp_path: Path) -> str:
    """A run that has a bit of everything."""
    image = tmp_path / "plot.png"
    image.write_bytes(png(200, bytes(range(200))))

    @tool
    def plot(of: str) -> ToolResult:
        """Plot something."""
        return ToolResult("[figure saved as plot.png]", files=(image,))

    @tool
    def fails() -> str:
        """Never works."""
        raise RuntimeError(HOSTILE)

    return page_of(
        tmp_path,
        f"<think>\nI plot it first. {HOSTILE}\n</think>\n\n" + call("plot", of="a & b"),
        "Now the other.\n" + call("fails") + "\n<tool_call>\n{no}\n</tool_call>",
        f"**Done**, [see](javascript:alert(3)) ![x](http://example.com/x.png) {HOSTILE}",
        tools=[plot, fails],
        task=f"Plot it {HOSTILE}",
        thinking=Thinking(200),
    )


def test_it_shows_what_happened_and_loads_nothing(page: str) -> None:
    for text in (
        "I plot it first.",
        "a &amp; b",
        "[figure saved as plot.png]",
        "A call that could not be read",
        "<strong>Done</strong>",
        "data:image/png;base64,",
        "of 200 tokens",
        "from the prefix cache",
    ):
        assert text in page
    assert re.findall(r'src="(?!data:)|<link[^>]* href="(?!data:)', page) == []
    assert "url(" not in page
    assert "@import" not in page


def test_what_a_model_or_a_tool_says_is_never_markup(page: str) -> None:
    assert page.count("<script") == 1
    assert page.count("<img ") == 1
    assert not re.search(r"<[^>]*\sonerror", page)
    assert 'href="javascript' not in page


@pytest.mark.thorough
def test_it_stays_under_two_megabytes(tmp_path: Path) -> None:
    image = tmp_path / "large.png"
    image.write_bytes(png(1100, bytes(range(251))))

    @tool
    def read(page: int) -> ToolResult:
        """A long page with a large image."""
        return ToolResult(f"page {page} " + "word " * 3900, files=(image,))

    steps = ["\n".join(call("read", page=20 * n + m) for m in range(20)) for n in range(6)]
    page = page_of(tmp_path, *steps, "Read.", tools=[read], limits=Limits(steps=200))
    assert len(page.encode()) <= LARGEST_PAGE < 2_000_000
    assert page.count("<article") == 7
    assert page.count('class="call"') == 120
    assert "characters are left out" in page
    assert "too large for this page" in page


def in_chromium(tmp_path: Path, page: str, script: str) -> tuple[str, str]:
    """The page's body after `script` has run, and what the browser's console was told."""
    if CHROMIUM is None:
        pytest.skip("no chromium on PATH: apt-get install chromium")
    file = tmp_path / "page.html"
    file.write_text(page.replace("</body>", f"<script>{script}</script></body>"))
    done = subprocess.run(
        [CHROMIUM, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", "--enable-logging=stderr",
         "--dump-dom", file.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
    )  # fmt: skip
    told = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return done.stdout, "\n".join(told)


def test_in_a_browser_without_a_complaint_and_by_the_keyboard(tmp_path: Path, page: str) -> None:
    press = """
    const seen = [];
    const press = (key) => {
      document.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true, cancelable: true}));
      const at = document.activeElement;
      seen.push(key + " " + (at.id || at.getAttribute("href") || at.tagName));
    };
    const closed = () => document.querySelectorAll("article details:not([open])").length;
    for (const key of ["j", "j", "k", "t"]) press(key);
    document.activeElement.click();
    seen.push("click " + document.activeElement.id);
    press("c"); seen.push(closed() > 0 ? "all closed" : "none closed");
    press("o"); seen.push(closed() === 0 ? "all open" : "some closed");
    seen.push("image " + document.querySelector("img").naturalWidth);
    document.body.textContent = seen.join("; ");
    """
    shown, console = in_chromium(tmp_path, page, press)
    assert console == ""
    assert "j step-0-0; j step-0-1; k step-0-0; t #step-0-0; click step-0-0" in shown
    assert "all closed" in shown
    assert "all open" in shown
    assert "image 200" in shown
