"""`/model NAME`: replaces the model of a chat."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
from anyio import get_cancelled_exc_class, to_thread

from ...formats.chat_format import ChatFormat
from ...models.choose import Hub, resolve
from ...models.session import Model
from ...runtime import load_model
from ...spec import AgentSpec

if TYPE_CHECKING:
    from ...conversation import Conversation


class OtherModel:
    """Loads one model in place of another, and closes those that it has loaded.

    Args:
        spec: the agent; its engine or server is used for the other models too.
        conversation: the conversation that continues with the other model.
    """

    def __init__(self, spec: AgentSpec, conversation: Conversation) -> None:
        self._spec = spec
        self._conversation = conversation
        self._loaded: Model | None = None

    async def take(self, name: str) -> None:
        """Load a model and use it for the next turns. On failure everything stays as it was.

        Args:
            name: a folder or an id on the hub; with a server, the name there.

        Raises:
            Qwen3AgentError: there is no such model, or it cannot be loaded.
        """
        before = self._conversation.model
        if self._spec.base_url is None:
            name = await to_thread.run_sync(
                _source_of, name, self._spec.hub, abandon_on_cancel=True
            )
        spec = replace(self._spec, model=name)
        if not before.fills_memory:
            await self._use(await _load(spec), spec)
            return
        with anyio.CancelScope(shield=True):  # In between the conversation has no model
            await before.aclose()
            try:
                model = await _load(spec)
            except BaseException:
                await self._use(await _load(self._spec), self._spec)
                raise
            await self._use(model, spec)

    async def aclose(self) -> None:
        """Close the current model, if it was loaded here."""
        if self._loaded is not None:
            await self._loaded.aclose()

    async def _use(self, model: Model, spec: AgentSpec) -> None:
        before = self._conversation.model
        source = spec.model if isinstance(spec.model, str | Path) else None
        try:
            self._conversation.switch_model(model, source=None if source is None else str(source))
        except BaseException:
            await model.aclose()
            raise
        if before is not self._spec.model:  # The caller closes a model that it passed in
            await before.aclose()
        self._spec, self._loaded = spec, model


async def _load(spec: AgentSpec) -> Model:
    """Load in a worker thread. After a cancellation the model is closed once it is loaded."""
    unwanted = threading.Event()

    def load() -> Model:
        model = load_model(spec)
        if unwanted.is_set():
            anyio.run(model.aclose)
        return model

    try:
        return await to_thread.run_sync(load, abandon_on_cancel=True)
    except get_cancelled_exc_class():
        unwanted.set()
        raise


def _source_of(name: str, hub: Hub) -> str:
    """Resolve a model name to a source that loads from any directory; download and check its files.

    Raises:
        ModelNotFoundError, ChatFormatError: see there.
    """
    checkpoint = resolve(name, hub)
    ChatFormat.from_folder(checkpoint.folder())
    is_folder = isinstance(checkpoint.source, Path) and not checkpoint.is_demo
    return str(Path(checkpoint.source).absolute()) if is_folder else name
