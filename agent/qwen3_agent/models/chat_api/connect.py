"""Connect to a server by its URL: detect its software, its models, and support for token ids."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ...engines.server import ServerEngine
from ...errors import (
    AuthenticationError,
    ChatFormatError,
    ConnectionFailedError,
    EngineError,
    ModelNotFoundError,
    Qwen3AgentError,
)
from ...formats.chat_format import ChatFormat
from ...openai_http.client import Patience, ServerClient
from ..choose import DEMO, DEMO_FOLDER, is_hub_id
from ..local import LocalModel, own_sampling
from .dialects import Kind
from .model import ChatApiModel

API_KEY = "OPENAI_API_KEY"
"""The environment variable with the API key, the same as for OpenAI's client."""

_OWNERS: dict[str, Kind] = {
    "vllm": "vllm",
    "sglang": "sglang",
    "llamacpp": "llamacpp",
    "organization_owner": "lmstudio",
}
"""`owned_by` in the answer to GET /models."""

_PROBE = (
    "<|im_start|>user\nWhat is 48213 * 977? 东京现在几点?<|im_end|>\n<|im_start|>assistant\n"
    "<think>\nI add \t  1.5e-3.\n</think>\n\n<tool_call>\n{}\n</tool_call><|im_end|>\n"
)
"""Text whose token ids are compared: control tokens, digits, spaces and Chinese."""


@dataclass(frozen=True, slots=True)
class _Served:
    """A model as described by GET /models."""

    name: str
    kind: Kind
    context_length: int | None
    sources: tuple[str, ...]
    """Folders and hub ids from which its files may have been loaded."""


def connect(
    base_url: str,
    model: str | None = None,
    *,
    api_key: str | None = None,
    patience: Patience | None = None,
    folder: Path | None = None,
) -> LocalModel | ChatApiModel:
    """Connect to a model on a server.

    Takes a moment; call it in a worker thread. If the server accepts and returns token ids (vLLM,
    SGLang) and the tokenizer of its model is on this machine, token ids are exchanged, and runs are
    as exact as with an engine in this process: `route` is "server_tokens". Otherwise it is
    "server_chat".

    The connections belong to the event loop that opens them: call `aclose` on it. After that, the
    model can be used again on any loop. An `Agent` with a `base_url` does this by itself.

    Args:
        base_url: root of the API, such as "http://localhost:8000/v1".
        model: its name on the server. None: the only one that is served.
        api_key: None: the value of OPENAI_API_KEY.
        patience: timeouts.
        folder: with the tokenizer and the chat template of the model. None: the source that the
            server reports, if it is a folder on this machine or in the cache of the Hugging Face
            hub.

    Raises:
        ConnectionFailedError: nothing answers.
        NotAChatServerError: the URL belongs to something else.
        AuthenticationError: the key is missing or wrong.
        ModelNotFoundError: the model is not served; the message lists those that are.
        EngineError: the server failed.
        ValueError: the URL is not valid.
    """
    client = ServerClient(base_url, api_key or os.environ.get(API_KEY), patience)
    served = _choose(client, model)
    chat_format, source, why = _chat_format_of(served, folder)
    sampling = own_sampling(source) if source else None
    if chat_format is not None:
        why = _why_no_token_ids(client, served, chat_format)
        if not why and served.context_length is not None:
            engine = ServerEngine(client, served.name, served.context_length)
            return LocalModel(
                engine, chat_format, name=served.name, sampling=sampling, route="server_tokens"
            )
    return ChatApiModel(
        client,
        served.name,
        kind=served.kind,
        context_length=served.context_length,
        chat_format=chat_format,
        sampling=sampling,
        why_chat=why,
    )


