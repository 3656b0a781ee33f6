#!/bin/sh
# What `meson install` puts down is all that a program needs: examples/search.c, built with
# pkg-config against the shared and the static library, runs a search.
. "$SOURCE_ROOT/tests/cli/lib.sh"
: "${BUILD_ROOT:?the path of the build folder}"
python=$(python_with json)
unset LD_LIBRARY_PATH # meson's, which leads to the library of the build
cc=${CC:-cc}

meson install --no-rebuild --quiet -C "$BUILD_ROOT" --destdir "$work/root" >log 2>&1 ||
  { cat log; fail "meson install"; finish; }
pc=$(find root -name nastl.pc)
[ -n "$pc" ] || { fail "no nastl.pc"; finish; }
PKG_CONFIG_PATH=$work/$(dirname "$pc")
export PKG_CONFIG_PATH
prefix=$work/root$(pkg-config --variable=prefix nastl)

# What nastl.pc says, as if `prefix` had been installed where it lies.
config() {
  pkg-config --define-variable=prefix="$prefix" "$@" nastl
}
library=$(config --variable=libdir)

[ "$(config --modversion)" = "$("$SOURCE_ROOT/scripts/version")" ] ||
  fail "nastl.pc has version $(config --modversion)"
for file in bin/nas-tl include/nastl/nastl.h share/nas-tl/search_spaces/default.yaml \
  share/nas-tl/datasets/README.md share/nas-tl/examples/search.c; do
  [ -s "$prefix/$file" ] || fail "$file is not installed"
done
"$prefix/bin/nas-tl" --version >out || fail "the installed nas-tl does not run"
foreign=$(nm -D --defined-only "$library/libnastl.so" | awk '{print $3}' | grep -v '^nastl_' || true)
[ -z "$foreign" ] || fail "libnastl.so exports $foreign"

# builds NAME FLAGS…: the example as ./NAME.
builds() {
  name=$1
  shift
  # shellcheck disable=SC2046
  "$cc" -std=c11 -Wall -Wextra -Werror -O1 -o "$name" "$SOURCE_ROOT/examples/search.c" "$@" \
    >log 2>&1 || fail "$name: $(cat log)"
}
# shellcheck disable=SC2046
builds shared $(config --cflags --libs)
# shellcheck disable=SC2046
builds static $(config --cflags) "$library/libnastl.a" \
  $(config --static --libs | tr ' ' '\n' | grep -vx -e -lnastl)
if ldd static | grep -q libnastl; then fail "the static program needs libnastl.so"; fi

[ "$(wc -l <"$SOURCE_ROOT/examples/search.c")" -le 45 ] || fail "the example has grown"
LD_LIBRARY_PATH=$library ./shared 4 S1 >out 2>err || fail "shared: $(cat err)"
grep -q 'models in S1/weights.h5' out || fail "shared prints $(cat out)"
./static 4 S2 >out 2>err || fail "static: $(cat err)"
for study in S1 S2; do
  "$python" "$SOURCE_ROOT/tests/check_pareto.py" $study || fail "the front of $study"
done
"$python" "$SOURCE_ROOT/tests/check_same.py" S1 S2 || fail "shared and static differ"

# An error of the library comes out as one sentence and a code.
code=0
./static four S3 >out 2>err || code=$?
[ "$code" -eq 2 ] && grep -q 'trials four: not accepted' err || fail "an error: $code $(cat err)"
[ ! -e S3 ] || fail "an error left a study behind"
finish
