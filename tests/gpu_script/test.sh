#!/usr/bin/env bash
# gpu_script/test.sh WORK — scripts/gpu without a GPU: programs that are stubs pass, fail, crash and hang, and each time
# there is one JSON, one table and one archive of logs, with all that could be found.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
command -v python3 >/dev/null || { echo 'skipped: no python3 here' && exit 0; }
work="$1"
rm -rf "$work" && mkdir -p "$work/tools" "$work/prebuilt/corpus" "$work/numbers"
work="$(cd "$work" && pwd)"
for name in nvidia-smi ldd nvcc cmake compute-sanitizer ncu; do ln -s "$PWD/tests/gpu_script/stub" "$work/tools/$name"; done
for name in tests_cuda_gpu_ops tests_cuda_gpu_attention tests_cuda_gpu_networks full_size bench_cuda long_tiny_gpu long_tiny_bf16; do
  ln -s "$PWD/tests/gpu_script/stub" "$work/prebuilt/$name"
done
echo text >"$work/prebuilt/corpus/book.txt"
printf 'nvcc=V13.0.88\narch=sm_90a\nsource=abc\n' >"$work/prebuilt/manifest"
export STUB_LOG="$work/calls" PATH="$work/tools:$PATH"
failures=0 status=0
fail() { echo "FAILED $part: $1" && failures=$((failures + 1)); }

# gpu PART BREAKS OPTION…: runs the script; what it left is looked at with `is` and `said`.
gpu() {
  part=$1
  export STUB_BREAKS=$2
  shift 2
  rm -rf "$work/out" && : >"$STUB_LOG"
  scripts/gpu --prebuilt "$work/prebuilt" --work "$work/run" --out "$work/out" --numbers "$work/numbers" "$@" \
    >"$work/terminal" 2>&1
  status=$?
}
code() { [[ $status -eq $1 ]] || { fail "exit code $status, not $1" && cat "$work/terminal"; }; }
is() {
  local value
  value="$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1])).get(sys.argv[2], ""))' "$work/out/record.json" "$1" 2>&1)"
  [[ "$value" == $2 ]] || fail "$1 is '$value', not '$2'"
}
tabled() { grep -qE "$1" "$work/out/table.txt" || { fail "the table has no '$1'" && cat "$work/out/table.txt"; }; }
called() { grep -qE "$1" "$STUB_LOG" || fail "never called: $1"; }
never_called() { ! grep -qE "$1" "$STUB_LOG" || fail "called: $1"; }
three_files() {
  [[ "$(ls -A "$work/out" | tr '\n' ' ')" == 'logs.tar.gz record.json table.txt ' ]] || fail "it left $(ls -A "$work/out")"
  [[ "$(tar -tzf "$work/out/logs.tar.gz")" == *logs/build.log* ]] || fail 'the archive has no logs/build.log'
}

gpu 'all is well' '' --seconds 3000  # however slow this machine is
code 0 && three_files
never_called '^cmake'  # nothing is asked for where nothing is compiled
for stage in build probe smoke repeat against_float ceilings attention steps train train_bf16 tests odd ops; do
  is "stage.$stage" passed
done
is gpu.name 'Stub GPU' && is programs prebuilt && is source abc && is nvcc V13.0.88
is smoke.adamw passed && is tests.attention passed && is odd.linear passed
is repeat.adamw.bf16 passed && is repeat.adamw.bf16.different 0 && is against_float.adamw.bf16 passed
is cuda.ceiling.product 700.1 && is cuda.ceiling.product.unit TFLOP/s && is cuda.step.125m.t8192.fraction 0.5
is train.fp32.tokens_per_s.pretrain 1000 && is train.bf16.tokens_per_s.long_sft 1000
is clock_mhz.median 1700.0 && is power_w.most 500.5
tabled 'attention.forward.d128.t16384 .*330: reached' && tabled 'no earlier record'
order="$(grep -oE '^(full_size|long_tiny_[a-z0-9]+|bench_cuda|tests_cuda_gpu_ops \[(run_once|adamw|linear)\][^ ]*)' "$STUB_LOG" | uniq | tr '\n' ' ')"
[[ "$order" == 'tests_cuda_gpu_ops [run_once] tests_cuda_gpu_ops [adamw][smoke] tests_cuda_gpu_ops [linear][smoke] full_size bench_cuda long_tiny_gpu long_tiny_bf16 tests_cuda_gpu_ops [adamw]~[smoke]~[odd] tests_cuda_gpu_ops [linear]~[smoke]~[odd] tests_cuda_gpu_ops [linear][odd] bench_cuda ' ]] ||
  fail "the order is $order"

