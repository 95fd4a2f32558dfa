"""The wheel: built by pip from the sources, installed into an empty environment, tested there.

usage: wheel.py REPOSITORY PYTHON [WHEEL]        exit code 77: skipped, the package index cannot be reached
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77
TESTS = ("test_model.py", "test_session.py", "test_pynq.py", "test_mistakes.py")


class Unreachable(Exception):
    """The package index cannot be reached."""


def environment(folder, python, *packages):
    """A new virtual environment; its interpreter."""
    subprocess.run([python, "-m", "venv", folder], check=True)
    interpreter = folder / "bin" / "python"
    done = subprocess.run([interpreter, "-m", "pip", "install", "-q", "--retries", "0", *packages],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
    if done.returncode != 0:
        raise Unreachable(done.stdout.strip().splitlines()[-1:])
    return interpreter


def build(repository, python, folder):
    """The path of the wheel."""
    builder = environment(folder / "builder", python, "scikit-build-core>=0.8", "pybind11>=2.10")
    subprocess.run([builder, "-m", "pip", "wheel", "-q", "--no-build-isolation", "--no-deps", "-w", folder, repository],
                   check=True, env={**os.environ, "CCACHE_BASEDIR": str(repository), "CCACHE_NOHASHDIR": "1"})
    return next(folder.glob("sluice-*.whl"))


def main():
    repository, python = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2]
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-wheel-"))
    try:
        wheel = pathlib.Path(sys.argv[3]).resolve() if len(sys.argv) > 3 else build(repository, python, folder)
        print(f"{wheel.name}: {wheel.stat().st_size / 2**20:.1f} MiB")
        user = environment(folder / "user", python, "pytest")
        subprocess.run([user, "-m", "pip", "install", "-q", wheel], check=True)
        variables = {name: value for name, value in os.environ.items()
                     if not name.startswith(("XILINX_", "XCL_", "SLUICE_", "PYTHON"))}
        variables["PYTHONPATH"] = str(repository / "python" / "tests")
        tests = [repository / "python" / "tests" / name for name in TESTS]
        return subprocess.run([user, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "not on_cards", *tests],
                              cwd=folder, env=variables).returncode
    except Unreachable as error:
        print(f"SKIP: the package index cannot be reached: {error}")
        return SKIPPED
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
