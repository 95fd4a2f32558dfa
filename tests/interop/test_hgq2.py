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

import environment

PACKAGES = ("hgq2==0.2.0", "keras==3.15.1", "jax[cpu]==0.10.2")


def main():
    sluice = sys.argv[1]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        python = environment.python_with("SLUICE_HGQ2_PYTHON", folder / "venv", PACKAGES)
        model, vectors = folder / "jet.keras", folder / "jet.npz"
        subprocess.run([python, environment.ROOT / "tests/data/make_hgq2.py", model, vectors, "--jet"],
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
