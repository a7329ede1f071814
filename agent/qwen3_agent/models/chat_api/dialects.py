"""Where requests to various chat servers differ."""

from __future__ import annotations

from typing import Any, Literal

from ...thinking import Plan

__all__ = ["OPTIONAL", "Kind", "thinking_fields"]

Kind = Literal["vllm", "sglang", "llamacpp", "ollama", "lmstudio", "dashscope", "other"]
"""Whose server it is, as far as requests differ."""

OPTIONAL = (
    "top_k",
    "min_p",
    "seed",
    "chat_template_kwargs",
    "custom_params",
    "reasoning_effort",
    "thinking_budget_tokens",
    "reasoning_budget_tokens",
    "parallel_tool_calls",
    "response_format",
    "stream_options",
)
"""Fields without which a request still means something. Some servers refuse what they do not
know, such as `transformers serve`."""


def thinking_fields(kind: Kind, plan: Plan) -> dict[str, Any]:
    """How each server is told whether to think, and how much.

    From their documentation: Alibaba Cloud's "Deep thinking", SGLang's "Thinking budget" (it holds
    when the server was started with --enable-strict-thinking), and what llama.cpp's server and
    Ollama take. vLLM's own budget is left alone: it can break tool calls (vllm#44676).
    """
    fields: dict[str, Any] = {}
    if kind == "dashscope":
        fields["enable_thinking"] = plan.on
        if plan.budget is not None:
            fields["thinking_budget"] = plan.budget
        return fields
    fields["chat_template_kwargs"] = {"enable_thinking": plan.on}
    if kind == "ollama" and not plan.on:
        fields["reasoning_effort"] = "none"
    if plan.on and plan.budget is not None:
        if kind == "llamacpp":
            # Builds differ in which of the two they read
            fields["thinking_budget_tokens"] = plan.budget
            fields["reasoning_budget_tokens"] = plan.budget
        elif kind == "sglang":
            fields["custom_params"] = {"thinking_budget": plan.budget}
    return fields
