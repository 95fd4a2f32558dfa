"""Environments of their own for tests that need packages from PyPI."""
import pathlib
import os
import subprocess
import sys

SKIPPED = 77
ROOT = pathlib.Path(__file__).resolve().parents[2]


def skip(why):
    print(f"SKIP: {why}")
    sys.exit(SKIPPED)


def python_with(variable, folder, packages):
    """The interpreter that the environment variable names, else one of a new environment in `folder` with these
    packages; ends the test as skipped where they cannot be had."""
    if variable in os.environ:
        return pathlib.Path(os.environ[variable])
    python = folder / "bin" / "python"
    for step in ([sys.executable, "-m", "venv", str(folder)],
                 [str(python), "-m", "pip", "install", "--quiet", "--timeout", "20", *packages]):
        done = subprocess.run(step, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            skip(f"{' '.join(step[-4:])}: {done.stderr.strip().splitlines()[-1:]}")
    return python


def models_folder():
    """The folder of third-party models; ends the test as skipped where there is none."""
    folder = pathlib.Path(os.environ.get("SLUICE_MODELS_DIR", ROOT.parent / "shared" / "models"))
    if not folder.is_dir():
        skip(f"no model files in {folder}; set SLUICE_MODELS_DIR")
    return folder
