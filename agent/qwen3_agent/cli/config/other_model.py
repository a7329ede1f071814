"""`/model NAME`: another model in the place of the one that a chat is held with."""

from __future__ import annotations

import threading
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
from anyio import get_cancelled_exc_class, to_thread

from ...formats.chat_format import ChatFormat
from ...models.choose import Hub, resolve
from ...models.session import Model
from ...runtime import load_model

if TYPE_CHECKING:
    from ...agent import Agent
    from ...conversation import Conversation


class OtherModel:
    """Loads one model in the place of another, and closes what it has loaded.

    Args:
        agent: says on which engine, or on which server. Stays as it is.
        conversation: that goes on with the other model.
    """

    def __init__(self, agent: Agent, conversation: Conversation) -> None:
        self._agent = agent
        self._conversation = conversation
        self._loaded: Model | None = None

    async def take(self, name: str) -> None:
        """Load a model, and hold the next turns with it. If that fails, all stays as it was.

        Args:
            name: a folder or an id on the hub; with a server, the name there.

        Raises:
            Qwen3AgentError: there is no such model, or it cannot be loaded.
        """
        wanted, before = copy(self._agent), self._conversation.model
        wanted.model = name
        if wanted.base_url is None:
            wanted.model = await to_thread.run_sync(
                _at_hand, name, wanted.hub, abandon_on_cancel=True
            )
        if not _fills_memory(before):
            await self._hold_with(await _load(wanted), wanted)
            return
        with anyio.CancelScope(shield=True):  # Between the two there is none to go on with
            await before.aclose()
            try:
                model = await _load(wanted)
            except BaseException:
                await self._hold_with(await _load(self._agent), self._agent)
                raise
            await self._hold_with(model, wanted)

    async def aclose(self) -> None:
        """Let go of the last model, if it was loaded here."""
        if self._loaded is not None:
            await self._loaded.aclose()

    async def _hold_with(self, model: Model, agent: Agent) -> None:
        before = self._conversation.model
        source = agent.model if isinstance(agent.model, str | Path) else None
        try:
            self._conversation.switch_model(model, source=None if source is None else str(source))
        except BaseException:
            await model.aclose()
            raise
        if before is not self._agent.model:  # That one was given, and is its giver's to close
            await before.aclose()
        self._agent, self._loaded = agent, model


async def _load(agent: Agent) -> Model:
    """Load in a worker thread. A model that nobody waits for any more is closed when it comes."""
    unwanted = threading.Event()

    def load() -> Model:
        model = load_model(agent)
        if unwanted.is_set():
            anyio.run(model.aclose)
        return model

    try:
        return await to_thread.run_sync(load, abandon_on_cancel=True)
    except get_cancelled_exc_class():
        unwanted.set()
        raise


def _at_hand(name: str, hub: Hub) -> str:
    """What a model is loaded by from any folder, once its files are here and of a known kind.

    Raises:
        ModelNotFoundError, ChatFormatError: see there.
    """
    checkpoint = resolve(name, hub)
    ChatFormat.from_folder(checkpoint.folder())
    is_folder = isinstance(checkpoint.source, Path) and not checkpoint.is_demo
    return str(Path(checkpoint.source).absolute()) if is_folder else name


def _fills_memory(model: Model) -> bool:
    """Whether its engine leaves no room for another one beside it."""
    return getattr(getattr(model, "engine", None), "fills_memory", False)
