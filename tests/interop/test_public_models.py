#!/usr/bin/env python3
"""Models of others all the way to hardware: AD08 on the emulated card, TFC_1W1A in Verilated RTL.

    test_public_models.py SLUICE

Needs the folder of third-party models; exit code 77 without it.
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np

import environment


def run(*words):
    begin = time.monotonic()
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, words))}\n{done.stdout}{done.stderr}")
    return done.stdout, time.monotonic() - begin


def autoencoder_on_the_card(sluice, models, folder):
    """0 of the recorded events may differ; the card's kernel meets the latency that compile() stated, or its outputs
    would be taken at another time."""
    config = folder / "config.json"
    config.write_text(json.dumps({"Model": {"Precision": "ap_fixed<20,12>"}}))
    package = folder / "ad08"
    said, seconds = run(sluice, "compile", models / "tiny_results_v0.7" / "AD08_model.h5", "-o", package, "--name",
                        "ad08", "--config", config, "--json")
    said = json.loads(said)
    print(f"AD08: {said['estimate']['lut']} LUT, {said['latency_cycles']} cycles, compiled in {seconds:.0f} s")
    failed = False
    with np.load(models / "vectors" / "AD08.npz") as recorded:
        np.save(folder / "x.npy", recorded["x"])
        expected = recorded["y_exact"]
    for mode in ("hw_emu", "sw_emu"):
        _, seconds = run(sluice, "card", "--mode", mode, "--", sluice, "run", package, "--input", folder / "x.npy",
                         "--output", folder / "y.npy", "--device", "xrt:0")
        differing = int((np.load(folder / "y.npy").reshape(expected.shape) != expected).any(axis=1).sum())
        print(f"AD08 on the card ({mode}): {differing} of {len(expected)} events differ, {seconds:.0f} s")
        failed = failed or differing > 0
    return failed


def binary_network_in_rtl(sluice, models, folder):
    package = folder / "tfc"
    said, seconds = run(sluice, "compile", models / "qonnx_model_zoo" / "TFC_1W1A.onnx", "-o", package, "--name", "tfc",
                        "--json")
    said = json.loads(said)
    print(f"TFC_1W1A: {said['estimate']['lut']} LUT, {said['latency_cycles']} cycles, compiled in {seconds:.0f} s")
    said, seconds = run(sluice, "verify", package, "--samples", "2000", "--json")
    rows = json.loads(said)["engines"]
    for row in rows:
        print(f"TFC_1W1A, {row['engine']}: {row['differing']} of {row['events']} differ {row['skipped']}")
    print(f"TFC_1W1A: verified in {seconds:.0f} s")
    return any(row["differing"] or row["skipped"] for row in rows) or all(row["engine"] != "rtl" for row in rows)


def main():
    sluice = pathlib.Path(sys.argv[1])
    models = environment.models_folder()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        failed = [autoencoder_on_the_card(sluice, models, folder), binary_network_in_rtl(sluice, models, folder)]
    sys.exit(1 if any(failed) else 0)


if __name__ == "__main__":
    main()
