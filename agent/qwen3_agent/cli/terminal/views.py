"""The views of a run: live, JSON lines, or only the answer."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Protocol

from ...events import RunFinished
from .live_view import LiveView
from .printable import printable

if TYPE_CHECKING:
    from ...events import Event


class View(Protocol):
    """Shows the events of a run in order."""

    def show(self, event: Event) -> None: ...

    def note(self, text: str) -> None:
        """Show a message on standard error."""
        ...

    def close(self) -> None:
        """End the view, after a run or an error. Safe to call twice."""
        ...


class JsonView:
    """Events as JSON lines on standard output."""

    def show(self, event: Event) -> None:
        ascii_only = sys.stdout.encoding.lower() != "utf-8"
        print(json.dumps(event.to_json(), ensure_ascii=ascii_only), flush=True)

    def note(self, text: str) -> None:
        print(text, file=sys.stderr)

    def close(self) -> None: ...


class QuietView:
    """Only the answer, on standard output."""

    def show(self, event: Event) -> None:
        if isinstance(event, RunFinished):
            print(printable(event.result.output_text))

    def note(self, text: str) -> None: ...

    def close(self) -> None: ...


def choose_view(*, as_json: bool, quiet: bool, verbose: bool) -> View:
    """Return the view that the options select."""
    if as_json:
        return JsonView()
    if quiet:
        return QuietView()
    view = LiveView(verbose=verbose)
    view.wait("Loading the model")
    return view
