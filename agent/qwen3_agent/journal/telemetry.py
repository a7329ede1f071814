"""A run as an OpenTelemetry trace: OTLP's JSON, by the semantic conventions for generative AI.

Shapes and names are those of https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding and
https://github.com/open-telemetry/semantic-conventions-genai: a turn is `invoke_agent`, a message of
the model `chat`, a call `execute_tool`. What the conventions have no name for is under
`qwen3_agent.`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from ..messages import Content, MalformedCall, Part, Reasoning
from ..result import Usage
from .reader import RecordedCall, RecordedRun, RecordedStep, RecordedTurn

_INTERNAL, _CLIENT = 1, 3
_ERROR = 2
_PROVIDER = "qwen3_agent"


def otlp_json(run: RecordedRun) -> dict[str, Any]:
    """The run as the body of a request to an OTLP/HTTP collector's `/v1/traces`."""
    spans: list[dict[str, Any]] = []
    for turn in run.turns:
        spans += _turn_spans(run, turn)
    version = run.program.rpartition(" ")[2]
    return {
        "resourceSpans": [
            {
                "resource": {
                    "attributes": _attributes(
                        {"service.name": "qwen3-agent", "service.version": version}
                    )
                },
                "scopeSpans": [{"scope": {"name": _PROVIDER, "version": version}, "spans": spans}],
            }
        ]
    }


def _turn_spans(run: RecordedRun, turn: RecordedTurn) -> list[dict[str, Any]]:
    trace = _id(16, run.id, turn.index)
    root = _id(8, run.id, turn.index, "turn")
    end = turn.finished or run.last
    reports = [step.report for step in turn.steps if step.report is not None]
    attributes: dict[str, Any] = {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.provider.name": _PROVIDER,
        "gen_ai.agent.name": "qwen3-agent",
        "gen_ai.request.model": turn.model,
        "gen_ai.conversation.id": run.id,
        "gen_ai.input.messages": json.dumps([_said_by("user", turn.text)], ensure_ascii=False),
        **_usage(sum((report.usage for report in reports), Usage())),
        "qwen3_agent.route": run.route,
        "qwen3_agent.status": turn.status,
    }
    if turn.output:
        attributes["gen_ai.output.messages"] = json.dumps(
            [_said_by("assistant", turn.output)], ensure_ascii=False
        )
    spans = [
        _span(
            "invoke_agent qwen3-agent",
            trace,
            root,
            None,
            _INTERNAL,
            turn.started,
            end,
            attributes,
            turn.error,
        )
    ]
    for number, step in enumerate(turn.steps):
        spans.append(_chat_span(run, turn, step, number, trace, root, end))
        spans += [
            _tool_span(run, turn, call, number, trace, root, end)
            for call in step.calls
            if call.started is not None
        ]
    return spans


def _chat_span(
    run: RecordedRun,
    turn: RecordedTurn,
    step: RecordedStep,
    number: int,
    trace: str,
    parent: str,
    end: float,
) -> dict[str, Any]:
    attributes: dict[str, Any] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": _PROVIDER,
        "gen_ai.request.model": turn.model,
        "gen_ai.response.model": turn.model,
        "gen_ai.conversation.id": run.id,
        "gen_ai.request.stream": True,
        "qwen3_agent.step": step.index,
        "qwen3_agent.thinking.on": step.plan["on"],
        "qwen3_agent.thinking.reason": step.plan["reason"],
    }
    if step.plan["budget"] is not None:
        attributes["qwen3_agent.thinking.budget"] = step.plan["budget"]
    if step.first_text is not None:
        attributes["gen_ai.response.time_to_first_chunk"] = round(step.first_text - step.started, 4)
    if (report := step.report) is not None:
        parts = [_part(part, f"{step.index}.{n}") for n, part in _numbered_calls(step.parts)]
        attributes |= {
            "gen_ai.response.finish_reasons": [
                "tool_call" if step.tool_calls and report.finish == "stop" else report.finish
            ],
            **_usage(report.usage),
            "gen_ai.output.messages": json.dumps(
                [{"role": "assistant", "parts": parts}], ensure_ascii=False
            ),
            "qwen3_agent.thinking.closed_by_force": report.closed_by_force,
        }
    error = None if report is not None else turn.error or {"type": "cut_off", "message": ""}
    return _span(
        f"chat {turn.model}",
        trace,
        _id(8, run.id, turn.index, "step", number),
        parent,
        _CLIENT,
        step.started,
        step.said or end,
        attributes,
        error,
    )


