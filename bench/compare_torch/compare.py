#!/usr/bin/python3
"""Our training steps against PyTorch's, in turns; writes a file in the form that bench/merge.cpp reads.

    compare.py BENCH_NN OUT [--rounds N] [--search] [--only REGEX]

PyTorch gets every favour known to help version 1.13 on the CPU: BLAS kernels for AVX-512 (its OpenBLAS does not know
newer processors), its own AVX-512 kernels, an allocator that keeps its memory, the better of one and all threads, of
whole and chunked attention. A ratio is our best step over its best step in all rounds: other programs on the machine
can only make a step slower. Like is held against like: float against float, bfloat16 against bfloat16; the keys are

    torch.A.512         float, attention with one T x T matrix of scores, the usual way to write it
    torch_chunked.A.512 float, the same or attention written for it by hand in chunks of queries, whichever is faster
    torch_bf16.A.512    bfloat16, ours with its factors, PyTorch with autocast and the faster attention
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
SHAPES = [(model, context) for model in "AB" for context in (512, 4096)]
PRECISIONS = ("fp32", "bf16")
CORES = len(os.sched_getaffinity(0))

KEEP_MEMORY = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(1 << 33), "MALLOC_TOP_PAD_": str(1 << 28)}
AVX512 = {"OPENBLAS_CORETYPE": "SkylakeX", "ATEN_CPU_CAPABILITY": "avx512"}
if "avx512f" not in pathlib.Path("/proc/cpuinfo").read_text():
    AVX512 = {}
ENVIRONMENTS = {
    "tuned": {**KEEP_MEMORY, **AVX512},
    "own choice of kernels": KEEP_MEMORY,
    "as installed": {},
}


def openblas(flavour):
    """Debian installs several OpenBLAS side by side; the one on OpenMP shares its threads with PyTorch."""
    found = sorted(pathlib.Path("/usr/lib").glob(f"*/openblas-{flavour}"))
    return {"LD_LIBRARY_PATH": str(found[0])} if found else {}


def candidates(context, search):
    """(environment, threads, chunks of queries, 0: none) worth trying; without a search those that were ever the best."""
    chunks = (0, 128, 256) if context == 512 else (0, 256, 512, 1024) if search else (0, 512)
    return [(e, t, c) for e in (ENVIRONMENTS if search else ["tuned"]) for t in sorted({1, CORES}) for c in chunks]


def torch_steps(shape, precision, tries, seconds):
    """Best seconds of a step for each of `tries`; those that share an environment and threads share a process."""
    best = {}
    for environment, threads in sorted({(e, t) for e, t, _ in tries}):
        chunks = [c for e, t, c in tries if (e, t) == (environment, threads)]
        command = ["/usr/bin/python3", HERE / "torch_step.py", "--model", shape[0], "--context", str(shape[1]),
                   "--threads", str(threads), "--seconds", str(seconds),
                   "--settings", *(f"{precision}:{c}" for c in chunks)]
        said = subprocess.run(command, env={**os.environ, **openblas("openmp"), **ENVIRONMENTS[environment]},
                              stdout=subprocess.PIPE, check=True, text=True).stdout
        for chunk, line in zip(chunks, said.splitlines()):
            best[environment, threads, chunk] = json.loads(line)["seconds"]
    return best


def our_steps(program, shape):
    """Best seconds of a step for each precision."""
    which = f"--benchmark_filter=^step(_bf16)?\\.{shape[0]}\\.{shape[1]}/"
    said = subprocess.run([program, which, "--benchmark_format=json"],
                          stdout=subprocess.PIPE, check=True, text=True).stdout
    best = {}
    for run in json.loads(said)["benchmarks"]:
        if run["run_type"] == "iteration":
            precision = run["run_name"].split("/")[1]
            best[precision] = min(best.get(precision, float("inf")), 1e-3 * run["real_time"])
    return best


def compare(program, shape, rounds, search):
    """The records of one shape, in the form of bench/merge.cpp."""
    rivals = {"torch": ("fp32", lambda setting: setting[2] == 0), "torch_chunked": ("fp32", lambda setting: True),
              "torch_bf16": ("bf16", lambda setting: True)}
    ours, theirs, ratios = {}, {p: {} for p in PRECISIONS}, {rival: [] for rival in rivals}
    for turn in range(rounds):
        now = our_steps(program, shape)
        for precision in PRECISIONS:
            ours[precision] = min(now[precision], ours.get(precision, now[precision]))
            known, tries = theirs[precision], candidates(shape[1], search)
            if turn > 0:
                tries = {min(filter(fits, known), key=known.get) for p, fits in rivals.values() if p == precision}
            steps = torch_steps(shape, precision, tries, seconds=0.5 if turn == 0 else 1.0)
            for setting, seconds in steps.items():
                known[setting] = min(seconds, known.get(setting, seconds))
            for rival, (p, fits) in rivals.items():
                if p == precision:
                    ratios[rival].append(min(steps[setting] for setting in filter(fits, steps)) / now[precision])

    name = f"{shape[0]}.{shape[1]}"
    tokens = {512: 4 * 512, 4096: 4096}[shape[1]]
    for precision in PRECISIONS if search else ():
        for (environment, threads, chunk), seconds in sorted(theirs[precision].items(), key=lambda item: item[1]):
            print(f"    {name} {precision} {environment}, {threads} threads, chunk {chunk}: "
                  f"{tokens / seconds:.0f} tokens/s")
    for rival, (precision, fits) in rivals.items():
        setting = min(filter(fits, theirs[precision]), key=theirs[precision].get)
        mine, its = tokens / ours[precision], tokens / theirs[precision][setting]
        print(f"{rival + '.' + name:20} {mine / its:5.2f} times; ours {mine:7.0f} tokens/s, PyTorch {its:7.0f} "
              f"({setting[0]}, {setting[1]} threads, chunk {setting[2]}); "
              f"rounds {min(ratios[rival]):.2f} to {max(ratios[rival]):.2f}", flush=True)
        yield {"name": f"{rival}.{name}", "run_name": f"{rival}.{name}", "run_type": "iteration", "ratio": mine / its,
               "ours_tokens_per_s": mine, "torch_tokens_per_s": its, "torch_setting": list(setting)}


def main():
    options = argparse.ArgumentParser()
    options.add_argument("program", help="the benchmark program of bench/nn")
    options.add_argument("out")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--search", action="store_true", help="try every environment, not only the tuned one")
    options.add_argument("--only", default=".", help="regular expression on torch.MODEL.CONTEXT")
    o = options.parse_args()
    shapes = [s for s in SHAPES if re.search(o.only, f"torch.{s[0]}.{s[1]}")]
    records = [record for shape in shapes for record in compare(o.program, shape, o.rounds, o.search)]
    with open(o.out, "w") as file:
        json.dump({"benchmarks": records}, file, indent=2)


if __name__ == "__main__":
    sys.exit(main())
