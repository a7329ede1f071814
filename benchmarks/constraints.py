"""What holding tool calls to their grammar does, and what it costs.

    python -m benchmarks.constraints [--generations 1000]

1. An untrained model of the bundled one's shape: random weights, made here. It says anything at
   all, so what is well-formed in what it says is the constraint's doing. Of its generations, with
   and without: how many calls were made, how many could be read, and how many validate against the
   JSON Schema of their tool. A call that the token limit cut off is not counted.

2. The tools of the Berkeley Function Calling Leaderboard (`bfcl-eval`): for how many a grammar can
   be made, how long that takes, whether it accepts the calls that are known to be right, and
   refuses calls that were made wrong on purpose: a name that there is not, an argument too many, a
   required one missing, a value of another type.

Measured with xgrammar 0.2.8 and the bundled vocabulary:

                                         generations  calls  cut off  readable  valid
    unconstrained, <tool_call> is given         1000     12        0         0      0
    constrained, one tool by name               1000    790      210       790    790
    the same after a thought cut at 8            200    160       40       160    160

    (cut off at 200 tokens: in the middle of a string that may be as long as it likes)

    3363 tools: 3343 compile, 20 fall back (types such as "hashmap", which JSON Schema has not)
    3236 right calls: 3233 accepted; two of the others have an argument that their tool does not
         declare, one has keys that a nested object does not, and such objects are closed
    17089 wrong calls: all refused
    1.8 ms of CPU a tool (median; 4.7 ms at 99 %), the check of the schema included
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import anyio
import jsonschema

from qwen3_agent.engines.request import GenerationRequest
from qwen3_agent.engines.xgrammar import Grammars
from qwen3_agent.formats.chat_format import ChatFormat
from qwen3_agent.formats.tokenizer import Tokenizer
from qwen3_agent.grammar.tool_grammar import CallGrammar
from qwen3_agent.messages import MalformedCall, Part, ToolCall
from qwen3_agent.models.choose import DEMO_FOLDER
from qwen3_agent.models.local import LocalModel
from qwen3_agent.models.session import SessionOptions
from qwen3_agent.parsing.parser import Parser
from qwen3_agent.sampling import Sampling
from qwen3_agent.thinking import Plan

TEXT = {"type": "string"}
SHORT = {"type": "string", "maxLength": 16}
"""Held to by the grammar. A model that knows nothing hardly ever ends a string that it need not."""
TOOLS: dict[str, dict[str, Any]] = {
    "get_weather": {
        "type": "object",
        "properties": {
            "city": SHORT,
            "days": {"type": "integer", "minimum": 1, "maximum": 14},
            "unit": {"enum": ["celsius", "fahrenheit"]},
        },
        "required": ["city", "unit"],
    },
    "send": {
        "type": "object",
        "properties": {
            "to": {"type": "array", "items": SHORT, "minItems": 1, "maxItems": 3},
            "urgent": {"type": "boolean"},
            "data": {
                "type": "object",
                "properties": {"total": {"type": "number"}, "note": {"type": ["string", "null"]}},
                "required": ["total"],
            },
        },
        "required": ["to", "data"],
    },
    "search": {"type": "object", "properties": {"query": TEXT}, "required": ["query"]},
    "get_time": {"type": "object", "properties": {}},
}
SCHEMAS = [{"function": {"name": name, "parameters": each}} for name, each in TOOLS.items()]


def untrained(seed: int = 0) -> LocalModel:
    """The bundled model's shape and tokenizer, with random weights."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from qwen3_agent.engines.transformers import TransformersEngine

    torch.manual_seed(seed)
    torch.set_num_threads(1)
    config = AutoConfig.from_pretrained(DEMO_FOLDER, local_files_only=True)
    model = AutoModelForCausalLM.from_config(config).eval()  # type: ignore[no-untyped-call]
    grammars = Grammars.of_checkpoint(DEMO_FOLDER, config.vocab_size)
    engine = TransformersEngine(model, grammars=grammars)
    return LocalModel(engine, ChatFormat.from_folder(DEMO_FOLDER), name="untrained")


