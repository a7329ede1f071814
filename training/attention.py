"""Attention of many dialogues under one shared prefix, in as few operations as a CPU likes best.

PyTorch's attention for CPUs wants the prefix repeated for each dialogue and a mask over it, and then
takes more than half of a training step. Here all dialogues meet the prefix in one matrix product, and
only what they say themselves is masked. The largest score is not subtracted before `exp`: queries and
keys are normed, so that scores stay far below where bfloat16 overflows.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function


class _Attention(Function):
    """`q`, of [kv heads, dialogues, queries of the group x length, dim], scaled already."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, pk: Tensor, pv: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:  # fmt: skip
        heads, count, rows, dim = q.shape
        every = q.reshape(heads, count * rows, dim)
        shared = torch.bmm(every, pk.transpose(1, 2)).exp_()
        own = torch.matmul(q, k.transpose(2, 3)).exp_().mul_(mask)
        total = shared.sum(-1).view(heads, count, rows) + own.sum(-1)
        out = torch.bmm(shared, pv).view_as(q) + torch.matmul(own, v)
        share = total.reciprocal_()[..., None]
        out *= share
        ctx.save_for_backward(q, pk, pv, k, v, shared, own, share, out)
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        q, pk, pv, k, v, shared, own, share, out = ctx.saved_tensors
        heads, count, rows, dim = q.shape
        (grad,) = gradients
        inner = (grad * out).sum(-1, keepdim=True) * share
        grad = grad * share
        every, flat = q.reshape(heads, count * rows, dim), grad.reshape(heads, count * rows, dim)
        grad_pv = torch.bmm(shared.transpose(1, 2), flat)
        grad_v = torch.matmul(own.transpose(2, 3), grad)
        score = torch.baddbmm(
            inner.reshape(heads, count * rows, 1), flat, pv.transpose(1, 2), beta=-1
        ).mul_(shared)
        grad_pk = torch.bmm(score.transpose(1, 2), every)
        grad_q = torch.bmm(score, pk).view_as(q)
        score = torch.matmul(grad, v.transpose(2, 3)).sub_(inner).mul_(own)
        grad_k = torch.matmul(score.transpose(2, 3), q)
        grad_q += torch.matmul(score, k)
        return grad_q, grad_pk, grad_pv, grad_k, grad_v, None


def attention(q: Tensor, pk: Tensor, pv: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Each of `count` dialogues attends to the prefix and, causally, to itself.

    Args:
        q: [count, query heads, length, dim].
        pk: keys of the prefix, [1, key heads, prefix, dim]; `pv` likewise its values.
        k: keys of the dialogues, [count, key heads, length, dim]; `v` likewise their values.

    Returns:
        [count, query heads, length, dim]
    """
    count, query_heads, length, dim = q.shape
    heads = k.shape[1]
    group = query_heads // heads
    rows = q.reshape(count, heads, group, length, dim).transpose(0, 1).flatten(2, 3) * dim**-0.5
    mask = torch.ones(length, length, dtype=q.dtype).tril().repeat(group, 1)
    k, v = k.transpose(0, 1).contiguous(), v.transpose(0, 1).contiguous()
    keys, values = pk[0].contiguous(), pv[0].contiguous()
    out: Tensor = _Attention.apply(rows, keys, values, k, v, mask)  # type: ignore[no-untyped-call]
    return out.transpose(0, 1).reshape(count, query_heads, length, dim)
