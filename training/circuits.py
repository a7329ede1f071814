"""Start the network with attention that copies, instead of waiting for it to emerge.

Nearly all that the demo model says is copied from its prompt. Attention that copies is two layers
working together (Olsson et al. 2022, "In-context learning and induction heads"): a head of the first
writes beside each token what stood before it; a head of the second looks for the place that follows
an earlier occurrence of the current token, and says what stands there. Both are laid here by hand,
roughly; training sharpens them and uses the rest of the network for everything else.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training.model import Qwen3

FAST_PAIRS = 4  # rotary pairs that tell neighbouring positions apart
SLOW_FROM = (
    12  # rotary pairs from here on hardly turn within a context: what they hold can be matched
)


def _orthonormal(rows: int, columns: int) -> Tensor:
    """Random orthonormal rows that leave the first dimension, the constant one, alone."""
    basis = torch.linalg.qr(torch.randn(columns - 1, rows))[0].T
    return torch.cat((torch.zeros(rows, 1), basis), dim=1)


@torch.no_grad()
def lay(model: Qwen3) -> None:
    """Write the two layers of copying into a fresh model."""
    shape = model.shape
    width, dim = shape.hidden_size, shape.head_dim
    half, group = dim // 2, shape.num_attention_heads // shape.num_key_value_heads
    # A dimension that is the same for all tokens is what positional heads hold on to.
    model.model.embed_tokens.weight[:, 0] = 1.0
    model.model.norm.weight[0] = 0.0
    first, second = (model.layers[n].self_attn for n in (0, 1))
    angle = model.frequency[:FAST_PAIRS]

    before = _orthonormal(dim, width)  # what a token says of itself to the next one
    places = [
        _orthonormal(dim, width) for _ in range(group)
    ]  # where it is written, one for each head
    key = torch.zeros(dim)
    key[:FAST_PAIRS], key[half : half + FAST_PAIRS] = angle.cos(), angle.sin()
    _rows(first.k_proj, 0, dim).copy_(key[:, None] * torch.eye(1, width))
    _rows(first.v_proj, 0, dim).copy_(before)
    for head in range(group):  # head n looks n + 1 tokens back
        query = torch.zeros(dim)
        query[:FAST_PAIRS] = (angle * head).cos()
        query[half : half + FAST_PAIRS] = -(angle * head).sin()
        _rows(first.q_proj, head, dim).copy_(query[:, None] * torch.eye(1, width))
        first.o_proj.weight[:, head * dim : (head + 1) * dim] = 0.18 * places[head].T

    slow = torch.tensor([*range(SLOW_FROM, half), *range(half + SLOW_FROM, dim)])
    values = _orthonormal(dim * shape.num_key_value_heads, width)
    for n in range(shape.num_key_value_heads):
        keys = torch.zeros(dim, width)
        keys[slow] = places[0][: len(slow)]
        _rows(second.k_proj, n, dim).copy_(keys)
        part = values[n * dim : (n + 1) * dim]
        _rows(second.v_proj, n, dim).copy_(part)
        for head in range(n * group, (n + 1) * group):
            queries = 0.02 * torch.randn(dim, width)
            queries[slow] += before[: len(slow)]
            _rows(second.q_proj, head, dim).copy_(queries)
            second.o_proj.weight[:, head * dim : (head + 1) * dim] = 0.4 * part.T


def _rows(projection: nn.Linear, head: int, dim: int) -> Tensor:
    return projection.weight[head * dim : (head + 1) * dim]
