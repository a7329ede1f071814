"""A Qwen3 decoder written for training many short dialogues under one shared prefix.

The weights carry the names of Transformers' `Qwen3ForCausalLM`, so `state_dict()` is the checkpoint.
What differs from that class is only the batch: several dialogues follow one system prompt, and each
attends to that prompt and to itself. The prompt, which is most of the text, is computed once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.attention import attention


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of the network, under the names of Qwen3's `config.json`."""

    vocab_size: int = 4096
    hidden_size: int = 192
    intermediate_size: int = 512
    num_hidden_layers: int = 5
    num_attention_heads: int = 4
    num_key_value_heads: int = 2
    head_dim: int = 64
    rms_norm_eps: float = 1e-6
    rope_theta: float = 1_000_000.0

    def config(self) -> dict[str, object]:
        """The fields as they stand in `config.json`."""
        return asdict(self)


class Norm(nn.Module):
    def __init__(self, size: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return functional.rms_norm(x, (x.shape[-1],), self.weight.to(x.dtype), self.eps)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary position embedding on `x` [batch, heads, length, head_dim], halves paired as in Qwen3."""
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-second, first), dim=-1) * sin


class Attention(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        width, dim = shape.hidden_size, shape.head_dim
        self.q_proj = nn.Linear(width, shape.num_attention_heads * dim, bias=False)
        self.k_proj = nn.Linear(width, shape.num_key_value_heads * dim, bias=False)
        self.v_proj = nn.Linear(width, shape.num_key_value_heads * dim, bias=False)
        self.o_proj = nn.Linear(shape.num_attention_heads * dim, width, bias=False)
        self.q_norm = Norm(dim, shape.rms_norm_eps)
        self.k_norm = Norm(dim, shape.rms_norm_eps)

    def heads(self, x: Tensor, rope: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        batch, length, _ = x.shape
        q = self.q_norm(self.q_proj(x).view(batch, length, -1, self.shape.head_dim))
        k = self.k_norm(self.k_proj(x).view(batch, length, -1, self.shape.head_dim))
        v = self.v_proj(x).view(batch, length, -1, self.shape.head_dim)
        q, k, v = q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)
        return rotate(q, *rope), rotate(k, *rope), v

    def merge(self, x: Tensor) -> Tensor:
        out: Tensor = self.o_proj(x.transpose(1, 2).flatten(2))
        return out


class FeedForward(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(shape.hidden_size, shape.intermediate_size, bias=False)
        self.up_proj = nn.Linear(shape.hidden_size, shape.intermediate_size, bias=False)
        self.down_proj = nn.Linear(shape.intermediate_size, shape.hidden_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.down_proj(functional.silu(self.gate_proj(x)) * self.up_proj(x))
        return out


class Layer(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.self_attn = Attention(shape)
        self.mlp = FeedForward(shape)
        self.input_layernorm = Norm(shape.hidden_size, shape.rms_norm_eps)
        self.post_attention_layernorm = Norm(shape.hidden_size, shape.rms_norm_eps)

    def feed_forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.mlp(self.post_attention_layernorm(x))
        return out


class Body(nn.Module):
    """All of the model but the reading of logits."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(shape.vocab_size, shape.hidden_size)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.num_hidden_layers))
        self.norm = Norm(shape.hidden_size, shape.rms_norm_eps)


class Qwen3(nn.Module):
    """`prefix` [P] and `dialogues` [N, L] in, hidden states of the dialogues out."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.model = Body(shape)
        for name, parameter in self.named_parameters():
            if name.endswith(("o_proj.weight", "down_proj.weight")):
                nn.init.zeros_(parameter)  # a token's identity is not drowned before it is used
            elif name.endswith(("q_norm.weight", "k_norm.weight")):
                nn.init.constant_(parameter, 1.5)  # room for sharp attention from the start
            elif parameter.dim() == 2:
                nn.init.normal_(parameter, std=shape.hidden_size**-0.5)
        dim = shape.head_dim
        frequency = shape.rope_theta ** (-torch.arange(0, dim, 2, dtype=torch.float32) / dim)
        self.frequency: Tensor
        self.register_buffer("frequency", frequency, persistent=False)

    @property
    def layers(self) -> Sequence[Layer]:
        return cast(Sequence[Layer], self.model.layers)

    def rope(self, positions: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        angle = positions[..., None].float() * self.frequency
        angle = torch.cat((angle, angle), dim=-1)[:, None]
        return angle.cos().to(dtype), angle.sin().to(dtype)

    def forward(
        self, prefix: Tensor, dialogues: Tensor, prefix_positions: Tensor, positions: Tensor
    ) -> Tensor:
        """Hidden states of the dialogues, [N, L, width].

        Positions carry the same shapes as the ids. Padding is at the end of the dialogues and needs
        no mask.
        """
        embed = self.model.embed_tokens
        a, b = embed(prefix)[None], embed(dialogues)
        dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else a.dtype
        a, b = a.to(dtype), b.to(dtype)
        rope_a, rope_b = self.rope(prefix_positions[None], dtype), self.rope(positions, dtype)
        for layer in self.layers:
            heads = layer.self_attn
            qa, ka, va = heads.heads(layer.input_layernorm(a), rope_a)
            qb, kb, vb = heads.heads(layer.input_layernorm(b), rope_b)
            b = layer.feed_forward(b + heads.merge(attention(qb, ka, va, kb, vb)))
            if layer is not self.layers[-1]:  # nobody looks at the prefix any more
                out = functional.scaled_dot_product_attention(
                    qa, ka, va, is_causal=True, enable_gqa=True
                )
                a = layer.feed_forward(a + heads.merge(out))
        hidden: Tensor = self.model.norm(b)
        return hidden

    def logits(self, hidden: Tensor) -> Tensor:
        """Scores over the vocabulary; the output matrix is the embedding, as `tie_word_embeddings` says."""
        return functional.linear(hidden, self.model.embed_tokens.weight.to(hidden.dtype))
