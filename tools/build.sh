#!/bin/sh
# usage: tools/build.sh PRESET JOBS     configures and builds; quiet unless something is wrong
set -eu
cd "$(dirname "$0")/.."
# Clones at different places share the compiler cache.
export CCACHE_BASEDIR="$PWD" CCACHE_NOHASHDIR=1
log=$(mktemp)
trap 'rm -f "$log"' EXIT
cmake --preset "$1" >"$log" 2>&1 || { cat "$log"; exit 1; }
echo "Building preset $1 in build/$1"
cmake --build --preset "$1" -j "$2" >"$log" 2>&1 || { grep -vE '^\[[0-9]+/' "$log" | head -200; exit 1; }
