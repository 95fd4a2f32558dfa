#!/usr/bin/env python3
"""Latency of one event per call for every way in: Sluice's runtime, XRT by hand, OpenCL, on each of XRT's shims.

usage: latency.py --build BUILD --package DIR --output FOLDER [--calls 5000] [--rounds 4] [--modes hw_emu sw_emu noop]

All give and take integer mantissas. Each way runs ROUNDS times, in turn, so that a disturbance of the machine meets all
of them. Writes FOLDER/PROGRAM_MODE.json (docs/reference/latency.md), FOLDER/latency_MODE.png and .svg, and
FOLDER/latency.json with the ratios to XRT by hand. Every time is that of an emulation, never of a card.
"""
import argparse
import json
import pathlib
import subprocess
import sys

import numpy as np

PROGRAMS = ("xrt", "opencl", "sluice")
SPANS = ("injection_us", "inference_us", "extraction_us")


def run(*words):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"latency: {words} ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


class Bench:
    def __init__(self, build, package, output, calls, rounds):
        self.bin, self.package, self.output = build / "bin", package, output
        self.calls_per_round = -(-calls // rounds)
        self.rounds = rounds
        self.sluice = self.bin / "sluice"
        self.manifest = json.loads((package / "manifest.json").read_text())
        self.inputs = output / "inputs.npy"
        bits = self.manifest["input"]["container_bits"]
        np.save(self.inputs, np.load(package / "vectors" / "input.npy")[:1000].astype(f"int{bits}"))

    def once(self, program, mode, samples):
        name = self.manifest["name"]
        if program == "sluice":
            command = [self.sluice, "bench", self.package, "--device", "xrt:0", "--raw", "--calls",
                       self.calls_per_round, "--samples-out", samples]
        else:
            command = [self.bin / f"host_{program}", self.package / f"{name}.xclbin", self.inputs,
                       self.output / "outputs.npy", self.calls_per_round, samples, "--kernel", name]
        run(self.sluice, "card", "--mode", mode, "--", *command)
        return json.loads(samples.read_text())

    def measure(self, mode):
        """Sample files of all programs on one shim, the rounds of each put together."""
        merged = {}
        for _ in range(self.rounds):
            for program in PROGRAMS:
                file = self.output / f"{program}_{mode}.json"
                found = self.once(program, mode, file)
                if program in merged:
                    for span in SPANS:
                        merged[program]["samples"][span] += found["samples"][span]
                else:
                    merged[program] = {key: found[key] for key in ("schema_version", "program", "emulated", "device",
                                                                   "kernel", "batch_events", "samples")}
        files = {}
        for program, run_ in merged.items():
            run_["calls"] = len(run_["samples"][SPANS[0]])
            files[program] = self.output / f"{program}_{mode}.json"
            files[program].write_text(json.dumps(run_))
        return files

    def compare(self, mode, files):
        """Medians of the spans and of their sum, its 99 % point, and the ratio to XRT by hand; draws the figure."""
        rows = {}
        for program in PROGRAMS[1:]:
            columns = json.loads(run(self.sluice, "bench", "--compare", files["xrt"], files[program], "--json"))["ratios"]
            for side, name in (("first", "xrt"), ("second", program)):
                rows[name] = {column: columns[column][side]["p50"] for column in (*SPANS, "total_us")}
                rows[name]["total_p99_us"] = columns["total_us"][side]["p99"]
            rows[program]["over_xrt"] = columns["total_us"]["p50"]
        plot = self.sluice.parent.parent / "share" / "sluice" / "latency_plot.py"
        for suffix in ("png", "svg"):
            run("/usr/bin/python3", plot, *files.values(), "--output", self.output / f"latency_{mode}.{suffix}")
        return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--package", type=pathlib.Path, required=True)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    parser.add_argument("--calls", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--modes", nargs="+", default=["hw_emu", "sw_emu", "noop"])
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    bench = Bench(arguments.build.resolve(), arguments.package, arguments.output, arguments.calls, arguments.rounds)
    result = {"emulated": True, "calls": bench.calls_per_round * bench.rounds, "modes": {}}
    for mode in arguments.modes:
        rows = result["modes"][mode] = bench.compare(mode, bench.measure(mode))
        for program in PROGRAMS:
            row = rows[program]
            added = row["total_us"] - rows["xrt"]["total_us"]
            print(f"{mode:<7}{program:<8}p50 {row['total_us']:8.1f} us ({added:+.2f} us to xrt)  "
                  f"p99 {row['total_p99_us']:8.1f} us  (emulation)")
    (arguments.output / "latency.json").write_text(json.dumps(result, indent=2))


if __name__ == "__main__":
    sys.exit(main())
