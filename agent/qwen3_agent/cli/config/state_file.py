"""Small JSON files in the user's state folder, which several processes may change."""

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
    """A JSON file.

    Args:
        name: The name of the file.
        kind: The type of its content.
        empty: The content if the file does not exist.
        shape: The type in words, for error messages.
    """

    name: str
    kind: type[T]
    empty: T
    shape: str

    @property
    def path(self) -> Path:
        """The path of the file, which may not exist yet."""
        return state_folder() / self.name

    def read(self) -> T:
        """Return the content.

        Raises:
            Qwen3AgentError: The file is invalid.
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
            raise Qwen3AgentError(f"{path} must be {self.shape}. Fix or remove it.") from None

    def change(self, change: Callable[[T], T]) -> None:
        """Replace the content by what `change` returns for it.

        Raises:
            Qwen3AgentError: The file is invalid.
            OSError: The file cannot be written.
        """
        path = self.path
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            changed = change(self.read())
            new = path.with_suffix(".new")
            new.write_text(json.dumps(changed, indent=2, ensure_ascii=False) + "\n", "utf-8")
            os.replace(new, path)
