"""Exports runs as OpenTelemetry traces, with the semantic conventions for generative AI.

The format is https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding, with the names of
https://github.com/open-telemetry/semantic-conventions-genai: a turn is `invoke_agent`, a message of
the model `chat`, a call `execute_tool`. Attributes without a name in the conventions begin with
`qwen3_agent.`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from ..messages import Content, MalformedCall, Part, Reasoning
from ..result import Usage
from .recorded import RecordedCall, RecordedError, RecordedRun, RecordedStep, RecordedTurn

_INTERNAL, _CLIENT = 1, 3
_ERROR = 2
_PROVIDER = "qwen3_agent"


def otlp_json(run: RecordedRun) -> dict[str, Any]:
    """Return the run as the body of a request to an OTLP/HTTP collector's `/v1/traces`."""
    spans = [span for turn in run.turns for span in _Trace(run, turn).spans()]
    version = run.program.rpartition(" ")[2]
    service = {"service.name": "qwen3-agent", "service.version": version}
    scope = {"name": _PROVIDER, "version": version}
    resource = {"attributes": _attributes(service)}
    return {
        "resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": scope, "spans": spans}]}]
    }


class _Trace:
    """The trace of one turn."""

    def __init__(self, run: RecordedRun, turn: RecordedTurn) -> None:
        self._run = run
        self._turn = turn
        self._end = turn.finished or run.last

    def spans(self) -> Iterator[dict[str, Any]]:
        yield self._turn_span()
        for number, step in enumerate(self._turn.steps):
            yield self._chat_span(step, number)
            for call in step.calls:
                if call.started is not None:
                    yield self._tool_span(call, number)

    def _turn_span(self) -> dict[str, Any]:
        run, turn = self._run, self._turn
        usage = sum((step.report.usage for step in turn.steps if step.report), Usage())
        attributes: dict[str, Any] = {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.provider.name": _PROVIDER,
            "gen_ai.agent.name": "qwen3-agent",
            "gen_ai.request.model": turn.model,
            "gen_ai.conversation.id": run.id,
            "gen_ai.input.messages": _message("user", _text_part(turn.text)),
            **_usage(usage),
            "qwen3_agent.route": run.route,
            "qwen3_agent.status": turn.status,
        }
        if turn.output:
            attributes["gen_ai.output.messages"] = _message("assistant", _text_part(turn.output))
        time = (turn.started, self._end)
        return self._span("invoke_agent qwen3-agent", (), _INTERNAL, time, attributes, turn.error)

    def _chat_span(self, step: RecordedStep, number: int) -> dict[str, Any]:
        turn, plan, report = self._turn, step.plan, step.report
        attributes: dict[str, Any] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": _PROVIDER,
            "gen_ai.request.model": turn.model,
            "gen_ai.response.model": turn.model,
            "gen_ai.conversation.id": self._run.id,
            "gen_ai.request.stream": True,
            "qwen3_agent.step": step.index,
            "qwen3_agent.thinking.on": plan.on,
            "qwen3_agent.thinking.reason": plan.reason,
        }
        if plan.budget is not None:
            attributes["qwen3_agent.thinking.budget"] = plan.budget
        if step.first_text is not None:
            delay = round(step.first_text - step.started, 4)
            attributes["gen_ai.response.time_to_first_chunk"] = delay
        error = None
        if report is None:
            error = turn.error or RecordedError("cut_off", "")
        else:
            parts = [_part(part, call_id) for part, call_id in step.parts_and_ids()]
            calls_tools = step.tool_calls and report.finish == "stop"
            attributes |= {
                "gen_ai.response.finish_reasons": ["tool_call" if calls_tools else report.finish],
                **_usage(report.usage),
                "gen_ai.output.messages": _message("assistant", *parts),
                "qwen3_agent.thinking.closed_by_force": report.closed_by_force,
            }
        time, place = (step.started, step.said or self._end), ("step", number)
        return self._span(f"chat {turn.model}", place, _CLIENT, time, attributes, error)

    def _tool_span(self, call: RecordedCall, number: int) -> dict[str, Any]:
        attributes: dict[str, Any] = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": call.name,
            "gen_ai.tool.type": "function",
            "gen_ai.tool.call.id": call.id,
            "gen_ai.tool.call.arguments": json.dumps(call.arguments, ensure_ascii=False),
            "gen_ai.conversation.id": self._run.id,
        }
        for tool in self._run.tools:
            if tool["name"] == call.name:
                attributes["gen_ai.tool.description"] = tool["description"]
        error = None
        if call.finished is None:
            error = RecordedError("outcome_unknown", "The run ended while the call was running.")
        else:
            attributes["gen_ai.tool.call.result"] = call.text
            if call.is_error:
                error = RecordedError("tool_error", call.text)
        time = (call.started or self._turn.started, call.finished or self._end)
        place = ("call", number, call.id)
        return self._span(f"execute_tool {call.name}", place, _INTERNAL, time, attributes, error)

    def _span(
        self,
        name: str,
        place: tuple[object, ...],
        kind: int,
        time: tuple[float, float],
        attributes: dict[str, Any],
        error: RecordedError | None,
    ) -> dict[str, Any]:
        """Return a span; `place` tells it from others in the turn, and is empty for the turn."""
        trace = (self._run.id, self._turn.index)
        start, end = time
        if error is not None:
            attributes = attributes | {"error.type": error.type}
        return {
            "traceId": _id(16, *trace),
            "spanId": _id(8, *trace, *(place or ("turn",))),
            **({"parentSpanId": _id(8, *trace, "turn")} if place else {}),
            "name": name,
            "kind": kind,
            "startTimeUnixNano": str(round(start * 1e9)),
            "endTimeUnixNano": str(round(max(start, end) * 1e9)),
            "attributes": _attributes(attributes),
            **({"status": {"message": error.message, "code": _ERROR}} if error else {}),
        }


def _usage(usage: Usage) -> dict[str, int]:
    return {
        "gen_ai.usage.input_tokens": usage.input_tokens,
        "gen_ai.usage.output_tokens": usage.output_tokens,
        "gen_ai.usage.reasoning.output_tokens": usage.thinking_tokens,
        "gen_ai.usage.cache_read.input_tokens": usage.cached_tokens,
    }


def _attributes(named: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": name, "value": _value(value)} for name, value in named.items()]


def _value(value: object) -> dict[str, Any]:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case list():
            return {"arrayValue": {"values": [_value(each) for each in value]}}
    return {"stringValue": str(value)}


def _message(role: str, *parts: dict[str, Any]) -> str:
    """Return a list with one message as JSON, the form of the message attributes."""
    return json.dumps([{"role": role, "parts": parts}], ensure_ascii=False)


def _text_part(text: str) -> dict[str, Any]:
    return {"type": "text", "content": text}


def _part(part: Part, call_id: str) -> dict[str, Any]:
    if isinstance(part, Reasoning):
        return {"type": "reasoning", "content": part.text}
    if isinstance(part, Content):
        return _text_part(part.text)
    if isinstance(part, MalformedCall):
        return {
            "type": "malformed_tool_call",
            "id": call_id,
            "content": part.raw,
            "error": part.error,
        }
    return {"type": "tool_call", "id": call_id, "name": part.name, "arguments": part.arguments}


def _id(size: int, *named: object) -> str:
    """Return an id that is the same in every export of the run."""
    return hashlib.sha256("/".join(map(str, named)).encode()).hexdigest()[: 2 * size]