def _tool_span(
    run: RecordedRun,
    turn: RecordedTurn,
    call: RecordedCall,
    number: int,
    trace: str,
    parent: str,
    end: float,
) -> dict[str, Any]:
    described = next((tool for tool in run.tools if tool["name"] == call.name), None)
    attributes: dict[str, Any] = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": call.name,
        "gen_ai.tool.type": "function",
        "gen_ai.tool.call.id": call.id,
        "gen_ai.tool.call.arguments": json.dumps(call.arguments, ensure_ascii=False),
        "gen_ai.conversation.id": run.id,
    }
    if described is not None:
        attributes["gen_ai.tool.description"] = described["description"]
    error = None
    if call.finished is None:
        error = {"type": "outcome_unknown", "message": "The run ended while the call was running."}
    else:
        attributes["gen_ai.tool.call.result"] = call.text
        if call.is_error:
            error = {"type": "tool_error", "message": call.text}
    return _span(
        f"execute_tool {call.name}",
        trace,
        _id(8, run.id, turn.index, "call", number, call.id),
        parent,
        _INTERNAL,
        call.started or turn.started,
        call.finished or end,
        attributes,
        error,
    )


def _usage(usage: Usage) -> dict[str, int]:
    return {
        "gen_ai.usage.input_tokens": usage.input_tokens,
        "gen_ai.usage.output_tokens": usage.output_tokens,
        "gen_ai.usage.reasoning.output_tokens": usage.thinking_tokens,
        "gen_ai.usage.cache_read.input_tokens": usage.cached_tokens,
    }


def _span(
    name: str,
    trace: str,
    span_id: str,
    parent: str | None,
    kind: int,
    start: float,
    end: float,
    attributes: Mapping[str, Any],
    error: Mapping[str, str] | None,
) -> dict[str, Any]:
    span: dict[str, Any] = {"traceId": trace, "spanId": span_id}
    if parent is not None:
        span["parentSpanId"] = parent
    named = dict(attributes) | ({"error.type": error["type"]} if error else {})
    span |= {
        "name": name,
        "kind": kind,
        "startTimeUnixNano": str(round(start * 1e9)),
        "endTimeUnixNano": str(round(max(start, end) * 1e9)),
        "attributes": _attributes(named),
    }
    if error:
        span["status"] = {"message": error["message"], "code": _ERROR}
    return span


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


def _said_by(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def _numbered_calls(parts: tuple[Part, ...]) -> list[tuple[int, Part]]:
    """Each part with its place among the calls, which the ids of calls are made of."""
    numbered, place = [], 0
    for part in parts:
        numbered.append((place, part))
        place += not isinstance(part, Reasoning | Content)
    return numbered


def _part(part: Part, call_id: str) -> dict[str, Any]:
    if isinstance(part, Reasoning):
        return {"type": "reasoning", "content": part.text}
    if isinstance(part, Content):
        return {"type": "text", "content": part.text}
    if isinstance(part, MalformedCall):
        return {
            "type": "malformed_tool_call",
            "id": call_id,
            "content": part.raw,
            "error": part.error,
        }
    return {"type": "tool_call", "id": call_id, "name": part.name, "arguments": part.arguments}


def _id(size: int, *named: object) -> str:
    """Always the same for the same thing, so that an export can be sent twice."""
    return hashlib.sha256("/".join(map(str, named)).encode()).hexdigest()[: 2 * size]
