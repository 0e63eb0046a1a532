"""Forward and backward of BERT-base with embeddings in PyTorch, 2 threads: what bench/bertStep.ts is compared with.

Sizes, loss and the count of operations are those of bench/bertStep.ts. The last line is JSON.
"""

import argparse
import json
import math
import statistics
import time

import torch
from torch import nn
from torch.nn import functional

LAYERS, WIDTH, HEADS, FEED_FORWARD, VOCABULARY, BATCH, TOKENS = 12, 768, 12, 3072, 30_523, 16, 64


class Layer(nn.Module):
    def __init__(self, fused_attention: bool):
        super().__init__()
        self.query, self.key, self.value, self.output = (nn.Linear(WIDTH, WIDTH) for _ in range(4))
        self.inner, self.outer = nn.Linear(WIDTH, FEED_FORWARD), nn.Linear(FEED_FORWARD, WIDTH)
        self.attention_norm, self.output_norm = (nn.LayerNorm(WIDTH, eps=1e-12) for _ in range(2))
        self.fused_attention = fused_attention

    def attend(self, x: torch.Tensor) -> torch.Tensor:
        query, key, value = (
            linear(x).view(BATCH, TOKENS, HEADS, WIDTH // HEADS).transpose(1, 2)
            for linear in (self.query, self.key, self.value)
        )
        if self.fused_attention:
            attended = functional.scaled_dot_product_attention(query, key, value)
        else:
            scores = query @ key.transpose(-1, -2) / math.sqrt(WIDTH // HEADS)
            attended = torch.softmax(scores, -1) @ value
        return attended.transpose(1, 2).reshape(BATCH, TOKENS, WIDTH)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.attention_norm(x + self.output(self.attend(x)))
        return self.output_norm(x + self.outer(functional.gelu(self.inner(x))))


class Bert(nn.Module):
    def __init__(self, fused_attention: bool):
        super().__init__()
        self.words, self.positions = nn.Embedding(VOCABULARY, WIDTH), nn.Parameter(torch.randn(TOKENS, WIDTH) * 0.02)
        self.norm = nn.LayerNorm(WIDTH, eps=1e-12)
        self.layers = nn.ModuleList(Layer(fused_attention) for _ in range(LAYERS))

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x = self.norm(self.words(ids) + self.positions)
        for layer in self.layers:
            x = layer(x)
        return (x * x).mean()


def median_seconds(model: nn.Module, runs: int) -> float:
    ids = torch.arange(BATCH * TOKENS).view(BATCH, TOKENS) * 7919 % VOCABULARY

    def step() -> float:
        start = time.perf_counter()
        model.zero_grad(set_to_none=True)
        model(ids).backward()
        return time.perf_counter() - start

    step()
    return statistics.median(step() for _ in range(runs))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--compile", action="store_true", help="also time torch.compile, which needs a C++ compiler")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)

    # Forward 2 and backward 4 operations for each weight and token, and for both products of attention.
    weights = LAYERS * (4 * WIDTH * WIDTH + 2 * WIDTH * FEED_FORWARD)
    operations = 6 * BATCH * TOKENS * weights + 12 * LAYERS * BATCH * TOKENS * TOKENS * WIDTH

    figures = {"torch": torch.__version__, "threads": options.threads}
    variants = {"eager": Bert(fused_attention=False), "eagerFusedAttention": Bert(fused_attention=True)}
    if options.compile:
        variants["compiled"] = torch.compile(Bert(fused_attention=True))
    for name, model in variants.items():
        seconds = median_seconds(model, options.runs)
        figures[f"{name}Seconds"] = round(seconds, 4)
        figures[f"{name}Gflops"] = round(operations / seconds / 1e9, 1)
        print(f"{name}: {seconds:.3f} s, {operations / seconds / 1e9:.0f} GFLOP/s")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
