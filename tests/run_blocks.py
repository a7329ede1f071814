"""Run Python blocks one after the other: JSON in, JSON out. See `test_documentation.py`."""

from __future__ import annotations

import contextlib
import io
import json
import sys
import traceback


def main() -> None:
    results = []
    namespace: dict[str, object] = {}
    for block in json.load(sys.stdin):
        if not block["continues"]:
            namespace = {"__name__": "__main__"}
        out = io.StringIO()
        error = ""
        with contextlib.redirect_stdout(out):
            try:
                exec(compile(block["code"], block["name"], "exec"), namespace)
            except BaseException:
                error = traceback.format_exc()
        results.append({"printed": out.getvalue(), "error": error})
    print(json.dumps(results))


if __name__ == "__main__":
    main()
