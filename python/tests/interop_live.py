"""Runs live_models.py in environments of their own from PyPI.

usage: interop_live.py BUILD REPOSITORY, with the package `sluice` on PYTHONPATH        exit code 77: skipped, no PyPI
"""
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
SKIPPED = 77
MODERN = ("hgq2==0.2.0", "keras==3.15.1", "jax[cpu]==0.10.2", "onnx==1.23.2", "onnxruntime==1.32.0")


def modern_environment(folder):
    """Keras 3 with HGQ2, and onnxruntime. They do not mix with the TensorFlow that QKeras needs."""
    python = folder / "bin" / "python"
    for step in ([sys.executable, "-m", "venv", folder],
                 [python, "-m", "pip", "install", "--quiet", "--retries", "1", "--timeout", "20", *MODERN]):
        done = subprocess.run([str(word) for word in step], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            print(f"SKIP: {done.stderr.strip().splitlines()[-1:]}")
            sys.exit(SKIPPED)
    return python


def main():
    build, repository = (pathlib.Path(word).resolve() for word in sys.argv[1:3])
    sys.path.insert(0, str(repository / "examples" / "muon_pt"))
    import hls4ml_interop_test
    with tempfile.TemporaryDirectory(prefix="sluice-live-") as folder:
        given = os.environ.get("SLUICE_HGQ2_PYTHON")
        qkeras = hls4ml_interop_test.environment(build)
        modern = given or modern_environment(pathlib.Path(folder) / "venv")
        failed = []
        for which, python in (("qkeras", qkeras), ("listing2", qkeras), ("hgq2", modern), ("onnx", modern)):
            done = subprocess.run([python, "-B", HERE / "live_models.py", which, repository], cwd=folder, check=False,
                                  capture_output=True, text=True, timeout=600,
                                  env={**os.environ, "KERAS_BACKEND": "jax", "JAX_ENABLE_X64": "1"})
            print(done.stdout.strip(), flush=True)
            if done.returncode != 0:
                print(done.stderr[-3000:])
                failed.append(which)
        return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
