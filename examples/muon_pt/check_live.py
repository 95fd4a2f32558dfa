#!/usr/bin/env python3
"""Compares Sluice's outputs with QKeras in float64, event by event. Exit code 1 if any differs.

Runs in the training environment (train.sh makes it in .venv-train):
    muon_pt_generate --events 100000 --seed 606 --npy x.npy
    sluice run PACKAGE --input x.npy --output y.npy
    .venv-train/bin/python examples/muon_pt/check_live.py --x x.npy --y y.npy
"""
import argparse
import pathlib
import sys

import numpy as np

import qkeras_float64

MODEL = pathlib.Path(__file__).resolve().parent / "model" / "muon_pt.h5"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--x", required=True, help=".npy of inputs [n, 27], real values")
    parser.add_argument("--y", required=True, help=".npy of Sluice's output values")
    parser.add_argument("--model", default=MODEL, help=".h5 file (default: the committed model)")
    options = parser.parse_args()

    x, values = np.load(options.x), np.load(options.y)
    if values.dtype != np.float64:
        parser.error(f"{options.y} holds {values.dtype}, not float64 values: use sluice run without --raw")
    expected = qkeras_float64.evaluate(options.model, x)
    values = values.reshape(len(values), -1)
    if values.shape != expected.shape:
        parser.error(f"{options.y} has shape {values.shape}, QKeras gives {expected.shape}")
    differing = np.flatnonzero((values != expected).any(axis=1))
    print(f"{len(differing)} of {len(x)} events differ from QKeras in float64")
    for event in differing[:5]:
        print(f"  event {event}: sluice {values[event].tolist()}, qkeras {expected[event].tolist()}")
    return 1 if len(differing) or not len(x) else 0


if __name__ == "__main__":
    sys.exit(main())
