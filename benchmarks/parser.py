"""Time that the parser takes for a token, from short to long outputs: it must not grow.

    python benchmarks/parser.py [--most TOKENS]

Each output is fed token by token, four letters a token, as an engine streams it. The best of
several runs counts. `ratio` compares with the same kind of output at its shortest.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

from qwen3_agent.parsing.parser import Parser

LETTERS_A_TOKEN = 4
LENGTHS = (1_000, 3_000, 10_000, 30_000, 100_000)

PROSE = "The tower is < 330 m high, `so` it casts a long shadow.\n\n"
CODE = 'for index in range(10):\n    print(f"{index} is </b> {table[index]!r}")\n'


def call(name: str, **arguments: object) -> str:
    """A tool call as Qwen3 writes it."""
    body = json.dumps({"name": name, "arguments": arguments}, ensure_ascii=False)
    return f"<tool_call>\n{body}\n</tool_call>\n"


def fill(unit: str, letters: int) -> str:
    """The unit over and over."""
    return (unit * (letters // len(unit) + 1))[:letters]


def xml_call(value: str) -> str:
    """A tool call as Qwen3-Coder writes it."""
    parameter = f"<parameter=text>\n{value}\n</parameter>\n"
    return f"<tool_call>\n<function=write>\n{parameter}</function>\n</tool_call>"


KINDS: dict[str, Callable[[int], str]] = {
    "thought": lambda letters: "<think>\n" + fill(PROSE, letters),
    "answer": lambda letters: fill(PROSE, letters),
    "many calls": lambda letters: fill(call("look", where="there", far=[1, 2.5, None]), letters),
    "one long call": lambda letters: call("write", text=fill(CODE, letters)),
    "one long XML call": lambda letters: xml_call(fill(CODE, letters)),
    "broken calls": lambda letters: fill('<tool_call>\n{"name": "a}\n</tool_call>\n', letters),
}


def microseconds_a_token(text: str, repeats: int) -> float:
    """The best of several runs."""
    tokens = [text[at : at + LETTERS_A_TOKEN] for at in range(0, len(text), LETTERS_A_TOKEN)]
    best = float("inf")
    for _ in range(repeats):
        parser = Parser("xml")
        started = time.perf_counter()
        for token in tokens:
            parser.feed(token)
        parser.finish()
        best = min(best, time.perf_counter() - started)
    return best / len(tokens) * 1e6


def main() -> None:
    """Print the table."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--most", type=int, default=LENGTHS[-1], metavar="TOKENS")
    most = arguments.parse_args().most
    lengths = [length for length in LENGTHS if length <= most]
    print(f"{'microseconds a token':20}", *(f"{length:>9,}" for length in lengths), "    ratio")
    for kind, make in KINDS.items():
        times = [
            microseconds_a_token(make(length * LETTERS_A_TOKEN), max(1, 30_000 // length))
            for length in lengths
        ]
        cells = (f"{value:9.2f}" for value in times)
        print(f"{kind:20}", *cells, f"{times[-1] / times[0]:9.2f}")


if __name__ == "__main__":
    main()
