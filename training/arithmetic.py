"""Computations: how they are asked for, the Python that answers, and what running it prints."""

from __future__ import annotations

import contextlib
import io
import random
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

HELD_OUT_MODULUS = 7  # numbers divisible by it are for the evaluation only


@dataclass(frozen=True, slots=True)
class Problem:
    """`phrase` stands where a wording has {e}; `question` is a whole question instead."""

    phrase: str
    code: str
    question: bool = False


def run_python(code: str) -> str:
    """What `code` prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(code, {"__name__": "__main__"})
    return out.getvalue()


class Numbers:
    """Random numbers of one split: no number of the evaluation is ever trained on."""

    def __init__(self, rng: random.Random, split: str) -> None:
        self.rng, self.held_out = rng, split == "held_out"

    def of(self, low: int, high: int) -> int:
        """A number between `low` and `high`, sizes spread evenly over the digits."""
        while True:
            if self.rng.random() < 0.5:
                value = self.rng.randint(low, high)
            else:
                digits = self.rng.randint(len(str(low)), len(str(high)))
                value = self.rng.randint(max(low, 10 ** (digits - 1)), min(high, 10**digits - 1))
            if value < 50 or (value % HELD_OUT_MODULUS == 0) == self.held_out:
                return value

    def any(self) -> int:
        return self.of(2, self.rng.choice((99, 999, 9999, 99999, 999999, 99999999)))

    def list(self) -> list[int]:
        return [self.of(2, self.rng.choice((99, 999, 5000))) for _ in range(self.rng.randint(3, 7))]


def show(number: int, rng: random.Random) -> str:
    """A number as it is typed, now and then with commas."""
    return f"{number:,}" if number > 9999 and rng.random() < 0.08 else str(number)


BINARY = {
    "*": {
        "en": ["{a} * {b}", "{a} * {b}", "{a}*{b}", "{a} x {b}", "{a} times {b}", "{a} multiplied by {b}", "the product of {a} and {b}", "{a} × {b}"],
        "zh": ["{a}乘以{b}", "{a}乘{b}", "{a} * {b}", "{a}*{b}", "{a}×{b}", "{a} × {b}", "{a}和{b}的乘积", "{a}与{b}的积"],
    },
    "+": {
        "en": ["{a} + {b}", "{a}+{b}", "{a} plus {b}", "the sum of {a} and {b}", "{a} and {b} added together", "{a} added to {b}"],
        "zh": ["{a}加{b}", "{a}加上{b}", "{a} + {b}", "{a}+{b}", "{a}和{b}的和", "{a}与{b}之和"],
    },
    "-": {
        "en": ["{a} - {b}", "{a}-{b}", "{a} minus {b}", "the difference between {a} and {b}", "{a} less {b}", "{a} take away {b}"],
        "zh": ["{a}减{b}", "{a}减去{b}", "{a} - {b}", "{a}-{b}", "{a}和{b}的差", "{a}与{b}之差"],
    },
    "/": {
        "en": ["{a} / {b}", "{a}/{b}", "{a} divided by {b}", "{a} over {b}", "the quotient of {a} and {b}", "{a} ÷ {b}"],
        "zh": ["{a}除以{b}", "{a} / {b}", "{a}/{b}", "{a}÷{b}", "{a} ÷ {b}", "{a}与{b}的商"],
    },
    "%": {
        "en": ["{a} % {b}", "{a} mod {b}", "{a} modulo {b}", "the remainder of {a} divided by {b}", "the remainder when {a} is divided by {b}"],
        "zh": ["{a}除以{b}的余数", "{a}对{b}取余", "{a}模{b}", "{a} % {b}"],
    },
    "**": {
        "en": ["{a} ** {b}", "{a}^{b}", "{a} ^ {b}", "{a} to the power of {b}", "{a} raised to the power {b}", "{a} to the {b}th power"],
        "zh": ["{a}的{b}次方", "{a}的{b}次幂", "{a}^{b}", "{a} ** {b}"],
    },
}  # fmt: skip


def binary(n: Numbers, language: str) -> Problem:
    operator = n.rng.choice("* * * + + + - - / / % **".split())
    a, b = n.any(), n.any()
    if operator == "**":
        a, b = n.of(2, 99), n.rng.randint(2, 20)
    elif operator == "%":
        b = n.of(2, 500)
    pattern = n.rng.choice(BINARY[operator][language])
    return Problem(pattern.format(a=show(a, n.rng), b=show(b, n.rng)), f"print({a} {operator} {b})")


def decimals(n: Numbers, language: str) -> Problem:
    operator = n.rng.choice("*+-/")
    a, b = (f"{n.of(1, 999)}.{n.rng.randint(1, 99)}" for _ in range(2))
    pattern = n.rng.choice(BINARY[operator][language])
    return Problem(pattern.format(a=a, b=b), f"print({a} {operator} {b})")


def expression(n: Numbers, language: str) -> Problem:
    def atom(depth: int) -> str:
        if depth and n.rng.random() < 0.5:
            inner = f"{atom(depth - 1)} {n.rng.choice('+-*')} {atom(depth - 1)}"
            return f"({inner})"
        return str(n.of(2, n.rng.choice((99, 999, 9999))))

    text = atom(1)
    for _ in range(n.rng.randint(1, 3)):
        operator = n.rng.choice("+-*/+-*")
        # What is in brackets may be zero.
        text += f" {operator} {atom(0 if operator == '/' else 1)}"
    shown = text.replace(" ", "") if n.rng.random() < 0.3 else text
    return Problem(shown, f"print({text})")


Unary = tuple[str, dict[str, list[str]], Callable[[Numbers], Mapping[str, object]]]


def _one(low: int, high: int) -> Callable[[Numbers], Mapping[str, object]]:
    return lambda n: {"a": n.of(low, high)}


def _two(low: int, high: int) -> Callable[[Numbers], Mapping[str, object]]:
    return lambda n: {"a": n.of(low, high), "b": n.of(low, high)}


def _list(n: Numbers) -> dict[str, object]:
    values = n.list()
    return {
        "l": ", ".join(map(str, values)),
        "lz": n.rng.choice(("、", "，", ", ")).join(map(str, values)),
    }


def _range(n: Numbers) -> dict[str, object]:
    low = n.rng.choice((1, 1, n.of(2, 200)))
    return {"a": low, "b": low + n.of(5, 3000)}


def _dates(n: Numbers) -> dict[str, object]:
    first = date(n.rng.randint(1990, 2035), 1, 1) + timedelta(days=n.rng.randrange(365))
    second = first + timedelta(days=n.of(2, 2500))
    return {
        "a": first.isoformat(),
        "b": second.isoformat(),
    }


def word(n: Numbers) -> str:
    """A pronounceable made-up word."""
    count = n.rng.randint(2, 4)
    return "".join(
        n.rng.choice("bcdfghjklmnprstvwz")
        + n.rng.choice("aeiouaeiouy")
        + n.rng.choice(["", "", "n", "r", "s", "l"])
        for _ in range(count)
    )


def _letters(n: Numbers) -> dict[str, object]:
    text = word(n)
    return {"w": text, "c": n.rng.choice(text + n.rng.choice(string.ascii_lowercase))}


PRIME = "n = {a}\nprint(n > 1 and all(n % i for i in range(2, int(n ** 0.5) + 1)))"

OTHERS: tuple[Unary, ...] = (
    ("import math\nprint(math.sqrt({a}))", {"en": ["the square root of {a}", "sqrt({a})", "square root of {a}"], "zh": ["{a}的平方根", "根号{a}"]}, _one(2, 999999)),
    ("print({a} ** 2)", {"en": ["{a} squared", "the square of {a}"], "zh": ["{a}的平方"]}, _one(2, 99999)),
    ("print({a} ** 3)", {"en": ["{a} cubed", "the cube of {a}"], "zh": ["{a}的立方"]}, _one(2, 9999)),
    ("print({a} * {b} / 100)", {"en": ["{a}% of {b}", "{a} percent of {b}", "{a} % of {b}", "{a} per cent of {b}"], "zh": ["{b}的{a}%", "{b}的百分之{a}", "百分之{a}的{b}"]}, lambda n: {"a": n.of(2, 99), "b": n.any()}),
    ("import math\nprint(math.factorial({a}))", {"en": ["the factorial of {a}", "{a}!", "{a} factorial", "factorial of {a}"], "zh": ["{a}的阶乘", "{a}！", "{a}!"]}, lambda n: {"a": n.rng.randint(3, 28)}),
    ("import math\nprint(math.gcd({a}, {b}))", {"en": ["the greatest common divisor of {a} and {b}", "the gcd of {a} and {b}", "gcd({a}, {b})"], "zh": ["{a}和{b}的最大公约数", "{a}与{b}的最大公因数"]}, _two(10, 9999)),
    ("import math\nprint(math.lcm({a}, {b}))", {"en": ["the least common multiple of {a} and {b}", "the lcm of {a} and {b}"], "zh": ["{a}和{b}的最小公倍数"]}, _two(4, 999)),
    ("print(sum(range({a}, {b} + 1)))", {"en": ["the sum of the numbers from {a} to {b}", "the sum of all integers from {a} to {b}", "the sum of all numbers between {a} and {b}"], "zh": ["从{a}到{b}的和", "{a}到{b}所有整数的和", "{a}到{b}的整数之和"]}, _range),
    ("print(sum([{l}]))", {"en": ["the sum of {l}", "the total of {l}"], "zh": ["{lz}的和", "{lz}的总和"]}, _list),
    ("numbers = [{l}]\nprint(sum(numbers) / len(numbers))", {"en": ["the average of {l}", "the mean of {l}"], "zh": ["{lz}的平均数", "{lz}的平均值"]}, _list),
    ("print(max([{l}]))", {"en": ["the largest of {l}", "the maximum of {l}", "the biggest of {l}"], "zh": ["{lz}的最大值", "{lz}中最大的数", "{lz}里最大的"]}, _list),
    ("print(min([{l}]))", {"en": ["the smallest of {l}", "the minimum of {l}"], "zh": ["{lz}的最小值", "{lz}中最小的数"]}, _list),
    ("import statistics\nprint(statistics.median([{l}]))", {"en": ["the median of {l}"], "zh": ["{lz}的中位数"]}, _list),
    ("print(sorted([{l}]))", {"en": ["{l} sorted", "{l} in ascending order", "the sorted list of {l}"], "zh": ["{lz}从小到大排序"]}, _list),
    ("print(bin({a}))", {"en": ["{a} in binary", "the binary form of {a}"], "zh": ["{a}的二进制", "{a}的二进制表示"]}, _one(2, 9999)),
    ("print(hex({a}))", {"en": ["{a} in hexadecimal", "{a} in hex"], "zh": ["{a}的十六进制", "{a}的十六进制表示"]}, _one(10, 99999)),
    ("print(({a} - 32) * 5 / 9)", {"en": ["{a} degrees Fahrenheit in Celsius", "{a} Fahrenheit in Celsius"], "zh": ["{a}华氏度等于多少摄氏度，即它的摄氏温度", "华氏{a}度的摄氏度数"]}, _one(2, 400)),
    ("print({a} * 9 / 5 + 32)", {"en": ["{a} degrees Celsius in Fahrenheit", "{a} Celsius in Fahrenheit"], "zh": ["摄氏{a}度的华氏度数"]}, _one(2, 400)),
    ("import math\nprint(math.pi * {a} ** 2)", {"en": ["the area of a circle with radius {a}", "the area of a circle of radius {a}"], "zh": ["半径为{a}的圆的面积"]}, _one(2, 999)),
    ("a, b = 0, 1\nfor _ in range({a}):\n    a, b = b, a + b\nprint(a)", {"en": ["the {a}th Fibonacci number", "Fibonacci number {a}"], "zh": ["第{a}个斐波那契数"]}, lambda n: {"a": n.rng.randint(4, 95)}),
    ("print(sum(all(n % i for i in range(2, int(n ** 0.5) + 1)) for n in range(2, {a})))", {"en": ["the number of primes below {a}", "the count of prime numbers below {a}"], "zh": ["小于{a}的质数的个数", "{a}以内的质数个数"]}, _one(10, 5000)),
    ("print({a} * (1 + {b} / 100) ** {c})", {"en": ["{a} at {b}% interest after {c} years", "{a} with {b}% yearly interest after {c} years"], "zh": ["本金{a}年利率{b}%存{c}年后的总额"]}, lambda n: {"a": n.of(100, 99999), "b": n.rng.randint(1, 15), "c": n.rng.randint(2, 30)}),
)  # fmt: skip

QUESTIONS: tuple[Unary, ...] = (
    (PRIME, {"en": ["Is {a} a prime number?", "Is {a} prime?", "is {a} a prime", "Check whether {a} is prime.", "Could you check whether {a} is a prime?", "Can you tell me if {a} is prime?", "Tell me if {a} is a prime number."], "zh": ["{a}是质数吗？", "{a}是不是质数？", "{a}是素数吗？", "判断{a}是不是质数。", "请问{a}是质数吗？", "检查{a}是不是素数。", "{a}是不是素数？"], "en_held_out": ["Can you check if {a} is prime?"], "zh_held_out": ["请问{a}是不是素数？"]}, _one(11, 99999)),
    ("from datetime import date\nprint((date.fromisoformat(\"{b}\") - date.fromisoformat(\"{a}\")).days)", {"en": ["How many days are there between {a} and {b}?", "How many days are between {a} and {b}?", "How many days from {a} to {b}?", "Days between {a} and {b}?", "Count the days from {a} to {b}.", "How many days lie between {a} and {b}?", "Please tell me how many days there are from {a} to {b}."], "zh": ["{a}到{b}有多少天？", "{a}和{b}之间相隔多少天？", "从{a}到{b}一共几天？", "请问{a}到{b}有几天？", "从{a}到{b}有多少天？", "{a}至{b}共几天？"], "en_held_out": ["Please count the days between {a} and {b}.", "How many days are there from {a} until {b}?"], "zh_held_out": ["请问从{a}到{b}有几天？"]}, _dates),
    ('from datetime import date\nprint(date.fromisoformat("{a}").strftime("%A"))', {"en": ["What day of the week was {a}?", "Which weekday is {a}?", "What weekday is {a}?", "Which day of the week was {a}?", "On what weekday does {a} fall?", "Tell me which weekday {a} is."], "zh": ["{a}是星期几？", "{a}是周几？", "请问{a}是周几？", "{a}那天是星期几？", "告诉我{a}是星期几。"], "en_held_out": ["Tell me what day of the week {a} was.", "What weekday was {a}?"], "zh_held_out": ["请问{a}是星期几呢？"]}, _dates),
    ('print(len("{w}"))', {"en": ["How many letters are in the word {w}?", 'How many characters does "{w}" have?', 'How many letters does "{w}" have?', "How long is the word {w}?", "Please count the letters in {w}.", "What number of letters does {w} have?"], "zh": ["“{w}”有几个字母？", "单词 {w} 有多少个字母？", "请问“{w}”有几个字母？", "“{w}”一共多少个字母？"], "en_held_out": ['How many letters are there in "{w}"?', "Count the letters of the word {w}."], "zh_held_out": ["请问“{w}”有多少个字母？"]}, _letters),
    ('print("{w}".count("{c}"))', {"en": ['How many times does "{c}" occur in "{w}"?', "How many {c}'s are in {w}?", 'How often does the letter {c} occur in "{w}"?', 'Count the letter "{c}" in "{w}".', 'How many times do you see "{c}" in "{w}"?', "How often is {c} in {w}?"], "zh": ["“{w}”里有几个“{c}”？", "字母 {c} 在 {w} 中出现几次？", "请问“{w}”里有几个 {c}？", "“{w}”中“{c}”出现多少次？"], "en_held_out": ['Please count how many times "{c}" is in "{w}".', "How many times is the letter {c} in {w}?"], "zh_held_out": ["请问“{w}”中有几个“{c}”？"]}, _letters),
    ('print("{w}"[::-1])', {"en": ['Reverse the string "{w}".', "Spell {w} backwards.", 'What is "{w}" backwards?', "Reverse the word {w}.", "Please reverse \"{w}\".", "Write {w} from back to front."], "zh": ["把“{w}”反过来写。", "把字符串 {w} 反转。", "请把“{w}”反转。", "将“{w}”倒过来。"], "en_held_out": ['Please write "{w}" backwards.', 'Reverse "{w}" for me.'], "zh_held_out": ["请将“{w}”反转。"]}, _letters),
    ("print({a} * {b})", {"en": ["One ticket costs {a} euros. How much do {b} tickets cost?", "A box holds {a} eggs. How many eggs are in {b} boxes?", "I buy {b} books for {a} dollars each. What do I pay?", "If a car drives {a} km every day, how far does it drive in {b} days?", "There are {a} rows with {b} seats each. How many seats are there?", "A worker earns {a} euros a day. What does he earn in {b} days?", "Every bag has {a} nuts. How many nuts do {b} bags hold?", "One pen is {a} cents; what is the price of {b} pens?", "Each shelf holds {a} books and there are {b} shelves. How many books is that?", "A ticket is {a} dollars. How much are {b} of them?"], "zh": ["一张票{a}元，{b}张票多少钱？", "每箱有{a}个苹果，{b}箱一共有多少个？", "每本书{a}元，买{b}本要多少钱？", "一支笔卖{a}元，{b}支笔一共多少钱？", "每天走{a}公里，{b}天走多少公里？", "一排有{a}个座位，{b}排一共有几个座位？", "每盒{a}个鸡蛋，请问{b}盒有多少个？"], "en_held_out": ["A ticket costs {a} dollars. What do {b} tickets cost?", "Each box holds {a} eggs. How many eggs are in {b} boxes?"], "zh_held_out": ["一张票卖{a}元，请问{b}张票多少钱？"]}, _two(3, 999)),
    ("print({a} - {b})", {"en": ["I had {a} dollars and spent {b}. How much is left?", "There were {a} people and {b} left. How many are still there?", "From {a} euros I spend {b}. What is left?", "The shop had {a} books and sold {b} of them. How many are left?", "Of {a} apples {b} were eaten. How many remain?"], "zh": ["我有{a}元，花了{b}元，还剩多少？", "原来有{a}人，走了{b}人，还剩几人？", "商店有{a}本书，卖掉{b}本，请问还剩几本？", "{a}个苹果吃掉{b}个，剩下多少个？", "我有{a}元，用掉{b}元，剩多少？"], "en_held_out": ["I had {a} euros and spent {b} of them. How much is left?"], "zh_held_out": ["我有{a}元，花掉{b}元，请问还剩多少？"]}, lambda n: (lambda b: {"a": b + n.of(2, 900), "b": b})(n.of(2, 900))),
    ("print({a} / {b})", {"en": ["{a} apples are shared by {b} children. How many does each get?", "We split {a} euros among {b} people. What does each one get?", "{a} pears are shared by {b} people. How many does each person get?", "{a} sweets for {b} kids: how many does each one get?", "Divide {a} books equally among {b} readers. How many does each have?", "{a} coins are shared by {b} pirates. How many does each one have?", "{b} people share {a} apples. How many is that for each?", "{a} nuts are split by {b} friends. How many does every one get?"], "zh": ["{a}个苹果分给{b}个孩子，每人几个？", "{b}个人平分{a}元，每人多少？", "{a}个梨分给{b}个人，每人得几个？", "把{a}块糖平均分给{b}个同学，请问每人几块？", "{a}本书分给{b}个学生，每个学生几本？", "{a}元由{b}个人分，每人多少元？", "{a}个橘子分给{b}个人，每个人分到几个？", "{b}个人分{a}个苹果，请问每个人几个？", "{a}支笔分给{b}个学生，请问每个学生几支？", "把{a}个苹果分给{b}个人，每人得多少？"], "en_held_out": ["{a} apples are shared by {b} people. How many does each one get?"], "zh_held_out": ["{a}个苹果分给{b}个人，请问每人几个？"]}, lambda n: (lambda b: {"a": b * n.of(2, 60), "b": b})(n.of(2, 60))),
    ("print({a} + {b})", {"en": ["Anna has {a} coins and Ben has {b}. How many do they have together?", "I read {a} pages on Monday and {b} on Tuesday. How many pages is that?", "Tom has {a} marbles, Eva has {b}. How many marbles are that together?", "Kim has {a} coins, Max has {b} coins. How many coins do both have together?", "Lea has {a} books, Jan has {b}. How many books do the two have?", "One box holds {a} nails, the other {b}. How many nails are there?"], "zh": ["小明有{a}元，小红有{b}元，一共多少元？", "哥哥有{a}本书，弟弟有{b}本，请问一共有几本？", "昨天走了{a}步，今天走了{b}步，总共多少步？"], "en_held_out": ["Anna has {a} coins, Ben has {b}. How many coins do they have together?"], "zh_held_out": ["小明有{a}元，小红有{b}元，请问一共多少元？"]}, _two(3, 9999)),
)  # fmt: skip


APPLIED = {
    "en": {
        "train": ["Take {x} and {op}.", "{x}: {op_it}.", "What is {x} {op_noun}?", "Start with {x}, then {op}."],
        "held_out": ["Please take {x} and {op}.", "Start with {x}, please, and {op}.", "Tell me what {x} {op_noun} is."],
    },
    "zh": {
        "train": ["把{x}{op}", "将{x}{op}，得多少？", "{x}{op}是多少？", "拿{x}来，{op}。"],
        "held_out": ["请把{x}{op}。", "{x}{op}，得多少呢？"],
    },
}  # fmt: skip


def applied(n: Numbers, language: str) -> Problem:
    """An operation of `OPERATIONS` on a number that is there, as it comes later on one that is not."""
    x = n.any()
    operation = sample_operation(n.rng, "held_out" if n.held_out else "train", language)
    code = operation.code.replace("{x}", str(x))
    slots = operation.slots
    pattern = n.rng.choice(APPLIED[language]["held_out" if n.held_out else "train"])
    return Problem(pattern.format(x=x, **slots), code, question=True)


def sample_problem(rng: random.Random, split: str, language: str) -> Problem:
    """A computation of a random kind."""
    n = Numbers(rng, split)
    roll = rng.random()
    if roll < 0.34:
        return binary(n, language)
    if roll < 0.42:
        return decimals(n, language)
    if roll < 0.52:
        return expression(n, language)
    if roll < 0.60:
        return applied(n, language)
    question = roll > 0.78
    code, phrases, draw = rng.choice(QUESTIONS if question else OTHERS)
    values = draw(n)
    # Wordings that surround a phrase are held out elsewhere; a question has its own.
    key = f"{language}_held_out" if question and split == "held_out" else language
    return Problem(rng.choice(phrases[key]).format(**values), code.format(**values), question)


@dataclass(frozen=True, slots=True)
class Operation:
    """Something to do with a number that is not known yet."""

    slots: dict[str, str]
    code: str  # with {x}


OPERATIONS: dict[str, dict[str, tuple[str, ...]]] = {
    "{x} * {k}": {"op": ("multiply {it} by {k}",), "op_noun": ("times {k}", "multiplied by {k}"), "zh": ("乘以{k}", "乘{k}")},
    "{x} + {k}": {"op": ("add {k} to {it}", "add {k}"), "op_noun": ("plus {k}",), "zh": ("加上{k}", "加{k}")},
    "{x} - {k}": {"op": ("subtract {k} from {it}", "subtract {k}"), "op_noun": ("minus {k}",), "zh": ("减去{k}", "减{k}")},
    "{x} / {k}": {"op": ("divide {it} by {k}",), "op_noun": ("divided by {k}",), "zh": ("除以{k}",)},
    "{x} ** 2": {"op": ("square {it}",), "op_noun": ("squared",), "zh": ("平方",)},
}  # fmt: skip


def sample_operation(rng: random.Random, split: str, language: str) -> Operation:
    """An operation on a number, as the wordings of `CHAIN` and `FOLLOW_MATH` want it."""
    expression = rng.choice(list(OPERATIONS))
    k = Numbers(rng, split).of(2, rng.choice((20, 99, 999)))
    forms = OPERATIONS[expression]
    code = f"print({expression.replace('{k}', str(k))})"
    if language == "zh":
        return Operation({"op": rng.choice(forms["zh"]).format(k=k)}, code)
    op = rng.choice(forms["op"])
    slots = {
        "op": op.format(it="it", k=k),
        "op_it": op.format(it="the number", k=k),
        "op_that": op.format(it=rng.choice(("that", "it", "the result", "this")), k=k),
        "op_noun": rng.choice(forms["op_noun"]).format(k=k),
    }
    return Operation(slots, code)
