#!/usr/bin/python3
"""Seconds of whole PyTorch training steps at the shapes of bench/nn/step_bench.cpp; one line of JSON per setting.

The model is the library's, written the way that was found to be fastest in PyTorch 1.13: one packed matrix per
projection, attention in chunks of queries that only meet the keys before them (half of the products of a full T x T
matrix, and temporaries that fit in cache), AdamW over lists of tensors.
"""
import argparse
import json
import time

import torch
import torch.nn.functional as F

MODELS = {
    "A": dict(vocab=512, layers=4, width=128, heads=4, ffn=384),
    "B": dict(vocab=4096, layers=6, width=256, heads=4, ffn=768),
}
BATCHES = {512: 4, 4096: 1}


def rmsnorm(x, gain):
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6) * gain


def attend(q, k, v, chunk, mask):
    """Causal attention, [B * H, T, D]; the scale is already in q. The mask rides on the product: one pass less."""
    T = q.shape[1]
    parts = []
    for first in range(0, T, chunk):
        last = first + chunk
        scores = torch.baddbmm(mask[:, T - last:].to(q.dtype), q[:, first:last], k[:, :last].transpose(1, 2))
        parts.append(torch.softmax(scores, -1) @ v[:, :last])
    return torch.cat(parts, 1) if len(parts) > 1 else parts[0]


class Model:
    def __init__(self, vocab, layers, width, heads, ffn, context, chunk):
        self.heads, self.head_dim, self.chunk = heads, width // heads, chunk

        def matrix(n, k):
            return torch.nn.Parameter(0.02 * torch.randn(n, k))

        def gain():
            return torch.nn.Parameter(torch.ones(width))

        self.embedding, self.head, self.norm = matrix(vocab, width), matrix(vocab, width), gain()
        self.blocks = [
            dict(norm1=gain(), qkv=matrix(3 * width, width), out=matrix(width, width), norm2=gain(),
                 gate_up=matrix(2 * ffn, width), down=matrix(width, ffn))
            for _ in range(layers)
        ]
        turn = 10000.0 ** (-torch.arange(0, self.head_dim, 2) / self.head_dim)
        angles = torch.outer(torch.arange(context, dtype=torch.float32), turn)
        self.cos, self.sin = angles.cos()[:, None], angles.sin()[:, None]  # [T, 1, D/2]
        self.mask = torch.full((chunk, context), float("-inf")).triu(context - chunk + 1)  # of the last chunk

    def parameters(self):
        return [self.embedding, self.head, self.norm] + [p for block in self.blocks for p in block.values()]

    def rotated(self, x):
        a, b = x.chunk(2, -1)
        return torch.cat((a * self.cos - b * self.sin, a * self.sin + b * self.cos), -1)

    def loss(self, tokens, targets):
        B, T = tokens.shape
        x = F.embedding(tokens, self.embedding)
        for w in self.blocks:
            q, k, v = F.linear(rmsnorm(x, w["norm1"]), w["qkv"]).view(B, T, 3, self.heads, self.head_dim).unbind(2)
            q, k = self.rotated(q) * self.head_dim**-0.5, self.rotated(k)
            q, k, v = (t.to(v.dtype).transpose(1, 2).reshape(B * self.heads, T, -1) for t in (q, k, v))
            o = attend(q, k, v, self.chunk, self.mask)
            o = o.view(B, self.heads, T, -1).transpose(1, 2).reshape(B, T, -1)
            x = x + F.linear(o, w["out"])
            gate, up = F.linear(rmsnorm(x, w["norm2"]), w["gate_up"]).chunk(2, -1)
            x = x + F.linear(F.silu(gate) * up, w["down"])
        logits = F.linear(rmsnorm(x, self.norm), self.head)
        return F.cross_entropy(logits.view(B * T, -1).float(), targets.view(-1))


def best_step(name, context, precision, chunk, seconds):
    """The shortest of the steps that fit in `seconds`, at least three."""
    torch.manual_seed(1)
    spec = MODELS[name]
    model = Model(**spec, context=context, chunk=min(chunk or context, context))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.05, foreach=True)
    tokens = torch.randint(spec["vocab"], (BATCHES[context], context + 1))
    best, count, start = float("inf"), 0, time.perf_counter()
    while count < 3 or time.perf_counter() - start < seconds:
        begin = time.perf_counter()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16"):
            loss = model.loss(tokens[:, :-1], tokens[:, 1:].contiguous())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        best, count = min(best, time.perf_counter() - begin), count + 1
    return best, float(loss)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--model", choices=MODELS, required=True)
    options.add_argument("--context", type=int, choices=BATCHES, required=True)
    options.add_argument("--threads", type=int, required=True)
    options.add_argument("--settings", nargs="+", required=True, metavar="PRECISION:CHUNK", help="chunk 0: none")
    options.add_argument("--seconds", type=float, default=1.0, help="for each setting")
    o = options.parse_args()
    torch.set_num_threads(o.threads)
    for setting in o.settings:
        precision, chunk = setting.split(":")
        best, loss = best_step(o.model, o.context, precision, int(chunk), o.seconds)
        print(json.dumps({"setting": setting, "threads": o.threads, "seconds": best, "loss": loss,
                          "tokens_per_s": BATCHES[o.context] * o.context / best}), flush=True)


if __name__ == "__main__":
    main()
