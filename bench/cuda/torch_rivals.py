#!/usr/bin/env python3
"""PyTorch's own kernels at the shapes of bench/cuda, timed the same way; a file in the form that record.py reads.

    torch_rivals.py OUT [--only REGEX]

The keys are ours with `torch.` and the rival's name for `cuda.`:

    torch.flash.attention.forward.d128.t16384   scaled_dot_product_attention, its flash back end; torch.cudnn: cuDNN's
    torch.eager.ceiling.product, …copy          a product of 8,192 x 8,192 matrices in bfloat16, a copy of 1 GiB
    torch.eager.cross_entropy.…                 a bfloat16 product and torch.nn.functional.cross_entropy
    torch.fused.adamw.fp32                      torch.optim.AdamW(fused=True), which writes no bfloat16 copy: 28 bytes
                                                a weight, ours 30

The file is written anew after each figure, so that one that is stopped has what was measured till then.
"""
import argparse
import json
import re
import statistics
import sys

try:
    import torch
    import torch.nn.functional as F
    from torch.nn.attention import SDPBackend, sdpa_kernel
except ImportError as error:
    sys.exit(f"torch_rivals: needs PyTorch 2.5 or newer: {error}")

BACKENDS = {"flash": SDPBackend.FLASH_ATTENTION, "cudnn": SDPBackend.CUDNN_ATTENTION}
CONTEXTS = {"": (4096, 16384, 65536, 262144), ".gqa4": (16384, 65536)}


def seconds_of(queue):
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    begin.record()
    queue()
    end.record()
    end.synchronize()
    return 1e-3 * begin.elapsed_time(end)


def median_seconds(op, sets):
    """As bench/cuda/measure.cuh: a quarter of a second, going round the sets."""
    turn = 0

    def once():
        nonlocal turn
        op(*sets[turn % len(sets)])
        turn += 1

    once()
    calls = int(min(1e4, max(1, 5e-3 / seconds_of(once))))
    times, spent = [], 0.0
    while spent < 0.25:
        times.append(seconds_of(lambda: [once() for _ in range(calls)]) / calls)
        spent += times[-1] * calls
    return statistics.median(times)


def sets_of(size, make):
    """As many of make() as are three times the L2 cache; `size` in bytes."""
    cache = torch.cuda.get_device_properties(0).L2_cache_size
    return [make() for _ in range(min(64, max(1, -(-3 * cache // size))))]


def uniform(*shape, dtype=torch.bfloat16):
    return torch.empty(shape, dtype=dtype, device="cuda").uniform_(-1, 1)


def attention(backend, backward, dim, group, context):
    """FLOP and seconds of one pass; causal, 2,048 wide, 16 Ki tokens at the least."""
    heads, batch = 2048 // dim, max(1, 16384 // context)

    def make():
        q = uniform(batch, heads, context, dim)
        k, v = (uniform(batch, heads // group, context, dim) for _ in range(2))
        return [x.requires_grad_(backward) for x in (q, k, v)]

    def forward(q, k, v):
        with sdpa_kernel(BACKENDS[backend]):
            return F.scaled_dot_product_attention(q, k, v, is_causal=True, **({"enable_gqa": True} if group > 1 else {}))

    sets = sets_of(batch * context * 2048 * 8, make)
    if not backward:
        return 2.0 * batch * heads * dim * context**2, median_seconds(forward, sets)
    sets = [(forward(*s), s, uniform(batch, heads, context, dim)) for s in sets]
    return (5.0 * batch * heads * dim * context**2,
            median_seconds(lambda o, inputs, d_o: torch.autograd.grad(o, inputs, d_o, retain_graph=True), sets))


def cross_entropy(vocab=131072, width=4096, tokens=4096):
    x, w = uniform(tokens, width).requires_grad_(), (0.02 * uniform(vocab, width)).requires_grad_()
    targets = torch.randint(vocab, (tokens,), device="cuda")

    def step(x, w, targets):
        torch.autograd.grad(F.cross_entropy(F.linear(x, w), targets), (x, w))

    return 6.0 * tokens * vocab * width, median_seconds(step, [(x, w, targets)])


def adamw(size=1 << 26):
    weights = torch.nn.Parameter(uniform(size, dtype=torch.float32))
    weights.grad = uniform(size, dtype=torch.float32)
    optimizer = torch.optim.AdamW([weights], lr=1e-4, betas=(0.9, 0.95), weight_decay=0.1, fused=True)
    return 28.0 * size, median_seconds(optimizer.step, [()])


def product(n=8192):
    x, y = uniform(n, n), uniform(n, n)
    return 2.0 * n**3, median_seconds(lambda: torch.matmul(x, y), [()])


def copy(size=1 << 28):
    x, y = uniform(size, dtype=torch.float32), torch.empty(size, dtype=torch.float32, device="cuda")
    return 8.0 * size, median_seconds(lambda: y.copy_(x), [()])


def figures():
    """Key, unit, and a function that returns the work and the seconds; the contexts that matter most first."""
    yield "torch.eager.ceiling.product", "TFLOP/s", product
    yield "torch.eager.ceiling.copy", "GB/s", copy
    yield "torch.eager.cross_entropy.forward_backward.v131072.c4096", "TFLOP/s", cross_entropy
    yield "torch.fused.adamw.fp32", "GB/s", adamw
    shapes = [(t, group, dim) for group, contexts in CONTEXTS.items() for dim in (64, 128) for t in contexts]
    for context, group, dim in sorted(shapes, key=lambda s: (s[0] != 16384, s[0])):
        for name in BACKENDS:
            for direction in ("forward", "backward"):
                yield (f"torch.{name}.attention.{direction}.d{dim}{group}.t{context}", "TFLOP/s",
                       lambda b=name, d=direction, h=dim, g=4 if group else 1, t=context:
                       attention(b, d == "backward", h, g, t))


def main():
    options = argparse.ArgumentParser()
    options.add_argument("out")
    options.add_argument("--only", default=".", help="regular expression on the key")
    o = options.parse_args()
    if not torch.cuda.is_available():
        sys.exit("torch_rivals: PyTorch sees no GPU")
    records = []
    for key, unit, run in figures():
        if not re.search(o.only, key):
            continue
        try:
            work, seconds = run()
            records.append({"name": key, unit: work / seconds * (1e-12 if unit == "TFLOP/s" else 1e-9)})
            print(f"{key:60} {records[-1][unit]:8.1f} {unit}", flush=True)
        except (RuntimeError, TypeError) as error:  # a back end that does not take the shape, or too little memory
            records.append({"name": key, "error_occurred": True, "error_message": str(error).splitlines()[0]})
        torch.cuda.empty_cache()
        with open(o.out, "w") as file:
            json.dump({"context": {"torch": torch.__version__}, "benchmarks": records}, file, indent=2)


if __name__ == "__main__":
    main()