# Kept, it is what the next one is held against.
python3 bench/cuda/record.py keep "$work/numbers" "$work/out/record.json" >"$work/kept"
[[ "$(cat "$work/kept")" == "$work"/numbers/gpu_stub_gpu_20*.json ]] || fail "kept as $(cat "$work/kept")"
gpu 'much goes wrong' 'linear_crashes adamw_fails rmsnorm_crashes adamw_differs training_fails' --seconds 3000
code 11 && three_files
is stage.smoke failed && is smoke.linear 'failed: exit code 139*' && is smoke.adamw 'failed: exit code 2*' && is smoke.attention passed
is stage.repeat failed && is repeat.rmsnorm.forward failed && is repeat.rmsnorm.forward.said '*crashed*'
is repeat.adamw.bf16 failed && is repeat.adamw.bf16.different 7 && is repeat.attention_forward.d64 passed
is stage.against_float passed && is stage.train failed && is stage.steps passed && is stage.ops passed
is last_record 'gpu_stub_gpu_20*' && tabled 'ceiling.product .*1.00 times the last' && tabled 'FAILED repeat.adamw.bf16: .*different 7'

gpu 'programs hang' 'attention_hangs step_hangs' --seconds 60 --only build,smoke,steps
code 11 && three_files
is stage.smoke unfinished && is smoke.attention '*out of time*' && is smoke.train passed
is stage.steps unfinished && is cuda.step.125m.t8192 250  # a figure of one that was stopped

gpu 'nothing runs, nothing compiles' 'no_start'
code 10 && three_files
is stage.build failed && is prebuilt.what '*shared libraries*' && is stage.smoke failed && is stage.steps skipped && is stage.probe passed
called '^cmake'

gpu 'cuBLASLt only among Python packages' no_cublas --only build
code 10 && is stage.build failed
mkdir -p "$work/site/nvidia/cu13/lib" && : >"$work/site/nvidia/cu13/lib/libcublasLt.so.13"
PYTHONPATH="$work/site" gpu 'cuBLASLt among Python packages' no_cublas --only build
code 0 && is cublas "$work/site/nvidia/cu13/lib"

gpu 'the second command' '' --further --seconds 3000
code 11 && three_files
is stage.memcheck passed && is stage.racecheck failed && is 'racecheck.[rmsnorm]' 'RACECHECK SUMMARY: 2 *' && is 'initcheck.[rope]' 'nothing found'
is stage.profile passed && is stage.long passed && called 'ncu .*attention_backward_keys' && never_called '^full_size'

mkdir -p "$work/no_python" && printf '#!/bin/sh\nexit 1\n' >"$work/no_python/python3" && chmod +x "$work/no_python/python3"
PATH="$work/no_python:$PATH" gpu 'no Python' '' --only build,smoke,ceilings,train
code 0 && three_files
is stage.smoke passed && is smoke.adamw passed && is train.fp32.tokens_per_s.sft 1000 && tabled 'stage.ceilings.*passed'

gpu 'no GPU' no_gpu
code 2
grep -q 'no GPU answers' "$work/terminal" || fail 'nobody says that there is no GPU'
gpu 'an unknown stage' '' --only build,nothing
code 2

[[ $failures -eq 0 ]] && echo 'scripts/gpu does what it promises'
