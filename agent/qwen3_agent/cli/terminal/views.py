"""The views of a run: live, JSON lines, or only the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...events import RunFinished
from ..json_io import write_json
from .live_view import LiveView
from .printable import echo

if TYPE_CHECKING:
    from ...events import Event


class JsonView:
    """Events as JSON lines on standard output."""

    def show(self, event: Event) -> None:
        write_json(event.to_json())

    def note(self, text: str) -> None:
        echo(text, err=True)

    def close(self) -> None: ...


class QuietView:
    """Only the answer, on standard output."""

    def show(self, event: Event) -> None:
        if isinstance(event, RunFinished):
            echo(event.result.output_text)

    def note(self, text: str) -> None: ...

    def close(self) -> None: ...


View = LiveView | JsonView | QuietView
"""Shows the events of a run in order. `note` shows a message on standard error; `close` ends the
view after a run or an error, and can be called twice."""


def choose_view(*, as_json: bool, quiet: bool, verbose: bool) -> View:
    """Return the view that the options select."""
    if as_json:
        return JsonView()
    if quiet:
        return QuietView()
    view = LiveView(verbose=verbose)
    view.wait("Loading the model")
    return view
