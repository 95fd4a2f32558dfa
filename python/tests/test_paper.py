"""examples/paper: both listings run as they are, on the engine and on the emulated card."""
import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest

import sluice

SOURCE = pathlib.Path(__file__).resolve().parents[2]
PAPER = SOURCE / "examples" / "paper"
MODEL = SOURCE / "examples" / "muon_pt" / "model"
PACKAGES = pathlib.Path(os.environ["SLUICE_TEST_PACKAGES"])


@pytest.fixture
def vectors():
    with np.load(MODEL / "vectors.npz") as recorded:
        return recorded["x"][:64], recorded["y"][:64]


@pytest.fixture
def folder(tmp_path, vectors):
    np.save(tmp_path / "x.npy", vectors[0])
    shutil.copy(MODEL / "muon_pt.h5", tmp_path)
    return tmp_path


def run(file, folder, **variables):
    subprocess.run([sys.executable, "-B", PAPER / file], cwd=folder, check=True, env={**os.environ, **variables})


def test_listing_2(folder, vectors):
    x, y = vectors
    run("listing2_convert.py", folder)
    package = sluice.Package(folder / "muon_pt")
    for uri in ("engine", "rtl"):
        assert (sluice.Session(package, uri).predict(x) == y).all()
    assert package.verify(samples=2000, rtl_samples=500)


def test_listing_3_on_the_engine_and_the_verilated_kernel(folder, vectors):
    (folder / "muon_pt").symlink_to(PACKAGES / "muon_pt")
    for device in ("engine", "rtl"):
        run("listing3_infer.py", folder, SLUICE_DEVICE=device)
        assert (np.load(folder / "y.npy") == vectors[1]).all()
        (folder / "y.npy").unlink()


@pytest.mark.parametrize("mode", ["hw_emu", "sw_emu"])
def test_listing_3_on_the_emulated_card(folder, vectors, on_card, mode):
    (folder / "muon_pt").symlink_to(PACKAGES / "muon_pt")
    on_card(PAPER / "listing3_infer.py", mode=mode)
    assert (np.load(folder / "y.npy") == vectors[1]).all()


def test_the_listings_name_sluice_only_in_their_imports():
    for file in ("listing2_convert.py", "listing3_infer.py"):
        lines = [line for line in (PAPER / file).read_text().splitlines() if "sluice" in line]
        assert len(lines) == 1 and lines[0].startswith(("import sluice as hls4ml", "from sluice.pynq import"))
