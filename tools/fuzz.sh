#!/bin/sh
# tools/fuzz.sh KIND SECONDS [FOLDER]: runs libFuzzer with sanitizers on one kind of input, from the
# seeds of the tests. KIND: h5, keras, onnx, json, config or quantizer. New inputs stay below FOLDER
# (build/fuzz/KIND), and so does a finding. Build first: cmake --preset fuzz && cmake --build --preset fuzz
#
# The fuzzer reads HDF5 in its own process, so that it sees what a file reaches. The HDF5 library crashes and hangs on
# altered files; a program is safe from that, as it reads them in a child process. So for h5 the fuzzer goes on after
# those and keeps the files. A report that names one of our functions before one of the library is a finding; the others
# must be refused, or read, by the normal program (build/dev).
set -eu
cd "$(dirname "$0")/.."
kind=$1
seconds=$2
folder=${3:-build/fuzz/$kind}
mkdir -p "$folder/corpus" "$folder/seeds"
letter=$(printf %.1s "$kind")
for seed in tests/data/*."$kind" tests/fuzz/corpus/*."$kind"; do
  [ -e "$seed" ] && { printf %s "$letter"; cat "$seed"; } > "$folder/seeds/$(basename "$seed")"
done
fuzz() {
  build/fuzz/tests/fuzz/import_fuzz -max_total_time="$seconds" -rss_limit_mb=4096 -max_len=262144 \
    -artifact_prefix="$folder/" "$@" "$folder/corpus" "$folder/seeds"
}
if [ "$kind" != h5 ]; then
  fuzz -timeout=30
  exit
fi
fuzz -timeout=5 -fork=1 -ignore_crashes=1 -ignore_timeouts=1 -ignore_ooms=1
crashing=$(find "$folder" -maxdepth 1 -name "crash-*" -o -maxdepth 1 -name "leak-*" -o -maxdepth 1 -name "oom-*")
hanging=$(find "$folder" -maxdepth 1 -name "timeout-*" | sort)
echo "$(echo "$crashing" | grep -c .) files with a report, $(echo "$hanging" | grep -c .) that take more than 5 s;" \
  "each is looked at again, of the second kind, which take the normal program's limit of 30 s, the first 10"
findings=0
for file in $crashing $(echo "$hanging" | head -n 10); do
  report=$(build/fuzz/tests/fuzz/import_fuzz -timeout=5 -rss_limit_mb=4096 "$file" 2>&1 || true)
  case $(echo "$report" | grep -E -m1 "^ +#[0-9]+ .*(libhdf5|sluice::)") in
    *libhdf5*) build/dev/tests/fuzz/import_fuzz_replay 0 1 "$file" ;;
    "") ;;
    *) echo "finding: $file" && findings=$((findings + 1)) ;;
  esac
done
echo "$findings findings in our own functions"
[ "$findings" = 0 ]
