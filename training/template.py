"""The bundled model's own chat template, as the trainer renders it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

FOLDER = Path(__file__).parents[1] / "agent" / "qwen3_agent" / "qwen3_tiny"


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True)
    environment.filters["tojson"] = lambda value, **_: json.dumps(value, ensure_ascii=False)
    return environment.from_string((FOLDER / "chat_template.jinja").read_text())


def render(messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> str:
    """The text of a conversation without generation prompt."""
    return _template().render(messages=messages, tools=tools)
