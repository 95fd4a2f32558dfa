#!/bin/sh
# tools/fuzz.sh KIND SECONDS [FOLDER]: runs libFuzzer with sanitizers on one kind of input, from the
# seeds of the tests. KIND: h5, keras, onnx, json, config or quantizer. New inputs stay below FOLDER
# (build/fuzz/KIND), and so does a finding. Build first: cmake --preset fuzz && cmake --build --preset fuzz
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
exec build/fuzz/tests/fuzz/import_fuzz -max_total_time="$seconds" -timeout=30 -rss_limit_mb=4096 \
  -max_len=262144 -artifact_prefix="$folder/" "$folder/corpus" "$folder/seeds"
