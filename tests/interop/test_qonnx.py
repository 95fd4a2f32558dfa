#!/usr/bin/env python3
"""QONNX models of others on 10,000 events: every tensor that the network holds, against their execution by the
package qonnx in float64.

    test_qonnx.py SLUICE

Installs qonnx and onnxruntime from PyPI into an environment of its own; exit code 77 where it cannot.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

import environment

PACKAGES = ("qonnx==1.0.0", "onnxruntime==1.32.0")
EVENTS = 10_000
SIXTEEN_BITS = {"Model": {"Precision": "ap_fixed<16,6,RND_CONV,SAT>"}}
# An irrational factor behind the last integers: float64 rounds each of its steps, Sluice the final number once.
OF_FLOAT64 = 1e-8


def fixed_point(generator):
    return np.round(generator.normal(size=(EVENTS, 16)) * 1024) / 1024


def pixels(generator):
    return generator.uniform(size=(EVENTS, 1, 28, 28))


# Model, events, configuration, what the network does not hold (products before their bias; what comes before the
# first threshold, which Sluice moves into the input), and tensors with irrational factors.
MODELS = (
    ("qkeras_jettagging", fixed_point, SIXTEEN_BITS, {f"MatMul_{i}_out0" for i in range(4)}, set()),
    ("TFC_1W1A", pixels, None, {"31", "33", "35"}, {"43", "51", "59", "72", "73", "74"}),
)


def compare(sluice, model, traces, folder, *words):
    path = folder / "part.npz"
    np.savez(path, **traces)
    done = subprocess.run([sluice, "compare", model, "--with", path, "--json", *words], capture_output=True, text=True,
                          check=False)
    if done.returncode not in (0, 1):
        sys.exit(done.stdout + done.stderr)
    return json.loads(done.stdout)


def main():
    sluice = sys.argv[1]
    models = environment.models_folder() / "qonnx_model_zoo"
    failed = False
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        python = environment.python_with("SLUICE_QONNX_PYTHON", folder / "venv", PACKAGES)
        for model, make_events, config, absent, irrational in MODELS:
            path, x, tensors = models / f"{model}.onnx", folder / "x.npy", folder / "tensors.npz"
            np.save(x, make_events(np.random.default_rng(11)))
            subprocess.run([python, environment.ROOT / "tests/interop/run_qonnx.py", path, x, tensors], check=True,
                           stderr=subprocess.DEVNULL)
            words = []
            if config is not None:
                (folder / "config.json").write_text(json.dumps(config))
                words = ["--config", folder / "config.json"]
            with np.load(tensors) as found:
                held = {tensor: found[tensor] for tensor in found.files if tensor not in absent}
            exact = {tensor: values for tensor, values in held.items() if tensor not in irrational}
            answer = compare(sluice, path, exact, folder, *words)
            print(f"{model}: {len(answer['layers'])} tensors, {answer['events']} events, "
                  f"first that differs: {answer['first_difference']}")
            failed = failed or not answer["passed"] or answer["events"] != EVENTS or bool(answer["not_compared"])
            if irrational:
                near = {tensor: values for tensor, values in held.items() if tensor in irrational | {"x"}}
                answer = compare(sluice, path, near, folder, "--tolerance", str(OF_FLOAT64), *words)
                worst = max(row["largest_difference"] for row in answer["layers"])
                print(f"{model}: {len(answer['layers'])} tensors with irrational factors within {worst:.1e}")
                failed = failed or not answer["passed"]
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
