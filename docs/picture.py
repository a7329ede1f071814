"""Make the picture of a terminal from a real run on the demo model.

python docs/picture.py
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pexpect
import pyte
from rich.console import Console
from rich.style import Style
from rich.text import Text

COLUMNS, ROWS = 92, 40
TASK = "What time is it in Tokyo and in London?"
TARGET = Path(__file__).parent / "terminal.svg"
COLORS = {"brown": "yellow"}  # names of pyte, and those of rich


def screen_after(command: str, arguments: list[str]) -> pyte.Screen:
    """Run a command in a terminal, and return the screen at its end."""
    screen = pyte.Screen(COLUMNS, ROWS)
    stream = pyte.Stream(screen)
    stream.feed(f'$ {Path(command).name} {arguments[0]} "{arguments[1]}"\r\n')
    child = pexpect.spawn(
        command, arguments, dimensions=(ROWS, COLUMNS), encoding="utf-8", timeout=120
    )
    while True:
        try:
            stream.feed(child.read_nonblocking(4096, timeout=120))
        except pexpect.EOF:
            break
    child.close()
    if child.exitstatus != 0:
        raise SystemExit(
            f"The command exited with code {child.exitstatus}:\n" + "\n".join(screen.display)
        )
    return screen


def styled(screen: pyte.Screen) -> list[Text]:
    """Return the lines of a screen, without blank lines at its end."""
    lines = []
    for row in range(screen.lines):
        line = Text()
        for column in range(screen.columns):
            cell = screen.buffer[row][column]
            color = COLORS.get(cell.fg, cell.fg).replace("bright", "bright_")
            if re.fullmatch(r"[0-9a-f]{6}", color):
                color = f"#{color}"
            style = Style(color=color, bold=cell.bold, italic=cell.italics)
            line.append(cell.data, style)
        line.rstrip()
        lines.append(line)
    while lines and not lines[-1].plain:
        lines.pop()
    return lines


def main() -> None:
    command = str(Path(sys.executable).with_name("qwen3-agent"))
    console = Console(record=True, width=COLUMNS, file=open("/dev/null", "w"))  # noqa: SIM115
    for line in styled(screen_after(command, ["run", TASK])):
        console.print(line, no_wrap=True)
    svg = console.export_svg(title="qwen3-agent", unique_id="qwen3-agent")
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)  # load no fonts
    TARGET.write_text("\n".join(line.rstrip() for line in svg.splitlines()) + "\n")


if __name__ == "__main__":
    main()
