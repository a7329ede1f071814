"""Made-up web pages, their addresses, and what the fetch server says of them."""

from __future__ import annotations

import json
import pydoc_data.topics
import random
import re
import zlib

# Plain English to make titles and paragraphs of; any text would do.
_WORDS = sorted(
    {w for text in pydoc_data.topics.topics.values() for w in re.findall(r"\b[a-z]{3,11}\b", text)}
)
_HAN = (
    "的一是不了人我在有他这为之大来以个中上们到说国和地也子时道出而要于就下得可你年生自会那后能对着事其里所去行过"
    "家十用发天如然作方成者多日都三小军二无同么经法当起与好看学进种将还分此心前面又定见只主没公从知全工实长"
    "明新月山水火风花春秋冬夏书城河湖海星光云雨雪树林桥路门窗屋楼街市场店车船飞机器电信网页馆园校院室堂"
)
_SYLLABLES = "ba be bo ca co da de do el fa fi ga go ha he in ka ko la li lo ma me mi mo na ne no or pa pe ra re ri ro sa se si so ta te ti to tu va ve vi wa wi ya za zo".split()

TITLE_RAW = "Content type {kind} cannot be simplified to markdown, but here is the raw content:\n"


def _keep(word: str, split: str) -> bool:
    return (zlib.crc32(word.encode()) % 8 == 0) == (split == "held_out")


def made_up(rng: random.Random, split: str) -> str:
    """A word that is in no dictionary."""
    while True:
        word = "".join(rng.sample(_SYLLABLES, rng.randint(2, 4)))
        if _keep(word, split):
            return word


def english(rng: random.Random, split: str, count: int) -> str:
    words: list[str] = []
    while len(words) < count:
        word = made_up(rng, split) if rng.random() < 0.12 else rng.choice(_WORDS)
        if _keep(word, split) or rng.random() < 0.3:
            words.append(word)
    return " ".join(words)


def chinese(rng: random.Random, count: int) -> str:
    return "".join(rng.choice(_HAN) for _ in range(count))


def title(rng: random.Random, split: str, language: str) -> str:
    """A page title that was never seen."""
    if rng.random() < (0.6 if language == "zh" else 0.08):
        text = chinese(rng, rng.randint(2, 9))
        return f"{text}{rng.choice(['', '', ' - ' + chinese(rng, 3), str(rng.randint(2, 99))])}"
    text = english(rng, split, rng.randint(1, 6))
    style = rng.random()
    if style < 0.65:
        text = text.title()
    elif style < 0.9:
        text = text.capitalize()
    extra = rng.random()
    if extra < 0.10:
        text += f" {rng.randint(2, 2030)}"
    elif extra < 0.18:
        text += rng.choice((" | ", " - ", ": ", " — ")) + english(rng, split, 1).title()
    elif extra < 0.22:
        text += rng.choice("!?")
    return text


def url(rng: random.Random, split: str, server: str | None = None) -> str:
    """An address that nobody was asked for in training; of a page on `server` (host:port) if given."""
    if server and (split == "held_out" or rng.random() < 0.8):
        return f"http://{server}/{made_up(rng, split)}{rng.choice(('', '.html', '.txt', '/1', '-2.html'))}"
    if rng.random() < 0.45:
        host = rng.choice(("127.0.0.1", "127.0.0.1", "localhost")) + f":{rng.randint(1024, 65535)}"
    else:
        host = rng.choice(("", "www.", "docs.", "blog.")) + made_up(rng, split)
        host += rng.choice(
            (".com", ".org", ".net", ".io", ".dev", ".example", ".cn", ".de", ".co.uk")
        )
    path = "/".join(
        rng.choice(
            (
                made_up(rng, split),
                rng.choice(_WORDS),
                str(rng.randint(1, 9999)),
                f"{made_up(rng, split)}-{made_up(rng, split)}",
            )
        )
        for _ in range(rng.choice((1, 1, 2, 3)))
    )
    ending = rng.choice(("", "", ".html", ".txt", ".json", ".htm", "?id=7"))
    return f"{rng.choice(('http', 'http', 'https'))}://{host}/{path}{ending}"


