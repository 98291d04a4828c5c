# scripts/gpu_lib.sh — what the stages of scripts/gpu share: the GPU, limits, results. Sourced by it.
# shellcheck shell=bash disable=SC2154
# CUDA counts GPUs as nvidia-smi does, by their places on the bus, and not from the fastest.
export CUDA_DEVICE_ORDER=PCI_BUS_ID PYTHONUNBUFFERED=1

# --- the GPU ----------------------------------------------------------------------------------------------------------
declare -a gpu_fields=(name driver_version compute_cap memory.total clocks.max.sm clocks.max.mem power.limit)
declare -A gpu=()
# find_gpu: what nvidia-smi says of the GPU that programs will use; nothing: none answers.
find_gpu() {
  local id="${CUDA_VISIBLE_DEVICES:-0}" i
  local -a values=()
  gpu_id="${id%%,*}"
  IFS=, read -r -a values < <(nvidia-smi --id="$gpu_id" --query-gpu="$(IFS=, && echo "${gpu_fields[*]}")" \
    --format=csv,noheader 2>/dev/null | head -n 1) || true
  for i in "${!gpu_fields[@]}"; do gpu[${gpu_fields[i]}]="$(sed 's/^ *//; s/ *$//' <<<"${values[i]:-}")"; done
  if [[ ! "${gpu[compute_cap]}" =~ ^[0-9]+\.[0-9]+$ ]]; then  # a driver that does not answer says so here
    for i in "${gpu_fields[@]}"; do gpu[$i]=; done
  fi
  for i in "${gpu_fields[@]}"; do note_result "gpu.$i" "${gpu[$i]}"; done
  note_result date "$(date -u +%FT%TZ)"
}

# --- results ----------------------------------------------------------------------------------------------------------
# note_result KEY VALUE: a line of logs/results, of which the last of a key holds. bench/cuda/record.py makes the record
# of it and of what programs have written.
note_result() { printf '%s\t%s\n' "$1" "$(tr '\n\t' '  ' <<<"$2" | sed 's/ *$//')" >>"$logs/results"; }

declare -A state=()
exit_code=0
# finish STAGE passed|failed|skipped|unfinished TEXT
finish() {
  local took=$((SECONDS - stage_began)) code=12
  state[$1]=$2
  note_result "stage.$1" "$2" && note_result "stage.$1.what" "$3" && note_result "stage.$1.seconds" "$took"
  printf '%-13s %-10s %4d s  %s\n' "$1" "$2" "$took" "$3"
  [[ "$checks" != *" $1 "* ]] || code=11
  [[ "$1" != build ]] || code=10
  [[ "$2" != failed && "$2" != unfinished || $exit_code != 0 ]] || exit_code=$code
}

# publish: the record, its table and the logs as they are now. Without Python the record is the lines of results alone.
publish() {
  if command -v python3 >/dev/null && timeout -k 2 20 python3 bench/cuda/record.py make "$logs" "$numbers" \
    "$out/record.json" "$out/table.txt" 2>"$logs/record.log"; then :; else
    awk -F'\t' '{ gsub(/["\\]/, "", $2); value[$1] = $2; if (!($1 in seen)) { seen[$1]; order[++n] = $1 } }
      END { printf "{"; for (i = 1; i <= n; ++i) printf "%s\n  \"%s\": \"%s\"", (i > 1 ? "," : ""), order[i], value[order[i]]
            print "\n}" }' "$logs/results" >"$out/record.json"
    cp "$logs/results" "$out/table.txt"
  fi
  tar -C "$work" -czf "$out/.logs.tar.gz" logs && mv "$out/.logs.tar.gz" "$out/logs.tar.gz"
}

# --- limits -----------------------------------------------------------------------------------------------------------
# begin_stage STAGE: of what is left of all seconds, each stage after it keeps a share.
begin_stage() {
  local s after=0 seen=false share=$((seconds / 30))
  stage_began=$SECONDS
  for s in "${stages[@]}"; do
    ! $seen || after=$((after + 1))
    [[ "$s" != "$1" ]] || seen=true
  done
  stage_end=$((seconds - after * (share > 4 ? share : 4)))
}

# within LIMIT LOG COMMAND…: at most LIMIT seconds and what the stage has left, all that it says into LOG. 124: it ran
# out, or there was nothing left.
within() {
  local limit=$1 log="$logs/$2" left=$((stage_end - SECONDS)) status=0
  shift 2
  [[ $left -gt 1 ]] || return 124
  { printf '\n$ %s\n' "$*"; } >>"$log"
  timeout -k 3 $((limit < left ? limit : left)) "$@" >>"$log" 2>&1 || status=$?
  [[ $status -ne 137 ]] || status=124  # it had to be killed
  [[ $status -eq 0 ]] || echo "(exit code $status)" >>"$log"
  return $status
}

# --- cuBLASLt ---------------------------------------------------------------------------------------------------------
# python_cublas: the folders with libcublasLt among Python's packages, nvidia/cu13/lib or nvidia/cublas/lib.
python_cublas() {
  python3 - 2>/dev/null <<'PY' || true
import glob, os, sys
roots = {os.path.join(p, "nvidia") for p in sys.path if p}
try:
    import nvidia
    roots |= set(nvidia.__path__)
except ImportError:
    pass
found = {os.path.dirname(f) for r in roots for f in glob.glob(os.path.join(r, "*", "lib", "libcublasLt.so*"))}
print("\n".join(sorted(found)))
PY
}

# libraries_found PROGRAM: whether the loader finds all it needs, with cuBLASLt from wherever there is one.
libraries_found() {
  local folder
  ldd "$1" >>"$logs/build.log" 2>&1 || true
  ldd "$1" 2>&1 | grep -q 'not found' || return 0
  for folder in /usr/local/cuda*/lib64 /usr/local/cuda*/targets/x86_64-linux/lib $(python_cublas); do
    ls "$folder"/libcublasLt.so.* >/dev/null 2>&1 || continue
    if ! LD_LIBRARY_PATH="$folder:${LD_LIBRARY_PATH:-}" ldd "$1" 2>&1 | grep -q 'not found'; then
      export LD_LIBRARY_PATH="$folder${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
      note_result cublas "$folder"
      return 0
    fi
  done
  ldd "$1" 2>&1 | grep 'not found' >>"$logs/build.log"
  return 1
}
