# scripts/gpu_stages.sh — the stages of scripts/gpu but the build: each runs programs within limits, notes what they found
# and finishes. Sourced by it.
# shellcheck shell=bash disable=SC2154
declare -a bad=()  # what went wrong in this stage
# finish_with TEXT: the stage passed unless something is bad, and is unfinished if that is only time.
finish_with() {
  local text
  text="$(printf '%s; ' "${bad[@]}")"
  if [[ ${#bad[@]} -eq 0 ]]; then
    finish "$stage" passed "$1"
  elif [[ -z "$(printf '%s\n' "${bad[@]}" | grep -v 'out of time$')" ]]; then
    finish "$stage" unfinished "${text%; }"
  else
    finish "$stage" failed "${text%; }"
  fi
  bad=()
}
# needs PROGRAM: or the stage is skipped.
needs() { has "$1" || { finish "$stage" skipped "$1 was not built" && return 1; }; }
how() { [[ $1 -eq 124 ]] && echo 'out of time' || echo "exit code $1"; }

stage_probe() {
  local command said
  for command in 'nvidia-smi' 'nvidia-smi -q' 'nvcc --version' 'ncu --version' 'compute-sanitizer --version' 'lscpu' 'free -g' \
    'ls -la /dev/nvidia0'; do
    within 10 probe.log bash -c "$command" || true
  done
  said="$(timeout -k 2 60 python3 -c 'import torch; print(torch.__version__, torch.backends.cudnn.version(), torch.cuda.is_available())' \
    2>>"$logs/probe.log" | tail -n 1)" || true
  note_result torch "${said:-none}"
  note_result cpu "$(sed -n 's/^Model name: *//p' <<<"$(LC_ALL=C lscpu 2>/dev/null)" | head -n 1), $cores cores"
  nvidia-smi --id="$gpu_id" --query-gpu=clocks.sm,power.draw,temperature.gpu,utilization.gpu \
    --format=csv,noheader,nounits -lms 500 >"$logs/watch.csv" 2>/dev/null &
  watcher=$!
  trap 'kill $watcher 2>/dev/null || true' EXIT
  finish probe passed "${gpu[name]}, driver ${gpu[driver_version]}, ${gpu[memory.total]}, ${gpu[clocks.max.sm]}, ${gpu[power.limit]}"
}

# --- right or wrong ---------------------------------------------------------------------------------------------------
# tags PROGRAM SPEC: the ops that its tests of SPEC are about.
tags() {
  timeout -k 2 30 "$bin/$1" --list-tags "$2" 2>>"$logs/tests.log" | grep -oE '\[[a-z_]+\]' | tr -d '[]' | sort -u |
    grep -vxE 'cuda|smoke|odd' || true
}
# run_tests PREFIX FILTER LIMIT: the tests of FILTER of every program, an op a process: an error of the GPU ends only that.
run_tests() {
  local program tag status count=0
  for program in tests_cuda_gpu_ops tests_cuda_gpu_attention tests_cuda_gpu_networks; do
    has "$program" || { bad+=("$program was not built") && continue; }
    for tag in $(tags "$program" "$2"); do
      status=0 count=$((count + 1))
      within "$3" "$stage.$tag.log" "$bin/$program" "[$tag]$2" || status=$?
      if [[ $status -eq 0 ]] && grep -q 'All tests passed' "$logs/$stage.$tag.log"; then
        note_result "$1.$tag" passed
      else
        note_result "$1.$tag" "failed: $(how $status), $(grep -m 1 -E '^test cases|No test|error|CUDA could' "$logs/$stage.$tag.log")"
        bad+=("$tag: $(how $status)")
      fi
    done
  done
  [[ $count -gt 0 ]] || bad+=('no test was found')
  finish_with "$count ops"
}
stage_smoke() { run_tests smoke '[smoke]' 20; }
stage_tests() { run_tests tests '~[smoke]~[odd]' 40; }
stage_odd() { run_tests odd '[odd]' 30; }

# at_full_size KIND: until every case has been run; one that crashes or hangs is not run again.
at_full_size() {
  local status
  needs full_size || return 0
  for _ in {1..40}; do
    status=0
    within 200 full_size.log "$bin/full_size" "$logs/full_size.jsonl" "$1" || status=$?
    [[ $status -gt 1 && $status -ne 2 && $((stage_end - SECONDS)) -gt 1 ]] || break
  done
  [[ $status -le 1 ]] || bad+=("$(how $status)")
  local seen
  seen="$(python3 bench/cuda/record.py cases "$logs/full_size.jsonl" "$1" 2>&1)" || bad+=("$seen")
  finish_with "$seen"
}
stage_repeat() { at_full_size repeat; }
stage_against_float() { at_full_size against_float; }

# Tokens a second of each stage: all its tokens over all its time, the first ten steps left out.
stage_rates() {
  find "$1" -name metrics.jsonl -exec awk -F'[:,] *' '
    /"loss"/ {
      for (i = 1; i < NF; ++i) { if ($i ~ /"stage"/) stage = $(i + 1); if ($i ~ /"tok_s"/) rate = $(i + 1) }
      gsub(/"/, "", stage)
      if (++seen[FILENAME stage] > 10 && rate > 0) { count[stage]++; time[stage] += 1 / rate }
    }
    END { for (stage in count) printf "%s %.0f\n", stage, count[stage] / time[stage] }' {} + 2>/dev/null
}
# train NAME PROGRAM: long_tiny, whose losses must be as good as those recorded on a CPU.
train() {
  local status=0 said of rate run="$work/run_$1"
  needs "$2" || return 0
  [[ -n "$(ls "$corpus" 2>/dev/null)" ]] ||
    { finish "$stage" skipped "no books in $corpus; scripts/corpus or --collect brings them" && return 0; }
  rm -rf "$run"
  within 120 "$stage.log" "$bin/$2" train --corpus "$corpus" --out "$run" --samples 1 --progress plain --seed 0 || status=$?
  [[ $status -eq 0 ]] || bad+=("$(how $status)")
  scripts/compare_loss --reduce "$run" >"$logs/$stage.loss.jsonl" 2>>"$logs/$stage.log" || true
  said="$(scripts/compare_loss docs/numbers/long_tiny_cpu_loss.jsonl "$logs/$stage.loss.jsonl" 2>&1)" ||
    bad+=("$(tail -n 1 <<<"$said")")
  printf '%s\n' "$said" >>"$logs/$stage.log"
  while read -r of rate; do note_result "train.$1.tokens_per_s.$of" "$rate"; done < <(stage_rates "$run")
  finish_with "$(tail -n 1 <<<"$said")"
}
stage_train() { train fp32 long_tiny_gpu; }
stage_train_bf16() { train bf16 long_tiny_bf16; }

# --- how fast ---------------------------------------------------------------------------------------------------------
# bench LIMIT FILTER…: each a process of its own, so that what was measured is kept when time runs out.
bench() {
  local limit=$1 filter name status
  shift
  needs bench_cuda || return 0
  for filter in "$@"; do
    name="${filter//[^a-z0-9]/_}" status=0
    within "$limit" bench.log "$bin/bench_cuda" --benchmark_filter="$filter" --benchmark_out_format=json \
      --benchmark_out="$logs/bench_$name.json" || status=$?
    [[ $status -eq 0 ]] || bad+=("$filter: $(how $status)")
  done
  finish_with "$# groups"
}
stage_ceilings() { bench 20 '^cuda.ceiling'; }
stage_attention() {
  local group groups=()
  for group in 'd128.t16384$' 'd64.t16384$' 't(4096|65536)$'; do
    groups+=("^cuda.attention.(forward|backward|backward_atomic).*$group")
  done
  bench 60 "${groups[@]}"
}
stage_steps() { bench 90 '^cuda.step.125m' '^cuda.step.1b'; }
stage_ops() {
  bench 60 '^cuda.(linear|cross_entropy)' '^cuda.(adamw|global_norm|rmsnorm)' \
    '-^cuda.(ceiling|step|linear|cross_entropy|adamw|global_norm|rmsnorm|attention)' '^cuda.attention.decode.*t16384'
}
stage_long() { bench 90 '^cuda.attention.(forward|backward|backward_atomic).*t262144' '^cuda.attention.*(gqa4|documents|decode)'; }

stage_rivals() {
  local status=0
  within 60 torch.log python3 -c 'import torch; assert torch.cuda.is_available()' ||
    { finish rivals skipped 'no PyTorch that sees a GPU here' && return 0; }
  within 100 torch.log python3 bench/cuda/torch_rivals.py "$logs/bench_torch.json" --only 'ceiling|d[0-9]*\.t(4096|16384|65536)$' ||
    status=$?
  [[ $status -eq 0 ]] || bad+=("$(how $status)")
  finish_with 'PyTorch, its flash and cuDNN'
}

# --- the toolkit's own checks -----------------------------------------------------------------------------------------
# need_tool NAME: on the PATH, or in one of the toolkit's places; else the stage is skipped.
need_tool() {
  local folder
  for folder in '' /usr/local/cuda/bin /usr/local/cuda/compute-sanitizer /opt/nvidia/nsight-compute/*; do
    [[ -z "$folder" || ! -x "$folder/$1" ]] || PATH="$PATH:$folder"
  done
  command -v "$1" >/dev/null || { finish "$stage" skipped "no $1 here" && return 1; }
}
# The kernels that share memory or sort, each with the smallest tests of it.
sanitize() {
  local tool=$1 one status found
  need_tool compute-sanitizer || return 0
  needs tests_cuda_gpu_attention || return 0
  for one in 'ops [rmsnorm]' 'attention [attention]' 'ops [global_norm]' 'ops [cross_entropy]' 'ops [embedding]' 'ops [rope]'; do
    status=0
    within 60 "$tool.log" compute-sanitizer --tool "$tool" --error-exitcode 99 "$bin/tests_cuda_gpu_${one% *}" \
      "[smoke]${one#* }" || status=$?
    case $status in
      0) note_result "$tool.${one#* }" 'nothing found' ;;
      99)
        found="$(grep -oE '(ERROR|RACECHECK) SUMMARY: .*' "$logs/$tool.log" | tail -n 1)"
        note_result "$tool.${one#* }" "$found" && bad+=("${one#* }: $found") ;;
      *) note_result "$tool.${one#* }" "$(how $status)" && bad+=("${one#* }: $(how $status)") ;;
    esac
  done
  finish_with 'nothing found'
}
stage_memcheck() { sanitize memcheck; }
stage_racecheck() { sanitize racecheck; }
stage_synccheck() { sanitize synccheck; }
stage_initcheck() { sanitize initcheck; }

# Three kernels as Nsight Compute sees them; clocks are left as they are.
stage_profile() {
  local one kernel figure status
  need_tool ncu || return 0
  needs bench_cuda || return 0
  for one in 'attention_forward attention.forward.d128.t16384' 'attention_backward_keys attention.backward.d128.t16384' \
    'rmsnorm_backward rmsnorm.backward.c4096'; do
    kernel="${one% *}" figure="${one#* }" status=0
    within 80 "profile.$kernel.log" ncu --clock-control none --set detailed --kernel-name "regex:$kernel" --launch-skip 2 \
      --launch-count 1 --kill yes "$bin/bench_cuda" --benchmark_filter="^cuda.$figure\$" || status=$?
    # It ends the program once it has what it wants.
    grep -q 'Section: ' "$logs/profile.$kernel.log" || bad+=("$kernel: $(how $status)")
  done
  finish_with 'attention forward and backward, rmsnorm'
}
