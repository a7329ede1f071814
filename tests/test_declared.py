"""Interfaces say all that is asked of them: nothing is probed, copied or walked behind their backs.

Read off the syntax trees, as in test_architecture.py.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from test_architecture import MODULES

INTERFACES = {"Engine", "Model", "ModelSession", "ToolSource"}
CHECKS_ARGUMENTS = {"qwen3_agent.spec"}
"""Modules that tell the interfaces apart because users pass them: the arguments of an agent."""
OTHERS_ATTRIBUTES = {
    ("qwen3_agent.engines.vllm_process", "call_soon_threadsafe"),  # asyncio's loops, not trio's
    ("qwen3_tools.threads", "func"),  # functools.partial has no name
    ("qwen3_tools.qwen_agent_tools", "call"),  # the tools of Qwen-Agent, without importing it
    ("qwen3_tools.qwen_agent_tools", "function"),
    ("qwen3_tools.qwen_agent_tools", "model_dump"),
}
"""Attributes that are probed on objects of other packages."""
MESSAGE_KEYS = {"role", "content", "tool_calls", "reasoning_content", "tool_call_id"}
READ_MESSAGES_AS_DICTIONARIES = {
    "qwen3_agent.messages.encoding",  # to the two forms
    "qwen3_agent.messages.reading",  # and back
    "qwen3_agent.formats.chat_format",  # chat templates take dictionaries
    "qwen3_agent.formats.template",
    "qwen3_agent.models.chat_api.message_reader",  # the answers of chat servers
    "qwen3_agent.models.mcp_sampling",  # the requests of MCP servers
    "qwen3_tools.mcp.client_requests",
    "qwen3_agent.integrations.qwen_agent.assistant",  # the messages of Qwen-Agent
    "qwen3_agent.integrations.qwen_agent.messages",
    "qwen3_agent.journal.reader",  # the lines of a journal
    "qwen3_agent.result",  # "tool_calls" is a field of a recorded StepReport
}

TREES = {name: ast.parse(path.read_text("utf-8")) for name, path in MODULES.items()}
RUNTIME = {
    name: tree
    for name, tree in TREES.items()
    if not name.startswith(("qwen3_agent.cli", "qwen3_agent.integrations"))
}


def named(node: ast.AST) -> set[str]:
    """The last parts of the names in an expression."""
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)} | {
        each.attr for each in ast.walk(node) if isinstance(each, ast.Attribute)
    }


def implementations() -> set[str]:
    """The interfaces, and the classes that derive from them."""
    classes = [
        each for tree in TREES.values() for each in ast.walk(tree) if isinstance(each, ast.ClassDef)
    ]
    found, before = set(INTERFACES), 0
    while before != len(found):
        before = len(found)
        found |= {each.name for each in classes if any(named(base) & found for base in each.bases)}
    return found


def calls(tree: ast.AST, *functions: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in functions:
                yield node


def test_interfaces__are_never_told_apart_by_their_class() -> None:
    classes = implementations()
    assert classes > INTERFACES
    found = {
        (name, node.lineno)
        for name, tree in RUNTIME.items()
        for node in [
            *(each.args[1] for each in calls(tree, "isinstance", "issubclass")),
            *(each.cls for each in ast.walk(tree) if isinstance(each, ast.MatchClass)),
        ]
        if named(node) & classes
    }
    assert {name for name, _ in found} <= CHECKS_ARGUMENTS, found


def test_attributes__are_declared_where_they_are_read() -> None:
    probed = {
        (name, attribute.value)
        for name, tree in RUNTIME.items()
        for node in calls(tree, "hasattr", "getattr")
        if isinstance(attribute := node.args[1], ast.Constant)
        if not str(attribute.value).startswith("__")
    }
    assert probed == OTHERS_ATTRIBUTES


def test_attributes__of_a_computed_name_have_no_default() -> None:
    assert not [
        (name, node.lineno)
        for name, tree in RUNTIME.items()
        for node in [
            *(each for each in calls(tree, "hasattr")),
            *(each for each in calls(tree, "getattr") if len(each.args) == 3),
        ]
        if not isinstance(node.args[1], ast.Constant)
    ]


def test_agents__are_never_copied_and_then_changed() -> None:
    copying = {
        name
        for name, tree in TREES.items()
        if name.startswith("qwen3_agent.")
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        if "copy" in [each.name for each in node.names]
    }
    assert not copying


def test_messages__are_dictionaries_at_the_edges_only() -> None:
    def read_keys(tree: ast.AST) -> Iterator[object]:
        for node in ast.walk(tree):
            match node:
                case ast.Subscript(slice=ast.Constant(value=key)):
                    yield key
                case ast.Call(
                    func=ast.Attribute(attr="get" | "pop"), args=[ast.Constant(value=key), *_]
                ):
                    yield key

    found = {name for name, tree in TREES.items() if MESSAGE_KEYS & set(read_keys(tree))}
    assert found == READ_MESSAGES_AS_DICTIONARIES
