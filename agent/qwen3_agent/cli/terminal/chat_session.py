"""A chat at the terminal: a message, its turn, the next message."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
from rich.text import Text

from qwen3_tools.state import state_folder

from ...agent import Agent
from ...conversation import Conversation
from ...events import Event, StepFinished
from ...messages import AssistantMessage, UserMessage
from ...messages.reading import read_messages
from ...result import StepReport
from ...streaming import RunStream
from ..config.other_model import OtherModel
from ..outcome import sentence_of
from .chat_prompt import HISTORY, ChatPrompt
from .interrupt import stopped_by_interrupt
from .keyboard import Keyboard
from .live_view import ROUTES, LiveView
from .printable import printable
from .slash_commands import CommandCompleter, CommandError, run_command, split_command

HOW_TO = "/help lists the commands, Ctrl-C stops a turn, Ctrl-D leaves."

MOST_NAMES = 8
"""Tools that are named in the greeting."""


class ChatSession:
    """A conversation and the person who holds it.

    Args:
        agent: whose conversation it is.
        conversation: to hold.
        view: shows what happens.
        keyboard: of the same terminal.
        shown: told each event when it has been shown.
        thinking: how what the agent has it is called; None: as the model does by itself.
        verbose: say of an error where it came from.

    Attributes:
        chosen_thinking: what was said of it last; None: nothing.
        steps: the reports of all steps so far, including those of undone turns.
        turns: how many turns there were.
    """

    def __init__(
        self,
        agent: Agent,
        conversation: Conversation,
        view: LiveView,
        keyboard: Keyboard,
        shown: Callable[[Event], None],
        *,
        thinking: str | None,
        verbose: bool,
    ) -> None:
        self.agent = agent
        self.conversation = conversation
        self.chosen_thinking = thinking
        self.steps: list[StepReport] = []
        self.turns = 0
        self._other_model = OtherModel(agent.spec, conversation)
        self._view = view
        self._shown = shown
        self._verbose = verbose
        self._prompt = ChatPrompt(
            state_folder() / HISTORY, CommandCompleter(), self._status, keyboard
        )
        self._stop: Callable[[], None] = lambda: None
        self._one_question = anyio.Lock()

    @property
    def thinking(self) -> str:
        """What `/think` shows."""
        by_itself = "on" if self.conversation.model.thinks_by_default else "off"
        return self.chosen_thinking or by_itself

    def greet(self) -> None:
        """Say with what and with which tools, and how to get on."""
        names = [tool.name for tool in self.conversation.tools]
        tools = ", ".join(names) or "no tools"
        if len(names) > MOST_NAMES:
            tools = f"{len(names)} tools, which /tools lists"
        route = ROUTES[self.conversation.model.route]
        self.say(f"{self.conversation.model.name}{route} · {tools}", "dim")
        self._recall()
        for notice in self.conversation.take_notices():
            self.say(notice, "yellow")
        self.say(HOW_TO, "dim")

    def part(self) -> None:
        """Say how to come back, if there is something to come back to."""
        if self.turns and self.conversation.run_id:
            self.say(f"qwen3-agent chat --resume {self.conversation.run_id} goes on here.", "dim")

    async def hold(self) -> None:
        """Answer messages until the person leaves."""
        while True:
            self.say("")
            try:
                text = await self._prompt.message()
            except KeyboardInterrupt:
                self.say("Ctrl-D leaves.")
                continue
            except EOFError:
                return
            if text.strip():
                await self._take(text.strip())

    async def turn(self, text: str) -> None:
        """Let the model answer, and show how. Ctrl-C ends the turn, and so does an error."""
        await self._follow(self.conversation.stream(text))

    async def go_on(self) -> None:
        """The same for the message that a resumed chat has not answered yet."""
        await self._follow(self.conversation.stream_resume())

    async def compact(self) -> int | None:
        """Make the conversation shorter, and return by how many tokens. None: it was stopped."""
        saved: int | None = None

        async def work() -> None:
            nonlocal saved
            self._view.wait("Summing up")
            saved = await self.conversation.compact()

        await self._work(work, "Stopped.")
        return saved

    async def switch_model(self, name: str) -> bool:
        """Go on with another model. Whether that came to be; if not, it was said why."""
        before = self.conversation.model.name

        async def work() -> None:
            self._view.wait(f"Loading {printable(name)}")
            await self._other_model.take(name)

        done = await self._work(work, "Stopped.")
        if not done:
            self.say(f"The chat goes on with {before}.")
        return done

    async def aclose(self) -> None:
        """Let go of a model that was loaded on the way."""
        await self._other_model.aclose()

    async def _follow(self, stream: RunStream) -> None:
        self.turns += 1

        async def work() -> None:
            async with stream as events:
                async for event in events:
                    self._count(event)
                    self._view.show(event)
                    self._shown(event)

        await self._work(work, "Stopped. The conversation so far stays; /undo removes the turn.")

    async def _work(self, work: Callable[[], Awaitable[None]], stopped: str) -> bool:
        """Do what Ctrl-C may stop, and what may fail, without an end to the chat.

        Returns:
            Whether it was done.
        """
        try:
            with stopped_by_interrupt() as scope:
                self._stop = scope.cancel
                try:
                    await work()
                finally:
                    self._view.close()
            if scope.cancelled_caught:
                self.say(stopped, "yellow")
            return not scope.cancelled_caught
        except Exception as error:
            self.say(sentence_of(error, verbose=self._verbose), "red")
            return False

    async def answer(self, question: str) -> str | None:
        """Ask in the middle of a turn. None: there is no answer. Ctrl-C stops the turn."""
        async with self._one_question:
            with self._view.held():
                try:
                    return await self._prompt.answer(question)
                except EOFError:
                    return None
                except KeyboardInterrupt:
                    self._stop()
            await anyio.sleep_forever()
            return None

    def say(self, text: str, style: str = "") -> None:
        """Show a line of the chat's own."""
        self._view.console.print(Text(printable(text), style=style))

    async def _take(self, text: str) -> None:
        command = split_command(text)
        if command is None:
            await self.turn(text)
            return
        try:
            await run_command(self, *command)
        except CommandError as error:
            self.say(str(error), "red")

    def _recall(self) -> None:
        """Show how a resumed chat stood: its last message, and what was said to it."""
        said = read_messages(self.conversation.messages)
        asked = [message.text for message in said if isinstance(message, UserMessage)]
        if not asked:
            return
        turns = f"{len(asked)} {'message' if len(asked) == 1 else 'messages'}"
        self.say(f"Going on with run {self.conversation.run_id}, {turns} so far.", "dim")
        self.say(f"\n> {asked[-1]}")
        last = said[-1]
        if isinstance(last, AssistantMessage) and last.text:
            self._view.answer(last.text)
        if self.conversation.unfinished is not None:
            self.say("That is not answered yet: /retry goes on with it.", "yellow")

    def _count(self, event: Event) -> None:
        if isinstance(event, StepFinished):
            self.steps.append(event.report)

    def _status(self) -> str:
        """The foot of the screen while a message is typed: as much as there is room for."""
        parts = [
            printable(self.conversation.model.name),
            f"thinking {self.thinking}",
            f"{self.conversation.context_left} tokens left",
        ]
        while len(parts) > 1 and len(" · ".join(parts)) > self._view.console.width:
            parts.pop(0)
        return " · ".join(parts)
