"""Errors that tell users of an old public name what it is called now."""

from __future__ import annotations

import dis
import sys
from collections.abc import Mapping

__all__ = ["missing_attribute", "missing_name"]


def missing_name(module: str, name: str, new_names: Mapping[str, str]) -> Exception:
    """Return what a module's `__getattr__` raises for a name that it does not have.

    `from module import name` replaces any AttributeError by an ImportError without our message, so
    it gets an ImportError at once. `hasattr` and `getattr` with a default need an AttributeError.

    Args:
        module: the `__name__` of the module.
        name: the name that was looked up.
        new_names: what names of earlier versions are called today.
    """
    if name not in new_names:
        return AttributeError(f"module {module!r} has no attribute {name!r}")
    message = f"{module}.{name} was renamed: use {new_names[name]}."
    frame = sys._getframe(2)
    operation = dis.opname[frame.f_code.co_code[frame.f_lasti]]
    return ImportError(message) if operation == "IMPORT_FROM" else AttributeError(message)


def missing_attribute(owner: object, name: str, new_names: Mapping[str, str]) -> AttributeError:
    """Return what a class's `__getattr__` raises for a name that it does not have."""
    kind = type(owner).__name__
    if name not in new_names:
        return AttributeError(f"{kind!r} object has no attribute {name!r}")
    return AttributeError(f"{kind}.{name} is gone: use {new_names[name]}.")
