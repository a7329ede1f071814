"""Error messages for a vLLM engine that did not start or died, with the option that fixes it.

The reason is in the log of the failed process. The patterns match the wording of vLLM 0.26 to 0.33
and of torch.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LONGEST_QUOTE = 300
"""Maximum characters of vLLM's own wording in a message."""

_POSSIBLE_LENGTH = re.compile(r"estimated maximum model length is (\d+)")
_FREE = re.compile(
    r"(?:Free|Available) memory on (?:device|node) \S+ \(([\d.]+)/([\d.]+) GiB\)"
    r".{0,40}? is less than (?:desired|requested)"
)
_OUT_OF_MEMORY = re.compile(
    r"out of memory|OutOfMemoryError|can't allocate memory|std::bad_alloc|MemoryError",
    re.IGNORECASE,
)
_RAISED = re.compile(r"^(?:\(.*?\) )?(?:ERROR .*?\] )?((?:[\w.]+\.)?\w*(?:Error|Exception)): (.+)$")


def why_it_did_not_start(error: BaseException, log: Path, arguments: Mapping[str, Any]) -> str:
    """Return the message for a failed start.

    Args:
        error: raised by `AsyncLLM.from_engine_args`.
        log: of the engine's process.
        arguments: passed to vLLM.
    """
    text = _read(log)
    said = _first_raised(text) or _one_line(str(error)) or type(error).__name__
    everything = f"{text}\n{error}"
    if "No available memory for the cache blocks" in everything:
        why = _out_of_memory("the weights leave no memory for the KV cache", arguments)
        return f"{why} {_where(log)}"
    if "KV cache" in everything and (length := _POSSIBLE_LENGTH.search(everything)):
        return (
            f"vLLM cannot start: the KV cache is too small for one sequence of the maximum length. "
            f"Set max_model_len to at most {length[1]}, or {_raise_memory(arguments)}."
        )
    if free := _FREE.search(everything):
        share = max(0.05, float(free[1]) / float(free[2]) - 0.05)
        lower = f"gpu_memory_utilization to {share:.2f} or less"
        if arguments.get("kv_cache_memory_bytes") is not None:
            lower = f"kv_cache_memory_bytes (now {arguments['kv_cache_memory_bytes']}) lower"
        return (
            f"vLLM cannot start: only {free[1]} of {free[2]} GiB of memory are free. Set {lower}, "
            "or stop other processes that use the memory."
        )
    if _OUT_OF_MEMORY.search(everything) or "-9" in str(error):
        return f"{_out_of_memory('out of memory', arguments)} {_where(log)}"
    return f"vLLM cannot start: {said} {_where(log)}"


def why_it_died(code: int | None, log: Path) -> str:
    """Return the message for an engine that ended unexpectedly.

    Args:
        code: its exit code; negative for a signal.
        log: of the engine's process.
    """
    text = _read(log)
    if _OUT_OF_MEMORY.search(text):
        how = "out of memory: lower gpu_memory_utilization or max_num_seqs"
    elif code is not None and code < 0:
        name = signal.Signals(-code).name if -code in list(signal.Signals) else str(-code)
        how = f"killed by {name}"
        if -code == signal.SIGKILL:
            how += ", probably because the system ran out of memory"
    else:
        how = _first_raised(text) or (f"exit code {code}" if code else "unknown reason")
    return f"The vLLM engine died ({how}). {_where(log)}"


def _out_of_memory(what: str, arguments: Mapping[str, Any]) -> str:
    return (
        f"vLLM cannot start: {what}. Lower max_model_len or max_num_seqs, or "
        f"{_raise_memory(arguments)}, use a smaller or quantized model (quantization), or use more "
        "GPUs (tensor_parallel_size)."
    )


def _raise_memory(arguments: Mapping[str, Any]) -> str:
    for name in ("kv_cache_memory_bytes", "gpu_memory_utilization"):
        if arguments.get(name) is not None:
            return f"raise {name} (now {arguments[name]})"
    return "raise gpu_memory_utilization"


def _where(log: Path) -> str:
    return f"See its log: {log}"


def _read(log: Path) -> str:
    """Return the end of the log."""
    try:
        with log.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - 200_000))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""


def _first_raised(text: str) -> str:
    """Return the first exception in a log; later ones usually follow from it."""
    for line in text.splitlines():
        if (raised := _RAISED.match(line)) and "See root cause" not in line:
            return f"{raised[1].rpartition('.')[2]}: {_one_line(raised[2])}"
    return ""


def _one_line(text: str) -> str:
    text = " ".join(text.split())
    text = text if len(text) <= LONGEST_QUOTE else text[:LONGEST_QUOTE] + " …"
    return text if text.endswith((".", "…", "!")) or not text else f"{text}."
