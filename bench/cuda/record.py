#!/usr/bin/env python3
"""The record of one GPU and date: one flat JSON of what scripts/gpu found, and a table of it beside the last record.

    record.py make LOGS NUMBERS RECORD TABLE    of the logs of a run; NUMBERS is the folder of earlier records
    record.py keep NUMBERS RECORD...            the records of one GPU and date as NUMBERS/gpu_NAME_DATE.json
    record.py cases FILE KIND                   how the cases of full_size went, in words; exit code 1: not all passed

The keys are described in docs/10-gpu.md.
"""
import json
import math
import pathlib
import re
import sys

# TFLOP/s that attention shall reach on an H100 at 16 Ki tokens, and of the product measured beside it, what a whole step
# shall reach there; passes that are bound by memory shall reach 0.85 of a copy anywhere.
TARGETS = {"cuda.attention.forward.d128.t16384": 330, "cuda.attention.backward.d128.t16384": 250,
           "cuda.attention.forward.d64.t16384": 280, "cuda.attention.backward.d64.t16384": 220}
STEP_TARGETS = {"cuda.step.125m.t8192": 0.35, "cuda.step.1b.t32768": 0.40}
AGAINST_FLOAT = "against_float."


def number_or_text(text):
    return float(text) if re.fullmatch(r"-?\d+\.\d+", text) else int(text) if re.fullmatch(r"-?\d{1,15}", text) else text


def rounded(x):
    return x if not isinstance(x, float) or x == 0 or not math.isfinite(x) else float(f"{x:.4g}")


def text_of(path):
    return path.read_text(errors="replace") if path.is_file() else ""


def noted(logs):
    """What the stages noted, a line each; the last of a key holds."""
    lines = (line.split("\t", 1) for line in text_of(logs / "results").splitlines() if "\t" in line)
    return {key: number_or_text(value) for key, value in lines}


def cases(path):
    """Of full_size: key, state, figures. A case that only began ended the program or was stopped."""
    found = {}
    for line in text_of(path).splitlines():
        try:
            case = json.loads(line)
            found[case.pop("key")] = case
        except (json.JSONDecodeError, KeyError, AttributeError):
            pass  # the line during which the program was stopped
    for case in found.values():
        if case["state"] == "began":
            case.update(state="failed", said="the program crashed or was stopped")
    return found


def of_cases(path):
    record = {}
    for key, case in cases(path).items():
        key = key if key.startswith(AGAINST_FLOAT) else "repeat." + key
        record[key] = case.pop("state")
        record.update({f"{key}.{name}": rounded(value) for name, value in case.items()})
    return record


def benchmarks(path):
    """The list of a file of Google Benchmark's form, of a program that was stopped too."""
    text = text_of(path)
    for end in ("", "]}", "\n]\n}", "}]}"):
        try:
            return json.loads(text.rstrip().rstrip(",") + end)["benchmarks"]
        except (json.JSONDecodeError, KeyError, TypeError):
            pass
    return []


def figures(logs):
    """Rates by key: TFLOP/s or GB/s, with .fraction of what was measured beside it, .spread, .unit, or .error."""
    record = {}
    for path in sorted(logs.glob("bench_*.json")):
        for run in benchmarks(path):
            key = run["name"].split("/")[0]
            if run.get("error_occurred"):
                record[key + ".error"] = run.get("error_message", "failed")
                continue
            unit = "TFLOP/s" if "TFLOP/s" in run else "GB/s"
            if unit not in run:
                continue
            record[key], record[key + ".unit"] = rounded(run[unit]), unit
            for more in ("fraction", "spread"):
                if more in run:
                    record[f"{key}.{more}"] = rounded(run[more])
    return record


