"""An engine on a server: token ids in, token ids out, over the completions API.

vLLM accepts a prompt as token ids, and with `return_token_ids` returns the sampled ids (since
0.10; SGLang since 2026). So a run over HTTP is as exact as one in this process.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from typing import Any

from ..errors import EngineError
from ..openai_http.client import Event, ServerClient
from ..sampling import Finish, Sampling
from .request import Chunk, Engine, GenerationRequest

_FINISH: dict[str, Finish] = {"stop": "stop", "length": "length"}


class ServerEngine(Engine):
    """A model on a server that accepts and returns token ids.

    Args:
        client: connection to the server.
        model: its name on the server.
        context_length: see `Engine`.
    """

    def __init__(self, client: ServerClient, model: str, context_length: int) -> None:
        self.context_length = context_length
        self._client = client
        self._model = model

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[Chunk, None]:
        """See `Engine.generate`. `cached_tokens` is set on the last chunk."""
        body = json.dumps(
            {
                "model": self._model,
                "prompt": list(request.prompt_ids),
                "max_tokens": request.max_tokens,
                "stop_token_ids": sorted(request.stop_ids),
                "skip_special_tokens": False,
                "return_token_ids": True,
                "stream": True,
                "stream_options": {"include_usage": True},
                **sampling_fields(request.sampling),
                **({"logprobs": 1} if request.logprobs else {}),
            }
        ).encode()
        finish: str | None = None
        last: Chunk | None = None
        usage: Any = None
        async with self._client.stream("/completions", body, has_output=_has_output) as events:
            async for event in events:
                for choice in event.get("choices") or []:
                    ids = tuple(choice.get("token_ids") or ())
                    if not ids and choice.get("text"):
                        raise EngineError(f"{self._client.shown} returned text without token ids.")
                    scores = (choice.get("logprobs") or {}).get("token_logprobs")
                    chunk = Chunk(ids, logprobs=tuple(scores or ()) if request.logprobs else None)
                    finish = choice.get("finish_reason")
                    if finish is not None:
                        last = chunk
                    elif ids:
                        yield chunk
                usage = event.get("usage") or usage
        if last is None or finish not in _FINISH:
            raise EngineError(
                f"{self._client.shown} ended a generation without a finish reason."
                if finish is None
                else f"{self._client.shown} ended a generation with finish reason {finish!r}."
            )
        yield Chunk(last.ids, _FINISH[finish], cached_tokens(usage), last.logprobs)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def sampling_fields(sampling: Sampling) -> dict[str, Any]:
    """Return the request fields for `sampling`, including the extensions of Qwen's servers."""
    fields: dict[str, Any] = {"temperature": sampling.temperature, "top_p": sampling.top_p}
    if sampling.temperature:
        # If omitted, the server's own default applies; not every server reads 0 as "all tokens"
        fields["top_k"] = sampling.top_k or -1
        fields["min_p"] = sampling.min_p
    if sampling.seed is not None:
        fields["seed"] = sampling.seed
    return fields


def cached_tokens(usage: Any) -> int | None:
    """Return how many prompt tokens were cached, or None if the server does not report it."""
    details = usage.get("prompt_tokens_details") if isinstance(usage, dict) else None
    cached = details.get("cached_tokens") if isinstance(details, dict) else None
    return cached if isinstance(cached, int) else None


def _has_output(event: Event) -> bool:
    return any(
        choice.get("token_ids") or choice.get("finish_reason")
        for choice in event.get("choices") or []
    )
