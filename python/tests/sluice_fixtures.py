"""What the tests share, as a pytest plugin: models, packages, programs under the emulated card."""
import os
import pathlib
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import sluice

SOURCE = pathlib.Path(__file__).resolve().parents[2]
DATA = SOURCE / "tests" / "data"


@pytest.fixture(scope="session")
def tiny_model():
    """Path of a QKeras model with 4 inputs and 2 outputs."""
    return str(DATA / "qkeras_tiny.h5")


@pytest.fixture(scope="session")
def tiny_vectors():
    """Inputs, and the outputs that QKeras in float64 gave for them."""
    with np.load(DATA / "qkeras_tiny_vectors.npz") as recorded:
        return recorded["x"], recorded["y"]


@pytest.fixture(scope="session")
def tiny_package(tiny_model, tmp_path_factory):
    """Its package, without a Verilated kernel."""
    return sluice.compile(tiny_model, name="tiny").package(tmp_path_factory.mktemp("packages") / "tiny",
                                                           simulator=False)


@pytest.fixture(scope="session")
def packages():
    """Folder of the packages with Verilated kernels that the build's tests compile once."""
    folder = os.environ.get("SLUICE_TEST_PACKAGES")
    if not folder:
        pytest.fail("SLUICE_TEST_PACKAGES is not set: run these tests by ctest")
    return pathlib.Path(folder)


class CardRunner:
    """Runs Python programs under `sluice card`."""

    def __init__(self, folder):
        self.folder = folder

    def __call__(self, program, *arguments, mode="hw_emu", cards=1, timeout=120, **variables):
        """Returns stdout of `program`, source text or the path of a file; fails with its stderr."""
        command = [sys.executable, "-B"]
        command += [str(program)] if isinstance(program, pathlib.Path) else ["-c", textwrap.dedent(program)]
        done = self.run(*command, *arguments, mode=mode, cards=cards, timeout=timeout, **variables)
        assert done.returncode == 0, f"ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def run(self, *command, mode="hw_emu", cards=1, timeout=120, **variables):
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith(("XCL_", "XILINX_", "XRT_", "EMCONFIG_"))}
        environment.update(variables)
        return subprocess.run([os.environ["SLUICE_PROGRAM"], "card", "--mode", mode, "--cards", str(cards), "--",
                               *map(str, command)], capture_output=True, text=True, timeout=timeout,
                              cwd=self.folder, env=environment, stdin=subprocess.DEVNULL)


@pytest.fixture
def on_card(tmp_path):
    return CardRunner(tmp_path)


@pytest.fixture(autouse=True)
def doctest_folder(request, tmp_path, monkeypatch):
    """A doctest finds model.h5, float.h5 and a package folder `tiny` in the current folder."""
    if type(request.node).__name__ != "DoctestItem":
        return
    (tmp_path / "model.h5").symlink_to(request.getfixturevalue("tiny_model"))
    (tmp_path / "float.h5").symlink_to(DATA / "keras_float.h5")
    (tmp_path / "tiny").symlink_to(request.getfixturevalue("tiny_package").folder)
    monkeypatch.chdir(tmp_path)
