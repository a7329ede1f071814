"""Short descriptions of exceptions."""

from __future__ import annotations

import pydantic


def innermost(error: BaseException) -> BaseException:
    """Return the first exception in a group, however deeply nested."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def first_line(error: BaseException) -> str:
    """Return the first line of the message, or the first problem of a validation error."""
    if isinstance(error, pydantic.ValidationError):
        problem = error.errors(include_url=False)[0]
        place = ".".join(map(str, problem["loc"]))
        return f"{place}: {problem['msg']}" if place else problem["msg"]
    return str(error).partition("\n")[0] or type(error).__name__
