"""Errors for names of earlier versions that give their new names."""

from __future__ import annotations

from collections.abc import Mapping


def missing_name(module: str, name: str, new_names: Mapping[str, str]) -> Exception:
    """Return the error for a module's `__getattr__` to raise.

    For an old name it is an ImportError, because `from module import name` replaces the message of
    an AttributeError. So `hasattr` and `getattr` raise it as well, even with a default.

    Args:
        module: The `__name__` of the module.
        name: The missing name.
        new_names: The current names, by those of earlier versions.
    """
    if name in new_names:
        return ImportError(f"{module}.{name} was renamed: use {new_names[name]}.")
    return AttributeError(f"module {module!r} has no attribute {name!r}")


def missing_attribute(owner: object, name: str, new_names: Mapping[str, str]) -> AttributeError:
    """Return the error for a class's `__getattr__` to raise; the arguments are similar."""
    kind = type(owner).__name__
    if name in new_names:
        return AttributeError(f"{kind}.{name} was removed: use {new_names[name]}.")
    return AttributeError(f"{kind!r} object has no attribute {name!r}")
