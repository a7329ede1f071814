"""What a run shows: on a terminal, in a pipe, as JSON lines, or the answer alone."""

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
            print(printable(event.result.output_text))

    def note(self, text: str) -> None: ...

    def close(self) -> None: ...


def choose_view(*, as_json: bool, quiet: bool, verbose: bool) -> View:
    """The view that the options ask for."""
    if as_json:
        return JsonView()
    if quiet:
        return QuietView()
    view = LiveView(verbose=verbose)
    view.wait("Loading the model")
    return view
