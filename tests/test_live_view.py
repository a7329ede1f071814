"""What moves on a terminal while a run goes on: on a screen that is read back row by row."""

from __future__ import annotations

import io
from collections.abc import Callable

import pyte
import pytest
from rich.console import Console, RenderableType
from rich.text import Text

from qwen3_agent.cli.terminal.live_region import LiveRegion


class Screen:
    """A terminal that cuts long rows when it is made narrower, as `pyte` does, or wraps them."""

    def __init__(self, columns: int, rows: int) -> None:
        self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.Stream(self.screen)
        self.file = io.StringIO()
        self.console = Console(
            file=self.file, force_terminal=True, width=columns, height=rows, color_system=None
        )
        self.asked = 0

    def rows(self) -> list[str]:
        """The rows that hold something."""
        self.stream.feed(self.file.getvalue().replace("\n", "\r\n"))
        self.file.seek(0)
        self.file.truncate()
        return [row.rstrip() for row in self.screen.display if row.strip()]

    def narrow(self, columns: int, *, wraps: bool) -> None:
        """Make the window narrower, with what is in it."""
        rows = self.rows()
        old = self.screen.cursor
        self.screen = pyte.Screen(columns, self.screen.lines)
        self.stream = pyte.Stream(self.screen)
        pieces = [
            row[start : start + columns]
            for row in rows
            for start in (range(0, len(row), columns) if wraps else [0])
        ]
        self.stream.feed("\r\n".join(pieces))
        assert old is not None
        self.console.size = (columns, self.screen.lines)

    def cursor_column(self) -> int:
        self.asked += 1
        self.rows()
        return int(self.screen.cursor.x) % self.screen.columns


def showing(*rows: str) -> Callable[[], RenderableType]:
    return lambda: Text("\n".join(rows))


def test_what_is_printed_stays_above_what_moves() -> None:
    screen = Screen(40, 10)
    with LiveRegion(screen.console, screen.cursor_column) as region:
        region.show(showing("one", "two"))
        region.print_above(lambda: screen.console.print("done"))
        assert screen.rows() == ["done", "one", "two"]
        region.show(showing("three"))
        region.print_above(lambda: screen.console.print("done too"))
        assert screen.rows() == ["done", "done too", "three"]
        region.close()
        assert screen.rows() == ["done", "done too"]
        assert not screen.screen.cursor.hidden
    assert screen.asked == 0


def test_what_is_taller_than_the_screen_shows_its_end() -> None:
    screen = Screen(40, 5)
    with LiveRegion(screen.console, screen.cursor_column) as region:
        screen.console.print("done")
        for count in range(1, 30):
            region.show(showing(*(f"row {number}" for number in range(count))))
            region.print_above(lambda: None)  # draws now, not at the next tick
        assert screen.rows() == ["done", "row 25", "row 26", "row 27", "row 28"]
        region.close()


@pytest.mark.parametrize("wraps", [True, False])
@pytest.mark.parametrize("columns", [39, 30, 20, 11])
def test_in_a_window_made_narrower_nothing_is_left_and_nothing_is_eaten(
    columns: int, wraps: bool
) -> None:
    screen = Screen(40, 24)
    above = ["said", "before"]
    with LiveRegion(screen.console, screen.cursor_column) as region:
        for line in above:
            screen.console.print(line)
        region.show(showing("a" * 39, "b" * 25, "c", "spinner".ljust(33) + "Ctrl-C"))
        screen.narrow(columns, wraps=wraps)
        region.print_above(lambda: screen.console.print("now"))
        rows = screen.rows()
        assert rows[:3] == [*above, "now"]
        assert sum(row.count("a") for row in rows[3:]) == 39
        region.close()
        assert screen.rows() == [*above, "now"]


def test_where_there_is_no_terminal_nothing_moves() -> None:
    file = io.StringIO()
    region = LiveRegion(Console(file=file), lambda: None)
    region.show(showing("one"))
    region.print_above(lambda: file.write("done\n"))
    region.close()
    assert file.getvalue() == "done\n"
