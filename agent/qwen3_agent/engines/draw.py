"""Drawing the next token from a model's logits."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING

from ..sampling import Sampling

if TYPE_CHECKING:
    import torch


def draw(logits: torch.Tensor, sampling: Sampling, seed: int, position: int) -> int:
    """Return the id of the next token.

    The draw depends only on the logits, `seed` and `position`, so a generation that was
    interrupted continues as if it had not been.

    Args:
        logits: float32, shape (vocabulary,).
        sampling: temperature, top_k, top_p and min_p, applied in this order.
        seed: of the whole generation.
        position: index of the token in the context.
    """
    import torch

    if sampling.temperature == 0:
        return int(logits.argmax())
    kept = min(sampling.top_k or logits.numel(), logits.numel())
    values, ids = torch.topk(logits, kept)  # sorted, the most likely one first
    weights = torch.softmax(values / sampling.temperature, dim=-1)
    before = weights.cumsum(-1) - weights
    allowed = (before < sampling.top_p) & (weights >= sampling.min_p * weights[0]) & (weights > 0)
    cumulative = (weights * allowed).cumsum(-1)
    point = random.Random(f"{seed}:{position}").random() * float(cumulative[-1])
    last = int(allowed.sum()) - 1
    return int(ids[min(int(torch.searchsorted(cumulative, point, right=True)), last)])


def log_probability(logits: torch.Tensor, token: int) -> float:
    """Return the natural log of the probability of `token` at temperature 1."""
    value = float(logits[token] - logits.logsumexp(-1))
    return value if math.isfinite(value) else -math.inf
