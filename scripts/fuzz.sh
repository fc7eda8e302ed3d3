#!/bin/sh
# Runs every fuzz target for a time each and prints the executions by target and
# in all: scripts/fuzz.sh TIME MINIMIZE. Ends with 1 after the last target when
# one of them failed; its input is then kept below the package's testdata/fuzz.
time=${1:-20s}
minimize=${2:-10x}
go=${GO:-go}
log=$(mktemp) && totals=$(mktemp) || exit 1
trap 'rm -f "$log" "$totals"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
failed=0
for pkg in $("$go" list ./...); do
  for target in $("$go" test -list '^Fuzz' "$pkg" | grep '^Fuzz'); do
    "$go" test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime "$minimize" "$pkg" >"$log" 2>&1
    if [ $? -ne 0 ]; then
      failed=1
      cat "$log"
    fi
    # The last line of progress has the executions so far.
    execs=$(sed -n 's/.*execs: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
    printf '%12d  %s %s\n' "${execs:-0}" "${pkg#clipcalib/}" "$target" | tee -a "$totals"
  done
done
awk '{ sum += $1; n++ } END { printf "%12d  executions of %d targets\n", sum, n }' "$totals"
exit $failed
