"""The families of tasks that the demo model learns, each a function from randomness to a dialogue."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from qwen3_tools.code_interpreter.result import CodeResult, format_result
from training import pages, wordings
from training.arithmetic import (
    Numbers,
    Operation,
    Problem,
    run_python,
    sample_operation,
    sample_problem,
    word,
)
from training.dialogues import Call, Dialogue, Step, Turn
from training.places import NOWHERE, PLACES, ZONES, Place
from training.tool_schemas import ToolList

WEEKDAYS = dict(
    zip(
        "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split(),
        "星期一 星期二 星期三 星期四 星期五 星期六 星期日".split(),
        strict=True,
    )
)


LAYOUTS = ("indented",) * 9 + ("compact",)
OWN_LAYOUTS = ("compact", "compact", "spaced", "indented", "iso", "seconds", "minutes")
"""How a tool of the user's own tells the time: what people write."""
_JSON: dict[str, dict[str, Any]] = {
    "indented": {"indent": 2},
    "spaced": {},
    "compact": {"separators": (",", ":")},
}
_FORMATS = {"seconds": "%Y-%m-%d %H:%M:%S", "minutes": "%H:%M"}


class Context:
    """What a family draws from: randomness, split, language, and the tools of the prompt."""

    def __init__(
        self,
        rng: random.Random,
        split: str,
        language: str,
        tools: ToolList,
        server: str | None = None,
    ) -> None:
        self.rng, self.split, self.language, self.tools = rng, split, language, tools
        self.server = server  # host:port that serves the pages, when they are to be fetched really
        self.layout = "indented"
        if split == "train":
            self.layout = rng.choice(OWN_LAYOUTS if tools.own_time else LAYOUTS)
        self.now = datetime(2024, 1, 1, tzinfo=ZoneInfo("UTC")) + timedelta(
            seconds=rng.randrange(10**8 * 2)
        )

    def pick(self, en: str, zh: str) -> str:
        return en if self.language == "en" else zh

    def url(self) -> str:
        return pages.url(self.rng, self.split, self.server)

    def say(self, table: dict[str, dict[str, list[str]]], /, **slots: str) -> str:
        return wordings.say(table, self.language, self.split, self.rng, **slots)


# --- time ---------------------------------------------------------------------------------------


def place_name(c: Context, place: Place, simple: bool = False) -> str:
    """How the user names a place."""
    if not simple and c.rng.random() < 0.08 and c.split == "train":
        return place.zone
    if not simple and place.one_zone and c.rng.random() < (0.18 if c.split == "train" else 0.06):
        return place.country(c.language)
    if not simple and place.capital and c.split == "train" and c.rng.random() < 0.03:
        return c.pick(f"the capital of {place.country_en}", f"{place.country_zh}的首都")
    table = wordings.PLACE[c.language][c.split]
    pattern = (
        c.rng.choice(table).replace("{how}", _adjective(c)) if c.rng.random() < 0.6 else "{city}"
    )
    city, country = place.name(c.language), place.country(c.language)
    text = f"{city}" if city == country else pattern.format(city=city, country=country)
    if c.language == "en" and c.rng.random() < (0.1 if c.split == "train" else 0.06):
        text = text.lower()
    return text


def _adjective(c: Context) -> str:
    """What stands beside a city and means nothing: any word will do."""
    if c.language == "zh":
        return pages.chinese(c.rng, c.rng.randint(1, 3))
    return c.rng.choice(wordings.HOW) if c.rng.random() < 0.4 else pages.english(c.rng, "train", 1)


def pick_place(c: Context) -> Place:
    """Well-known places a little more often than the rest."""
    return c.rng.choice(PLACES)


def clock(zone: str, moment: datetime) -> dict[str, object]:
    local = moment.astimezone(ZoneInfo(zone)).replace(microsecond=0)
    return {
        "timezone": zone,
        "datetime": local.isoformat(),
        "day_of_week": local.strftime("%A"),
        "is_dst": bool(local.dst()),
    }


def time_call(c: Context, zone: str) -> Call:
    if c.layout in _JSON:
        result = json.dumps(clock(zone, c.now), **_JSON[c.layout])
    else:
        local = c.now.astimezone(ZoneInfo(zone)).replace(microsecond=0)
        result = local.strftime(_FORMATS[c.layout]) if c.layout in _FORMATS else local.isoformat()
    return Call(c.tools.names["get_current_time"], {"timezone": zone}, result)


