#!/bin/sh
# usage: tools/bench.sh BUILD     medians of repeated runs, with the machine's name and compiler
set -eu
cd "$(dirname "$0")/.."
build=$1
echo "machine: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1), $(nproc) cores, load $(cut -d' ' -f1 /proc/loadavg)"
echo "compiler: $(c++ --version | head -1); commit $(git describe --always --dirty)"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$build/bin/sluice" compile examples/muon_pt/model/muon_pt.h5 -o "$work/muon" --name muon_pt
echo "--- SIMD engine, one core, float32 in and out"
SLUICE_BENCH_NETWORK="$work/muon/network.txt" "$build/benchmarks/engine_bench" \
  --benchmark_repetitions=5 --benchmark_report_aggregates_only=true
echo "--- one event per call, float32 (emulation, not card latency)"
for device in engine rtl; do
  "$build/bin/sluice" bench "$work/muon" --device $device --calls 1000
done
echo "--- one event per call, mantissas: XRT by hand, OpenCL, Sluice (emulation)"
/usr/bin/python3 benchmarks/latency.py --build "$build" --package "$work/muon" --output "$work/latency"
echo "--- 16,384 events per call (emulation)"
"$build/bin/sluice" card --mode hw_emu -- "$build/bin/sluice" bench "$work/muon" --device xrt:0 \
  --batch 16384 --calls 5 --warmup 1
echo "--- what Python adds, and PYNQ beside it (emulation)"
/usr/bin/python3 benchmarks/python_bench.py --build "$build" --package "$work/muon" \
  --model examples/muon_pt/model/muon_pt.h5
echo "--- the engine beside hls4ml's predict"
/usr/bin/python3 benchmarks/hls4ml_bench.py "$build" || [ $? -eq 77 ]
