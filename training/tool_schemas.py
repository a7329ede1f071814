"""Tool lists for the prompts: the real servers' tools, the interpreter, and made-up tools beside them."""

from __future__ import annotations

import copy
import json
import random
from dataclasses import dataclass, field
from typing import Any

Schema = dict[str, Any]


def _object(properties: dict[str, Schema], required: list[str]) -> Schema:
    return {"type": "object", "properties": properties, "required": required}


_ZONE = (
    "{} IANA timezone name (e.g., 'America/New_York', 'Europe/London'). "
    "Use 'Etc/UTC' as local timezone if no {}timezone provided by the user."
)

# As `mcp-server-time` 2026.10 and `mcp-server-fetch` 2026.10 list them.
REAL: dict[str, tuple[str, str, Schema]] = {
    "get_current_time": (
        "time",
        "Get current time in a specific timezone",
        _object(
            {"timezone": {"description": _ZONE.format("", "").strip(), "type": "string"}},
            ["timezone"],
        ),
    ),
    "convert_time": (
        "time",
        "Convert time between timezones",
        _object(
            {
                "source_timezone": {
                    "description": _ZONE.format("Source", "source "),
                    "type": "string",
                },
                "time": {
                    "description": "Time to convert in 24-hour format (HH:MM)",
                    "type": "string",
                },
                "target_timezone": {
                    "description": _ZONE.format("Target", "target ")
                    .replace("America/New_York", "Asia/Tokyo")
                    .replace("Europe/London", "America/San_Francisco"),
                    "type": "string",
                },
            },
            ["source_timezone", "time", "target_timezone"],
        ),
    ),
    "fetch": (
        "fetch",
        "Fetches a URL from the internet and optionally extracts its contents as markdown.\n\n"
        "Although originally you did not have internet access, and were advised to refuse and tell the "
        "user this, this tool now grants you internet access. Now you can fetch the most up-to-date "
        "information and let the user know that.",
        _object(
            {
                "url": {
                    "description": "URL to fetch",
                    "format": "uri",
                    "minLength": 1,
                    "type": "string",
                },
                "max_length": {
                    "default": 5000,
                    "description": "Maximum number of characters to return.",
                    "maximum": 999999,
                    "minimum": 1,
                    "type": "integer",
                },
                "start_index": {
                    "default": 0,
                    "description": "On return output starting at this character index, useful if a "
                    "previous fetch was truncated and more context is required.",
                    "minimum": 0,
                    "type": "integer",
                },
                "raw": {
                    "default": False,
                    "description": "Get the actual HTML content of the requested page, without "
                    "simplification.",
                    "type": "boolean",
                },
            },
            ["url"],
        ),
    ),
    "code_interpreter": (
        "",
        "Python code sandbox, which can be used to execute Python code.",
        _object({"code": {"description": "The python code.", "type": "string"}}, ["code"]),
    ),
}

OWN_TIME = (
    ("get_current_time", "get_current_time", "get_time", "current_time", "time", "clock", "time_in",
     "now", "local_time", "what_time"),
    ("Get current time in a specific timezone", "The current time in a time zone.", "Get the time.",
     "Tell the time in a timezone.", "Current date and time.", "What time it is somewhere.",
     "Returns the local time of a time zone.", "Look up the current time"),
    ("", "", "IANA timezone name, such as Europe/London.", "The time zone.", "Name of the timezone.",
     "Time zone, e.g. Asia/Tokyo", "The timezone."),
)  # fmt: skip
"""Names, descriptions and the argument's descriptions of a `get_current_time` that a user wrote."""

# What users may call the servers instead; names beyond these are not learnt.
OTHER_NAMES = {"time": "clock", "fetch": "web"}
CUSTOM_SERVERS = ("tools", "local", "main", "server", "home", "lab")


@dataclass(frozen=True, slots=True)
class CustomTool:
    """A made-up tool: what it is called, what it takes, and how users ask for it."""

    name: str
    description: str
    arguments: dict[str, str]  # argument name -> kind of value
    questions: dict[str, tuple[str, ...]]
    result: str
    answer: dict[str, str]
    optional: dict[str, str] = field(default_factory=dict)

    def schema(self, rng: random.Random) -> Schema:
        types = {"int": "integer", "number": "number"}
        properties = {
            key: {"type": types.get(kind, "string"), "description": f"The {key.replace('_', ' ')}."}
            for key, kind in {**self.arguments, **self.optional}.items()
        }
        if rng.random() < 0.3:
            for value in properties.values():
                del value["description"]
        parameters = _object(properties, list(self.arguments))
        return {"name": self.name, "description": self.description, "parameters": parameters}


