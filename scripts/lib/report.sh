# Progress, counting, and the table at the end.

passed=0
failed=0
table=()
started=$SECONDS

progress() { printf '\n\033[1m==> %s\033[0m\n' "$*"; }

# row NAME PASSED FAILED [SECONDS]
row() {
  passed=$((passed + $2))
  failed=$((failed + $3))
  table+=("$(printf '%-44s %6d %6d %5ss' "$1" "$2" "$3" "${4:-0}")")
}

# in_time SECONDS COMMAND…: whoever hangs is ended, so that the others still have their say. In the foreground, where
# Ctrl-C reaches it.
in_time() { timeout --foreground --kill-after=10 "$@"; }

# One command that is one check.
command_check() {
  local name=$1 from=$SECONDS
  shift
  progress "$name: $*"
  if "$@"; then row "$name" 1 0 $((SECONDS - from)); else row "$name" 0 1 $((SECONDS - from)); fi
}

# `cargo test`: every Rust test counts. An ignored test counts as failed, for nothing here is skipped; but for those of
# PostgreSQL alone, which the run on PostgreSQL includes.
cargo_check() {
  local name=$1 from=$SECONDS log=$work/cargo.log status good bad
  shift
  progress "$name: $*"
  "$@" 2>&1 | tee "$log"
  status=${PIPESTATUS[0]}
  good=$(sum_of "$log" 's/^test result: .* \([0-9]*\) passed;.*/\1/p')
  bad=$(sum_of "$log" 's/^test result: .* \([0-9]*\) failed; \([0-9]*\) ignored;.*/\1 \2/p')
  bad=$((bad - $(grep -c '^test .* \.\.\. ignored, PostgreSQL alone$' "$log")))
  grep -E '^test .* \.\.\. (FAILED|ignored)|^error(\[E|: could not compile)' "$log" | grep -v 'ignored, PostgreSQL alone$' | remember "$name"
  [ "$status" -eq 0 ] || [ "$bad" -gt 0 ] || bad=1
  [ "$good" -gt 0 ] || [ "$bad" -gt 0 ] || bad=1
  row "$name" "$good" "$bad" $((SECONDS - from))
}

# A program that prints `ok - …` and `not ok - …` lines.
lines_check() {
  local name=$1 from=$SECONDS log=$work/lines.log status good bad
  shift
  in_time 600 "$@" 2>&1 | tee "$log"
  status=${PIPESTATUS[0]}
  good=$(grep -c '^ok - ' "$log")
  bad=$(grep -c '^not ok - ' "$log")
  grep '^not ok - ' "$log" | remember "$name"
  [ "$status" -eq 0 ] || [ "$bad" -gt 0 ] || bad=1
  [ "$good" -gt 0 ] || [ "$bad" -gt 0 ] || bad=1
  row "$name" "$good" "$bad" $((SECONDS - from))
}

# What failed, once more at the end, where it is found without scrolling.
remember() { sed "s/^/  $1: /" >>"$work/failures.log"; }

sum_of() { sed -n "$2" "$1" | tr ' ' '\n' | awk '{ total += $1 } END { print total + 0 }'; }

summary() {
  if [ -s "$work/failures.log" ]; then
    progress "what failed"
    cat "$work/failures.log"
  fi
  progress "what was checked"
  printf '%-44s %6s %6s %6s\n' "" passed failed time
  printf '%s\n' "${table[@]}"
  local took=$((SECONDS - started))
  printf '\nscreenshots: artifacts/   whole run: %d min %d s\n' $((took / 60)) $((took % 60))
  printf '%d passed, %d failed\n' "$passed" "$failed"
  [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
  exit
}
