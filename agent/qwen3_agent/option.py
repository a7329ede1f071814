"""Options: one declaration for the description, the command-line flag and the settings key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from textwrap import wrap
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """The description of one option, as the references, the command and settings files show it."""

    description: str
    """For Python: one or more sentences."""
    default: Any = None
    """The default value. None, too, if a function makes it."""
    flag: str | None = None
    """On the command line, such as "--model". None: not available there."""
    metavar: str | None = None
    """Placeholder of the flag's value in the help."""
    help: str | None = None
    """The flag's description in the help."""
    key: str | None = None
    """In a settings file, such as "limits.steps". None: not available there."""
    key_type: Any = None
    """The type of that key's value, where it differs from the Python argument's."""


def option(
    description: str,
    *,
    default: Any = MISSING,
    default_factory: Callable[[], Any] | Any = MISSING,
    **places: Any,
) -> Any:
    """Return a dataclass field that carries an `Option`; `places` are the other fields of it."""
    shown = None if default is MISSING else default
    described = Option(description=description, default=shown, **places)
    return field(default=default, default_factory=default_factory, metadata={"option": described})


def options_of(owner: Any) -> Mapping[str, Option]:
    """Return the options of a dataclass by the names of their fields, in order."""
    return {
        each.name: each.metadata["option"] for each in fields(owner) if "option" in each.metadata
    }


def describe_arguments(owner: Any = None) -> Callable[[type[T]], type[T]]:
    """Return a class decorator that adds the options of a dataclass to the docstring's `Args`."""

    def describe(cls: type[T]) -> type[T]:
        lines = ["Args:"]
        for name, each in options_of(owner or cls).items():
            lines += wrap(f"{name}: {each.description}", 92, subsequent_indent="    ")
        described = "\n        ".join(lines)
        before, raises, after = (cls.__doc__ or "").partition("    Raises:")
        cls.__doc__ = f"{before}    {described}\n\n{raises}{after}"
        return cls

    return describe
