"""A chat at the terminal."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
from prompt_toolkit.completion import Completer
from rich.text import Text

from qwen3_tools.state import state_folder

from ...agent import Agent
from ...conversation import Conversation
from ...events import StepFinished
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
from .printable import counted, printable
from .user import TerminalUser

HOW_TO = "/help lists the commands, Ctrl-C stops a turn, Ctrl-D exits."

MOST_NAMES = 8
"""Maximum number of tools named in the greeting."""


class ChatSession:
    """A conversation between a user and an agent.

    Args:
        agent: The agent.
        conversation: A conversation with it.
        view: Shows events.
        keyboard: The keyboard of the same terminal.
        completer: Completes slash commands.
        user: The user at the same terminal, if questions can be asked there.
        thinking: The name of the agent's thinking mode. None: the model's default.
        verbose: Show tracebacks of errors.

    Attributes:
        chosen_thinking: The last choice of the user, if any.
        steps: The reports of all steps so far, also of turns that were undone.
        turns: The number of turns so far.
    """

    def __init__(
        self,
        agent: Agent,
        conversation: Conversation,
        view: LiveView,
        keyboard: Keyboard,
        completer: Completer,
        user: TerminalUser | None,
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
        self._user = user
        self._verbose = verbose
        self._prompt = ChatPrompt(state_folder() / HISTORY, completer, self._status, keyboard)
        self._stop: Callable[[], None] = lambda: None
        self._one_question = anyio.Lock()

    @property
    def thinking(self) -> str:
        """The current thinking mode."""
        by_itself = "on" if self.conversation.model.thinks_by_default else "off"
        return self.chosen_thinking or by_itself

    def greet(self) -> None:
        """Show the model, the tools, and how to proceed."""
        names = [tool.name for tool in self.conversation.tools]
        tools = ", ".join(names) or "no tools"
        if len(names) > MOST_NAMES:
            tools = f"{len(names)} tools (/tools lists them)"
        route = ROUTES[self.conversation.model.route]
        self.say(f"{self.conversation.model.name}{route} · {tools}", "dim")
        self._recall()
        for notice in self.conversation.take_notices():
            self.say(notice, "yellow")
        self.say(HOW_TO, "dim")

    def part(self) -> None:
        """Show how to resume the chat, if there is something to resume."""
        if self.turns and self.conversation.run_id:
            self.say(f"To continue: qwen3-agent chat --resume {self.conversation.run_id}", "dim")

    async def message(self) -> str | None:
        """Read the next message, which is not empty. None: the user exits."""
        while True:
            self.say("")
            try:
                if text := (await self._prompt.message()).strip():
                    return text
            except KeyboardInterrupt:
                self.say("Ctrl-D exits.")
            except EOFError:
                return None

    async def turn(self, text: str) -> None:
        """Let the model answer a message. Ctrl-C or an error ends the turn."""
        await self._follow(self.conversation.stream(text))

    async def go_on(self) -> None:
        """Continue the unfinished turn of a resumed chat."""
        await self._follow(self.conversation.resume_stream())

    async def compact(self) -> int | None:
        """Compact the conversation. Return the tokens saved; None: it was stopped."""
        saved: int | None = None

        async def work() -> None:
            nonlocal saved
            self._view.wait("Compacting")
            saved = await self.conversation.compact()

        await self._work(work, "Stopped.")
        return saved

    async def switch_model(self, name: str) -> bool:
        """Continue with another model. Return whether it could be loaded; if not, show why."""
        before = self.conversation.model.name

        async def work() -> None:
            self._view.wait(f"Loading {printable(name)}")
            await self._other_model.take(name)

        done = await self._work(work, "Stopped.")
        if not done:
            self.say(f"The chat continues with {before}.")
        return done

    async def aclose(self) -> None:
        """Close the model that the user switched to."""
        await self._other_model.aclose()

    async def _follow(self, stream: RunStream) -> None:
        self.turns += 1

        async def work() -> None:
            async with stream as events:
                async for event in events:
                    if isinstance(event, StepFinished):
                        self.steps.append(event.report)
                    self._view.show(event)
                    if self._user is not None:
                        self._user.shown(event)

        await self._work(work, "Stopped. The turn is kept; /undo removes it.")

    async def _work(self, work: Callable[[], Awaitable[None]], stopped: str) -> bool:
        """Do work that Ctrl-C may stop and that may fail. Return whether it was completed."""
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
        """Ask a question during a turn. None: no answer. Ctrl-C stops the turn."""
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
        """Show a line."""
        self._view.console.print(Text(printable(text), style=style))

    def _recall(self) -> None:
        """Show the last message of a resumed chat, and its answer."""
        said = read_messages(self.conversation.messages)
        asked = [message.text for message in said if isinstance(message, UserMessage)]
        if not asked:
            return
        so_far = counted(len(asked), "message")
        self.say(f"Continuing run {self.conversation.run_id}, {so_far} so far.", "dim")
        self.say(f"\n> {asked[-1]}")
        last = said[-1]
        if isinstance(last, AssistantMessage) and last.text:
            self._view.answer(last.text)
        if self.conversation.unfinished is not None:
            self.say("This message has no answer yet: /retry continues.", "yellow")

    def _status(self) -> str:
        """Return the status line, as much as fits."""
        parts = [
            printable(self.conversation.model.name),
            f"thinking {self.thinking}",
            f"{self.conversation.context_left} tokens left",
        ]
        while len(parts) > 1 and len(" · ".join(parts)) > self._view.console.width:
            parts.pop(0)
        return " · ".join(parts)
