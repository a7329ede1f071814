"""The live view of a run: finished output stays, work in progress is shown below it."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from textwrap import indent
from typing import TYPE_CHECKING, Any, TypeGuard

from rich.console import Console, Group
from rich.markdown import Markdown
from rich.spinner import Spinner
from rich.text import Text

from ...events import (
    AnswerChanged,
    ContentText,
    ContextCompacted,
    LimitHit,
    Notice,
    ReasoningText,
    RunFinished,
    RunStarted,
    StepFinished,
    StepStarted,
    SubagentEvent,
    ToolCallAsked,
    ToolCallFinished,
    ToolCallProgress,
    ToolCallRefused,
    ToolCallStarted,
)
from .keyboard import Keyboard
from .live_region import LiveRegion, without_padding
from .markdown import MarkdownBlocks, tail_of_block
from .printable import counted, printable
from .run_text import result_lines, usage_text

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ...events import Event
    from ...result import RunResult

THOUGHT_ROWS = 6
"""Maximum number of rows of a thought without --verbose. Of a longer one, the last rows are shown
while it grows, and the first row afterwards."""

ROUTES = {
    "engine": "",
    "server_tokens": " · on a server, by token ids",
    "server_chat": " · on a server, by its chat protocol",
}
"""Added to the name of a model: how it is reached."""

_BLANK = r"(?:\x1b\[[0-9;]*m| )*"
_BLANK_EDGES = re.compile(rf"\A(?:{_BLANK}\n)+|(?:\n{_BLANK})+\Z")


@dataclass(frozen=True, slots=True)
class _Doing:
    """Work in progress."""

    what: str
    since: float = field(default_factory=time.monotonic)
    so_far: str = ""

    def row(self) -> Text:
        """Return one row: a spinner, the work, and its duration."""
        now = time.monotonic()
        frame = _SPINNER.render(now)
        assert isinstance(frame, Text)
        words = f" {self.what} … {duration(now - self.since)}{self.so_far}"
        return Text.assemble(frame, words, style="dim", no_wrap=True, overflow="ellipsis")


def _with_hint(row: Text, width: int) -> Text:
    """Add a hint at the right edge of a row, which gives it full width (see `LiveRegion`)."""
    room = width - row.cell_len - len(STOP_HINT)
    return row.append(" " * room + STOP_HINT) if room > 0 else row


STOP_HINT = "Ctrl-C stops"

_SPINNER = Spinner("dots")


class LiveView:
    """A run as it happens.

    On a terminal, everything goes to standard output, the answer as Markdown. In a pipe, only the
    answer goes to standard output; the rest goes to standard error.

    Args:
        verbose: Show thoughts and results in full, and the usage of each step.
        names_model: Start each run with the model and the tools.
        keyboard: The keyboard of the same terminal.
    """

    def __init__(
        self, *, verbose: bool, names_model: bool = True, keyboard: Keyboard | None = None
    ) -> None:
        self._piped = not sys.stdout.isatty()
        self.console = Console(stderr=self._piped, highlight=False)
        self._verbose = verbose
        self._names_model = names_model
        self._region = LiveRegion(self.console, (keyboard or Keyboard()).cursor_column)
        self._doing: _Doing | None = None
        self._running: dict[str, _Doing] = {}
        self._thought = ""
        self._content = MarkdownBlocks()
        self._open_content = ""
        self._behind: list[Event] | None = None

    def wait(self, doing: str) -> None:
        """Show work in progress until the next event."""
        self._doing = _Doing(doing)
        self._region.show(self._now)

    def show(self, event: Event) -> None:
        if self._behind is not None:
            self._behind.append(event)
            return
        with self._region:
            self._show(event)

    def note(self, text: str) -> None:
        with self._region:
            self._end_text()
            self._region.clear()
            print(text, file=sys.stderr)

    def close(self) -> None:
        with self._region:
            self._behind = None
            self._running.clear()
            self._end_text()
            self._region.close()

    def answer(self, markdown: str) -> None:
        """Show an earlier answer."""
        self._print_block(printable(markdown))

    @contextmanager
    def held(self) -> Iterator[None]:
        """Show nothing within the block; events are shown after it."""
        with self._region:
            self._end_text()
            self._region.clear()
            behind = self._behind = []
        try:
            yield
        finally:
            if self._behind is behind:
                self._behind = None
                for event in behind:
                    self.show(event)

    def _show(self, event: Event) -> None:
        match event:
            case RunStarted():
                if self._names_model:
                    tools = ", ".join(event.tools) or "no tools"
                    self._line(f"{event.model}{ROUTES[event.route]} · {tools}", "dim")
                self.wait("Reading")
            case StepStarted():
                self.wait("Reading")
            case ReasoningText():
                if not self._thought:
                    self.wait("Thinking")
                self._thought += printable(event.text)
            case ContentText():
                self._add_content(printable(event.text))
            case ToolCallStarted():
                self._end_text()
                self._doing = None
                self._show_call(event.name, event.arguments)
                self._running[event.id] = _Doing(printable(event.name))
                self._region.show(self._now)
            case ToolCallAsked():
                self._end_text()
                self._doing = None
            case ToolCallRefused():
                self._end_text()
                if event.by != "person":
                    self._show_call(event.name, event.arguments)
                if event.by == "nobody":
                    self._line("Nobody can approve this call; use --allow NAME or --yes.", "yellow")
            case ToolCallProgress() if event.id in self._running:
                so_far = _so_far(event)
                self._running[event.id] = replace(self._running[event.id], so_far=so_far)
            case SubagentEvent() if event.id in self._running:
                so_far = f" · {_doing_in(event.event)}"
                self._running[event.id] = replace(self._running[event.id], so_far=so_far)
            case ToolCallFinished():
                self._end_text()
                self._show_result(event)
                self._running.pop(event.id, None)
            case StepFinished() if self._verbose:
                self._end_text()
                self._line(usage_text(event.report), "dim")
            case LimitHit() | ContextCompacted() | Notice():
                self._end_text()
                self._line(event.text, "yellow")
            case AnswerChanged():
                self._end_text()
                if not self._piped:
                    self._print_block(printable(event.text))
            case RunFinished():
                self._finish(event.result)
            case _:
                pass

    # Work in progress

    def _now(self) -> RenderableType:
        """Return the content of the live region."""
        rows: list[RenderableType] = []
        if self._thought:
            width = self.console.width
            tail = self._thought[-(THOUGHT_ROWS + 1) * width :]
            rows += self._thought_rows(tail)[-THOUGHT_ROWS:]
        if self._open_content.strip() and not self._piped:
            rows.append(Text())
            rows.append(_markdown(tail_of_block(self._open_content, self.console.height)))
        doing = list(self._running.values()) or ([self._doing] if self._doing else [])
        what = [each.row() for each in doing]
        if what:
            what[-1] = _with_hint(what[-1], self.console.width - 1)
        return Group(*rows, *what)

    # Finished output

    def _print(self, text: Text, *, soft_wrap: bool = True) -> None:
        """Print text; with `soft_wrap`, the terminal wraps it, so that lines can be copied."""
        self._region.print_above(lambda: self.console.print(text, soft_wrap=soft_wrap))

    def _line(self, text: str, style: str = "") -> None:
        self._print(Text(printable(text), style=style))

    def _end_text(self) -> None:
        """End the thought or text that is being written."""
        self._end_thought()
        self._end_content()

    def _thought_rows(self, thought: str) -> list[Text]:
        text = Text(thought.strip("\n"), style="dim italic")
        return list(text.wrap(self.console, max(1, self.console.width - 1)))

    def _end_thought(self) -> None:
        thought, self._thought = self._thought, ""
        if not thought.strip():
            return
        whole = Text(thought.strip("\n"), style="dim italic")
        if self._verbose or not self.console.is_terminal:
            self._print(whole)
            return
        rows = self._thought_rows(thought)
        if len(rows) <= THOUGHT_ROWS:
            self._print(whole, soft_wrap=False)
            return
        seconds = duration(time.monotonic() - self._doing.since) if self._doing else ""
        more = f"  … {len(rows) - 1} more lines of thought; --verbose shows them  ({seconds})"
        self._print(Text("\n").join([rows[0], Text(more, style="dim italic")]))

    # Content is the answer, unless a tool call follows it in the same step.

    def _add_content(self, text: str) -> None:
        if self._doing is None or self._doing.what != "Answering":
            self._end_thought()
            self.wait("Answering")
        finished, self._open_content = self._content.feed(text)
        if finished.strip() and not self._piped:
            self._print_block(finished)

    def _end_content(self) -> None:
        rest, whole = self._content.end()
        self._open_content = ""
        if self._piped and whole.strip():
            self._line(whole.strip())
        elif rest.strip() and not self._piped:
            self._print_block(rest)

    def _print_block(self, markdown: str) -> None:
        with self.console.capture() as captured:
            self.console.print(_markdown(markdown))
        # Rich surrounds some blocks with blank lines and others not.
        block = _BLANK_EDGES.sub("", without_padding(captured.get()))
        self._region.print_above(lambda: self.console.file.write(f"\n{block}\n"))

    def _finish(self, result: RunResult) -> None:
        self._region.clear()
        if self._piped:
            self._end_thought()
            self._content.end()
            print(printable(result.output_text), flush=True)
        else:
            self._end_text()
            self._line("")
        for path in result.files:
            self._line(f"file: {path}")
        self._line(
            f"{counted(len(result.steps), 'step')} · {result.usage.output_tokens} tokens · "
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
        self._print(text)

    def _show_result(self, event: ToolCallFinished) -> None:
        lines = "\n  ".join(result_lines(printable(event.text), verbose=self._verbose))
        which = f"{event.name}: " if len(self._running) > 1 else ""
        mark, style = ("✗ ", "red") if event.is_error else ("← ", "green")
        text = Text.assemble((mark, style), (printable(which), "bold"), (lines, "dim"))
        text.append(f"  ({event.seconds:.1f} s)", "dim")
        self._print(text)


def duration(seconds: float) -> str:
    """Return a duration in minutes and seconds."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def _markdown(text: str) -> Markdown:
    """Markdown without backgrounds, which suit few terminals, and with visible link addresses."""
    return Markdown(text, code_theme="ansi_dark", hyperlinks=False)


def _so_far(event: ToolCallProgress) -> str:
    """Return the progress of a tool as text."""
    total = f" of {event.total:g}" if event.total is not None else ""
    return printable(f" · {event.done:g}{total} {event.message}").rstrip()


def _doing_in(event: Event) -> str:
    """Return what a subagent is doing as text."""
    match event:
        case ReasoningText():
            return "thinking"
        case ContentText():
            return "answering"
        case ToolCallStarted() | ToolCallProgress():
            return f"calls {printable(event.name)}"
        case SubagentEvent():
            return f"{printable(event.name)}: {_doing_in(event.event)}"
    return "reading"


def _is_block(value: object) -> TypeGuard[str]:
    """Return whether an argument is shown on its own lines, like code."""
    return isinstance(value, str) and ("\n" in value or len(value) > 200)
