# lib.sh: what the command line's tests share. Sourced; needs NAS_TL (the program) and
# SOURCE_ROOT in the environment. Works in a folder of its own that is removed at the end.
set -eu

: "${NAS_TL:?the path of nas-tl}" "${SOURCE_ROOT:?the path of the sources}"
fixtures=$SOURCE_ROOT/tests/fixtures
data=${NASTL_DATA_DIR:-$SOURCE_ROOT/../shared/data}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
failures=0

fail() {
  echo "FAIL: $*"
  failures=$((failures + 1))
}

# skip REASON: this test cannot run here.
skip() {
  echo "SKIP: $*"
  exit 77
}

# The Python that has MODULE, or nothing.
python_with() {
  for python in /usr/bin/python3 python3; do
    if "$python" -c "import $1" 2>/dev/null; then
      echo "$python"
      return
    fi
  done
}

# run ARGS…: the program's exit code in $code, its output in out and err.
run() {
  code=0
  "$NAS_TL" "$@" >out 2>err </dev/null || code=$?
}

# ok ARGS…: must succeed.
ok() {
  run "$@"
  [ "$code" -eq 0 ] || fail "nas-tl $*: exit $code: $(cat err)"
}

# rejects CODE PATTERN ARGS…: exit code CODE, one line "WHAT: WHY; WHAT TO DO" on standard
# error that matches PATTERN, nothing on standard output, no file made, changed or removed.
rejects() {
  want=$1
  pattern=$2
  shift 2
  before=$(snapshot)
  run "$@"
  [ "$code" -eq "$want" ] || fail "nas-tl $*: exit $code, not $want: $(cat err)"
  [ "$(wc -l <err)" -eq 1 ] || fail "nas-tl $*: not one line: $(cat err)"
  grep -qE '^nas-tl: error: .+: .+; .+' err || fail "nas-tl $*: no sentence: $(cat err)"
  grep -qE -- "$pattern" err || fail "nas-tl $*: '$(cat err)' does not match '$pattern'"
  [ ! -s out ] || fail "nas-tl $*: wrote to standard output: $(head -3 out)"
  [ "$before" = "$(snapshot)" ] || fail "nas-tl $*: changed files"
}

snapshot() {
  find . -type f ! -name out ! -name err -exec cksum {} + | sort
  find . -type d | sort
}

finish() {
  [ "$failures" -eq 0 ] && exit 0
  echo "$failures failures"
  exit 1
}
