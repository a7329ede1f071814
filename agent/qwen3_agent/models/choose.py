"""Which checkpoint a name means, and which engine it runs on."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from ..errors import ModelNotFoundError

DEMO = "qwen3-tiny"
DEFAULT_WITH_GPU = "Qwen/Qwen3-4B"
DEMO_FOLDER = Path(__file__).parent.parent / "qwen3_tiny"

EngineName = Literal["auto", "vllm", "transformers"]
Hub = Literal["huggingface", "modelscope"]

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model's files."""

    name: str
    """As it is shown: the hub id, or the folder's name."""
    source: Path | str
    """A folder on this machine, or an id on the hub."""
    is_demo: bool = False
    """Whether it is the bundled demonstration model."""
    hub: Hub = "huggingface"
    """Where an id is looked up."""

    def folder(self, *, weights: bool = True) -> Path:
        """The folder with the files; those of the hub are downloaded when they are not there.

        Args:
            weights: False: the small files will do.

        Raises:
            ModelNotFoundError: the hub has no such model, or cannot be reached.
        """
        if isinstance(self.source, Path):
            return self.source
        if self.hub == "modelscope":
            return _download_from_modelscope(self.source, weights)
        return _download(self.source, weights)


def engine_for_this_machine() -> Literal["vllm", "transformers"]:
    """What "auto" means: vLLM where it is installed and there is a CUDA GPU, else Transformers."""
    return "vllm" if find_spec("vllm") is not None and has_gpu() else "transformers"


def resolve(model: str | Path | None, hub: Hub = "huggingface") -> Checkpoint:
    """What a user's `model` names. Downloads nothing.

    Args:
        model: "qwen3-tiny" for the bundled model, a folder, or a hub id. None: Qwen3-4B where
            there is a CUDA GPU, else the bundled model.
        hub: where an id is looked up.

    Raises:
        ModelNotFoundError: it is none of these.
    """
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
                f"The folder {folder} holds no model: it has no config.json. Name the folder of a "
                "checkpoint, with config.json, tokenizer.json and *.safetensors."
            )
        return Checkpoint(folder.resolve().name, folder)
    if isinstance(model, str) and is_hub_id(model):
        return Checkpoint(model, model, hub=hub)
    raise ModelNotFoundError(
        f"There is no model {str(model)!r}: it is no folder here, and no hub id, which would look "
        f'like "Qwen/Qwen3-4B". The bundled demonstration model is "{DEMO}".'
    )


def is_hub_id(name: str) -> bool:
    """Whether it has the form of an id on a hub."""
    return bool(_HUB_ID.fullmatch(name))


def has_gpu() -> bool:
    """Whether torch sees a CUDA GPU."""
    if find_spec("torch") is None:
        return False
    import torch

    return torch.cuda.is_available()


def _download(hub_id: str, weights: bool) -> Path:
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
    except ImportError as error:
        raise ModelNotFoundError(
            f"To fetch {hub_id} from the hub, huggingface_hub is needed: "
            'pip install "qwen3-agent[local]". Or name a folder with the model.'
        ) from error
    try:
        return Path(snapshot_download(hub_id, allow_patterns=_wanted(weights)))
    except LocalEntryNotFoundError as error:
        raise ModelNotFoundError(
            f"{hub_id} is not on this machine and the hub cannot be reached: name a folder with "
            f'the model, or take the bundled demonstration model "{DEMO}".'
        ) from error
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise ModelNotFoundError(
            f"Cannot fetch {hub_id} from the hub ({_reason(error)}): check the id, or name a "
            "folder."
        ) from error


def _download_from_modelscope(hub_id: str, weights: bool) -> Path:
    try:
        from modelscope import snapshot_download
    except ImportError as error:
        raise ModelNotFoundError(
            f"To fetch {hub_id} from ModelScope, modelscope is needed: "
            'pip install "qwen3-agent[modelscope]". Or name a folder with the model.'
        ) from error
    try:
        return Path(snapshot_download(hub_id, allow_patterns=_wanted(weights)))
    except Exception as error:  # its own, requests', and bare ones
        raise ModelNotFoundError(
            f"Cannot fetch {hub_id} from ModelScope ({_reason(error)}): check the id, or name a "
            "folder."
        ) from error


def _wanted(weights: bool) -> list[str]:
    return ["*.json", "*.jinja", "*.txt", *(["*.safetensors"] if weights else [])]


def _reason(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
