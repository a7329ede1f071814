"""A server that asks: `python asking_mcp_server.py`, or with `handshake` as of 2025-11-25.

Plain JSON-RPC with the standard library alone, so that both eras ask for the very same. Beside
that it has resources that change, prompts and completion.
"""

from __future__ import annotations

import json
import sys
from typing import Any

HANDSHAKE = "handshake" in sys.argv
FORM = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "title": "Your name"},
        "size": {"type": "integer", "default": 3},
    },
    "required": ["name"],
}
ASKS: dict[str, tuple[str, dict[str, Any]]] = {
    "fill_in": ("elicitation/create", {"mode": "form", "message": "Who?", "requestedSchema": FORM}),
    "visit": (
        "elicitation/create",
        {"mode": "url", "message": "Pay", "url": "https://pay.test/1", "elicitationId": "1"},
    ),
    "sample": (
        "sampling/createMessage",
        {
            "messages": [{"role": "user", "content": {"type": "text", "text": "Say hi"}}],
            "systemPrompt": "Be short.",
            "maxTokens": 50,
        },
    ),
    "roots": ("roots/list", {}),
}
PROMPT = {
    "name": "greet",
    "description": "A greeting.",
    "arguments": [{"name": "who", "required": True}, {"name": "how"}],
}
RESOURCE = {"uri": "note://today", "name": "today", "mimeType": "text/plain", "size": 5}
TEMPLATE = {"uriTemplate": "note://{day}", "name": "a day"}
CAPABILITIES: dict[str, dict[str, Any]] = {
    "tools": {},
    "prompts": {},
    "resources": {},
    "logging": {},
}
COMPLETE = {} if HANDSHAKE else {"resultType": "complete"}
LISTED = COMPLETE if HANDSHAKE else {**COMPLETE, "ttlMs": 0, "cacheScope": "private"}


def send(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def text(words: str) -> dict[str, Any]:
    return {**COMPLETE, "content": [{"type": "text", "text": words}]}


def ask_on_the_wire(method: str, params: dict[str, Any]) -> dict[str, Any]:
    """As of the handshake era: a request of the server's own, in the middle of the call."""
    send({"id": "asked", "method": method, "params": params})
    for line in sys.stdin:
        answer: dict[str, Any] = json.loads(line)
        if answer.get("id") == "asked":
            result: dict[str, Any] = answer.get("result") or answer["error"]
            return result
    sys.exit()


def call(name: str, params: dict[str, Any]) -> dict[str, Any]:
    if name == "log":
        note = {"level": "critical", "data": "the disk is full"}
        send({"method": "notifications/message", "params": note})
        return text("logged")
    if name == "progress":
        token = params["_meta"]["progressToken"]
        for done in (1, 2):
            progress = {"progressToken": token, "progress": done, "total": 2, "message": "half"}
            send({"method": "notifications/progress", "params": progress})
        return text("done")
    method, question = ASKS[name]
    if HANDSHAKE:
        return text(json.dumps(ask_on_the_wire(method, question)))
    if "inputResponses" in params:
        return text(json.dumps(params["inputResponses"]["it"]))
    question = {key: value for key, value in question.items() if key != "elicitationId"}
    asked = {"it": {"method": method, "params": question}}
    return {"resultType": "input_required", "inputRequests": asked}


def answer(method: str, params: dict[str, Any]) -> dict[str, Any] | None:
    if method == "server/discover" and not HANDSHAKE:
        return {**LISTED, "supportedVersions": ["2026-07-28"], "capabilities": CAPABILITIES}
    if method == "initialize":
        info = {"name": "asking", "version": "2"}
        return {
            "protocolVersion": "2025-11-25",
            "capabilities": CAPABILITIES,
            "serverInfo": info,
        }
    if method == "tools/list":
        schema = {"type": "object", "properties": {}}
        names = [*ASKS, "log", "progress"]
        return {**LISTED, "tools": [{"name": name, "inputSchema": schema} for name in names]}
    if method == "tools/call":
        return call(params["name"], params)
    if method == "resources/list":
        if params.get("cursor") == "more":
            return {**LISTED, "resources": [{"uri": "note://later", "name": "later"}]}
        return {**LISTED, "resources": [RESOURCE], "nextCursor": "more"}
    if method == "resources/templates/list":
        return {**LISTED, "resourceTemplates": [TEMPLATE]}
    if method == "resources/read":
        return {**LISTED, "contents": [{"uri": params["uri"], "text": f"at {params['uri']}"}]}
    if method == "prompts/list":
        return {**LISTED, "prompts": [PROMPT]}
    if method == "prompts/get":
        words = f"{params['arguments'].get('how', 'Hello')}, {params['arguments']['who']}!"
        content = {"type": "text", "text": words}
        return {**COMPLETE, "messages": [{"role": "user", "content": content}]}
    return None


for line in sys.stdin:
    message = json.loads(line)
    method, params = message.get("method"), message.get("params") or {}
    if "id" not in message or method is None:
        continue
    result = answer(method, params)
    if result is None:
        error = {"code": -32601, "message": f"Method not found: {method}"}
        send({"id": message["id"], "error": error})
    else:
        send({"id": message["id"], "result": result})
