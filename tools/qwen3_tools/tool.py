"""The type of tools, and `@tool`, which makes a Python function a tool."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, NotRequired, cast, get_origin, get_type_hints, overload

import pydantic
import pydantic_core
from typing_extensions import TypedDict

from .context import RunContext, current_context
from .docstring import parse_docstring
from .errors import ToolDefinitionError, ToolError
from .json_schema import (
    in_reading_order,
    with_references_inlined,
    without_null_alternatives,
    without_titles,
)
from .threads import run_in_daemon_thread

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LONGEST_SHOWN_INPUT = 60
LONGEST_RESULT = 20_000
"""Default for the maximum number of characters of a result that the model sees."""

TIMEOUT = 300.0
"""Default for the maximum number of seconds of a call."""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """The result of a call."""

    text: str
    """The text for the model."""
    is_error: bool = False
    """Whether the call failed; then `text` says how to fix it."""
    structured: Any = None
    """The same result as JSON-like data, for programs."""
    files: tuple[Path, ...] = ()
    """Files that the call has made."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that a model can call. Made by `@tool`, an MCP server or the code interpreter."""

    name: str
    description: str
    parameters: dict[str, Any]
    """JSON Schema of the arguments, as the model sees it."""
    run: Callable[[dict[str, Any]], Awaitable[ToolResult]] = field(repr=False)
    """Validates the arguments and runs the call. Raises `ToolError` for the model."""
    timeout: float | None = None
    """Maximum number of seconds of a call. None: only limited by the tool itself, or by the run."""
    read_only: bool = False
    """Whether calls change nothing, so that they can be repeated, and made without approval."""
    requires_approval: bool = False
    """Whether calls need approval unless a policy allows them. A policy can also ask for others."""
    max_result_chars: int = LONGEST_RESULT
    """Longer results are shortened to both ends; the whole text is saved in a file."""
    folder: Path | None = None
    """The working folder of the tool, if any, in which other tools save files for the model."""
    problem: Callable[[dict[str, Any]], str | None] = field(
        default=lambda arguments: None, repr=False, compare=False
    )
    """Returns what is wrong with arguments, for the model, or None. Users are not asked to approve
    an invalid call."""
    function: Callable[..., Any] | None = field(default=None, repr=False, compare=False)
    """The Python function of the tool, if any."""

    def schema(self) -> dict[str, Any]:
        """Return the tool in the form of chat templates and of OpenAI's API."""
        return {
            "type": "function",
            "function": {
                "name": self.name,
                "description": self.description,
                "parameters": self.parameters,
            },
        }

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function of the tool, as if it were not decorated."""
        if self.function is None:
            raise TypeError(f"tool {self.name!r} is not a Python function: await run(arguments)")
        return self.function(*args, **kwargs)


@overload
def tool(function: Callable[..., Any], /) -> Tool: ...


@overload
def tool(
    function: None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    timeout: float | None = TIMEOUT,
    read_only: bool = False,
    requires_approval: bool = False,
) -> Callable[[Callable[..., Any]], Tool]: ...


def tool(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    timeout: float | None = TIMEOUT,
    read_only: bool = False,
    requires_approval: bool = False,
    **unknown: Any,
) -> Tool | Callable[[Callable[..., Any]], Tool]:
    """Make a function a tool; its type hints and docstring tell the model how to call it.

    A plain function runs in its own thread, an async function is awaited. The model receives the
    returned value: text unchanged, everything else as JSON. The function can raise `ToolError` with
    a message for the model. The tool can still be called like the function. A first parameter of
    the type `RunContext` receives the run that makes the call; the model does not see it.

    Args:
        function: The function, when used as a bare `@tool`.
        name: The name that the model uses. Default: the name of the function.
        description: What the tool does. Default: the docstring above `Args:`.
        timeout: Maximum number of seconds of a call. None: only limited by the run.
        read_only: True if a call changes nothing.
        requires_approval: True if a call needs approval where no policy decides otherwise.

    Raises:
        ToolDefinitionError: The signature cannot be described to a model.
    """
    if "approved" in unknown:
        raise ToolDefinitionError(
            f"@tool(approved={unknown['approved']!r}) was renamed: use "
            f"requires_approval={not unknown['approved']}."
        )
    if unknown:
        raise TypeError(f"tool() got an unexpected keyword argument {next(iter(unknown))!r}")
    make = functools.partial(
        _make_tool,
        name=name,
        description=description,
        timeout=timeout,
        read_only=read_only,
        requires_approval=requires_approval,
    )
    return make if function is None else make(function)


def _make_tool(
    function: Callable[..., Any],
    *,
    name: str | None,
    description: str | None,
    timeout: float | None,
    read_only: bool,
    requires_approval: bool,
) -> Tool:
    inner = function.func if isinstance(function, functools.partial) else function
    name = name or str(getattr(inner, "__name__", type(inner).__name__))
    if not _NAME.fullmatch(name):
        raise ToolDefinitionError(
            f"tool name {name!r} is invalid: it must be 1 to 64 letters, digits, _ or -; "
            "set it with @tool(name=...)"
        )
    if timeout is not None and not (isinstance(timeout, int | float) and timeout > 0):
        raise ToolDefinitionError(
            f"tool {name}: timeout must be a positive number, not {timeout!r}"
        )
    documented = parse_docstring(inspect.getdoc(inner) or "")
    parameters = _parameters(name, function)
    context = next((each for each in parameters.values() if _is_context(each)), None)
    if context is not None:
        del parameters[context.name]
        documented.arguments.pop(context.name, None)
    for described in documented.arguments:
        if described not in parameters and inner is function:
            raise ToolDefinitionError(
                f"tool {name}: the docstring describes {described!r}, which is not a parameter; "
                f"the parameters are: {', '.join(parameters) or 'none'}"
            )
    adapter = _arguments_adapter(name, parameters, documented.arguments)
    is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - an object with an async __call__
    )

    def valid(arguments: dict[str, Any]) -> dict[str, Any]:
        try:
            return adapter.validate_python(arguments)
        except pydantic.ValidationError as error:
            raise ToolError(_explain(name, error, parameters)) from None

    def problem(arguments: dict[str, Any]) -> str | None:
        try:
            valid(arguments)
        except ToolError as error:
            return str(error)
        return None

    async def run(arguments: dict[str, Any]) -> ToolResult:
        validated = valid(arguments)
        first = () if context is None else (current_context(),)
        call = functools.partial(function, *first, **validated)
        if is_async:
            value = await call()
        else:
            value = await run_in_daemon_thread(call)
            if inspect.isawaitable(value):
                value = await value
        return _result(value)

    return Tool(
        name=name,
        description=documented.description if description is None else description,
        parameters=_schema(name, adapter, parameters),
        run=run,
        problem=problem,
        timeout=timeout,
        read_only=read_only,
        requires_approval=requires_approval,
        function=function,
    )


def _parameters(name: str, function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """Return the parameters with resolved annotations, after checking them."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        raise ToolDefinitionError(
            f"tool {name}: {function!r} does not have a readable signature; wrap it in a function"
        ) from None
    hinted = function.func if isinstance(function, functools.partial) else function
    if not inspect.isroutine(hinted):
        hinted = type(hinted).__call__
    try:
        hints = get_type_hints(hinted, include_extras=True)
    except Exception as error:
        raise ToolDefinitionError(
            f"tool {name}: a type hint cannot be resolved ({error}); "
            "the types of a tool must be importable where the function is defined"
        ) from None
    resolved: dict[str, inspect.Parameter] = {}
    for parameter in signature.parameters.values():
        typed = parameter.replace(annotation=hints.get(parameter.name, parameter.empty))
        wrong = _why_unusable(typed, first=not resolved)
        if wrong:
            raise ToolDefinitionError(f"tool {name}: parameter {parameter.name!r} {wrong}")
        resolved[parameter.name] = typed
    return resolved


