# scripts/lib.sh — what the scripts share: packages, text, the progress bar. Sourced, not run.
# shellcheck shell=bash
set -euo pipefail
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

# cores_given: processors that this shell may use, by its affinity and by the CPU quota of its control groups.
cores_given() {
  local least controllers group at quota period
  least="$(nproc)"
  while IFS=: read -r _ controllers group; do
    case ",$controllers," in
      ,,) at=/sys/fs/cgroup ;;                   # version 2
      *,cpu,*) at="/sys/fs/cgroup/$controllers" ;;  # version 1
      *) continue ;;
    esac
    for (( ; ; )); do
      quota='' period=''
      if [[ -r "$at$group/cpu.max" ]]; then
        read -r quota period <"$at$group/cpu.max" || true
      elif [[ -r "$at$group/cpu.cfs_quota_us" && -r "$at$group/cpu.cfs_period_us" ]]; then
        quota="$(<"$at$group/cpu.cfs_quota_us")" period="$(<"$at$group/cpu.cfs_period_us")"
      fi
      if [[ "$quota" =~ ^[1-9][0-9]*$ && "$period" =~ ^[1-9][0-9]*$ ]] && ((quota <= period * (least - 1))); then
        least=$(((quota + period - 1) / period))
      fi
      [[ "$group" == /?* ]] || break
      group="${group%/*}"
    done
  done </proc/self/cgroup
  echo "$least"
}
cores="$(cores_given)"
# Threads that wait spin for some microseconds and then sleep; by default they spin for milliseconds, which makes a
# training step three times as long when another program wants the core (docs/01-first-run.md).
export GOMP_SPINCOUNT="${GOMP_SPINCOUNT:-10000}" KMP_BLOCKTIME="${KMP_BLOCKTIME:-1}"  # libgomp's name, and libomp's
cd "$root"

die() {
  printf '\nlongsky: %s\n' "$1" >&2
  exit "${2:-1}"
}

# --- packages ---------------------------------------------------------------------------------------------------------
# One a line: package, then why. All from Debian 12 or a newer Debian or Ubuntu with the same names.
build_packages='
g++                 the compiler
cmake               configures the build
ninja-build         runs it
libboost-dev        Boost.Hana: parameter tables, options, stages
libjansson-dev      checkpoints, metrics, tokenizers
zlib1g-dev          compressed books
libcairo2-dev       pictures of the report
'
test_packages='
catch2              the tests
locales             languages with a decimal comma
libeigen3-dev       the reference in tests of matrix products
libbenchmark-dev    the benchmarks, which must compile
python3             the record of a GPU, which scripts/gpu makes
clang               the second compiler
libomp-dev          OpenMP for clang, with the hooks ThreadSanitizer needs
libclang-rt-dev     the run time of clang'"'"'s sanitizers
'
aarch64_packages='
g++-aarch64-linux-gnu  the cross compiler
qemu-user              runs what it makes
'
bench_packages='
libbenchmark-dev    Google Benchmark
'

installed() { [[ "$(dpkg-query -W -f='${Status}' "$1" 2>/dev/null)" == *'ok installed' ]]; }

# missing_packages LIST: the names in LIST that are not installed.
missing_packages() {
  local name why
  while read -r name why; do
    if [[ -n "$name" ]] && ! installed "$name"; then echo "$name"; fi
  done <<<"$1"
}

# as_root COMMAND…: runs it, or says what to run.
as_root() {
  if [[ "$(id -u)" == 0 ]]; then
    "$@"
  elif sudo -n true 2>/dev/null; then
    sudo -n --preserve-env=DEBIAN_FRONTEND "$@"
  else
    return 77
  fi
}

# apt_get LOG ARGUMENTS…: apt-get as root; what it says is in LOG. While another apt or dpkg holds a lock (the package
# lists' one too, for which apt has no option that waits) it waits, and says so once.
apt_get() {
  local log=$1 said=false status
  shift
  while true; do
    status=0
    as_root apt-get -o DPkg::Lock::Timeout=0 "$@" >"$log" 2>&1 || status=$?
    [[ $status -ne 0 && $status -ne 77 ]] || return $status
    grep -qE 'Could not get lock |locked by another process' "$log" || return $status
    $said || note "another apt or dpkg is at work; waiting until it is done (Ctrl-C stops)"
    said=true
    sleep 2
  done
}

