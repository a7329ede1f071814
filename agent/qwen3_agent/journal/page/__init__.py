"""Renders a run as a single, self-contained HTML page."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator, Sequence
from html import escape
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from string import Template
from typing import Any

from markdown_it import MarkdownIt

from ...messages import Content, MalformedCall, Reasoning, SystemMessage, ToolCall
from ...result import Usage
from ..images import image_type
from ..recorded import RecordedCall, RecordedRun, RecordedStep, RecordedTurn
from .timeline import Axis, Bar, bars

LARGEST_PAGE = 1_900_000
"""Bytes. A larger page is shortened, longest texts first, with notes in their place."""
_LARGEST_IMAGES = 1_000_000
_TEXT_LENGTHS = (100_000, 20_000, 6_000, 2_000, 600)
_STATUS = {
    "answered": "answered",
    "limit": "ended at a limit",
    "failed": "failed",
    "interrupted": "interrupted",
    "unfinished": "cut off, or still at work",
    "undone": "undone",
}
_ROUTES = {
    "engine": "on this machine",
    "server_tokens": "on a server, by token ids",
    "server_chat": "on a server, by its chat protocol",
}
_LEGEND = (
    ("reading", "reading the prompt"),
    ("thinking", "thinking"),
    ("writing", "writing"),
    ("tool", "tool"),
    ("wrong", "tool, with an error"),
    ("cut", "cut off"),
)
_CONTROLS = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n"}


def html_page(run: RecordedRun) -> str:
    """Return the run as an HTML page of less than two megabytes that loads no other resources."""
    for longest in _TEXT_LENGTHS:
        page = _Page(run, longest, most_steps=None).html()
        if len(page.encode("utf-8", "replace")) <= LARGEST_PAGE:
            return page
    most = sum(len(turn.steps) for turn in run.turns)
    while len(page.encode("utf-8", "replace")) > LARGEST_PAGE and most > 2:
        most //= 2
        page = _Page(run, _TEXT_LENGTHS[-1], most_steps=most).html()
    return page


class _Page:
    def __init__(self, run: RecordedRun, longest: int, most_steps: int | None) -> None:
        self._run = run
        self._longest = longest
        self._most_steps = most_steps
        self._image_room = _LARGEST_IMAGES
        self._markdown = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")

    def html(self) -> str:
        run = self._run
        turns = "".join(self._turn(turn) for turn in run.turns)
        return Template(_resource("page.html")).substitute(
            title=escape(_short(run.title, 80)),
            style=_resource("style.css"),
            head=self._head(),
            main=turns + self._setting(),
            id=escape(run.id),
            program=escape(run.program),
            script=_resource("script.js"),
        )

    def _head(self) -> str:
        run = self._run
        reports = [step.report for turn in run.turns for step in turn.steps if step.report]
        calls = [call for turn in run.turns for step in turn.steps for call in step.calls]
        usage = sum((report.usage for report in reports), Usage())
        cached = _percent(usage.cached_tokens, usage.input_tokens)
        wrong = sum(call.is_error for call in calls)
        worked = sum(_axis(turn).seconds for turn in run.turns)
        facts = [
            ("Model", escape(", then ".join(_models(run)) or "none yet")),
            ("Reached", _ROUTES.get(run.route, escape(run.route))),
            ("Began", time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(run.started))),
            ("Worked for", _seconds(worked)),
            ("Steps", f"{len(reports)}"),
            ("Tool calls", f"{len(calls)}" + (f", {wrong} with an error" if wrong else "")),
            (
                "Written by the model",
                f"{usage.output_tokens:,} tokens, {usage.thinking_tokens:,} of them thought",
            ),
            ("Prompts", f"{usage.input_tokens:,} tokens, {cached} from the prefix cache"),
        ]
        bad = "" if run.status == "answered" else " bad"
        listed = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts)
        return (
            f"<h1>{self._text(run.title)}</h1>"
            f'<span class="status{bad}">{_STATUS[run.status]}</span><dl class="facts">{listed}</dl>'
        )

    def _turn(self, turn: RecordedTurn) -> str:
        several = len(self._run.turns) > 1
        head = f"<h2>Turn {turn.index + 1}</h2><p>{self._text(turn.text)}</p>" if several else ""
        if several and turn.status not in ("answered", "unfinished"):
            head += f'<p class="note">This turn: {_STATUS[turn.status]}.</p>'
        anchor = "steps" if turn is self._run.turns[0] else f"steps-{turn.index}"
        return (
            f"<section>{head}{self._answer(turn)}{self._timeline(turn)}"
            f'<h2 id="{anchor}">Steps</h2>'
            f"{''.join(self._steps(turn))}</section>"
        )

    def _answer(self, turn: RecordedTurn) -> str:
        if turn.output:
            shown = self._markdown.render(_shown(turn.output, self._longest))
            return f'<h2>Answer</h2><div class="answer">{shown}</div>'
        if turn.error:
            why = self._text(turn.error.message)
        elif turn.status == "unfinished":
            why = "The run has not come to one yet."
        else:
            why = "The turn ended before there was one."
        return f'<h2>No answer</h2><div class="answer none"><p>{why}</p></div>'

    def _timeline(self, turn: RecordedTurn) -> str:
        if not turn.steps:
            return ""
        axis = _axis(turn)
        legend = "".join(f'<li><i class="{kind}"></i>{said}</li>' for kind, said in _LEGEND)
        rows = "".join(self._row(turn, number, step, axis) for number, step in self._chosen(turn))
        pauses = "".join(
            f'<p class="note">At the dotted line nothing happened for {_seconds(seconds)}.</p>'
            for _, seconds in axis.breaks
        )
        return (
            f'<h2>Timeline</h2><ul class="legend">{legend}</ul><div class="timeline">{rows}'
            f'<div class="axis"><span>0 s</span><span>{_seconds(axis.seconds)}</span></div></div>'
            f"{pauses}"
        )

    def _row(self, turn: RecordedTurn, number: int, step: RecordedStep, axis: Axis) -> str:
        shown = bars(step, turn)
        lanes = 1 + max((bar.lane for bar in shown), default=0)
        drawn = "".join(_drawn(bar, axis) for bar in shown)
        drawn += "".join(f'<s style="left:{at:.2f}%"></s>' for at, _ in axis.breaks)
        told = ", ".join(f"{bar.label} {_seconds(bar.end - bar.start)}" for bar in shown)
        return (
            f'<a class="row" href="#{_anchor(turn, number)}" aria-label="Step {step.index + 1}: '
            f'{escape(told)}"><span>Step {step.index + 1}</span>'
            f'<span class="track" style="height:{lanes * 0.85:.2f}rem">{drawn}</span>'
            f'<span class="took">{_seconds(_worked(shown))}</span></a>'
        )

    def _chosen(self, turn: RecordedTurn) -> list[tuple[int, RecordedStep]]:
        """Return the numbered steps that fit on the page: the first and the last ones."""
        numbered = list(enumerate(turn.steps))
        if self._most_steps is None or len(numbered) <= self._most_steps:
            return numbered
        half = self._most_steps // 2
        return numbered[:half] + numbered[len(numbered) - half :]

    def _steps(self, turn: RecordedTurn) -> Iterator[str]:
        notes = sorted(turn.notes)
        before = -1
        for number, step in self._chosen(turn):
            while notes and notes[0][0] <= step.started:
                yield f'<p class="note">{self._text(notes.pop(0)[1])}</p>'
            if number > before + 1:
                yield f'<p class="note">{number - before - 1} steps are left out here.</p>'
            before = number
            yield self._step(turn, number, step)
        for _, text in notes:
            yield f'<p class="note">{self._text(text)}</p>'

    def _step(self, turn: RecordedTurn, number: int, step: RecordedStep) -> str:
        shown = bars(step, turn)
        facts = [_seconds(_worked(shown)), _thinking(step)]
        if (report := step.report) is not None:
            usage = report.usage
            cached = _percent(usage.cached_tokens, usage.input_tokens)
            facts += [
                f"prompt {usage.input_tokens:,} tokens, {usage.cached_tokens:,} ({cached}) from "
                "the prefix cache",
                f"wrote {usage.output_tokens:,}",
            ]
            if report.finish == "length":
                facts.append("<strong>cut off at a limit</strong>")
        listed = "".join(f"<p>{fact}</p>" for fact in facts)
        return (
            f'<article id="{_anchor(turn, number)}" tabindex="-1"><header>'
            f"<h3>Step {step.index + 1}</h3>{listed}</header>"
            f'<div class="body">{"".join(self._body(step))}</div></article>'
        )

    def _body(self, step: RecordedStep) -> Iterator[str]:
        if step.report is None:
            yield (
                '<p class="note">The model was cut off while it wrote this; what came of it was '
                "dropped, and a resumed run writes it anew.</p>"
            )
            for said in step.cut_off:
                if said.text:
                    css = "thought" if isinstance(said, Reasoning) else ""
                    yield f'<pre class="{css}">{self._text(said.text)}</pre>'
        for part, call_id in step.parts_and_ids():
            if isinstance(part, Reasoning):
                if part.text.strip():
                    yield (
                        f"<details open><summary><strong>Thought</strong></summary>"
                        f'<pre class="thought" tabindex="0">{self._text(part.text)}</pre></details>'
                    )
            elif isinstance(part, Content):
                if part.text.strip():
                    yield self._markdown.render(_shown(part.text, self._longest))
            else:
                yield self._call(part, step.call(call_id))

    def _call(self, part: ToolCall | MalformedCall, call: RecordedCall | None) -> str:
        if isinstance(part, MalformedCall):
            what = f"<h4>A call that could not be read</h4><pre>{self._text(part.raw)}</pre>"
        else:
            what = f"<h4>{escape(part.name)}</h4>{self._arguments(part.arguments)}"
        if call is None:
            return f'<div class="call">{what}<p>Not begun.</p></div>'
        if call.finished is None:
            return (
                f'<div class="call error">{what}<p>It was running when the run was cut off: '
                "whether it did anything is not known.</p></div>"
            )
        css = " error" if call.is_error else ""
        said = "Error" if call.is_error else "Result"
        images = "".join(self._image(name) for name in call.images)
        listed = ", ".join(escape(Path(file).name) for file in call.files)
        listed = f"<p>Files: {listed}</p>" if listed else ""
        return (
            f'<div class="call{css}">{what}<details open><summary><strong>{said}</strong> after '
            f'{_seconds(call.seconds)}</summary><pre class="{css.strip()}" tabindex="0">'
            f"{self._text(call.text)}</pre></details>{images}{listed}</div>"
        )

    def _arguments(self, arguments: dict[str, Any]) -> str:
        shown = []
        for name, value in arguments.items():
            block = isinstance(value, str) and "\n" in value
            text = value if block else json.dumps(value, ensure_ascii=False, indent=2)
            between = ":\n" if block else ": "
            shown.append(f"{name}{between}{text}")
        return f'<pre tabindex="0">{self._text(chr(10).join(shown))}</pre>' if shown else ""

    def _image(self, name: str) -> str:
        try:
            data = (self._run.folder / Path(name).name).read_bytes()
        except OSError:
            return f"<p>The image {escape(name)} is not there any more.</p>"
        kind = image_type(data)
        size = len(data) * 4 // 3
        if kind is None or size > self._image_room:
            return (
                f"<p>The image {escape(name)} ({len(data):,} bytes) is too large for this page. It "
                "is in the run's folder.</p>"
            )
        self._image_room -= size
        encoded = base64.b64encode(data).decode()
        return f'<img alt="{escape(name)}" src="data:{kind};base64,{encoded}">'

    def _setting(self) -> str:
        """Return the instructions and tools."""
        run = self._run
        first = run.messages[0] if run.messages else None
        told = first.text if isinstance(first, SystemMessage) else ""
        tools = "".join(
            f"<dt><code>{escape(tool['name'])}</code>{' (only reads)' * tool['read_only']}</dt>"
            f"<dd>{self._text(tool['description'])}</dd>"
            for tool in run.tools
        )
        system = f"<h4>Instructions</h4><pre>{self._text(told)}</pre>" if told else ""
        offered = f"<h4>Tools</h4><dl>{tools}</dl>" if tools else "<p>No tools.</p>"
        return (
            "<h2>What the model had</h2><details><summary>Instructions and tools</summary>"
            f"{system}{offered}</details>"
        )

    def _text(self, text: str) -> str:
        return escape(_shown(text, self._longest))


def _models(run: RecordedRun) -> list[str]:
    """Return the models that worked on the run, in order."""
    named = [*(turn.model for turn in run.turns), run.model]
    return [name for name, _ in groupby(filter(None, named))]


def _axis(turn: RecordedTurn) -> Axis:
    return Axis([(bar.start, bar.end) for step in turn.steps for bar in bars(step, turn)])


def _worked(shown: Sequence[Bar]) -> float:
    """Return the number of seconds in which something happened."""
    return Axis([(bar.start, bar.end) for bar in shown]).seconds


def _drawn(bar: Bar, axis: Axis) -> str:
    left, right = axis.at(bar.start), axis.at(bar.end)
    title = escape(f"{bar.label}, {_seconds(bar.end - bar.start)}")
    return (
        f'<b class="{bar.kind}" title="{title}" style="left:{min(left, 99.5):.2f}%;'
        f'width:{right - left:.2f}%;top:{bar.lane * 0.85 + 0.11:.2f}rem"></b>'
    )


def _thinking(step: RecordedStep) -> str:
    plan, report = step.plan, step.report
    if not plan.on:
        return f"no thought ({escape(plan.reason)})"
    tokens = report.usage.thinking_tokens if report else 0
    budget = plan.budget
    if budget is None:
        return f"thought {tokens:,} tokens, no budget ({escape(plan.reason)})"
    forced = ", closed by force" if report and report.closed_by_force else ""
    share = min(100, 100 * tokens / budget) if budget else 100
    return (
        f'thought {tokens:,}<span class="budget"><i class="thinking" style="width:{share:.0f}%">'
        f"</i></span>of {budget:,} tokens{forced} ({escape(plan.reason)})"
    )


def _anchor(turn: RecordedTurn, number: int) -> str:
    return f"step-{turn.index}-{number}"


def _shown(text: str, longest: int) -> str:
    """Replace control characters by their symbols, and the middle of a long text by a note."""
    if len(text) > longest:
        half = longest // 2
        left_out = len(text) - 2 * half
        text = f"{text[:half]}\n[… {left_out:,} characters are left out …]\n{text[-half:]}"
    return text.translate(_CONTROLS).encode("utf-8", "replace").decode()


def _short(text: str, longest: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def _seconds(seconds: float) -> str:
    if seconds < 0.1:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f}%" if whole else "none"


def _resource(name: str) -> str:
    return files(__name__).joinpath(name).read_text("utf-8")