def _is_context(parameter: inspect.Parameter) -> bool:
    hint = parameter.annotation
    hint = hint.__origin__ if get_origin(hint) is Annotated else hint
    return (get_origin(hint) or hint) is RunContext


def _why_unusable(parameter: inspect.Parameter, *, first: bool) -> str | None:
    if parameter.kind is parameter.VAR_POSITIONAL:
        return f"is *{parameter.name}: models pass arguments by name; use a list instead"
    if parameter.kind is parameter.VAR_KEYWORD:
        return f"is **{parameter.name}: name each argument, or use a dict instead"
    if _is_context(parameter):
        return None if first else "is a RunContext: make it the first parameter"
    if parameter.kind is parameter.POSITIONAL_ONLY:
        return "is positional-only: models pass arguments by name; remove the '/'"
    if parameter.annotation is not parameter.empty:
        return None
    if parameter.name in ("self", "cls"):
        return "is not bound: use the bound method, tool(instance.method)"
    return f"does not have a type hint: write {parameter.name}: str, or its type"


def _arguments_adapter(
    name: str, parameters: dict[str, inspect.Parameter], descriptions: dict[str, str]
) -> pydantic.TypeAdapter[dict[str, Any]]:
    # A TypedDict, unlike a model, allows any parameter name (`schema`, `_x`) and does not add
    # defaults, which are left to the function.
    fields: dict[str, Any] = {}
    for parameter in parameters.values():
        hint = parameter.annotation
        if parameter.name in descriptions:
            hint = Annotated[hint, pydantic.Field(description=descriptions[parameter.name])]
        fields[parameter.name] = hint if _is_required(parameter) else NotRequired[hint]
    arguments = TypedDict(name, fields)  # type: ignore[misc]
    config = pydantic.ConfigDict(extra="forbid", coerce_numbers_to_str=True)
    pydantic.with_config(config)(arguments)
    try:
        adapter = pydantic.TypeAdapter(arguments)
        adapter.json_schema()
    except (pydantic.PydanticUserError, pydantic.PydanticUndefinedAnnotation):
        raise ToolDefinitionError(_unusable_type(name, parameters)) from None
    return cast("pydantic.TypeAdapter[dict[str, Any]]", adapter)


