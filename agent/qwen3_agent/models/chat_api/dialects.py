"""The differences between chat servers in what they expect of a request."""

from __future__ import annotations

from typing import Any, Literal

from ...thinking import Plan

Kind = Literal["vllm", "sglang", "llamacpp", "ollama", "lmstudio", "dashscope", "other"]
"""The server software, as far as requests differ."""

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
"""Fields that may be omitted when a server rejects them, as `transformers serve` does."""


def thinking_fields(kind: Kind, plan: Plan) -> dict[str, Any]:
    """Return the request fields that switch thinking on or off and limit it.

    Sources: Alibaba Cloud's "Deep thinking", SGLang's "Thinking budget" (enforced if the server was
    started with --enable-strict-thinking), and the documentation of llama.cpp's server and Ollama.
    vLLM's own budget is not used, because it can break tool calls (vllm#44676).
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
            # Which of the two is read depends on the build
            fields["thinking_budget_tokens"] = plan.budget
            fields["reasoning_budget_tokens"] = plan.budget
        elif kind == "sglang":
            fields["custom_params"] = {"thinking_budget": plan.budget}
    return fields
