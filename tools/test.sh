#!/bin/sh
# usage: tools/test.sh BUILD JOBS [interop]     every test; exit 1 if one fails
# Those that install frameworks from PyPI (label interop) run only when asked for; without PyPI they are skipped.
set -eu
cd "$(dirname "$0")/.."
status=0
if [ "${3:-}" = interop ]; then
  exec ctest --test-dir "$1" --output-on-failure -L interop
fi
ctest --test-dir "$1" --output-on-failure -j "$2" -LE "card|interop" || status=1
# One at a time: XRT's start-up has time limits.
ctest --test-dir "$1" --output-on-failure -L card -LE interop || status=1
exit $status