def _unusable_type(name: str, parameters: dict[str, inspect.Parameter]) -> str:
    types = "use str, int, float, bool, list, dict, Literal, an Enum, a dataclass or a model"
    for parameter in parameters.values():
        try:
            pydantic.TypeAdapter(parameter.annotation).json_schema()
        except pydantic.PydanticUserError:
            shown = inspect.formatannotation(parameter.annotation)
            return (
                f"tool {name}: parameter {parameter.name!r} is {shown}, which is not JSON; {types}"
            )
    return f"tool {name}: its parameters cannot be described in JSON; {types}"


def _schema(
    name: str,
    adapter: pydantic.TypeAdapter[dict[str, Any]],
    parameters: dict[str, inspect.Parameter],
) -> dict[str, Any]:
    schema = adapter.json_schema()
    for parameter in parameters.values():
        if not _is_required(parameter) and parameter.default is not None:
            try:
                default = pydantic_core.to_jsonable_python(parameter.default)
            except pydantic_core.PydanticSerializationError:
                continue
            schema["properties"][parameter.name].setdefault("default", default)
    schema = without_titles(with_references_inlined(schema))
    schema = in_reading_order(without_null_alternatives(schema))
    # Calls with unknown arguments are rejected; saying so in the prompt only costs tokens
    schema.pop("additionalProperties", None)
    schema.pop("description", None)
    return {"type": "object", "properties": {}, **schema}


def _is_required(parameter: inspect.Parameter) -> bool:
    return bool(parameter.default is inspect.Parameter.empty)


def _explain(name: str, error: pydantic.ValidationError, parameters: dict[str, Any]) -> str:
    """Return a validation error as a message that helps the model."""
    problems = []
    for problem in error.errors(include_url=False, include_context=False):
        where = ".".join(str(step) for step in problem["loc"]) or "arguments"
        if problem["type"] == "extra_forbidden" and len(problem["loc"]) == 1:
            takes = ", ".join(parameters) or "none"
            problems.append(f"{where}: No such argument (the arguments are: {takes})")
        elif problem["type"] == "missing":
            problems.append(f"{where}: {problem['msg']}")
        else:
            problems.append(f"{where}: {problem['msg']}, got {_shown(problem['input'])}")
    return f"Invalid arguments for {name}: {'; '.join(problems)}."


def _shown(value: Any) -> str:
    text = _to_json(value)
    return text if len(text) <= _LONGEST_SHOWN_INPUT else text[:_LONGEST_SHOWN_INPUT] + "…"


def _result(value: Any) -> ToolResult:
    if isinstance(value, ToolResult):
        return value
    if isinstance(value, str):
        return ToolResult(str(value))
    if value is None:
        return ToolResult("The tool finished and returned nothing.")
    text = _to_json(value)
    return ToolResult(text, structured=pydantic_core.from_json(text))


def _to_json(value: Any) -> str:
    return pydantic_core.to_json(
        value, fallback=str, bytes_mode="base64", inf_nan_mode="constants"
    ).decode()