# need_packages LIST: installs what is missing and says what and why. Exit 2 with the command to run when it cannot.
need_packages() {
  local missing log="$root/build/packages.log" status=0 name why
  command -v dpkg-query apt-get >/dev/null || {
    echo "longsky: this is not Debian or Ubuntu; these are needed:" "$1" >&2
    return 0
  }
  mapfile -t missing < <(missing_packages "$1")
  [[ ${#missing[@]} -gt 0 ]] || return 0
  mkdir -p "$(dirname "$log")"
  note "installing ${#missing[@]} packages:"
  while read -r name why; do
    for m in "${missing[@]}"; do [[ "$m" != "$name" ]] || note "  $(printf '%-20s' "$name") $why"; done
  done <<<"$1"
  { apt_get "$log" update && apt_get "$log" install -y --no-install-recommends "${missing[@]}"; } || status=$?
  [[ $status -eq 0 ]] && return 0
  local by_hand="apt-get update && apt-get install -y --no-install-recommends ${missing[*]}"
  [[ $status -ne 77 ]] || die "packages are missing and this is neither root nor sudo without a password. Run, as root:
  $by_hand" 2
  tail -n 5 "$log" >&2
  die "apt-get could not install them (all of what it said: $log). By hand, as root:
  $by_hand" 2
}

# --- text -------------------------------------------------------------------------------------------------------------
# Real books, from Debian packages. They are unpacked, not installed: one of them would bring the whole of R, and slim
# images drop what is installed under /usr/share/doc.   package, file in it, name under data/corpus
books='
r-cran-janeaustenr usr/lib/R/site-library/janeaustenr/data/Rdata.rdb austen.rdb
r-cran-janeaustenr usr/lib/R/site-library/janeaustenr/data/Rdata.rdx austen.rdx
r-cran-tokenizers  usr/lib/R/site-library/tokenizers/data/Rdata.rdb  moby_dick.rdb
r-cran-tokenizers  usr/lib/R/site-library/tokenizers/data/Rdata.rdx  moby_dick.rdx
jargon-text        usr/share/doc/jargon-text/jargon.txt.gz           jargon.txt.gz
'

# need_books: fills data/corpus; asks the network only for a book that is not there.
need_books() {
  local package file name
  mkdir -p data/corpus data/debs
  while read -r package file name; do
    [[ -n "$package" ]] || continue
    [[ ! -s "data/corpus/$name" ]] || continue
    if [[ ! -s "data/debs/$package.deb" ]]; then
      note "fetching $package"
      fetch_deb "$package" || {
        apt_get build/packages.log update || true  # a fresh machine has no package lists yet
        fetch_deb "$package"
      } || die "apt-get cannot download $package (what it said: build/packages.log). Put its .deb at data/debs/$package.deb" 2
    fi
    # The name at the end of the path, whatever the package's own paths begin with.
    dpkg-deb --fsys-tarfile "data/debs/$package.deb" | tar -xO "./$file" >"data/corpus/.$name" &&
      mv "data/corpus/.$name" "data/corpus/$name" ||
      die "data/debs/$package.deb has no $file; remove it and try again" 2
  done <<<"$books"
}

fetch_deb() {
  mkdir -p build
  rm -rf data/debs/part && mkdir -p data/debs/part
  (cd data/debs/part && apt-get download "$1") >>build/packages.log 2>&1 && mv data/debs/part/*.deb "data/debs/$1.deb"
  local status=$?
  rm -rf data/debs/part
  return $status
}

# --- progress ---------------------------------------------------------------------------------------------------------
# A run is a list of phases, each with the seconds it is expected to take: `phases name seconds …`. What a phase really
# took is kept in build/ and is the expectation of the next run.
terminal=false
[[ ! -t 1 || "${TERM:-dumb}" == dumb ]] || terminal=true
declare -a phase_names=() phase_seconds=()
phase_now=-1
phase_started=$SECONDS
phase_file=

phases() {
  phase_file="build/.$1.seconds"
  shift
  while [[ $# -gt 0 ]]; do
    local known=
    [[ ! -f "$phase_file" ]] || known="$(awk -v n="$1" '$1 == n {print $2}' "$phase_file")"
    phase_names+=("$1") phase_seconds+=("${known:-$2}")
    shift 2
  done
}

# phase: the next phase begins.
phase() {
  phase_end
  phase_now=$((phase_now + 1)) phase_started=$SECONDS
  bar 0
}

phase_end() {
  [[ $phase_now -ge 0 ]] || return 0
  phase_seconds[phase_now]=$((SECONDS - phase_started > 0 ? SECONDS - phase_started : 1))
}

phases_done() {
  phase_end
  mkdir -p build
  local i
  for i in "${!phase_names[@]}"; do echo "${phase_names[i]} ${phase_seconds[i]}"; done >"$phase_file"
}

# bar PERCENT [TEXT]: how far the present phase is; draws the whole run.
bar() {
  local i spent=0 total=0 percent=$1
  for i in "${!phase_names[@]}"; do
    total=$((total + phase_seconds[i]))
    [[ $i -ge $phase_now ]] || spent=$((spent + phase_seconds[i]))
  done
  spent=$((spent + phase_seconds[phase_now] * percent / 100))
  local left=$((total - spent)) done=$((total > 0 ? spent * 100 / total : 0)) filled empty
  if $terminal; then
    printf -v filled '%*s' $((done * 30 / 100)) ''
    printf -v empty '%*s' $((30 - done * 30 / 100)) ''
    printf '\r\033[K%s%s %3d %%  %s %s  about %d:%02d left' "${filled// /█}" "${empty// /░}" "$done" \
      "${phase_names[phase_now]}" "${2:-}" $((left / 60)) $((left % 60))
  elif [[ $percent -eq 0 ]]; then
    printf '%3d %%  %s, about %d:%02d left\n' "$done" "${phase_names[phase_now]}" $((left / 60)) $((left % 60))
  fi
}

# note TEXT: a line that stays, above the bar.
note() {
  if $terminal; then printf '\r\033[K%s\n' "$1"; else echo "$1"; fi
}

# build_preset PRESET TARGET…: configures and builds; the bar follows ninja. Everything it says is in build/PRESET.log.
configure_preset() {
  mkdir -p build
  cmake --preset "$@" >"build/$1.log" 2>&1 || {
    cat "build/$1.log" >&2
    die "the build could not be configured (build/$1.log)"
  }
}

build_preset() {
  local preset=$1 line
  shift
  NINJA_STATUS='@%f %t ' cmake --build --preset "$preset" "$@" 2>&1 | tee -a "build/$preset.log" | while IFS= read -r line; do
    [[ ! "$line" =~ ^@([0-9]+)\ ([0-9]+) ]] ||
      bar $((BASH_REMATCH[1] * 100 / BASH_REMATCH[2])) "${BASH_REMATCH[1]}/${BASH_REMATCH[2]}"
  done
}
