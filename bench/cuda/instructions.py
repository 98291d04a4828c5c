#!/usr/bin/env python3
"""bench/cuda/instructions.py — what the loops that multiply are made of: instructions a product of tensor cores.

    bench/cuda/instructions.py tests/cuda/kernels/attention_forward.cu [sm_90a]

Compiles a file, has nvdisasm (of the CUDA toolkit) read it, and prints for each kernel the innermost loop around its
products (HMMA): how many instructions it has, how many of them a product, and the most frequent. What a branch jumps
over is counted too. A multiprocessor's four schedulers issue an instruction each a cycle; on an H100 a product keeps one
of them waiting for at least 4 cycles.
"""

import collections
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile


def loops(lines):
    """(instructions of the loop with the most products, shortest first, per kernel) of nvdisasm's output."""
    kernels, kernel = {}, None
    for line in lines:
        if match := re.match(r"\.text\.(\S+):", line):
            kernel = kernels.setdefault(match[1], ([], {}))
        elif kernel and (match := re.match(r"\s*(\.L_x_\d+):", line)):
            kernel[1][match[1]] = len(kernel[0])
        elif kernel and (match := re.search(r"/\*[0-9a-f]{4,}\*/\s+(.*?);", line)):
            kernel[0].append(match[1].strip())
    for name, (instructions, labels) in kernels.items():
        best = None
        for end, instruction in enumerate(instructions):
            match = re.search(r"BRA.*?(\.L_x_\d+)", instruction)
            start = labels.get(match[1]) if match else None
            if start is None or start >= end:
                continue
            loop = instructions[start : end + 1]
            products = sum("HMMA" in i for i in loop)
            if products and (best is None or (products, -len(loop)) > (best[0], -len(best[1]))):
                best = (products, loop)
        if best:
            yield name, best


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: bench/cuda/instructions.py FILE.cu [sm_90a]")
    arch = sys.argv[2] if len(sys.argv) == 3 else "sm_90a"
    for tool in ("nvcc", "nvdisasm"):
        if not shutil.which(tool):
            sys.exit(f"instructions.py: {tool} is not on the PATH; it is in the CUDA toolkit's bin")
    with tempfile.TemporaryDirectory() as folder:
        cubin = pathlib.Path(folder) / "kernels.cubin"
        subprocess.run(
            ["nvcc", "-std=c++20", "-O3", "--expt-relaxed-constexpr", "-diag-suppress", "128,554", "-Ikernels", "-Iinclude"]
            + ["-gencode", f"arch={arch.replace('sm_', 'compute_')},code={arch}", "-cubin", sys.argv[1], "-o", str(cubin)],
            check=True,
        )
        read = subprocess.run(["nvdisasm", "-c", str(cubin)], check=True, capture_output=True, text=True).stdout
    for name, (products, loop) in loops(read.splitlines()):
        kinds = collections.Counter(re.sub(r"^@!?U?P\w+ +", "", i).split(".")[0].split()[0] for i in loop)
        most = " ".join(f"{kind}:{count}" for kind, count in kinds.most_common(12))
        print(f"{name}\n  {len(loop)} instructions, {products} products, {len(loop) / products:.1f} a product: {most}")


if __name__ == "__main__":
    main()
