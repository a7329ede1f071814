"""A small JSON file in the user's state folder that several processes may change."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import pydantic

from qwen3_tools.state import state_folder

from ...errors import Qwen3AgentError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StateFile(Generic[T]):
    """Its name, and what is in it.

    Args:
        name: of the file.
        kind: the type of its content.
        empty: what stands for a file that is not there.
        shape: the same in words, for who mends it.
    """

    name: str
    kind: type[T]
    empty: T
    shape: str

    @property
    def path(self) -> Path:
        """Where it is. It may not be there yet."""
        return state_folder() / self.name

    def read(self) -> T:
        """What is in it.

        Raises:
            Qwen3AgentError: it is not as it was written.
        """
        path = self.path
        try:
            text = path.read_text("utf-8")
        except FileNotFoundError:
            return self.empty
        except (OSError, UnicodeDecodeError) as error:
            raise Qwen3AgentError(f"{path} cannot be read: {error}. Remove it.") from None
        try:
            return pydantic.TypeAdapter(self.kind).validate_json(text, strict=True)
        except pydantic.ValidationError:
            raise Qwen3AgentError(
                f"{path} should be {self.shape}. Mend it, or remove it."
            ) from None

    def change(self, change: Callable[[T], T]) -> None:
        """Write what `change` makes of what is in it.

        Raises:
            Qwen3AgentError: as for `read`.
            OSError: it cannot be written.
        """
        path = self.path
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            changed = change(self.read())
            new = path.with_suffix(".new")
            new.write_text(json.dumps(changed, indent=2, ensure_ascii=False) + "\n", "utf-8")
            os.replace(new, path)
