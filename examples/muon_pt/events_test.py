#!/usr/bin/env python3
"""Tests of events.py: events_test.py PATH_OF_MUON_PT_GENERATE."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

import h5py
import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import events  # noqa: E402

PROGRAM = None


class Read(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)
        subprocess.run([PROGRAM, "--events", "400", "--seed", "9", "--spectrum", "invpt", "--output",
                        "e.npz", "--csv", "e.csv", "--npy", "e.npy"], cwd=self.folder, check=True)
        self.truth = np.load(self.folder / "e.npz")

    def assert_same(self, found, pt_tolerance=0.0):
        np.testing.assert_array_equal(found.x, self.truth["x"])
        np.testing.assert_allclose(found.pt, self.truth["pt"], rtol=0, atol=pt_tolerance)
        np.testing.assert_array_equal(found.columns["l1_pt"], self.truth["l1_pt"])

    def test_npz_as_generated(self):
        found = events.read(self.folder / "e.npz")
        self.assert_same(found)
        self.assertEqual(found.density_power, 2)

    def test_csv_gives_the_same_inputs(self):
        self.assert_same(events.read(self.folder / "e.csv"), 1e-5)  # six decimals in the table

    def test_csv_in_parts(self):
        self.addCleanup(setattr, events, "CHUNK_ROWS", events.CHUNK_ROWS)
        events.CHUNK_ROWS = 7
        self.assert_same(events.read(self.folder / "e.csv"), 1e-5)

    def test_npy_with_pt(self):
        np.save(self.folder / "pt.npy", self.truth["pt"])
        found = events.read(self.folder / "e.npy", self.folder / "pt.npy")
        np.testing.assert_array_equal(found.x, self.truth["x"])
        with self.assertRaisesRegex(events.InputError, "--pt"):
            events.read(self.folder / "e.npy")

    def test_hdf5_of_arrays_and_of_columns(self):
        with h5py.File(self.folder / "a.h5", "w") as file:
            for name in ("x", "pt", "l1_pt"):
                file[name] = self.truth[name]
        self.assert_same(events.read(self.folder / "a.h5"))
        header = (self.folder / "e.csv").read_text().split("\n", 1)[0].split(",")
        table = np.loadtxt(self.folder / "e.csv", delimiter=",", skiprows=1)
        with h5py.File(self.folder / "b.h5", "w") as file:
            for name, column in zip(header, table.T):
                file[name] = column
        self.assert_same(events.read(self.folder / "b.h5"), 1e-5)

    def test_other_writers_of_the_table(self):
        """More columns in another order, signed azimuths in float, a muon of one primitive."""
        header = (self.folder / "e.csv").read_text().split("\n", 1)[0].split(",")
        table = np.loadtxt(self.folder / "e.csv", delimiter=",", skiprows=1)
        table[:, -6:] *= -1
        table[:, -6:] += 1e-9
        table[5, header.index("n_Primitive")] = 1
        order = np.random.default_rng(1).permutation(len(header))
        with open(self.folder / "other.csv", "w", encoding="ascii") as file:
            file.write(",".join(["comment", *(header[k] for k in order)]) + "\n")
            for row in table:
                file.write(",".join(["-", *(repr(float(row[k])) for k in order)]) + "\n")
        found = events.read(self.folder / "other.csv")
        self.assertEqual(found.left_out, 1)
        np.testing.assert_array_equal(found.x, np.delete(self.truth["x"], 5, axis=0))

    def test_refusals(self):
        text = (self.folder / "e.csv").read_text()
        for name, content, words in (
                ("empty.csv", "", "is empty"),
                ("head.csv", text.split("\n", 1)[0] + "\n", "no rows"),
                ("renamed.csv", text.replace("2dtPrimitive.phiB", "phi"), "2dtPrimitive.phiB is missing"),
                ("word.csv", text.replace("\n0,", "\nzero,", 1).replace(",2,", ",two,", 1), "lines 2 to"),
                ("short.csv", text + "1,2\n", "lines 2 to 402"),
                ("x.root", "", "known are")):
            (self.folder / name).write_text(content)
            with self.assertRaisesRegex(events.InputError, words, msg=name):
                events.read(self.folder / name)
        np.savez(self.folder / "short.npz", x=self.truth["x"][:-1], pt=self.truth["pt"])
        with self.assertRaisesRegex(events.InputError, "expected"):
            events.read(self.folder / "short.npz")
        pt = self.truth["pt"].copy()
        pt[3] = np.nan
        np.savez(self.folder / "nan.npz", x=self.truth["x"], pt=pt)
        with self.assertRaisesRegex(events.InputError, "true pT"):
            events.read(self.folder / "nan.npz")


if __name__ == "__main__":
    PROGRAM = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main()
