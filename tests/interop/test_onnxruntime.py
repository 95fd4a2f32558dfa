#!/usr/bin/env python3
"""Float ONNX models calibrated on 1,000 events, against onnxruntime on 10,000 others.

    test_onnxruntime.py SLUICE

Installs onnx and onnxruntime from PyPI into an environment of its own; exit code 77 where it cannot.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

import environment

PACKAGES = ("onnx==1.23.2", "onnxruntime==1.32.0")
# Models, shape of an event, root mean square error of the outputs.
MODELS = (("three_layer_keras", (16,), 0.02), ("three_layer_pytorch", (16,), 0.002),
          ("conv2d_small_keras", (8, 8, 1), 0.01))
# What float32 may add: 24 bits of outputs up to 30, some hundred additions.
OF_FLOAT32 = 1e-4


def main():
    sluice = sys.argv[1]
    models = environment.models_folder() / "example-models"
    failed = False
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        python = environment.python_with("SLUICE_ONNXRUNTIME_PYTHON", folder / "venv", PACKAGES)
        for model, shape, target in MODELS:
            path = models / f"{model}.onnx"
            generator = np.random.default_rng(12)
            np.save(folder / "few.npy", generator.normal(size=(1000, *shape)))
            np.save(folder / "many.npy", generator.normal(size=(10_000, *shape)).astype(np.float32))
            package, y = folder / model, folder / "y.npy"
            done = subprocess.run([sluice, "compile", path, "-o", package, "--no-simulator", "--json", "--calibrate",
                                   folder / "few.npy", "--target-error", str(target), "--error", "rms"],
                                  check=True, capture_output=True, text=True)
            subprocess.run([sluice, "run", package, "--input", folder / "many.npy", "--output", y], check=True,
                           capture_output=True)
            subprocess.run([python, environment.ROOT / "tests/interop/run_onnxruntime.py", path, folder / "many.npy",
                            folder / "float.npy"], check=True)
            expected = np.load(folder / "float.npy").astype(np.float64)
            error = np.sqrt(np.mean((np.load(y).reshape(expected.shape) - expected) ** 2))
            chosen = json.loads(done.stdout)["formats"]
            print(f"{model}: rms error {error:.2e} on 10,000 events (target {target:g}, "
                  f"{chosen['error_rms']:.2e} on the 1,000 it was chosen from)")
            failed = failed or error > target + OF_FLOAT32
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
