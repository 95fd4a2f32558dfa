"""PYNQ 2.7.0 itself, unmodified, runs examples/paper/listing3_infer.py on the emulated card; only its import differs.

usage: interop_pynq.py SLUICE PACKAGE REPOSITORY, with the package `sluice` on PYTHONPATH        exit code 77: skipped, the package index cannot be reached
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile

import numpy as np

SKIPPED = 77
IMPORT = ("from sluice.pynq import Overlay, allocate", "from pynq import Overlay, allocate")
# One event a call, as a user times it. Emulation: XRT, the card's messages and the Verilated kernel are in it.
TIMING = """
import time
times = []
for _ in range(200):
    begin = time.perf_counter()
    inp[:] = raw
    inp.sync_to_device()
    nn.call(inp, out, 1)
    out.sync_from_device()
    y = np.array(out)
    times.append(time.perf_counter() - begin)
print("median_us", 1e6 * sorted(times)[100])
"""


def fetch_pynq(folder):
    """An interpreter of its own with what PYNQ needs, and PYNQ's sources; None when they cannot be had."""
    python = folder / "environment" / "bin" / "python"
    quiet = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "timeout": 240}
    for command in (["/usr/bin/python3", "-m", "venv", folder / "environment"],
                    [python, "-m", "pip", "install", "-q", "--retries", "0", "setuptools<60", "wheel", "numpy<1.25", "cffi<1.17",
                     "pycparser<2.22"],
                    [python, "-m", "pip", "download", "-q", "--retries", "0", "--no-deps", "--no-build-isolation", "--no-binary",
                     ":all:", "-d", folder, "pynq==2.7.0"]):
        done = subprocess.run([str(word) for word in command], **quiet)
        if done.returncode != 0:
            print(f"SKIP: PYNQ cannot be fetched: {done.stdout.strip().splitlines()[-1:]}")
            return None
    with tarfile.open(folder / "pynq-2.7.0.tar.gz") as archive:
        archive.extractall(folder, filter="data") if hasattr(tarfile, "data_filter") else archive.extractall(folder)
    return python, folder / "pynq-2.7.0"


def main():
    sluice, package, repository = (pathlib.Path(word).resolve() for word in sys.argv[1:4])
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-pynq-"))
    try:
        fetched = fetch_pynq(folder)
        if fetched is None:
            return SKIPPED
        python, sources = fetched
        with np.load(repository / "examples" / "muon_pt" / "model" / "vectors.npz") as recorded:
            x, y = recorded["x"][:64], recorded["y"][:64]
        np.save(folder / "x.npy", x)
        (folder / "muon_pt").symlink_to(package)
        text = (repository / "examples" / "paper" / "listing3_infer.py").read_text()
        assert text.count(IMPORT[0]) == 1
        timed = text.replace('np.load("x.npy")', 'np.load("x.npy")[:1]') + "raw = np.array(inp)" + TIMING
        programs = {"listing3.py": text.replace(*IMPORT), "timing_pynq.py": timed.replace(*IMPORT),
                    "timing_sluice.py": timed}
        for name, source in programs.items():
            (folder / name).write_text(source)
            ours = name == "timing_sluice.py"
            environment = os.environ if ours else {**os.environ, "PYTHONPATH": str(sources)}
            done = subprocess.run([sluice, "card", "--", sys.executable if ours else python, folder / name], cwd=folder,
                                  env=environment, text=True, capture_output=True, timeout=200)
            print(name, done.stdout.strip())
            if done.returncode != 0:
                print(done.stderr)
                return 1
            if name == "listing3.py":
                differing = int((np.load(folder / "y.npy") != y).sum())
                print(f"PYNQ 2.7.0: {differing} of {len(y)} outputs differ from the recorded ones")
                if differing:
                    return 1
        return 0
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
