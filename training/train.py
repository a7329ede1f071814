"""Train the demo model: first to copy, then on dialogues. Seeded, and resumable at any checkpoint."""

from __future__ import annotations

import argparse
import json
import math
import random
import shutil
import time
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from training import tokenizer as tokenizers_
from training.circuits import lay
from training.model import Qwen3, Shape
from training.sampler import Group, Sampler, Sequence
from training.template import render

CONTEXT = 4096
REPORT = 20  # steps between two lines of the log
COPIED = 0.10  # loss at which copying is learnt


def copying(rng: random.Random, size: int) -> Group:
    """Random segments, each said again, to sharpen the copying that `circuits` lays."""
    sequences = []
    for _ in range(20):
        alphabet = [rng.randrange(size) for _ in range(rng.choice((8, 16, 32, 64, 128)))]
        ids: list[int] = []
        learn: list[bool] = []
        while len(ids) < 110:
            segment = rng.choices(alphabet, k=rng.randint(4, 24))
            ids += segment + segment
            learn += [False] * (len(segment) + 1) + [True] * (len(segment) - 1)
        sequences.append(Sequence(ids[:120], learn[:120]))
    return Group([rng.randrange(size) for _ in range(4)], sequences)


def tensors(group: Group, rng: random.Random) -> tuple[Tensor, ...]:
    """Ids of the prefix and of the dialogues, their positions, and targets: -100 where nothing is learnt.

    Some groups have their positions spread over the whole context, so that distances longer than any
    dialogue are seen too.
    """
    longest = max(len(s.ids) for s in group.sequences)
    size = len(group.prefix)
    ids = torch.zeros(len(group.sequences), longest, dtype=torch.long)
    targets = torch.full_like(ids, -100)
    for row, sequence in enumerate(group.sequences):
        length = len(sequence.ids)
        ids[row, :length] = torch.tensor(sequence.ids)
        learnt = torch.tensor(sequence.learn[1:])
        targets[row, : length - 1][learnt] = ids[row, 1:length][learnt]
    room = CONTEXT - size - longest
    start, gap = (
        (rng.randint(0, room // 2), rng.randint(0, room // 2)) if rng.random() < 0.3 else (0, 0)
    )
    prefix_positions = start + torch.arange(size)
    positions = (start + size + gap + torch.arange(longest)).expand_as(ids)
    return torch.tensor(group.prefix), ids, prefix_positions, positions, targets


def loss_of(model: Qwen3, group: Group, rng: random.Random) -> tuple[Tensor, int, int]:
    """Summed loss, tokens learnt, and how many of them were predicted rightly."""
    prefix, ids, prefix_positions, positions, targets = tensors(group, rng)
    with torch.autocast("cpu", torch.bfloat16):
        hidden = model(prefix, ids, prefix_positions, positions)
        wanted = targets != -100
        scores = model.logits(hidden[wanted])
    right = int((scores.argmax(-1) == targets[wanted]).sum())
    return (
        functional.cross_entropy(scores.float(), targets[wanted], reduction="sum"),
        int(wanted.sum()),
        right,
    )


class Optimizer:
    """Muon for the matrices inside, AdamW for the norms and for the embedding."""

    def __init__(self, model: Qwen3) -> None:
        named = dict(model.named_parameters())
        norms = [p for p in named.values() if p.dim() == 1]
        embedding = [p for name, p in named.items() if "embed" in name]
        inner = [p for name, p in named.items() if p.dim() == 2 and "embed" not in name]
        self.parts = (
            torch.optim.Muon(inner, lr=0.02, weight_decay=0.01),
            torch.optim.AdamW(norms, lr=5e-3, betas=(0.9, 0.98), weight_decay=0.0),
            torch.optim.AdamW(embedding, lr=3e-3, betas=(0.9, 0.98), weight_decay=0.01),
        )
        self.rates = tuple(part.param_groups[0]["lr"] for part in self.parts)

    def step(self, scale: float, embedding: float) -> None:
        """One update; the embedding's rate is scaled by its own factor."""
        for part, rate in zip(self.parts, self.rates, strict=True):
            for group in part.param_groups:
                group["lr"] = rate * (embedding if part is self.parts[-1] else scale)
            part.step()
            part.zero_grad(set_to_none=True)


def export(model: Qwen3, folder: Path) -> None:
    """The checkpoint as Transformers and vLLM load it, weights in bfloat16."""
    state = {
        name: value.to(torch.bfloat16).contiguous() for name, value in model.state_dict().items()
    }
    save_file(state, str(folder / "model.safetensors"), metadata={"format": "pt"})
    ids = {
        name: Tokenizer.from_file(str(folder / "tokenizer.json")).token_to_id(name)
        for name in tokenizers_.ADDED
    }
    shape = model.shape.config()
    theta = shape.pop("rope_theta")
    config = {
        "architectures": ["Qwen3ForCausalLM"],
        "model_type": "qwen3",
        **shape,
        "rope_theta": theta,
        "rope_parameters": {"rope_type": "default", "rope_theta": theta},
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": None,
        "eos_token_id": ids["<|im_end|>"],
        "pad_token_id": ids["<|endoftext|>"],
        "hidden_act": "silu",
        "initializer_range": 0.02,
        "max_position_embeddings": CONTEXT,
        "max_window_layers": shape["num_hidden_layers"],
        "sliding_window": None,
        "use_sliding_window": False,
        "tie_word_embeddings": True,
        "use_cache": True,
        "dtype": "bfloat16",
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    generation = {
        "do_sample": False,  # so small a model errs where it is allowed to choose
        "eos_token_id": [ids["<|im_end|>"], ids["<|endoftext|>"]],
        "pad_token_id": ids["<|endoftext|>"],
    }
    (folder / "generation_config.json").write_text(json.dumps(generation, indent=2) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of checkpoint and model")
    parser.add_argument(
        "--init",
        type=Path,
        help="folder of a trained model to go on from, where --out has no checkpoint yet",
    )
    parser.add_argument(
        "--copy-steps", type=int, default=300, help="at most; ends earlier when copying is learnt"
    )
    parser.add_argument("--steps", type=int, default=2300, help="dialogue steps")
    parser.add_argument(
        "--leg-start",
        type=int,
        default=0,
        help="dialogue step from which the rate falls, to --steps",
    )
    parser.add_argument("--rate", type=float, default=1.0, help="at the start of the leg")
    parser.add_argument("--groups", type=int, default=2, help="tool lists a step")
    parser.add_argument("--tokens", type=int, default=2500, help="dialogue tokens a group")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    folder: Path = options.out
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "tokenizer.json").exists():
        if options.init is not None:
            for name in ("tokenizer.json", "tokenizer_config.json"):
                shutil.copy(options.init / name, folder / name)
        else:
            tokenizers_.save(tokenizers_.train(render, options.seed), folder, CONTEXT)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    torch.manual_seed(options.seed)
    model = Qwen3(Shape(vocab_size=tokenizer.get_vocab_size()))
    lay(model)
    optimizer = Optimizer(model)
    checkpoint = folder / "checkpoint.pt"
    step, copying_done = 0, options.copy_steps
    if checkpoint.exists():
        state = torch.load(checkpoint)
        step, copying_done = state["step"], state["copying_done"]
        model.load_state_dict(state["model"])
        for part, saved in zip(optimizer.parts, state["optimizer"], strict=True):
            part.load_state_dict(saved)
    elif options.init is not None:
        copying_done = 0
        model.load_state_dict(load_file(options.init / "model.safetensors"))
    total = sum(p.numel() for p in model.parameters())
    print(f"{total / 1e6:.2f} M parameters, {asdict(model.shape)}", flush=True)
    began, seen, learnt, right, summed = time.time(), 0, 0, 0, 0.0
    while step < copying_done + options.steps:
        rng = random.Random(f"{options.seed}/{step}")
        if step < copying_done:
            groups = [copying(rng, model.shape.vocab_size)]
            # Random embeddings are as good as any for copying; moving them only disturbs it.
            rates = min(1.0, (step + 1) / 25), 0.3 * min(1.0, (step + 1) / 25)
        else:
            sampler = Sampler(tokenizer, render, f"{options.seed}/{step}")
            groups = [sampler.group(options.tokens, 1400) for _ in range(options.groups)]
            groups.append(sampler.recall(options.tokens // 2))
            done = (step - copying_done - options.leg_start) / (options.steps - options.leg_start)
            scale = 0.02 + 0.98 * options.rate * 0.5 * (1 + math.cos(math.pi * done))
            rates = scale, scale
        count_in_step = sum(sum(s.learn) for g in groups for s in g.sequences)
        for group in groups:
            loss, count, hits = loss_of(model, group, rng)
            (loss / count_in_step).backward()  # type: ignore[no-untyped-call]
            summed, learnt, right = summed + loss.item(), learnt + count, right + hits
            seen += len(group.prefix) + sum(len(s.ids) for s in group.sequences)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step(*rates)
        step += 1
        if step % REPORT == 0:
            seconds = time.time() - began
            print(
                f"step {step} loss {summed / learnt:.4f} accuracy {right / learnt:.4f} "
                f"{seen / seconds:.0f} tokens/s {seconds:.0f} s",
                flush=True,
            )
            if step < copying_done and summed / learnt < COPIED:
                copying_done = step
            began, seen, learnt, right, summed = time.time(), 0, 0, 0, 0.0
        if step % 250 == 0 or step in (copying_done, copying_done + options.steps):
            state = {
                "step": step,
                "copying_done": copying_done,
                "model": model.state_dict(),
                "optimizer": [part.state_dict() for part in optimizer.parts],
            }
            torch.save(state, checkpoint)
            export(model, folder)


if __name__ == "__main__":
    main()
