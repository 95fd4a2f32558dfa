#!/usr/bin/env python3
"""Trains an HGQ2 network of a jet tagger's size, imports it, compares 100,000 events with ==.

    test_hgq2.py SLUICE

Installs hgq2 and jax from PyPI into an environment of its own; exit code 77 where it cannot.
"""
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGES = ("hgq2==0.2.0", "keras==3.15.1", "jax[cpu]==0.10.2")


def environment(folder):
    python = folder / "bin" / "python"
    steps = ([sys.executable, "-m", "venv", str(folder)],
             [str(python), "-m", "pip", "install", "--quiet", "--timeout", "20", *PACKAGES])
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            print(f"SKIP: {' '.join(step[-4:])}: {done.stderr.strip().splitlines()[-1:]}")
            sys.exit(77)
    return python


def main():
    sluice = sys.argv[1]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        given = os.environ.get("SLUICE_HGQ2_PYTHON")
        python = pathlib.Path(given) if given else environment(folder / "venv")
        model, vectors = folder / "jet.keras", folder / "jet.npz"
        subprocess.run([python, ROOT / "tests/data/make_hgq2.py", model, vectors, "--jet"],
                       check=True,
                       env={**os.environ, "KERAS_BACKEND": "jax", "JAX_ENABLE_X64": "1"})
        package = folder / "package"
        subprocess.run([sluice, "compile", model, "-o", package, "--no-simulator"], check=True)
        data = np.load(vectors)
        np.save(folder / "x.npy", data["x"])
        subprocess.run([sluice, "run", package, "--input", folder / "x.npy", "--output",
                        folder / "y.npy", "--device", "engine"], check=True)
        got = np.load(folder / "y.npy").reshape(data["y"].shape).astype(np.float64)
        differing = (got != data["y"]).any(axis=1).sum()
        print(f"{differing} of {len(got)} events differ from HGQ2 in float64")
        sys.exit(1 if differing else 0)


if __name__ == "__main__":
    main()