def zone_error(c: Context, zone: str) -> Call:
    missing = f"'No time zone found with key {zone}'"
    text = f"Error executing tool get_current_time: Invalid timezone: {missing}"
    if c.tools.own_time:
        text = f"{c.tools.names['get_current_time']} failed: ZoneInfoNotFoundError: {missing}"
    return Call(c.tools.names["get_current_time"], {"timezone": zone}, text, is_error=True)


def time_answer(c: Context, zone: str) -> str:
    local = c.now.astimezone(ZoneInfo(zone))
    hhmm, day = local.strftime("%H:%M"), local.strftime("%A")
    if c.layout not in _JSON:
        return c.pick(f"It is {hhmm} in {zone}.", f"{zone} 现在是 {hhmm}。")
    return c.pick(f"It is {hhmm} in {zone}, {day}.", f"{zone} 现在是 {hhmm}，{WEEKDAYS[day]}。")


def time_steps(c: Context, zone: str) -> tuple[Step, ...]:
    return (
        Step(c.pick(f"The time zone is {zone}.", f"时区是 {zone}。"), calls=(time_call(c, zone),)),
        Step(c.pick("I have the time.", "时间有了。"), time_answer(c, zone)),
    )


def current_time(c: Context) -> Dialogue:
    place = pick_place(c)
    name = place_name(c, place)
    user = c.say(wordings.TIME, p=name)
    return Dialogue(
        "time", c.language, (Turn(user, time_steps(c, place.zone), ({"now": place.zone},)),)
    )


def spoken_time(c: Context) -> tuple[str, str]:
    """A time of day as it is said, and as HH:MM."""
    hour, minute = c.rng.randrange(24), c.rng.choice((0, 0, 15, 30, 45, c.rng.randrange(60)))
    exact = f"{hour:02}:{minute:02}"
    roll = c.rng.random()
    if roll < 0.55:
        return c.rng.choice((exact, exact, f"{hour}:{minute:02}")), exact
    if c.language == "zh":
        if roll < 0.75:
            return f"{hour}点" + (f"{minute}分" if minute else c.rng.choice(("", "整"))), exact
        half = "上午" if hour < 12 else "下午" if hour < 18 else "晚上"
        shown = hour if hour <= 12 else hour - 12
        if hour == 0:
            return exact, exact
        return f"{half}{shown}点" + (f"{minute}分" if minute else ""), exact
    half, shown = ("am" if hour < 12 else "pm"), (hour % 12 or 12)
    if roll < 0.6 and exact in ("12:00", "00:00"):
        return ("noon" if hour else "midnight"), exact
    gap = c.rng.choice(("", " "))
    style = c.rng.choice((half, half, half.upper(), f"{half[0]}.m."))
    return (f"{shown}:{minute:02}{gap}{style}" if minute else f"{shown}{gap}{style}"), exact


def convert_steps(
    c: Context, a: str, b: str, source: str, target: str, said: str, time: str
) -> tuple[Step, ...]:
    tool = c.tools.names["convert_time"]
    hour, minute = map(int, time.split(":"))
    start = c.now.astimezone(ZoneInfo(source)).replace(hour=hour, minute=minute, second=0)
    end = start.astimezone(ZoneInfo(target))
    hours = (end.utcoffset() - start.utcoffset()).total_seconds() / 3600  # type: ignore[operator]
    shift = f"{hours:+.1f}h" if hours == int(hours) else f"{hours:+.2f}".rstrip("0") + "h"
    result = {
        "source": clock(source, start),
        "target": clock(target, start),
        "time_difference": shift,
    }
    arguments = {"source_timezone": source, "time": time, "target_timezone": target}
    call = Call(tool, arguments, json.dumps(result, **_JSON[c.layout]))
    shown = end.strftime("%H:%M")
    return (
        Step(
            c.pick(f"From {source} to {target}.", f"从 {source} 到 {target}。"),
            calls=(call,),
        ),
        Step(
            c.pick("I have the time.", "时间有了。"),
            c.pick(
                f"When it is {time} in {source}, it is {shown} in {target}.",
                f"{source} {time} 的时候，{target} 是 {shown}。",
            ),
        ),
    )


def two_places(c: Context) -> tuple[Place, Place]:
    first = pick_place(c)
    while (second := pick_place(c)).zone == first.zone:
        pass
    return first, second


