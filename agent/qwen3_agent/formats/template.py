"""A checkpoint's chat template: found, compiled as in Transformers, and rendered.

The output must match the text that the model was trained on, so the environment equals that of
`transformers.utils.chat_template_utils`: trimmed blocks, and `tojson` without HTML escapes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ChatFormatError

if TYPE_CHECKING:
    from jinja2 import Environment
    from jinja2.parser import Parser

Message = Mapping[str, Any]


class ChatTemplate:
    """A compiled chat template.

    Args:
        source: the Jinja template.
        variables: additional variables, such as `bos_token`.

    Raises:
        ChatFormatError: the template is not valid Jinja.
    """

    def __init__(self, source: str, variables: Mapping[str, Any] | None = None) -> None:
        from jinja2 import TemplateSyntaxError

        self._variables = dict(variables or {})
        try:
            self._template = _environment().from_string(source)
        except TemplateSyntaxError as error:
            raise ChatFormatError(
                f"The chat template is not valid Jinja at line {error.lineno}: {error.message}"
            ) from error

    @classmethod
    def from_folder(cls, folder: Path) -> ChatTemplate:
        """Read the chat template of a checkpoint.

        Raises:
            ChatFormatError: the checkpoint has no valid template.
        """
        config = _read_json(folder / "tokenizer_config.json")
        source = _read_text(folder / "chat_template.jinja")
        if source is None:
            source = _named_template(config.get("chat_template"))
        if source is None:
            source = _named_template(_read_json(folder / "chat_template.json").get("chat_template"))
        if source is None:
            raise ChatFormatError(
                f"{folder} has no chat template: looked for chat_template.jinja and for "
                '"chat_template" in tokenizer_config.json and chat_template.json. '
                "Base models have none; use a chat model."
            )
        variables = {
            key: value.get("content") if isinstance(value, dict) else value
            for key, value in config.items()
            if key.endswith("_token")
        }
        return cls(source, variables)

    def render(
        self,
        messages: Sequence[Message],
        tools: Sequence[Mapping[str, Any]] = (),
        *,
        thinking: bool | None,
        generation_prompt: bool,
    ) -> str:
        """Render a conversation as text.

        Args:
            messages: in OpenAI's format.
            tools: schemas in OpenAI's format.
            thinking: `enable_thinking`; None leaves it to the template.
            generation_prompt: append the opening of an assistant message.

        Raises:
            ChatFormatError: the template cannot render these messages.
        """
        variables = dict(self._variables)
        if thinking is not None:
            variables["enable_thinking"] = thinking
        try:
            return str(
                self._template.render(
                    messages=list(messages),
                    tools=list(tools) or None,
                    add_generation_prompt=generation_prompt,
                    **variables,
                )
            )
        except Exception as error:  # a template can raise anything
            raise ChatFormatError(
                f"The chat template cannot render these messages: {error}"
            ) from error


def _environment() -> Environment:
    from jinja2 import TemplateError, nodes
    from jinja2.ext import Extension, loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Generation(Extension):
        """`{% generation %}`, which marks the assistant's text in templates for training."""

        tags = {"generation"}  # noqa: RUF012

        def parse(self, parser: Parser) -> nodes.Node:
            line = next(parser.stream).lineno
            body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
            return nodes.Scope(body, lineno=line)

    def raise_exception(message: str) -> None:
        raise TemplateError(message)

    def strftime_now(date_format: str) -> str:
        return datetime.now().strftime(date_format)

    def tojson(
        value: Any,
        ensure_ascii: bool = False,
        indent: int | None = None,
        separators: tuple[str, str] | None = None,
        sort_keys: bool = False,
    ) -> str:
        return json.dumps(
            value,
            ensure_ascii=ensure_ascii,
            indent=indent,
            separators=separators,
            sort_keys=sort_keys,
        )

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols]
    )
    environment.filters["tojson"] = tojson
    environment.globals.update(raise_exception=raise_exception, strftime_now=strftime_now)
    return environment


def _named_template(value: Any) -> str | None:
    """Return a template, or the default one of a list of named templates."""
    if isinstance(value, list):
        named = {entry.get("name"): entry.get("template") for entry in value}
        value = named.get("default", named.get("tool_use"))
    return value if isinstance(value, str) else None


def _read_text(path: Path) -> str | None:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ChatFormatError(f"Cannot read {path}: {error}") from error


def _read_json(path: Path) -> dict[str, Any]:
    text = _read_text(path)
    if text is None:
        return {}
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ChatFormatError(f"{path} is not valid JSON: {error}") from error
    return value if isinstance(value, dict) else {}
