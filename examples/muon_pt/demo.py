#!/usr/bin/env python3
"""The paper's workflow on the committed model: simulate, compile, run on the emulated card, compare, study.

usage: demo.py --build BUILD --output FOLDER [--events N] [--card-events N] [--calls N] [--study-events N]

Needs Debian's python3-numpy, -scipy, -matplotlib and -h5py. Times on the emulated card are emulation, not card latency.
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import report  # noqa: E402

SEED, TRIGGER_SEED = 2026, 2027


class Stage:
    """One line per stage: what it does while it runs, what it did when it ends."""

    def __init__(self, title):
        self.title = title

    def __enter__(self):
        self.start = time.monotonic()
        if sys.stderr.isatty():
            print(f"... {self.title}", end="", file=sys.stderr, flush=True)
        return self

    def __exit__(self, kind, value, trace):
        if sys.stderr.isatty():
            print("\r\033[K", end="", file=sys.stderr, flush=True)
        if kind is None:
            print(f"[{time.monotonic() - self.start:6.1f} s] {self.title}: {self.result}", flush=True)

    result = "done"


def run(*command, **options):
    """Runs a command; its output is shown only when it fails."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)
    if done.returncode != 0:
        sys.stderr.write(done.stdout + done.stderr)
        raise SystemExit(f"demo: {pathlib.Path(command[0]).name} ended with {done.returncode}")
    return done.stdout


