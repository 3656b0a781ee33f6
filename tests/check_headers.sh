#!/bin/sh
# Compiles each public header alone, in C and in C++.
set -eu
cd "$(dirname "$0")/.."
for header in include/nastl/*.h; do
  name=nastl/$(basename "$header")
  echo "#include <$name>" | ${CC:-gcc} -std=c11 -Wall -Wextra -Werror -Iinclude -x c \
    -fsyntax-only -
  echo "#include <$name>" | ${CXX:-g++} -std=c++11 -Wall -Wextra -Werror -Iinclude -x c++ \
    -fsyntax-only -
done
