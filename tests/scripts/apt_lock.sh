#!/usr/bin/env bash
# tests/scripts/apt_lock.sh — scripts/lib.sh waits while another apt holds a lock, says so once, and waits for nothing
# else. apt-get is a stand-in that answers as apt does.
work=$1
rm -rf "$work" && mkdir -p "$work/bin"
source "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lib.sh"
cat >"$work/bin/apt-get" <<'END'
#!/bin/sh
echo "$*" >>"$calls"
[ "$(wc -l <"$calls")" -gt 2 ] && exit 0
echo "$answer" >&2
exit 100
END
chmod +x "$work/bin/apt-get"
PATH="$work/bin:$PATH"
as_root() { "$@"; }
sleep() { :; }
export calls answer

# check ANSWER STATUS CALLS LINES: what apt says, how apt_get ends, how often apt is called, how many lines are said.
check() {
  local status=0 said got
  answer=$1 calls="$work/calls"
  : >"$calls"
  said="$(apt_get "$work/log" update)" || status=$?
  got="$status $(wc -l <"$calls") $(printf %s "${said:+$said$'\n'}" | grep -c 'another apt' || true)"
  [[ "$got" == "$2 $3 $4" ]] || die "'$1': status, calls and lines are $got, should be $2 $3 $4"
}
check 'E: Could not get lock /var/lib/apt/lists/lock. It is held by process 7 (apt-get)' 0 3 1
check 'E: Could not get lock /var/lib/dpkg/lock-frontend - open (11: Resource temporarily unavailable)' 0 3 1
check 'dpkg: error: dpkg frontend lock was locked by another process with pid 7' 0 3 1
check 'E: Could not open lock file /var/lib/apt/lists/lock - open (13: Permission denied)' 100 1 0
check 'E: Unable to locate package nothing' 100 1 0
