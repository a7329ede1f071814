"""`ToolSource`: tools that have a lifetime, such as MCP servers or a code interpreter."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .tool import Tool

if TYPE_CHECKING:
    from .mcp.user import SamplingHandler


@dataclass(frozen=True, slots=True)
class RunResources:
    """What a run provides to its tool sources. All of it is None or empty after the run."""

    model: Any = None
    """The `qwen3_agent.Model` of the run."""
    sampler: SamplingHandler | None = None
    """Generates text with the model, for MCP servers that request it."""
    work_folder: Path | None = None
    """The folder of a recorded run, for the files of tools."""
    tools_used: frozenset[str] = frozenset()
    """Names of the tools that a resumed run called before it was interrupted."""


class ToolSource(ABC):
    """Something that has a lifetime and offers tools.

    Only `open` has to be defined; the other methods do nothing by default.

        class Clock(ToolSource):
            @asynccontextmanager
            async def open(self):
                async with connect_to_clock() as clock:
                    yield [tool(clock.now)]
    """

    name: str = ""
    """Shown to people. The name of the class if it is not set."""
    shared: bool = False
    """True: all runs of an agent use one open source. False: each conversation opens its own."""
    needs_model: bool = False
    """True: a shared source is opened after the model is loaded, and bound before that."""

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        cls.name = cls.name or cls.__name__

    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[Sequence[Tool]]:
        """Start it, and stop it at the end of the block, unless the user has already started it.

        The sequence may change while it is open; each conversation reads it once.
        """

    def bind(self, resources: RunResources) -> ToolSource:
        """Accept what a run provides, and return the source to open for it.

        Called before `open`, or on a shared source that is open already, which returns itself; and
        again on an open source whenever the resources change.
        """
        return self

    def warm(self) -> AbstractAsyncContextManager[None]:
        """Prepare the next conversation in advance, as long as the block lasts."""
        return nullcontext()

    @property
    def notices(self) -> Sequence[str]:
        """Messages for the user about what failed to start; read once it is open."""
        return ()

    def secrets(self) -> Sequence[str]:
        """Return the values that must never be recorded, such as API keys in its configuration."""
        return ()
