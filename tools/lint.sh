#!/bin/sh
# usage: tools/lint.sh BUILD_FOLDER JOBS     formatting, words and clang-tidy; exit 1 at a finding
set -eu
cd "$(dirname "$0")/.."
status=0
sources=$(git ls-files '*.cpp' '*.hpp' '*.h')
echo "clang-format: $(echo "$sources" | wc -l) files"
clang-format --dry-run -Werror $sources || status=1
echo "long files and trailing blanks"
for file in $(git ls-files '*.cpp' '*.hpp' '*.py' '*.v'); do
  lines=$(wc -l <"$file")
  [ "$lines" -le 1000 ] || { echo "$file: $lines lines"; status=1; }
done
if git grep -nIE '[[:blank:]]+$' -- '*.cpp' '*.hpp' '*.py' '*.v' '*.md' '*.sh' '*.txt'; then status=1; fi
# Kernels are compiled once per SIMD target by inclusion, the bridge with each Verilated kernel.
units=$(git ls-files '*.cpp' | grep -vE '_test\.cpp|/testing/|tests/|engine/kernels/|sim/bridge\.cpp' || true)
known=$(mktemp)
trap 'rm -f "$known"' EXIT
for unit in $units; do
  grep -q "\"$PWD/$unit\"" "$1/compile_commands.json" && echo "$unit" >>"$known"
done
echo "clang-tidy: $(wc -l <"$known") files"
xargs -P "$2" -n 4 clang-tidy -p "$1" --quiet <"$known" 2>/dev/null || status=1
exit $status