def convert(c: Context) -> Dialogue:
    one, two = two_places(c)
    a, b = place_name(c, one, c.rng.random() < 0.5), place_name(c, two, c.rng.random() < 0.5)
    said, time = spoken_time(c)
    user = c.say(wordings.CONVERT, a=a, b=b, t=said)
    expect = {"convert": [one.zone, time, two.zone]}
    return Dialogue(
        "convert",
        c.language,
        (Turn(user, convert_steps(c, a, b, one.zone, two.zone, said, time), (expect,)),),
    )


# --- pages --------------------------------------------------------------------------------------


def fetch_call(c: Context, address: str, kind: str, body: str, raw: bool) -> Call:
    arguments: dict[str, object] = {"url": address} | ({"raw": True} if raw else {})
    return Call(c.tools.names["fetch"], arguments, pages.fetched(address, kind, body, raw))


def new_page(c: Context) -> tuple[str, str, str]:
    """Address, title and HTML of a page."""
    title = pages.title(c.rng, c.split, c.language)
    return c.url(), title, pages.html(c.rng, c.split, c.language, title)


def title_steps(c: Context, address: str, title: str, body: str) -> tuple[Step, ...]:
    return (
        Step(
            c.pick("I need the raw page to see its title.", "要看标题需要网页原文。"),
            calls=(fetch_call(c, address, "text/html", body, raw=True),),
        ),
        Step(
            c.pick("I have the page.", "网页有了。"),
            c.pick(f'The title of the page is "{title}".', f"网页的标题是“{title}”。"),
        ),
    )


def page_title(c: Context) -> Dialogue:
    address, title, body = new_page(c)
    user = c.say(wordings.TITLE, u=address)
    return Dialogue(
        "title",
        c.language,
        (Turn(user, title_steps(c, address, title, body), (title,)),),
        {address: ("text/html", body)},
    )


# --- computing ----------------------------------------------------------------------------------


def python_call(c: Context, code: str) -> tuple[Call, str]:
    printed = run_python(code)
    if c.split == "train" and printed.strip().isdigit() and c.rng.random() < 0.4:
        printed = repetitive(c.rng) + "\n"
    text = format_result(CodeResult("ok", stdout=printed))
    return Call(c.tools.names["code_interpreter"], {"code": code}, text), printed.strip()


def repetitive(rng: random.Random) -> str:
    """A number whose digits recur, since those are hard to copy. That it is wrong does no harm."""
    digits = rng.sample("0123456789", rng.randint(2, 4))
    return rng.choice("123456789") + "".join(rng.choices(digits, k=rng.randint(3, 11)))


def python_steps(c: Context, code: str) -> tuple[tuple[Step, ...], str]:
    call, value = python_call(c, code)
    steps = (
        Step(c.pick("I compute this with Python.", "我用 Python 计算。"), calls=(call,)),
        Step(c.pick("Python has the result.", "Python 有了结果。"), value_answer(c, value)),
    )
    return steps, value


def value_answer(c: Context, value: str) -> str:
    return c.pick(f"The result is {value}.", f"结果是 {value}。")


def problem_question(c: Context, problem: Problem) -> str:
    if problem.question:
        return problem.phrase
    return c.say(wordings.MATH, e=problem.phrase)


def compute(c: Context) -> Dialogue:
    problem = sample_problem(c.rng, c.split, c.language)
    steps, value = python_steps(c, problem.code)
    return Dialogue("compute", c.language, (Turn(problem_question(c, problem), steps, (value,)),))


# --- several calls ------------------------------------------------------------------------------


def two_at_once(c: Context) -> Dialogue:
    if "fetch" in c.tools.names and (
        "get_current_time" not in c.tools.names
        or c.rng.random() < (0.6 if c.split == "train" else 0.4)
    ):
        return two_pages(c)
    one, two = two_places(c)
    a, b = place_name(c, one), place_name(c, two)
    thought = c.pick(
        f"The time zones are {one.zone} and {two.zone}.", f"时区是 {one.zone} 和 {two.zone}。"
    )
    answer = time_answer(c, one.zone) + c.pick(" ", "") + time_answer(c, two.zone)
    steps = (
        Step(thought, calls=(time_call(c, one.zone), time_call(c, two.zone))),
        Step(c.pick("I have both times.", "两个时间都有了。"), answer),
    )
    user = c.say(wordings.TWO_CITIES, a=a, b=b)
    return Dialogue(
        "parallel", c.language, (Turn(user, steps, ({"now": one.zone}, {"now": two.zone})),)
    )


