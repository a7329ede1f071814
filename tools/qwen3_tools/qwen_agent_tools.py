"""Adapts tools written for Qwen-Agent, without importing that package."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from .errors import ToolError
from .threads import run_in_daemon_thread
from .tool import Tool, ToolResult


def is_qwen_agent_tool(given: object) -> bool:
    """Return True if `given` has the shape of a `qwen_agent.tools.base.BaseTool`."""
    return callable(getattr(given, "call", None)) and isinstance(
        getattr(given, "function", None), Mapping
    )


def from_qwen_agent(given: Any) -> Tool:
    """Convert a `BaseTool` of Qwen-Agent to a `Tool`.

    It is called in its own thread, with the arguments as JSON text. Its result is shown to the
    model as in Qwen-Agent: text unchanged, everything else as indented JSON.
    """
    function = given.function
    name: str = function["name"]

    async def run(arguments: dict[str, Any]) -> ToolResult:
        text = json.dumps(arguments, ensure_ascii=False)
        answer = await run_in_daemon_thread(partial(given.call, text))
        return ToolResult(_as_text(name, answer))

    return Tool(name, function["description"], _schema(function["parameters"]), run)


def _schema(parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a JSON Schema, also for Qwen-Agent's list of parameters with `required` flags."""
    if isinstance(parameters, Mapping):
        return dict(parameters)
    properties = {
        each["name"]: {key: value for key, value in each.items() if key not in ("name", "required")}
        for each in parameters
    }
    required = [each["name"] for each in parameters if each.get("required")]
    return {"type": "object", "properties": properties, "required": required}


def _as_text(name: str, answer: Any) -> str:
    if isinstance(answer, str):
        return answer
    if isinstance(answer, list) and answer and all(hasattr(item, "model_dump") for item in answer):
        items = [item.model_dump(exclude_none=True) for item in answer]
        if any(set(item) != {"text"} for item in items):
            raise ToolError(f"{name} answered with media, which a text model cannot read.")
        return "".join(item["text"] for item in items)
    return json.dumps(answer, ensure_ascii=False, indent=4)
