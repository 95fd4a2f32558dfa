"""The wheel: built by pip from the sources, installed into an empty environment, tested there.

usage: wheel.py REPOSITORY PYTHON...        PYTHON: an interpreter, or `newest`; exit code 77: skipped, no package index

For every interpreter: neither the environment that builds nor the one that tests sees NumPy's headers or Debian's
packages. The tests run with XRT, the emulated card's among them, and with XRT hidden where that is allowed.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77
# Those that need no Verilated kernel and no card.
TESTS = ("test_model.py", "test_session.py", "test_pynq.py")
CARD_TESTS = "whole_api or dead_card or eight_threads"


class Unreachable(Exception):
    """The package index cannot be reached."""


def newest():
    """The newest CPython on the path or installed by pyenv; prereleases and those that cannot run are left out."""
    folders = [*map(pathlib.Path, os.environ.get("PATH", "").split(":")),
               *pathlib.Path.home().glob(".pyenv/versions/*/bin")]
    found = {}
    for file in (file for folder in folders if folder.is_dir() for file in folder.glob("python3.*")):
        if not re.fullmatch(r"python3\.[0-9]+", file.name):
            continue
        done = subprocess.run([file, "-c", "import sys; print(*sys.version_info[:3], sys.version_info[3])"],
                              capture_output=True, text=True)
        if done.returncode == 0 and done.stdout.split()[3] == "final":
            found[tuple(map(int, done.stdout.split()[:3]))] = str(file)
    return found[max(found)]


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
    assert subprocess.run([builder, "-c", "import numpy"], capture_output=True).returncode != 0
    subprocess.run([builder, "-m", "pip", "wheel", "-q", "--no-build-isolation", "--no-deps", "-w", folder, repository],
                   check=True, env={**os.environ, "CCACHE_BASEDIR": str(repository), "CCACHE_NOHASHDIR": "1"})
    return next(folder.glob("sluice-*.whl"))


class Installed:
    """A wheel in an empty environment."""

    def __init__(self, repository, python, wheel, folder):
        self.repository, self.folder = repository, folder
        self.python = environment(folder / "user", python, "pytest")
        subprocess.run([self.python, "-m", "pip", "install", "-q", wheel], check=True)
        self.program = self.python.with_name("sluice")
        self.packages = folder / "packages"
        self.variables = {name: value for name, value in os.environ.items()
                          if not name.startswith(("XILINX_", "XCL_", "SLUICE_", "PYTHON"))}
        self.variables.update(PYTHONPATH=str(repository / "python" / "tests"), SLUICE_PROGRAM=str(self.program),
                              SLUICE_TEST_PACKAGES=str(self.packages))

    def run(self, *command):
        return subprocess.run([str(word) for word in command], cwd=self.folder, env=self.variables).returncode

    def pytest(self, names, choice):
        files = [self.repository / "python" / "tests" / name for name in names]
        return self.run(self.python, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", choice, *files)

    def make_packages(self):
        data = self.repository / "tests" / "data"
        return any(self.run(self.program, "-q", "compile", data / f"qkeras_{name}.h5", "-o", self.packages / name, "--name",
                            name) for name in ("tiny", "functional"))

    def failed(self):
        return (self.make_packages() or self.pytest(TESTS, "not on_cards")
                or self.pytest(["test_without_xrt.py"], "without") or self.pytest(["test_card.py"], CARD_TESTS))


def main():
    repository = pathlib.Path(sys.argv[1]).resolve()
    for word in sys.argv[2:]:
        python = newest() if word == "newest" else word
        folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-wheel-"))
        try:
            wheel = build(repository, python, folder)
            print(f"{wheel.name}: {wheel.stat().st_size / 2**20:.1f} MiB", flush=True)
            if Installed(repository, python, wheel, folder).failed():
                return 1
        except Unreachable as error:
            print(f"SKIP: the package index cannot be reached: {error}")
            return SKIPPED
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