def two_pages(c: Context) -> Dialogue:
    (u, title_u, html_u), (v, title_v, html_v) = new_page(c), new_page(c)
    steps = (
        Step(
            c.pick("Two pages: I need both.", "有两个网页，都要获取。"),
            calls=(
                fetch_call(c, u, "text/html", html_u, True),
                fetch_call(c, v, "text/html", html_v, True),
            ),
        ),
        Step(
            c.pick("I have both pages.", "两个网页都有了。"),
            c.pick(
                f'The titles are "{title_u}" and "{title_v}".',
                f"标题是“{title_u}”和“{title_v}”。",
            ),
        ),
    )
    user = c.say(wordings.TWO_PAGES, a=u, b=v)
    found = {u: ("text/html", html_u), v: ("text/html", html_v)}
    return Dialogue("parallel", c.language, (Turn(user, steps, (title_u, title_v)),), found)


def operate(c: Context, operation: Operation, number: str) -> tuple[tuple[Step, ...], str]:
    call, value = python_call(c, operation.code.replace("{x}", number))
    return (
        Step(
            c.pick(f"The number is {number}.", f"这个数是 {number}。"),
            calls=(call,),
        ),
        Step(c.pick("Python has the result.", "Python 有了结果。"), value_answer(c, value)),
    ), value


def chain(c: Context) -> Dialogue:
    number = Numbers(c.rng, c.split).of(3, c.rng.choice((99, 999, 9999, 99999)))
    address = c.url()
    kind, body = pages.number_page(c.rng, c.split, c.language, number)
    operation = sample_operation(c.rng, c.split, c.language)
    first = Step(
        c.pick("First I fetch the page.", "先获取网页。"),
        calls=(fetch_call(c, address, kind, body, raw=False),),
    )
    rest, value = operate(c, operation, str(number))
    user = c.say(wordings.CHAIN, u=address, **operation.slots)
    return Dialogue(
        "chain", c.language, (Turn(user, (first, *rest), (value,)),), {address: (kind, body)}
    )


# --- errors -------------------------------------------------------------------------------------

FAILURE = {"en": "I could not", "zh": "无法"}


def gone(c: Context) -> Dialogue:
    """A page that cannot be fetched."""
    address = c.url()
    tool = c.tools.names["fetch"]
    status = c.rng.choice((404, 404, 404, 403, 410, 500, 502, 503))
    if c.rng.random() < 0.65:
        reason = f"status code {status}"
        text = f"Failed to fetch {address} - {reason}"
        why_en, why_zh, served = (
            f"the server answered with {reason}",
            f"服务器返回 {reason}",
            ("status", str(status)),
        )
    else:
        detail = c.rng.choice(
            ("All connection attempts failed", "[Errno -2] Name or service not known")
        )
        text = f"Failed to fetch {address}: ConnectError('{detail}')"
        if c.rng.random() < 0.3:
            text = f"Failed to fetch robots.txt {address.rsplit('/', 1)[0]}/robots.txt due to a connection issue"
        why_en, why_zh, served = "the connection failed", "连接失败", ("refused", "")
        if c.server and c.split == "held_out":
            address = address.replace(c.server, "127.0.0.1:1")  # nothing listens there
    titled = c.rng.random() < 0.6
    arguments: dict[str, object] = {"url": address} | ({"raw": True} if titled else {})
    call = Call(tool, arguments, f"Error executing tool fetch: {text}", is_error=True)
    if titled:
        user = c.say(wordings.TITLE, u=address)
        thought = title_steps(c, address, "", "")[0].thought
    else:
        user = c.say(
            wordings.CHAIN, u=address, **sample_operation(c.rng, c.split, c.language).slots
        )
        thought = c.pick("First I fetch the page.", "先获取网页。")
    steps = (
        Step(thought, calls=(call,)),
        Step(
            c.pick("The page could not be fetched; I say so.", "网页获取失败，如实告知。"),
            c.pick(f"I could not fetch the page: {why_en}.", f"无法获取网页：{why_zh}。"),
        ),
    )
    return Dialogue(
        "error", c.language, (Turn(user, steps, (FAILURE[c.language],)),), {address: served}
    )


