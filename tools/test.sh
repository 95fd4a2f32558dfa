#!/bin/sh
# usage: tools/test.sh BUILD JOBS     every test; exit 1 if one fails
set -eu
cd "$(dirname "$0")/.."
status=0
ctest --test-dir "$1" --output-on-failure -j "$2" -LE card || status=1
# One at a time: XRT's start-up has time limits.
ctest --test-dir "$1" --output-on-failure -L card || status=1
exit $status
