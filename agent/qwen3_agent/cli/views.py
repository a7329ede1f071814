"""What a run shows: on a terminal, in a pipe, as JSON lines, or the answer alone."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from textwrap import indent
from typing import TYPE_CHECKING, Any, Protocol, TypeGuard

from rich.console import Console
from rich.live import Live
from rich.markdown import Markdown
from rich.spinner import Spinner
from rich.text import Text

from ..events import (
    ContentText,
    LimitHit,
    Notice,
    ReasoningText,
    RunFinished,
    RunStarted,
    StepFinished,
    StepStarted,
    ToolCallFinished,
    ToolCallProgress,
    ToolCallStarted,
)
from .markdown import MarkdownBlocks
from .printable import printable

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ..events import Event
    from ..result import RunResult

RESULT_LINES = 10
"""Lines of a tool's result that are shown without --verbose."""

ROUTES = {
    "engine": "",
    "server_tokens": " · on a server, by token ids",
    "server_chat": " · on a server, by its chat protocol",
}
"""What is said of how the model is reached."""

_BLANK_EDGES = re.compile(r"\A(?: *\n)+|(?:\n *)+\Z")


class View(Protocol):
    """Shows the events of a run, in their order."""

    def show(self, event: Event) -> None: ...

    def note(self, text: str) -> None:
        """Say something that is not an event, on standard error."""
        ...

    def close(self) -> None:
        """The run is over, or has failed. Safe to call twice."""
        ...


class JsonView:
    """One JSON event a line on standard output."""

    def show(self, event: Event) -> None:
        ascii_only = sys.stdout.encoding.lower() != "utf-8"
        print(json.dumps(event.to_json(), ensure_ascii=ascii_only), flush=True)

    def note(self, text: str) -> None:
        print(text, file=sys.stderr)

    def close(self) -> None: ...


class QuietView:
    """The answer alone, on standard output."""

    def show(self, event: Event) -> None:
        if isinstance(event, RunFinished):
            print(printable(event.result.output))

    def note(self, text: str) -> None: ...

    def close(self) -> None: ...


