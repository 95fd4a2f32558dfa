#!/usr/bin/env python3
"""hls4ml_semantics.py against hls4ml itself: hls4ml_interop_test.py BUILD PATH_OF_MUON_PT_GENERATE [--record]

Makes an environment with hls4ml in BUILD/hls4ml-venv once, from PyPI; ends with 77 where that cannot be
reached. --record writes model/hls4ml_vectors.npz from the recorded inputs of model/vectors.npz.
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import hls4ml_semantics as hls  # noqa: E402

EVENTS = 10_000
SKIPPED = 77
MODEL = HERE / "model" / "muon_pt.h5"
PROJECTS = {"model": hls.default_project, "name": hls.auto_project}


def skip(reason):
    print(f"SKIP: {reason}")
    sys.exit(SKIPPED)


def environment(build):
    """Python of an environment with hls4ml; made anew when the requirements change."""
    folder = build / "hls4ml-venv"
    wanted = "".join((HERE / name).read_text() for name in ("requirements.txt", "requirements-hls4ml.txt"))
    stamp = folder / "complete"
    if stamp.exists() and stamp.read_text() == wanted:
        return folder / "bin" / "python"
    if not (3, 9) <= sys.version_info[:2] <= (3, 11):
        skip(f"the pinned TensorFlow needs Python 3.9 to 3.11, this is {sys.version.split()[0]}")
    shutil.rmtree(folder, ignore_errors=True)
    if subprocess.run([sys.executable, "-m", "venv", folder], check=False).returncode != 0:
        skip("no virtual environment can be made: install python3-venv")
    pip = [folder / "bin" / "python", "-m", "pip", "--quiet", "--disable-pip-version-check", "--retries", "1",
           "--timeout", "15", "install"]
    if subprocess.run([*pip, "pyparsing==3.2.0"], check=False).returncode != 0:
        skip("PyPI cannot be reached")
    subprocess.run([*pip, "-r", HERE / "requirements-hls4ml.txt"], check=True)
    stamp.write_text(wanted)
    return folder / "bin" / "python"


def library_outputs(python, x, folder):
    np.save(folder / "x.npy", x)
    done = subprocess.run([python, HERE / "hls4ml_library.py", folder / "x.npy", folder], capture_output=True,
                          text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"hls4ml failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return {name: np.load(folder / f"{name}.npy") for name in PROJECTS}


def mantissas(values, project):
    scaled = np.ldexp(values, project.output.frac_bits)
    if (scaled != np.rint(scaled)).any():
        sys.exit(f"hls4ml's outputs are finer than 2^-{project.output.frac_bits}")
    return scaled.astype(np.int64)


def compare(x, outputs):
    """Number of events that differ, over both configurations."""
    total = 0
    inputs = np.ldexp(x.astype(np.float64), 10).astype(np.int64)
    exact = np.ldexp(hls.exact_project(hls.read_dense_layers(MODEL)).run(inputs, 10), -10)
    for name, make in PROJECTS.items():
        project = make(hls.read_dense_layers(MODEL))
        differing = (project.run(inputs, 10) != mantissas(outputs[name], project)).any(axis=1)
        total += int(differing.sum())
        apart = np.abs(outputs[name] - exact)
        print(f"granularity '{name}': {int(differing.sum())} of {len(x)} events differ from hls4ml's library; "
              f"{int((apart > 0).any(axis=1).sum())} of them from the exact model, by at most {apart.max():.6g}")
    return total


def main():
    build, generate = (pathlib.Path(word).resolve() for word in sys.argv[1:3])
    python = environment(build)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        if "--record" in sys.argv:
            x = np.load(HERE / "model" / "vectors.npz")["x"]
            outputs = library_outputs(python, x, folder)
            np.savez_compressed(HERE / "model" / "hls4ml_vectors.npz",
                                **{key: mantissas(outputs[key], make(hls.read_dense_layers(MODEL))).astype(np.int32)
                                   for key, make in PROJECTS.items()})
        else:
            subprocess.run([generate, "--events", str(EVENTS), "--seed", "606", "--npy", folder / "events.npy"],
                           check=True)
            x = np.load(folder / "events.npy")
            outputs = library_outputs(python, x, folder)
        return 1 if compare(x, outputs) else 0


if __name__ == "__main__":
    sys.exit(main())
