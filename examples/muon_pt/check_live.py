#!/usr/bin/env python3
"""Compares Sluice's outputs with QKeras in float64, event by event. Exit code 1 if any differs.

Runs in the training environment (train.sh makes it in .venv-train):
    muon_pt_generate --events 100000 --seed 606 --npy x.npy
    sluice run PACKAGE --input x.npy --output y.npy --raw
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
    parser.add_argument("--y", required=True, help=".npy of Sluice's output mantissas")
    parser.add_argument("--model", default=MODEL, help=".h5 file (default: the committed model)")
    parser.add_argument("--frac-bits", type=int, default=10, help="fractional bits of the mantissas")
    options = parser.parse_args()

    x, mantissas = np.load(options.x), np.load(options.y)
    if not np.issubdtype(mantissas.dtype, np.integer):
        parser.error(f"{options.y} holds {mantissas.dtype}, not mantissas: use sluice run --raw")
    expected = qkeras_float64.evaluate(options.model, x) * 2.0 ** options.frac_bits
    mantissas = mantissas.reshape(len(mantissas), -1)
    if mantissas.shape != expected.shape:
        parser.error(f"{options.y} has shape {mantissas.shape}, QKeras gives {expected.shape}")
    # Compared as real numbers: an output of QKeras between two mantissas differs from both.
    differing = np.flatnonzero((mantissas != expected).any(axis=1))
    print(f"{len(differing)} of {len(x)} events differ from QKeras in float64")
    for event in differing[:5]:
        print(f"  event {event}: sluice {mantissas[event].tolist()}, "
              f"qkeras {expected[event].tolist()}")
    return 1 if len(differing) or not len(x) else 0


if __name__ == "__main__":
    sys.exit(main())