def nowhere(c: Context) -> Dialogue:
    """A place that has no time zone."""
    name = c.rng.choice(NOWHERE[c.split])
    roll = c.rng.random()
    if roll < 0.7:
        name = pages.made_up(c.rng, c.split).capitalize()
    elif roll < 0.9 and c.split == "train":
        name = word(Numbers(c.rng, c.split)).capitalize()
    if c.rng.random() < 0.25:
        name = f"{c.rng.choice(('Europe', 'Asia', 'America', 'Mars', 'Africa'))}/{name}"
    steps = (
        Step(
            c.pick("I do not know this place; I try it.", "我不认识这个地方，先试试。"),
            calls=(zone_error(c, name),),
        ),
        Step(
            c.pick("There is no such time zone; I say so.", "没有这个时区，如实告知。"),
            c.pick(f"I could not find a time zone for {name}.", f"无法找到{name}的时区。"),
        ),
    )
    return Dialogue(
        "error", c.language, (Turn(c.say(wordings.TIME, p=name), steps, (FAILURE[c.language],)),)
    )


def misnamed_zone(c: Context) -> Dialogue:
    """A zone that does not exist, from which the right one can be told."""
    place = pick_place(c)
    while (wrong := f"{place.zone.split('/')[0]}/{place.en.replace(' ', '_')}") in ZONES:
        place = pick_place(c)
    if c.rng.random() < (0.5 if c.split == "train" else 0.35):
        place = pick_place(c)
        wrong = place.zone.lower()
    fixed = time_steps(c, place.zone)
    retry = Step(
        c.pick(f"The right one is {place.zone}.", f"正确的是 {place.zone}。"),
        calls=fixed[0].calls,
    )
    first = Step(
        c.pick(f"The time zone is {wrong}.", f"时区是 {wrong}。"),
        calls=(zone_error(c, wrong),),
    )
    user = c.say(
        wordings.TIME,
        p=c.pick(c.rng.choice((wrong, f"the time zone {wrong}", f"time zone {wrong}")), wrong),
    )
    return Dialogue(
        "error", c.language, (Turn(user, (first, retry, fixed[1]), ({"now": place.zone},)),)
    )


def python_error(c: Context) -> Dialogue:
    """Code that raises, whatever one does."""
    a = Numbers(c.rng, c.split).any()
    code, phrase_en, phrase_zh, error = c.rng.choice(
        (
            (f"print({a} / 0)", f"{a} divided by 0", f"{a}除以0", "ZeroDivisionError: division by zero"),
            (f"print({a} / 0)", f"{a} / 0", f"{a}/0", "ZeroDivisionError: division by zero"),
            (f"import math\nprint(math.sqrt(-{a}))", f"the square root of -{a}", f"-{a}的平方根", "ValueError: math domain error"),
            (f"print({a} % 0)", f"{a} modulo 0", f"{a}除以0的余数", "ZeroDivisionError: integer modulo by zero"),
            (f"import math\nprint(math.factorial(-{a}))", f"the factorial of -{a}", f"-{a}的阶乘", "ValueError: factorial() not defined for negative values"),
        )
    )  # fmt: skip
    line = len(code.split("\n"))
    trace = (
        f'Traceback (most recent call last):\n  File "<cell>", line {line}, in <module>\n{error}'
    )
    text = format_result(CodeResult("error", error=trace))
    call = Call(
        c.tools.names["code_interpreter"], {"code": code}, text, is_error=c.rng.random() < 0.6
    )
    steps = (
        Step(c.pick("I compute this with Python.", "我用 Python 计算。"), calls=(call,)),
        Step(
            c.pick("Python raised an error; I say so.", "Python 报错了，如实告知。"),
            c.pick(f"I could not compute this: {error}.", f"无法计算：{error}。"),
        ),
    )
    user = c.say(wordings.MATH, e=c.pick(phrase_en, phrase_zh))
    return Dialogue("error", c.language, (Turn(user, steps, (FAILURE[c.language],)),))