def _choose(client: ServerClient, model: str | None) -> _Served:
    """Find the served model with this name."""
    try:
        answer = client.ask("GET", "/models")
    except (AuthenticationError, ConnectionFailedError):
        raise
    except EngineError:
        # Some services have no list; the first request will show whether the model exists
        if model is None:
            raise
        answer = {}
    listed = answer.get("data") if isinstance(answer, dict) else None
    entries = [e for e in listed or () if isinstance(e, dict) and isinstance(e.get("id"), str)]
    client.errors.served = tuple(entry["id"] for entry in entries)
    if model is None:
        if len(entries) != 1:
            served = client.errors.list_served() or "no models that it lists"
            raise ModelNotFoundError(f"{client.shown} serves {served}: specify a model.")
        model = entries[0]["id"]
    entry = next((entry for entry in entries if entry["id"] in (model, f"{model}:latest")), None)
    kind = _kind_of(client, entries)
    if entry is None and kind not in ("dashscope", "other"):
        raise client.errors.not_served(model)
    return _describe(model if entry is None else entry["id"], kind, entry or {}, entries)


def _describe(
    name: str, kind: Kind, entry: dict[str, Any], entries: list[dict[str, Any]]
) -> _Served:
    # A LoRA adapter uses its base model's tokenizer
    base = next((each for each in entries if each["id"] == entry.get("parent")), entry)
    sources = [base.get("root"), base.get("id"), name]
    meta = entry.get("meta")
    length = entry.get("max_model_len") or base.get("max_model_len")
    if length is None and isinstance(meta, dict):
        length = meta.get("n_ctx")
    return _Served(
        name,
        kind,
        length if isinstance(length, int) else None,
        tuple(dict.fromkeys(source for source in sources if isinstance(source, str))),
    )


def _kind_of(client: ServerClient, entries: list[dict[str, Any]]) -> Kind:
    if _is_dashscope(client):
        return "dashscope"
    for entry in entries:
        if (kind := _OWNERS.get(str(entry.get("owned_by")))) is not None:
            return kind
    try:
        version = client.ask("GET", "/api/version", from_root=True)
    except Qwen3AgentError:
        return "other"
    return "ollama" if isinstance(version, dict) and "version" in version else "other"


def _is_dashscope(client: ServerClient) -> bool:
    return client.host.endswith(".aliyuncs.com")


def _chat_format_of(
    served: _Served, folder: Path | None
) -> tuple[ChatFormat | None, Path | None, str]:
    """Return the model's chat format and folder, or the reason why they are not available."""
    if folder is not None:
        return ChatFormat.from_folder(folder), folder, ""
    for source in served.sources:
        found = DEMO_FOLDER if source == DEMO else Path(source)
        if not found.is_absolute() or not (found / "tokenizer.json").is_file():
            cached = _downloaded(source)
            if cached is None:
                continue
            found = cached
        try:
            return ChatFormat.from_folder(found), found, ""
        except ChatFormatError as error:
            return None, None, str(error)
    return None, None, f"the tokenizer of {served.name} is not on this machine"


def _downloaded(hub_id: str) -> Path | None:
    """Return the folder of a checkpoint in the hub's cache; downloads nothing."""
    if not is_hub_id(hub_id) or find_spec("huggingface_hub") is None:
        return None
    from huggingface_hub import try_to_load_from_cache

    file = try_to_load_from_cache(hub_id, "tokenizer.json")
    return Path(file).parent if isinstance(file, str) else None


def _why_no_token_ids(client: ServerClient, served: _Served, chat_format: ChatFormat) -> str:
    """Sample one token; return why token ids cannot be exchanged, or "" if they can."""
    if served.context_length is None:
        return "the server does not report its context length"
    request = {
        "model": served.name,
        "prompt": _PROBE,
        "add_special_tokens": False,
        "max_tokens": 1,
        "temperature": 0,
        "return_token_ids": True,
    }
    try:
        answer = client.ask("POST", "/completions", request)
    except EngineError:
        return "the server does not accept token ids"
    choices = answer.get("choices") if isinstance(answer, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict) or not choice.get("token_ids"):
        return "the server returns no token ids"
    ids = choice.get("prompt_token_ids") or answer.get("prompt_token_ids")
    if ids != chat_format.encode(_PROBE):
        return "the tokenizer on this machine differs from the server's"
    return ""
