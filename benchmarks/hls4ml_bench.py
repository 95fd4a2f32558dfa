#!/usr/bin/python3
"""The SIMD engine beside hls4ml's compiled `predict`, on the same models in the same run.

usage: hls4ml_bench.py BUILD [MODEL.h5 ...]      the committed muon network and a small QKeras CNN where none is named

Float32 in and out on both sides, one thread, medians of five runs. hls4ml is installed from PyPI into an environment
of its own, ~/.cache/sluice/hls4ml or that of SLUICE_HLS4ML_VENV; exit code 77 where it cannot be had.
"""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODELS = (ROOT / "examples/muon_pt/model/muon_pt.h5", ROOT / "tests/data/layers_small_cnn.h5")
REQUIREMENTS = ROOT / "examples/muon_pt/requirements-hls4ml.txt"
HLS4ML_EVENTS = 5_000
BATCH = 16_384
CALLS = 200
REPETITIONS = 5


def hls4ml_python():
    folder = Path(os.environ.get("SLUICE_HLS4ML_VENV", Path.home() / ".cache/sluice/hls4ml"))
    python = folder / "bin/python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    if subprocess.run([python, "-c", "import hls4ml"], capture_output=True, check=False).returncode != 0:
        install = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", REQUIREMENTS]
        if subprocess.run(install, check=False).returncode != 0:
            print("SKIP: hls4ml: PyPI cannot be reached", file=sys.stderr)
            sys.exit(77)
    return python


def output_of(words):
    finished = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    if finished.returncode != 0:
        sys.exit(f"{words[0]}: {finished.stderr.strip()[-500:]}")
    return finished.stdout


def engine_rates(sluice, model, folder):
    output_of([sluice, "-q", "compile", model, "-o", folder / "package", "--no-simulator"])
    words = [sluice, "bench", folder / "package", "--batch", BATCH, "--calls", CALLS, "--json"]
    return [json.loads(output_of(words))["events_per_s"] for _ in range(REPETITIONS)]


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("build", type=Path)
    arguments.add_argument("models", type=Path, nargs="*", default=MODELS)
    options = arguments.parse_args()
    python = hls4ml_python()
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    print(f"machine: {cpu[1] if cpu else '?'}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for model in options.models:
        with tempfile.TemporaryDirectory() as folder:
            theirs = json.loads(output_of([python, Path(__file__).with_name("hls4ml_predict.py"), model,
                                           HLS4ML_EVENTS, REPETITIONS]).splitlines()[-1])
            ours = engine_rates(options.build.resolve() / "bin/sluice", model, Path(folder))
        median, rival = statistics.median(ours), statistics.median(theirs["events_per_s"])
        print(f"{model.stem}: Sluice {median:,.0f} events/s ({min(ours):,.0f} to {max(ours):,.0f}), "
              f"hls4ml {theirs['hls4ml']} {rival:,.0f} ({min(theirs['events_per_s']):,.0f} to "
              f"{max(theirs['events_per_s']):,.0f}): {median / rival:.0f}x")


if __name__ == "__main__":
    main()