class Demo:
    def __init__(self, build, output, options):
        self.build, self.output = build, output
        self.events, self.card_events, self.calls = options.events, options.card_events, options.calls
        self.study_events = options.study_events
        self.sluice = build / "bin" / "sluice"
        self.kernel = output / "kernel"
        self.report = {"title": "muon_pt on the emulated card", "seed": SEED}

    def simulate(self):
        with Stage("Simulate muons") as stage:
            run(self.build / "bin" / "muon_pt_generate", "--events", self.events, "--seed", SEED,
                "--spectrum", "flat", "--pt-min", 3, "--pt-max", 200, "--output", self.output / "events.npz")
            self.x = np.load(self.output / "events.npz")["x"]
            np.save(self.output / "x.npy", self.x)
            stage.result = f"{len(self.x)} CMS-like barrel muons, 27 features (not endorsed by CMS)"

    def compile(self):
        with Stage("Compile the QKeras network") as stage:
            run(self.sluice, "compile", HERE / "model" / "muon_pt.h5", "-o", self.kernel, "--name", "muon_pt",
                "--clock-mhz", 200)
            manifest = json.loads((self.kernel / "manifest.json").read_text())
            estimate = json.loads(run(self.sluice, "estimate", self.kernel, "--json"))
            self.report["manifest"], self.report["estimate"] = manifest, estimate
            total = estimate["total"]
            stage.result = (f"{total['lut']} LUT, {total['ff']} FF estimated; {manifest['latency_cycles']} cycles"
                            f" at {manifest['clock_mhz']:g} MHz, one event per clock")
            form = manifest["input"]["format"]
            self.input_frac_bits = int(form.split(".")[1])
            self.output_frac_bits = int(manifest["output"]["format"].split(".")[1])

    def verify(self):
        with Stage("Verify the engines") as stage:
            result = json.loads(run(self.sluice, "verify", self.kernel, "--samples", 20000, "--json"))
            self.report["verify"] = result
            stage.result = "; ".join(f"{row['engine']}: {row['differing']} of {row['events']} differ"
                                     for row in result["engines"])

    def engine(self):
        with Stage("Run the SIMD engine") as stage:
            mantissas = np.rint(self.x.astype(np.float64) * 2.0 ** self.input_frac_bits)
            raw = mantissas.astype(np.int16)
            np.save(self.output / "x_raw.npy", raw)
            np.save(self.output / "x_raw_short.npy", raw[:self.card_events])
            self.engine_run("x.npy", "y_cpu.npy")
            seconds = self.engine_run("x_raw.npy", "y_engine_raw.npy", "--raw")
            self.y = np.load(self.output / "y_engine_raw.npy").reshape(len(self.x), -1)
            values = np.load(self.output / "y_cpu.npy").reshape(len(self.x), -1)
            if not np.array_equal(values, self.y * 2.0 ** -self.output_frac_bits):
                raise SystemExit("demo: the engine's values and mantissas disagree")
            stage.result = f"{len(self.x)} events in {1000 * seconds:.0f} ms"

    def engine_run(self, source, target, *options):
        result = run(self.sluice, "run", self.kernel, "--input", self.output / source, "--output",
                     self.output / target, "--device", "engine", "--json", *options)
        return json.loads(result)["seconds"]

    def card(self):
        self.report["card"] = []
        for mode in ("hw_emu", "sw_emu"):
            for host in ("host_xrt", "host_opencl"):
                whole = mode == "hw_emu" and host == "host_xrt"
                self.card_run(mode, host, "x_raw.npy" if whole else "x_raw_short.npy")

    def card_run(self, mode, host, events_file):
        with Stage(f"Run {host} on the emulated card ({mode})") as stage:
            name = f"y_{mode}_{host}.npy"
            run(self.sluice, "card", "--mode", mode, "--", self.build / "bin" / host,
                self.kernel / "muon_pt.xclbin", self.output / events_file, self.output / name)
            y = np.load(self.output / name).reshape(-1, self.y.shape[1])
            differing = int((y != self.y[:len(y)]).any(axis=1).sum())
            self.report["card"].append({"mode": mode, "host": host, "events": len(y), "differing": differing})
            stage.result = f"{differing} of {len(y)} events differ from the engine"
            if differing:
                raise SystemExit("demo: card and engine disagree")

    def latency(self):
        with Stage("Time one event per call: XRT by hand, OpenCL, Sluice's runtime") as stage:
            run("/usr/bin/python3", HERE.parents[1] / "benchmarks" / "latency.py", "--build", self.build, "--package",
                self.kernel, "--output", self.output / "latency", "--calls", self.calls)
            self.report["latency"] = json.loads((self.output / "latency" / "latency.json").read_text())
            stage.result = "; ".join(
                mode + " " + ", ".join(f"{program} {row['total_us']:.1f}" for program, row in rows.items())
                for mode, rows in self.report["latency"]["modes"].items()) + " us (emulation, medians)"

    def stream(self):
        self.report["samples"] = {
            "resolution": self.stream_sample("columns.npz", SEED, "flat", 3, 200),
            "trigger": self.stream_sample("trigger.npz", TRIGGER_SEED, "logflat", 2, 120)}
        # Muon k of a seed is always the same: the first ones are those of the card.
        first = np.load(self.output / "columns.npz")["y"][:len(self.y)]
        if not np.array_equal(first, self.y[:len(first), 0] * 2.0 ** -self.output_frac_bits):
            raise SystemExit("demo: the streamed outputs differ from those of the first muons")

    def stream_sample(self, name, seed, spectrum, low, high):
        with Stage(f"Simulate and run more muons, {spectrum} in {low} to {high} GeV") as stage:
            timing = json.loads(run(
                self.build / "bin" / "muon_pt_study", self.kernel, "--events", self.study_events, "--seed", seed,
                "--spectrum", spectrum, "--pt-min", low, "--pt-max", high, "--output", self.output / name))
            stage.result = (f"{timing['events']} muons: simulation {timing['simulation_seconds']:.1f} s, "
                            f"engine {timing['inference_seconds']:.2f} s")
            return timing

    def study(self):
        with Stage("Study resolution, trigger and number formats") as stage:
            scale = 2.0 ** -self.output_frac_bits
            card = np.load(self.output / "y_hw_emu_host_xrt.npy").reshape(len(self.x), -1)
            np.save(self.output / "y_card.npy", card[:self.study_events, 0] * scale)
            run("/usr/bin/python3", HERE / "study.py", "--columns", self.output / "columns.npz",
                "--card", self.output / "y_card.npy", "--trigger", self.output / "trigger.npz",
                "--output", self.output / "study")
            self.report["study"] = json.loads((self.output / "study" / "study.json").read_text())
            np.save(self.output / "y_card.npy", card[:, 0] * scale)
            run("/usr/bin/python3", HERE / "study.py", "--quantisation", self.output / "events.npz",
                "--card", self.output / "y_card.npy", "--output", self.output / "formats")
            self.report["study"].update(json.loads((self.output / "formats" / "study.json").read_text()))
            stage.result = "; ".join(report.findings(self.report)[:2])

    def write_report(self):
        with Stage("Write the report") as stage:
            (self.output / "report.json").write_text(json.dumps(self.report, indent=2) + "\n")
            report.write_html(self.report, self.output)
            stage.result = "report.html, report.json and the plots"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, required=True, help="build folder with bin/sluice")
    parser.add_argument("--output", type=pathlib.Path, required=True, help="folder for the report")
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--card-events", type=int, default=5_000, help="for the three slower host and mode pairs")
    parser.add_argument("--calls", type=int, default=5_000, help="timed calls of one event")
    parser.add_argument("--study-events", type=int, default=1_000_000, help="muons of each study's sample")
    arguments = parser.parse_args()
    final = arguments.output.resolve()
    staging = final.with_name("." + final.name + f".{os.getpid()}")
    staging.mkdir(parents=True)
    try:
        demo = Demo(arguments.build.resolve(), staging, arguments)
        for stage in (demo.simulate, demo.compile, demo.verify, demo.engine, demo.card, demo.latency,
                      demo.stream, demo.study, demo.write_report):
            stage()
        shutil.rmtree(final, ignore_errors=True)
        staging.rename(final)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    print(f"Open {final / 'report.html'}")


if __name__ == "__main__":
    main()
