"""Resolve a model name to a checkpoint, and choose the engine for it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

# The command builds its help from the types below: only what is cheap may be imported above.

DEMO = "qwen3-tiny"
DEFAULT_WITH_GPU = "Qwen/Qwen3-4B"
DEMO_FOLDER = Path(__file__).parent.parent / "qwen3_tiny"

EngineName = Literal["auto", "vllm", "transformers"]
Hub = Literal["huggingface", "modelscope"]

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The files of a model."""

    name: str
    """Display name: the hub id, or the folder's name."""
    source: Path | str
    """A folder on this machine, or a hub id."""
    is_demo: bool = False
    """Whether it is the bundled demonstration model."""
    hub: Hub = "huggingface"
    """The hub to which an id belongs."""

    def folder(self, *, weights: bool = True) -> Path:
        """Return the folder with the files, and download them first if necessary.

        Args:
            weights: False: skip the weights and download the small files only.

        Raises:
            ModelNotFoundError: the hub has no such model, or cannot be reached.
        """
        if isinstance(self.source, Path):
            return self.source
        return _download(self.source, self.hub, weights)


def engine_for_this_machine() -> Literal["vllm", "transformers"]:
    """Resolve "auto": vLLM if it is installed and there is a CUDA GPU, otherwise Transformers."""
    return "vllm" if find_spec("vllm") is not None and has_gpu() else "transformers"


def resolve(model: str | Path | None, hub: Hub = "huggingface") -> Checkpoint:
    """Find the checkpoint for a model name; downloads nothing.

    Args:
        model: "qwen3-tiny" for the bundled model, a folder, or a hub id. None: Qwen3-4B if there
            is a CUDA GPU, otherwise the bundled model.
        hub: the hub to which an id belongs.

    Raises:
        ModelNotFoundError: it is none of these.
    """
    from ..errors import ModelNotFoundError

    if model is None:
        model = DEFAULT_WITH_GPU if has_gpu() else DEMO
    if model == DEMO:
        return Checkpoint(DEMO, DEMO_FOLDER, is_demo=True)
    folder = Path(os.path.expanduser(model))
    try:
        is_folder, is_model = folder.is_dir(), (folder / "config.json").is_file()
    except OSError as error:
        raise ModelNotFoundError(f"The model {folder} cannot be read: {error.strerror}.") from None
    if is_folder:
        if not is_model:
            raise ModelNotFoundError(
                f"The folder {folder} does not contain a model: it has no config.json. Specify a "
                "folder with config.json, tokenizer.json and *.safetensors."
            )
        return Checkpoint(folder.resolve().name, folder)
    if isinstance(model, str) and is_hub_id(model):
        return Checkpoint(model, model, hub=hub)
    raise ModelNotFoundError(
        f"There is no model {str(model)!r}: it is neither a folder nor a hub id such as "
        f'"Qwen/Qwen3-4B". The bundled demonstration model is "{DEMO}".'
    )


def is_hub_id(name: str) -> bool:
    """Return whether a name has the form of a hub id."""
    return bool(_HUB_ID.fullmatch(name))


def has_gpu() -> bool:
    """Return whether torch detects a CUDA GPU."""
    if find_spec("torch") is None:
        return False
    import torch

    return torch.cuda.is_available()


def _download(hub_id: str, hub: Hub, weights: bool) -> Path:
    from ..errors import ModelNotFoundError

    package, extra, name = "huggingface_hub", "local", "the Hugging Face hub"
    if hub == "modelscope":
        package, extra, name = "modelscope", "modelscope", "ModelScope"
    try:
        snapshot_download = import_module(package).snapshot_download
    except ImportError as error:
        raise ModelNotFoundError(
            f"Downloading {hub_id} from {name} needs {package}: "
            f'pip install "qwen3-agent[{extra}]". Or specify the folder of a model.'
        ) from error
    patterns = ["*.json", "*.jinja", "*.txt", *(["*.safetensors"] if weights else [])]
    try:
        return Path(snapshot_download(hub_id, allow_patterns=patterns))
    except Exception as error:  # both packages raise many types, bare exceptions among them
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        if type(error).__name__ == "LocalEntryNotFoundError":  # its own wording is a paragraph
            reason = "it is not on this machine, and the hub cannot be reached"
        raise ModelNotFoundError(
            f"Cannot download {hub_id} from {name} ({reason}): check the id and the connection, "
            f'specify the folder of a model, or use the bundled demonstration model "{DEMO}".'
        ) from error