async def generations(count: int) -> None:
    """Prints a line for each way of generating."""
    model = untrained()
    print(f"{'':36} generations  calls  cut off  readable  valid  CPU ms a token")
    # Without a constraint a call is begun for the model, or there would hardly be one to count
    for title, constrain, plan, times, most in (
        ("unconstrained, <tool_call> is given", False, Plan(on=False), count, 20),
        ("constrained, one tool by name", True, Plan(on=False), count, 200),
        ("the same after a thought cut at 8", True, Plan(on=True, budget=8), count // 5, 200),
    ):
        seen: Counter[str] = Counter()
        started = time.process_time()
        for seed in range(times):
            sampling = Sampling(temperature=1.0, seed=seed)
            options = SessionOptions(tools=SCHEMAS, constrain=constrain, sampling=sampling)
            session = model.session(options=options)
            session.add_user("Go.")
            if not constrain:
                session.transcript.append(
                    "forced", model.chat_format.generation_prompt(thinking=False)
                )
                session.transcript.append("forced", model.chat_format.encode("<tool_call>"))
                parts = await _go_on(model, session.transcript.ids, sampling, most)
                step = None
            else:
                step = await session.step(
                    plan,
                    max_tokens=most,
                    on_delta=lambda delta: None,
                    tool_choice=list(TOOLS)[seed % len(TOOLS)],
                )
                parts = step.parts
                seen["tokens"] += step.usage.output_tokens
            calls = [part for part in parts if isinstance(part, ToolCall | MalformedCall)]
            if step and step.finish == "length":
                calls = [call for call in calls if isinstance(call, ToolCall)]
                seen["cut off"] += not calls
            for call in calls:
                seen["calls"] += 1
                if isinstance(call, ToolCall):
                    seen["readable"] += 1
                    seen["valid"] += _is_valid(call)
        spent = 1000 * (time.process_time() - started) / max(1, seen["tokens"])
        print(
            f"{title:36} {times:11} {seen['calls']:6} {seen['cut off']:8} {seen['readable']:9} "
            f"{seen['valid']:6} {spent if seen['tokens'] else 0:9.2f}",
            flush=True,
        )


async def _go_on(
    model: LocalModel, ids: Sequence[int], sampling: Sampling, most: int
) -> tuple[Part, ...]:
    """What the free model makes of a call that was begun for it."""
    parser = Parser("json", tools=SCHEMAS)
    parser.feed("<tool_call>")
    stop_ids = model.chat_format.stop_ids
    request = GenerationRequest(ids, sampling, max_tokens=most, stop_ids=stop_ids)
    async for chunk in model.engine.generate(request):
        parser.feed(
            model.chat_format.decode(token_id for token_id in chunk.ids if token_id not in stop_ids)
        )
    parser.finish()
    return parser.parts


def _is_valid(call: ToolCall) -> bool:
    schema = TOOLS.get(call.name)
    return schema is not None and jsonschema.Draft202012Validator(schema).is_valid(call.arguments)


def real_tools() -> Iterator[tuple[str, dict[str, Any], list[tuple[str, dict[str, Any]]]]]:
    """Name, parameters and right calls of each tool of the leaderboard, each tool once."""
    spec = find_spec("bfcl_eval")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("bfcl-eval is missing: pip install --no-deps -r tests/oracles.txt")
    data = Path(spec.submodule_search_locations[0]) / "data"
    tools: dict[str, tuple[str, dict[str, Any], list[tuple[str, dict[str, Any]]]]] = {}
    for path in sorted(data.glob("BFCL_v*.json")):
        if path.stem.endswith("format_sensitivity"):
            continue  # names of other entries
        answers = _answers(data / "possible_answer" / path.name)
        for line in path.read_text("utf-8").splitlines():
            entry = json.loads(line)
            for tool in entry.get("function") or ():
                parameters = _as_json_schema(tool.get("parameters") or {})
                key = json.dumps([tool["name"], parameters], sort_keys=True)
                known = tools.setdefault(key, (tool["name"], parameters, []))
                known[2].extend(
                    (name, values)
                    for name, values in answers.get(entry["id"], ())
                    if name == tool["name"]
                )
    for path in sorted((data / "multi_turn_func_doc").glob("*.json")):
        for line in path.read_text("utf-8").splitlines():
            tool = json.loads(line)
            tools[f"{path.stem}.{tool['name']}"] = (
                tool["name"],
                _as_json_schema(tool["parameters"]),
                [],
            )
    yield from tools.values()


def _answers(path: Path) -> dict[str, list[tuple[str, dict[str, Any]]]]:
    found: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    if path.is_file():
        for line in path.read_text("utf-8").splitlines():
            entry = json.loads(line)
            for answer in entry["ground_truth"]:
                if isinstance(answer, dict):
                    for name, values in answer.items():
                        found.setdefault(entry["id"], []).append((name, _first_choices(values)))
    return found


def _first_choices(values: dict[str, Any]) -> dict[str, Any]:
    """The first of the values that count as right; nested ones are lists of choices, too."""
    chosen: dict[str, Any] = {}
    for key, choices in values.items():
        if isinstance(choices, list) and choices and choices[0] != "":
            first = choices[0]
            chosen[key] = _first_choices(first) if isinstance(first, dict) else first
    return chosen


def _as_json_schema(schema: Any) -> Any:
    """The leaderboard's words for types, in those of JSON Schema, as its own code takes them."""
    words = {"dict": "object", "float": "number", "tuple": "array", "any": "string"}
    if isinstance(schema, list):
        return [_as_json_schema(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    out = {key: _as_json_schema(value) for key, value in schema.items()}
    if isinstance(out.get("type"), str):
        out["type"] = words.get(out["type"].lower(), out["type"].lower())
    return out


def wrong(arguments: dict[str, Any], schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The call, made wrong in each way that the schema forbids."""
    yield {**arguments, "no_such_argument": 1}
    for name in schema.get("required") or ():
        if name in arguments:
            yield {key: value for key, value in arguments.items() if key != name}
    for name, value in arguments.items():
        kind = schema.get("properties", {}).get(name, {}).get("type")
        other: Any = {"string": 5, "integer": "x", "number": "x", "boolean": "x", "array": 5}
        if kind in other:
            changed = copy.copy(arguments)
            changed[name] = other[kind] if value != other[kind] else None
            yield changed


def in_order(value: Any, schema: Any) -> Any:
    """Arguments in the order of the schema, in which a constrained model writes them."""
    if isinstance(value, dict) and isinstance(schema, dict):
        known = schema.get("properties") or {}
        keys = [
            *(key for key in known if key in value),
            *(key for key in value if key not in known),
        ]
        return {key: in_order(value[key], known.get(key)) for key in keys}
    if isinstance(value, list) and isinstance(schema, dict):
        return [in_order(each, schema.get("items")) for each in value]
    return value


def schemas() -> None:
    """Prints what becomes of the schemas of real tools."""
    import xgrammar

    tokenizer = Tokenizer.from_file(DEMO_FOLDER / "tokenizer.json")
    size = json.loads((DEMO_FOLDER / "config.json").read_text())["vocab_size"]
    grammars = Grammars.of_checkpoint(DEMO_FOLDER, size)
    assert grammars is not None
    chat_format = ChatFormat.from_folder(DEMO_FOLDER)
    seen: Counter[str] = Counter()
    times: list[float] = []
    refused: list[str] = []
    for name, parameters, calls in real_tools():
        seen["tools"] += 1
        tool = {"name": name, "parameters": parameters}
        started = time.process_time()
        grammar = CallGrammar(chat_format, [tool])
        constraint = grammar.constraint("none", "required")
        assert constraint is not None
        compiled = grammars.compile(constraint).result()
        times.append(time.process_time() - started)
        if grammar.warnings:
            seen["fall back"] += 1
            continue
        seen["compile"] += 1

        def accepts(arguments: Any, name: str = name, compiled: Any = compiled) -> bool:
            body = json.dumps({"name": name, "arguments": arguments}, ensure_ascii=False)
            text = f"<tool_call>\n{body}\n</tool_call>"
            matcher = xgrammar.GrammarMatcher(compiled, override_stop_tokens=[size - 1])
            return all(matcher.accept_token(token_id) for token_id in tokenizer.encode(text))

        for _, arguments in calls:
            arguments = in_order(arguments, parameters)
            if not jsonschema.Draft202012Validator(parameters).is_valid(arguments):
                seen["calls that their own schema refuses"] += 1
                continue
            seen["right calls"] += 1
            seen["right calls accepted"] += accepts(arguments)
            if not accepts(arguments):
                refused.append(f"{name} {json.dumps(arguments, ensure_ascii=False)[:150]}")
            for bad in wrong(arguments, parameters):
                seen["wrong calls"] += 1
                seen["wrong calls refused"] += not accepts(bad)
    times.sort()
    for title, count in seen.items():
        print(f"{count:8} {title}")
    median, slowest = times[len(times) // 2], times[-len(times) // 100]
    print(f"CPU seconds a tool: median {median:.4f}, 99 % {slowest:.4f}")
    for line in refused[:20]:
        print("refused:", line)


def main() -> None:
    """Run both parts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--generations", type=int, default=1000)
    options = parser.parse_args()
    schemas()
    if options.generations:
        anyio.run(generations, options.generations)


if __name__ == "__main__":
    main()