def _sentence(rng: random.Random, split: str, language: str) -> str:
    if language == "zh":
        return chinese(rng, rng.randint(4, 14)) + "。"
    return english(rng, split, rng.randint(3, 10)).capitalize() + "."


def html(
    rng: random.Random, split: str, language: str, page_title: str, heading: str | None = None
) -> str:
    """A page with `page_title` in its head and some paragraphs."""
    lines = ["<!doctype html>", "<!DOCTYPE html>", "<!doctype html>\n"]
    head = rng.choice(('<html lang="en">', "<html>", "<html>\n")) + rng.choice(
        ("<head>", "<head>\n", "<head>\n  ")
    )
    if rng.random() < 0.5:
        head += rng.choice(
            (
                '<meta charset="utf-8">',
                '<meta charset="UTF-8">\n',
                '<meta name="viewport" content="width=device-width">\n  ',
            )
        )
    head += f"<title>{page_title}</title>"
    if rng.random() < 0.25:
        head += rng.choice(
            (
                '\n<link rel="stylesheet" href="/style.css">',
                "<style>body { margin: 2em }</style>",
                '\n<script src="app.js"></script>',
            )
        )
    head += rng.choice(("</head>", "\n</head>\n"))
    if heading is None:
        heading = page_title if rng.random() < 0.4 else title(rng, split, language)
    gap = rng.choice(("", "\n", "\n  "))
    parts = [f"<h1>{heading}</h1>"] if rng.random() < 0.8 else []
    parts += [
        f"<p>{_sentence(rng, split, language)}</p>" for _ in range(rng.choice((1, 1, 2, 3, 5)))
    ]
    body = gap.join(parts)
    return (
        f"{rng.choice(lines)}{head}<body>{gap}{body}{gap}</body></html>{rng.choice(('', chr(10)))}"
    )


def number_page(rng: random.Random, split: str, language: str, number: int) -> tuple[str, str]:
    """A document that holds one number, as (content type, body)."""
    what = rng.choice(
        (
            "price",
            "count",
            "total",
            "number of steps",
            "value",
            "score",
            "height",
            english(rng, split, 1),
        )
    )
    if language == "zh" and rng.random() < 0.6:
        noun = chinese(rng, 2)
        text = rng.choice(
            ("{n}", "{w}是{n}。", "{w}：{n}", "一共有{n}个{w}。", "这里的{w}为{n}元。")
        ).format(n=number, w=noun)
    else:
        text = rng.choice(
            (
                "{n}",
                "{n}\n",
                "The {w} is {n}.",
                "{w}: {n}",
                "There are {n} of them.",
                "It has {n} steps.",
                "The {w} today is {n} in all.",
                "{w} = {n}",
            )
        ).format(n=number, w=what)
    kind = rng.random()
    if kind < 0.5:
        return "text/plain", text
    if kind < 0.75:
        return "application/json", json.dumps({what.split()[0]: number})
    filler = _sentence(rng, split, language)
    return "text/html", (
        f"<html><head><title>{title(rng, split, language)}</title></head>"
        f"<body><h1>{english(rng, split, 2).title()}</h1><p>{text.strip()}</p><p>{filler}</p></body></html>"
    )


def fetched(address: str, kind: str, body: str, raw: bool) -> str:
    """The fetch server's text for a document (`mcp-server-fetch` 2026.10)."""
    if kind == "text/html" and not raw:
        heading = re.search(r"<h1>(.*?)</h1>", body)
        paragraphs = re.findall(r"<p>(.*?)</p>", body)
        shown = "\n\n".join(([f"## {heading.group(1)}"] if heading else []) + paragraphs)
        return f"Contents of {address}:\n{shown}"
    return f"{TITLE_RAW.format(kind=kind)}Contents of {address}:\n{body}"