class LiveView:
    """The run as it happens.

    On a terminal all of it goes to standard output, the answer as Markdown. In a pipe standard
    output gets the answer and nothing else; the rest goes to standard error.
    """

    def __init__(self, *, verbose: bool) -> None:
        self._piped = not sys.stdout.isatty()
        self._console = Console(stderr=self._piped, highlight=False)
        self._verbose = verbose
        self._live: Live | None = None
        self._mid_line = False
        self._content = MarkdownBlocks()
        self._running: dict[str, str] = {}
        self._wait("Loading the model")

    def show(self, event: Event) -> None:
        match event:
            case RunStarted():
                tools = ", ".join(event.tools) or "no tools"
                self._line(f"{event.model}{ROUTES[event.route]} · {tools}", "dim")
                self._wait("Reading")
            case StepStarted():
                self._wait("Reading")
            case ReasoningText():
                self._stream(event.text)
            case ContentText():
                self._add_content(event.text)
            case ToolCallStarted():
                self._end_content()
                self._running[event.id] = event.name
                self._show_call(event.name, event.arguments)
                self._wait("Running")
            case ToolCallProgress():
                self._wait(f"Running: {_so_far(event)}")
            case ToolCallFinished():
                self._end_content()
                self._show_result(event)
                self._running.pop(event.id, None)
                if self._running:
                    self._wait("Running")
            case StepFinished() if self._verbose:
                self._end_content()
                report = event.report
                called = ", ".join(name or "(malformed)" for name in report.tool_calls)
                called = f", called {called}" if called else ""
                self._line(
                    f"step {report.index + 1}: thinking {report.thinking}, "
                    f"{report.prompt_tokens} prompt tokens ({report.cached_tokens} cached), "
                    f"{report.sampled_tokens} sampled, {report.seconds:.1f} s{called}",
                    "dim",
                )
            case LimitHit():
                self._end_content()
                self._line(event.text, "yellow")
            case Notice():
                self._line(event.text, "yellow")
            case RunFinished():
                self._finish(event.result)
            case _:
                pass

    def note(self, text: str) -> None:
        self._settle()
        print(text, file=sys.stderr)

    def close(self) -> None:
        self._end_content()

    # What is on the screen's last line: nothing, half a line of a thought, or something live.

    def _settle(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None
        if self._mid_line:
            self._console.print()
            self._mid_line = False

    def _wait(self, doing: str) -> None:
        self._show_live(Spinner("dots", Text(f"{doing} …", style="dim"), style="dim"))

    def _show_live(self, renderable: RenderableType) -> None:
        if not self._console.is_terminal:
            return
        if self._live is None:
            self._settle()
            self._live = Live(console=self._console, transient=True, refresh_per_second=8)
            self._live.start()
        self._live.update(renderable)

    def _line(self, text: str, style: str = "") -> None:
        self._settle()
        self._console.print(Text(printable(text), style=style), soft_wrap=True)

    def _stream(self, text: str) -> None:
        """A piece of a thought, which may end in the middle of a line."""
        if not self._mid_line:
            self._settle()
        text = printable(text)
        self._console.print(Text(text, style="dim italic"), end="", soft_wrap=True)
        self._mid_line = not text.endswith("\n") if text else self._mid_line

    # Content is the answer, unless a tool call follows it in the same step.

    def _add_content(self, text: str) -> None:
        finished, unfinished = self._content.feed(printable(text))
        if self._piped:
            return
        if finished.strip():
            self._print_block(finished)
        if unfinished.strip():
            self._show_live(Markdown(unfinished))

    def _end_content(self) -> None:
        rest, whole = self._content.end()
        self._settle()
        if self._piped and whole.strip():
            self._line(whole.strip())
        elif rest.strip() and not self._piped:
            self._print_block(rest)

    def _print_block(self, markdown: str) -> None:
        self._settle()
        with self._console.capture() as captured:
            self._console.print(Markdown(markdown))
        # Rich surrounds some blocks with blank lines and others not.
        self._console.file.write(f"\n{_BLANK_EDGES.sub('', captured.get())}\n")

    def _finish(self, result: RunResult) -> None:
        if self._piped:
            self._settle()
            self._content.end()
            print(printable(result.output), flush=True)
        else:
            self._end_content()
            self._console.print()
        for path in result.files:
            self._line(f"file: {path}")
        steps = len(result.steps)
        self._line(
            f"{steps} {'step' if steps == 1 else 'steps'} · {result.sampled_tokens} tokens · "
            f"{result.seconds:.1f} s",
            "dim",
        )

    # Tools

    def _show_call(self, name: str, arguments: Mapping[str, Any]) -> None:
        short = ", ".join(
            f"{key}={json.dumps(value, ensure_ascii=False)}"
            for key, value in arguments.items()
            if not _is_block(value)
        )
        text = Text.assemble(("→ ", "cyan"), (printable(name), "bold cyan"))
        text.append(f"({printable(short)})" if short or not arguments else "")
        for value in arguments.values():
            if _is_block(value):
                text.append("\n" + indent(printable(value).strip("\n"), "    "))
        self._settle()
        self._console.print(text, soft_wrap=True)

    def _show_result(self, event: ToolCallFinished) -> None:
        lines = printable(event.text).strip("\n").split("\n")
        hidden = 0 if self._verbose else max(0, len(lines) - RESULT_LINES)
        if hidden:
            lines = lines[:RESULT_LINES]
        which = f"{event.name}: " if len(self._running) > 1 else ""
        mark, style = ("✗ ", "red") if event.is_error else ("← ", "green")
        text = Text.assemble((mark, style), (printable(which), "bold"), ("\n  ".join(lines), "dim"))
        if hidden:
            text.append(f"\n  … {hidden} more lines; --verbose shows them", "dim italic")
        text.append(f"  ({event.seconds:.1f} s)", "dim")
        self._settle()
        self._console.print(text, soft_wrap=True)


def _so_far(event: ToolCallProgress) -> str:
    """How far a tool has come, in a few words."""
    total = f" of {event.total:g}" if event.total is not None else ""
    return printable(f"{event.name} {event.done:g}{total} {event.message}").rstrip()


def _is_block(value: object) -> TypeGuard[str]:
    """Whether an argument is shown on lines of its own, as code is."""
    return isinstance(value, str) and ("\n" in value or len(value) > 200)


def choose_view(*, as_json: bool, quiet: bool, verbose: bool) -> View:
    """The view that the options ask for."""
    if as_json:
        return JsonView()
    return QuietView() if quiet else LiveView(verbose=verbose)
