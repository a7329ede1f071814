"""Reads Qwen-Agent's `llm` dictionaries."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from ...agent import Agent
from ...errors import Qwen3AgentError
from ...limits import Limits
from ...sampling import Sampling
from ...thinking import Mode

MODEL_TYPE = "qwen3_agent"
"""The model type of our engines in Qwen-Agent."""

_DASHSCOPE = "https://dashscope.aliyuncs.com/compatible-mode/v1"
_STEPS = 20  # Qwen-Agent's own limit of model calls in a run
_MODEL_TYPES = (None, "", "oai", "qwen_dashscope", MODEL_TYPE)
_SAMPLING = ("temperature", "top_p", "top_k", "min_p", "seed")
_IGNORED = {
    *("cache_dir", "fncall_prompt_type", "function_choice", "incremental_output", "lang"),
    *("max_input_tokens", "max_retries", "max_tokens", "parallel_function_calls", "stop"),
    *("request_timeout", "use_raw_api"),
}
"""Entries of `generate_cfg` for machinery of Qwen-Agent that has no equivalent here."""


@dataclass(frozen=True, slots=True)
class Settings:
    """A model, its server, and how it generates."""

    model: str | None
    base_url: str | None
    api_key: str | None
    thinking: Mode | None
    sampling: Sampling | None
    thought_in_content: bool

    @classmethod
    def of(cls, llm: Mapping[str, Any]) -> Self:
        """Read an `llm` dictionary.

        Raises:
            Qwen3AgentError: An entry is not supported.
        """
        rest = dict(llm)
        model = rest.pop("model", None) or None
        servers = [rest.pop(name, None) for name in ("model_server", "base_url", "api_base")]
        server = next((str(each).strip() for each in servers if each), None)
        api_key = rest.pop("api_key", None)
        model_type = rest.pop("model_type", None)
        generate = dict(rest.pop("generate_cfg", None) or {})
        rest.pop("cache_dir", None)
        if rest:
            raise Qwen3AgentError(
                f"llm: {min(rest)!r} is not supported; use model, model_server, api_key, "
                "model_type and generate_cfg."
            )
        if model_type not in _MODEL_TYPES:
            raise Qwen3AgentError(
                f"llm: model_type {model_type!r} is not supported; use oai, qwen_dashscope or "
                f"{MODEL_TYPE}."
            )
        if server == "dashscope" or (model_type == "qwen_dashscope" and not server):
            server, api_key = _DASHSCOPE, api_key or os.environ.get("DASHSCOPE_API_KEY")
        if model_type == "oai" and not server:
            raise Qwen3AgentError("llm: model_type oai requires the URL of a server, model_server.")
        return cls(model, server, api_key, *_generation(generate))

    def agent(self, tools: Sequence[Any]) -> Agent:
        """Return an agent with these settings and `tools`."""
        return Agent(
            self.model,
            base_url=self.base_url,
            api_key=self.api_key,
            tools=tools,
            thinking=self.thinking,
            sampling=self.sampling,
            limits=Limits(steps=_STEPS),
        )


def _generation(generate: dict[str, Any]) -> tuple[Mode | None, Sampling | None, bool]:
    """Return thinking, sampling and `thought_in_content` of a `generate_cfg`.

    Servers expect `enable_thinking`, and some sampling parameters, at different levels of it.
    """
    generate |= generate.pop("extra_body", None) or {}
    generate |= generate.pop("chat_template_kwargs", None) or {}
    in_content = bool(generate.pop("thought_in_content", False))
    enabled, budget = generate.pop("enable_thinking", None), generate.pop("thinking_budget", None)
    thinking: Mode | None = None
    if enabled is not None and not enabled:
        thinking = "off"
    elif budget is not None:
        thinking = int(budget)
    elif enabled:
        thinking = "on"
    given = {name: generate.pop(name) for name in _SAMPLING if generate.get(name) is not None}
    unknown = {name for name, value in generate.items() if value is not None} - _IGNORED
    if unknown:
        raise Qwen3AgentError(f"llm: {min(unknown)!r} in generate_cfg is not supported.")
    try:
        return thinking, replace(Sampling.thinking(), **given) if given else None, in_content
    except ValueError as error:
        raise Qwen3AgentError(f"llm: generate_cfg: {error}") from error