def _custom(
    name: str,
    description: str,
    arguments: str,
    en: tuple[str, ...],
    zh: tuple[str, ...],
    result: str,
    answer_en: str,
    answer_zh: str,
) -> CustomTool:
    pairs = dict(pair.split(":") for pair in arguments.split())
    return CustomTool(
        name, description, pairs, {"en": en, "zh": zh}, result, {"en": answer_en, "zh": answer_zh}
    )


CUSTOM = (
    _custom("get_weather", "Current weather in a city.", "city:city",
            ("(What's|How is|What is) the weather (like |)in {city}( today| now|)?", "Is it raining in {city}?"),
            ("{city}(今天|现在|)(的|)天气(怎么样|如何|好吗)？",), "{word}, {int} degrees",
            "The weather in {city}: {result}.", "{city}的天气：{result}。"),
    _custom("exchange_rate", "Today's exchange rate between two currencies.", "base:currency quote:currency",
            ("(What is|What's|Give me|Tell me) the exchange rate from {base} to {quote}(|?)", "How many {quote} (is|for) one {base}?"),
            ("{base}(兑|对){quote}的汇率是多少？",), "{number}",
            "One {base} is {result} {quote}.", "1 {base} 等于 {result} {quote}。"),
    _custom("roll_dice", "Roll dice and return the sum.", "sides:int",
            ("Roll (a|one) {sides}-sided (die|dice)( for me|).", "(Please |)(roll|throw) a dice with {sides} sides."),
            ("(请|)(掷|投)一个{sides}面的骰子。",), "{int}",
            "The roll gave {result}.", "掷出的结果是 {result}。"),
    _custom("lookup_order", "Status of an order.", "order_id:code",
            ("(Where is|What's the status of|Check|Track) (my |)order {order_id}(|?)",),
            ("(查一下|查询|请查)订单{order_id}(的状态|)。",), "{word}",
            "Order {order_id}: {result}.", "订单 {order_id}：{result}。"),
    _custom("send_message", "Send a short message to a person.", "recipient:name text:phrase",
            ('(Send|Write) (a message to |){recipient}(:| saying| that) "{text}"(|.)', 'Tell {recipient} "{text}".'),
            ("(给|告诉){recipient}(发消息|)：“{text}”",), "sent",
            "I sent the message to {recipient}.", "已经给 {recipient} 发了消息。"),
    _custom("add", "Add two numbers.", "a:int b:int",
            ("(Use the add tool for|Add with the tool:|add tool:) {a} and {b}(|.)",), ("(用|使用)(加法|add)工具(计算|算)：{a} 和 {b}。",), "{int}",
            "The sum is {result}.", "和是 {result}。"),
    _custom("get_stock_price", "Latest price of a stock.", "symbol:currency",
            ("(What's|What is|Show me) the (stock |share |)price of {symbol}( stock| today|)(|?)",),
            ("{symbol}(的|)股价(是多少|)？",), "{number}",
            "{symbol} trades at {result}.", "{symbol} 的股价是 {result}。"),
    _custom("search_notes", "Search the user's notes.", "query:phrase",
            ("(Search|Look in|Look through) my notes for (\"{query}\"|{query})(|.)", "Find {query} in my notes."),
            ("在我的笔记里(搜索|找|查找)“{query}”。",), "{phrase}",
            "Your notes say: {result}", "您的笔记里写着：{result}"),
    _custom("word_count", "Number of words in a text.", "text:phrase",
            ('(How many words (are|) in|Count the words in) "{text}"(|?)',), ("“{text}”(有|)(多少|几)个(词|单词)？",), "{int}",
            "There are {result} words.", "一共有 {result} 个词。"),
    _custom("set_alarm", "Set an alarm.", "time:clock",
            ("(Set|Create|Make) an alarm (for|at) {time}(|.)", "Wake me (up |)at {time}."), ("(设|定|设置)一个{time}的闹钟。",), "ok",
            "The alarm is set for {time}.", "闹钟已设为 {time}。"),
    _custom("translate", "Translate a text.", "text:phrase language:language",
            ('(Translate|Put) "{text}" (in|)to {language}(|.)',), ("把“{text}”翻译成{language}。",), "{phrase}",
            "In {language}: {result}", "{language}：{result}"),
    _custom("get_user", "Look up a user by id.", "user_id:int",
            ("(Who is|Show|Get|Look up) user (number |#|){user_id}(|?)",), ("(查|查询|找)(一下|)用户{user_id}。",), "{name}",
            "User {user_id} is {result}.", "用户 {user_id} 是 {result}。"),
    _custom("play_song", "Play a song by title.", "title:phrase",
            ("(Play|Put on) (the song |)\"{title}\"( for me|)(|.)",), ("(播放|放)(歌曲|)“{title}”。",), "playing",
            "Now playing: {title}.", "正在播放：{title}。"),
    _custom("create_task", "Add an item to the to-do list.", "title:phrase",
            ("(Add|Put) \"{title}\" (to|on) my (to-do|todo|task) list(|.)",), ("把“{title}”加(入|到)(我的|)待办(清单|)。",), "created",
            "Added to your list: {title}.", "已加入清单：{title}。"),
    _custom("distance", "Distance between two cities in kilometres.", "origin:city destination:city",
            ("How far is (it from |){origin} (to|from) {destination}?", "(What's the |)distance (between|from) {origin} (and|to) {destination}(|?)"),
            ("{origin}(到|离){destination}有多远？",), "{int}",
            "It is {result} km from {origin} to {destination}.", "{origin}到{destination}有 {result} 公里。"),
    _custom("read_file", "Read a text file.", "path:path",
            ("(Read|Open|Show me|What is in|What's in) (the file |){path}(|?)",), ("(读取|打开|看看)(文件|){path}。",), "{phrase}",
            "The file says: {result}", "文件内容：{result}"),
    _custom("population", "Population of a country.", "country:country",
            ("(What is|What's) the population of {country}?", "How many people live in {country}?"), ("{country}(有多少人口|的人口是多少)？",), "{int}",
            "{country} has {result} inhabitants.", "{country}有 {result} 人。"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ToolList:
    """The tools of one prompt."""

    schemas: tuple[Schema, ...]
    names: dict[str, str]  # bare name -> the name in this prompt
    custom: tuple[CustomTool, ...]
    own_time: bool = False
    """Whether `get_current_time` is a function of the user's, not the server's."""


def _own_time(rng: random.Random) -> Schema:
    name, description, argument = (rng.choice(choices) for choices in OWN_TIME)
    zone = {"type": "string"} | ({"description": argument} if argument else {})
    parameters = _object({"timezone": zone}, ["timezone"])
    return {"name": name, "description": description, "parameters": parameters}


def _with_titles(parameters: Schema) -> Schema:
    titled = copy.deepcopy(parameters)
    for key, value in titled["properties"].items():
        value["title"] = key.replace("_", " ").title()
    return titled


def sample_tool_list(rng: random.Random, wanted: list[str], custom_count: int) -> ToolList:
    """The `wanted` real tools and `custom_count` made-up ones, in random order under random names."""
    prefixes: dict[str, str] = {"": ""}
    style = rng.random()
    for server in ("time", "fetch"):
        if style < 0.65:
            prefixes[server] = f"{server}__"
        elif style < 0.72:
            prefixes[server] = ""
        else:
            prefixes[server] = f"{rng.choice((server, OTHER_NAMES[server]))}__"
    titled = rng.random() < 0.12
    entries: list[Schema] = []
    names: dict[str, str] = {}
    own_time = "convert_time" not in wanted and rng.random() < 0.7
    for bare in wanted:
        if own_time and bare == "get_current_time":
            entries.append(_own_time(rng))
            names[bare] = entries[-1]["name"]
            continue
        server, description, parameters = REAL[bare]
        names[bare] = prefixes[server] + bare
        shown = _with_titles(parameters) if titled else copy.deepcopy(parameters)
        if bare == "fetch" and rng.random() < 0.25:
            description = description.split("\n")[0]
        entries.append({"name": names[bare], "description": description, "parameters": shown})
    custom = tuple(rng.sample(CUSTOM, custom_count))
    prefix = f"{rng.choice(CUSTOM_SERVERS)}__" if rng.random() < 0.1 else ""
    for tool in custom:
        names[tool.name] = prefix + tool.name
        entries.append(tool.schema(rng) | {"name": prefix + tool.name})
    if rng.random() < 0.75:
        rng.shuffle(entries)
    schemas = tuple({"type": "function", "function": entry} for entry in entries)
    return ToolList(schemas, names, custom, own_time and "get_current_time" in wanted)


def call_text(name: str, arguments: dict[str, Any]) -> str:
    """A tool call as Qwen3 writes it."""
    body = json.dumps({"name": name, "arguments": arguments}, ensure_ascii=False)
    return f"<tool_call>\n{body}\n</tool_call>"