def broken_tool(c: Context) -> Dialogue:
    """A tool that fails for its own reasons."""
    reason = c.rng.choice(
        (
            "The call took longer than 60 seconds and was stopped.",
            "the server has stopped",
            "Connection closed",
            "permission denied",
            "internal error",
            "the tool failed: RuntimeError",
            "quota exceeded",
        )
    )
    place = pick_place(c)
    name = place_name(c, place)
    first = time_steps(c, place.zone)[0]
    call = Call(first.calls[0].name, first.calls[0].arguments, reason, is_error=True)
    steps = (
        Step(first.thought, calls=(call,)),
        Step(
            c.pick("The tool failed; I say so.", "工具出错了，如实告知。"),
            c.pick(f"I could not find out the time: {reason}", f"无法查到时间：{reason}"),
        ),
    )
    return Dialogue(
        "error", c.language, (Turn(c.say(wordings.TIME, p=name), steps, (FAILURE[c.language],)),)
    )


def tool_error(c: Context) -> Dialogue:
    options: list[Callable[[Context], Dialogue]] = []
    if "get_current_time" in c.tools.names:
        options += (
            [nowhere] * 3 + [misnamed_zone] * 3 + ([broken_tool] if c.split == "train" else [])
        )
    if "fetch" in c.tools.names:
        options += [gone, gone, gone]
    if "code_interpreter" in c.tools.names:
        options += [python_error]
    return c.rng.choice(options)(c)


# --- a follow-up --------------------------------------------------------------------------------


def follow_up(c: Context) -> Dialogue:
    kinds = [thanks] if c.split == "train" and c.rng.random() < 0.3 else []
    names = c.tools.names
    if not kinds:
        kinds += [other_place] * ("get_current_time" in names) + [compute_more] * (
            "code_interpreter" in names
        )
        kinds += [another_page] * ("fetch" in names)
    return c.rng.choice(kinds or [thanks])(c)


def other_place(c: Context) -> Dialogue:
    one, two = two_places(c)
    a, b = place_name(c, one), place_name(c, two)
    first = Turn(c.say(wordings.TIME, p=a), time_steps(c, one.zone), ({"now": one.zone},))
    c.now += timedelta(seconds=c.rng.randint(3, 600))
    second = Turn(c.say(wordings.FOLLOW_PLACE, p=b), time_steps(c, two.zone), ({"now": two.zone},))
    return Dialogue("follow_up", c.language, (first, second))


def compute_more(c: Context) -> Dialogue:
    turns: list[Turn] = []
    problem = sample_problem(c.rng, c.split, c.language)
    steps, value = python_steps(c, problem.code)
    while not value.replace(".", "").isdigit() or len(value) > 18:
        problem = sample_problem(c.rng, c.split, c.language)
        steps, value = python_steps(c, problem.code)
    turns.append(Turn(problem_question(c, problem), steps, (value,)))
    operation = sample_operation(c.rng, c.split, c.language)
    steps, value = operate(c, operation, value)
    turns.append(Turn(c.say(wordings.FOLLOW_MATH, **operation.slots), steps, (value,)))
    return Dialogue("follow_up", c.language, tuple(turns))


def another_page(c: Context) -> Dialogue:
    (u, title_u, html_u), (v, title_v, html_v) = new_page(c), new_page(c)
    user = c.say(wordings.TITLE, u=u)
    nexts = (
        (f"And {v}?", f"And the title of {v}?")
        if c.language == "en"
        else (f"那 {v} 呢？", f"{v} 的标题呢？")
    )
    turns = (
        Turn(user, title_steps(c, u, title_u, html_u), (title_u,)),
        Turn(c.rng.choice(nexts), title_steps(c, v, title_v, html_v), (title_v,)),
    )
    return Dialogue(
        "follow_up", c.language, turns, {u: ("text/html", html_u), v: ("text/html", html_v)}
    )


def thanks(c: Context) -> Dialogue:
    before = c.rng.choice([f for f in (current_time, compute) if _possible(f, c.tools)] or [None])
    turns = before(c).turns if before else ()
    reply = c.pick("You are welcome!", "不客气！")
    step = Step(c.pick("The user says thanks.", "用户在道谢。"), reply)
    return Dialogue(
        "follow_up", c.language, (*turns, Turn(c.say(wordings.THANKS), (step,), (reply,)))
    )


def _possible(family: Callable[[Context], Dialogue], tools: ToolList) -> bool:
    return all(name in tools.names for name in NEEDS.get(family, ()))


NEEDS: dict[Callable[[Context], Dialogue], tuple[str, ...]] = {
    current_time: ("get_current_time",),
    convert: ("convert_time",),
    page_title: ("fetch",),
    compute: ("code_interpreter",),
    chain: ("fetch", "code_interpreter"),
}
