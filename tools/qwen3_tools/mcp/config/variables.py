"""Environment variables in a config: `${VAR}`, `${VAR:-default}` and `${env:VAR}`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# VS Code's `${input:NAME}` also matches, as a variable that is never set.
_VARIABLE = re.compile(r"\$\{(?:env:)?([^}]+?)(?::-([^}]*))?\}")


def expanded(value: Any, environ: Mapping[str, str], unset: set[str]) -> Any:
    """Replace variables in values (not keys) of `value`, without recursion.

    Args:
        value: The content of a JSON file.
        environ: The environment.
        unset: Receives the names of variables that are not set and have no default.
    """
    if isinstance(value, dict):
        return {key: expanded(inner, environ, unset) for key, inner in value.items()}
    if isinstance(value, list):
        return [expanded(inner, environ, unset) for inner in value]
    if not isinstance(value, str):
        return value

    def replacement(match: re.Match[str]) -> str:
        name, default = match[1], match[2]
        if default is not None:
            return environ.get(name) or default
        if name not in environ:
            unset.add(name)
        return environ.get(name, "")

    return _VARIABLE.sub(replacement, value)
