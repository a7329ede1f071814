"""What Qwen-Agent's `llm` dictionary says, in our words."""

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
"""Under which our engines are registered with Qwen-Agent."""

_DASHSCOPE = "https://dashscope.aliyuncs.com/compatible-mode/v1"
_STEPS = 20  # Qwen-Agent's own bound on calls of the model in a run
_MODEL_TYPES = (None, "", "oai", "qwen_dashscope", MODEL_TYPE)
_MEANT_FOR_QWEN_AGENT = {
    *("cache_dir", "fncall_prompt_type", "function_choice", "incremental_output", "lang"),
    *("max_input_tokens", "max_retries", "max_tokens", "parallel_function_calls", "stop"),
    *("request_timeout", "use_raw_api"),
}
"""Settings of its own machinery, which ours does without."""


@dataclass(frozen=True, slots=True)
class Settings:
    """A model, where it is, and how it is asked."""

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
            Qwen3AgentError: it says something that is not offered here.
        """
        rest = dict(llm)
        model = rest.pop("model", None) or None
        server = _first(rest, "model_server", "base_url", "api_base")
        api_key = rest.pop("api_key", None)
        model_type = rest.pop("model_type", None)
        generate = dict(rest.pop("generate_cfg", None) or {})
        rest.pop("cache_dir", None)
        if rest:
            raise Qwen3AgentError(
                f"llm: {sorted(rest)[0]!r} is not offered; there are model, model_server, api_key, "
                "model_type and generate_cfg."
            )
        if model_type not in _MODEL_TYPES:
            raise Qwen3AgentError(
                f"llm: model_type {model_type!r} is not offered; there are oai, qwen_dashscope and "
                f"{MODEL_TYPE}."
            )
        if server == "dashscope" or (model_type == "qwen_dashscope" and not server):
            server, api_key = _DASHSCOPE, api_key or os.environ.get("DASHSCOPE_API_KEY")
        if model_type == "oai" and not server:
            raise Qwen3AgentError("llm: model_type oai wants the server's URL in model_server.")
        return cls(model, server, api_key, _thinking(generate), *_generation(generate))

    def agent(self, tools: Sequence[Any]) -> Agent:
        """An agent with these settings and `tools`."""
        return Agent(
            self.model,
            base_url=self.base_url,
            api_key=self.api_key,
            tools=tools,
            thinking=self.thinking,
            sampling=self.sampling,
            limits=Limits(steps=_STEPS),
        )


def _first(settings: dict[str, Any], *names: str) -> str | None:
    given = [str(settings.pop(name) or "").strip() for name in names if name in settings]
    return next((each for each in given if each), None)


def _thinking(generate: dict[str, Any]) -> Mode | None:
    """Taken out of a `generate_cfg`, wherever servers want it to stand."""
    body = dict(generate.pop("extra_body", None) or {})
    template = dict(body.pop("chat_template_kwargs", None) or {})
    places = (template, body, generate)
    on = [place.pop("enable_thinking") for place in places if "enable_thinking" in place]
    budget = [place.pop("thinking_budget") for place in places if "thinking_budget" in place]
    for name in ("top_k", "min_p", "temperature", "top_p"):
        if name in body:
            generate.setdefault(name, body.pop(name))
    left = sorted({*body, *template})
    if left:
        raise Qwen3AgentError(f"llm: extra_body holds {left[0]!r}, which is not offered here.")
    if on and not on[0]:
        return "off"
    if budget and budget[0] is not None:
        return int(budget[0])
    return "on" if on else None


def _generation(generate: dict[str, Any]) -> tuple[Sampling | None, bool]:
    """Sampling, and whether thoughts stand in the text; what else there is must be known."""
    in_content = bool(generate.pop("thought_in_content", False))
    fields = ("temperature", "top_p", "top_k", "min_p", "seed")
    given = {name: generate.pop(name) for name in fields if generate.get(name) is not None}
    left = sorted({name for name, value in generate.items() if value is not None})
    unknown = [name for name in left if name not in _MEANT_FOR_QWEN_AGENT]
    if unknown:
        raise Qwen3AgentError(f"llm: generate_cfg holds {unknown[0]!r}, which is not offered here.")
    try:
        return (replace(Sampling.thinking(), **given) if given else None), in_content
    except ValueError as error:
        raise Qwen3AgentError(f"llm: generate_cfg: {error}") from error