def watched(logs):
    """The clock while the GPU worked, in the middle, and the most power and heat."""
    rows = []
    for line in text_of(logs / "watch.csv").splitlines():
        try:
            rows.append([float(x) for x in line.split(",")])
        except ValueError:
            pass
    rows = [row for row in rows if len(row) == 4]
    busy = sorted(row[0] for row in rows if row[3] >= 50)
    record = {"clock_mhz.median": busy[len(busy) // 2]} if busy else {}
    if rows:
        record.update({"power_w.most": max(row[1] for row in rows), "temperature_c.most": max(row[2] for row in rows)})
    return record


def last_record(numbers, record):
    """The newest earlier record of this GPU, with its name."""
    best = (None, {})
    for path in sorted(numbers.glob("gpu_*.json")):
        try:
            other = json.loads(path.read_text())
        except (json.JSONDecodeError, OSError):
            continue
        if other.get("gpu.name") == record.get("gpu.name") and (best[0] is None or other["date"] >= best[1]["date"]):
            best = (path.name, other)
    return best


def rival_of(key, record):
    """The best rival at the shape of `key`: its name and figure."""
    shape = key[key.index("."):]
    rivals = [(v, k) for k, v in record.items() if k.startswith("torch.") and k.endswith(shape) and isinstance(v, (int, float))]
    return max(rivals, default=None)


def row(key, record, last):
    line = f"{key:50} {record[key]:9.1f} {record[key + '.unit']:8}"
    fraction = record.get(key + ".fraction")
    if fraction is not None:
        line += f" {fraction:5.2f} +- {record.get(key + '.spread', 0):.2f}"
    if key in TARGETS:
        line += f"  target on an H100 {TARGETS[key]}: {'reached' if record[key] >= TARGETS[key] else 'missed'}"
    elif key in STEP_TARGETS and fraction is not None:
        line += f"  target on an H100 {STEP_TARGETS[key]}: {'reached' if fraction >= STEP_TARGETS[key] else 'missed'}"
    elif record[key + ".unit"] == "GB/s" and fraction is not None:
        line += f"  target 0.85: {'reached' if fraction >= 0.85 else 'missed'}"
    if key.startswith("cuda.") and (rival := rival_of(key, record)):
        line += f"  {record[key] / rival[0]:.2f} times {'.'.join(rival[1].split('.')[:2])}"
    if isinstance(last.get(key), (int, float)) and last[key] > 0:
        line += f"  {record[key] / last[key]:.2f} times the last"
    return line


def table(record, name, last):
    lines = [f"{record.get('gpu.name') or 'no GPU'}, driver {record.get('gpu.driver_version', '')}, {record.get('date', '')}, "
             f"{record.get('source', '')}, {record.get('nvcc', 'no nvcc')}"]
    lines.append(f"the last record of this GPU: {name}, {last['date']}" if name else "no earlier record of this GPU")
    for key, value in record.items():
        if re.fullmatch(r"stage\.[a-z0-9_]+", key):
            was = f"  (the last: {last[key]})" if name and key in last and last[key] != value else ""
            lines.append(f"{key[6:]:14} {value:10} {record.get(key + '.seconds', ''):>4} s  {record.get(key + '.what', '')}{was}")
    for key, value in record.items():
        if re.match(r"(smoke|tests|odd|repeat|against_float)\.", key) and isinstance(value, str) and value.startswith("failed"):
            more = [f"{k[len(key) + 1:]} {v}" for k, v in record.items() if k.startswith(key + ".")]
            lines.append(f"FAILED {key}: {', '.join(more) or value}")
    for key in record:
        if key.startswith("train.") and isinstance(record[key], (int, float)):
            was = f"  {record[key] / last[key]:.2f} times the last" if isinstance(last.get(key), (int, float)) and last[key] else ""
            lines.append(f"{key:50} {record[key]:9.0f} tokens/s{was}")
    lines += [row(key, record, last) for key in sorted(record) if key + ".unit" in record]
    lines += [f"{key[:-6]}: {record[key]}" for key in sorted(record) if key.endswith(".error")]
    return "\n".join(lines) + "\n"


def write(path, text):
    part = path.with_name("." + path.name)
    part.write_text(text)
    part.replace(path)


def make(logs, numbers, to_record, to_table):
    record = {**noted(logs), **of_cases(logs / "full_size.jsonl"), **figures(logs), **watched(logs)}
    name, last = last_record(numbers, record)
    if name:
        record["last_record"] = name
    write(to_record, json.dumps(record, indent=2) + "\n")
    write(to_table, table(record, name, last))


def keep(numbers, paths):
    """Later records complete and replace the earlier ones' figures."""
    records = sorted((json.loads(path.read_text()) for path in paths), key=lambda r: r["date"])
    if len({r["gpu.name"] for r in records}) != 1:
        sys.exit("record: these are of different GPUs")
    merged = {}
    for record in records:
        merged.update(record)
    name = re.sub(r"[^a-z0-9]+", "_", merged["gpu.name"].lower()).strip("_")
    path = numbers / f"gpu_{name}_{merged['date'][:10]}.json"
    write(path, json.dumps(merged, indent=2) + "\n")
    print(path)


def count_cases(path, kind):
    wanted = {k: v for k, v in cases(path).items() if k.startswith(AGAINST_FLOAT) == (kind == "against_float")}
    bad = [k for k, v in wanted.items() if v["state"] != "passed"]
    print(f"{len(wanted) - len(bad)} of {len(wanted)} cases" + (f"; not {', '.join(bad)}" if bad else ""))
    return 1 if bad or not wanted else 0


def main(arguments):
    paths = [pathlib.Path(a) for a in arguments[1:]]
    if arguments[:1] == ["make"] and len(paths) == 4:
        return make(*paths)
    if arguments[:1] == ["keep"] and len(paths) >= 2:
        return keep(paths[0], paths[1:])
    if arguments[:1] == ["cases"] and len(paths) == 2:
        return count_cases(paths[0], arguments[2])
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
