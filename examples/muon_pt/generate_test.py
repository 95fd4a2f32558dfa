#!/usr/bin/env python3
"""Tests of the program muon_pt_generate: generate_test.py PATH_OF_THE_PROGRAM."""
import csv
import pathlib
import subprocess
import sys
import tempfile
import unittest

import numpy as np

PROGRAM = None


class Generate(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)

    def run_program(self, *arguments):
        return subprocess.run([PROGRAM, *map(str, arguments)], cwd=self.folder, capture_output=True,
                              text=True, check=False)

    def test_forms_agree(self):
        done = self.run_program("--events", 500, "--seed", 4, "--spectrum", "logflat", "--output",
                                "x.npz", "--npy", "x.npy", "--csv", "x.csv")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        data = np.load(self.folder / "x.npz")
        self.assertEqual({k: (v.dtype, v.shape) for k, v in data.items()},
                         {"x": (np.float32, (500, 27)), "pt": (np.float32, (500,)),
                          "eta": (np.float32, (500,)), "l1_pt": (np.float32, (500,)), "density_power": (np.int8, (1,))})
        self.assertEqual(data["density_power"][0], 1, "logflat is 1/pT")
        np.testing.assert_array_equal(np.load(self.folder / "x.npy"), data["x"])
        self.assertTrue((data["pt"] >= 3).all() and (data["pt"] <= 200).all())
        self.assertTrue((np.abs(data["eta"]) <= 0.9).all())
        self.assertTrue((data["l1_pt"] >= 2).all() and (data["l1_pt"] <= 140).all())
        self.check_csv(data)

    def check_csv(self, data):
        """The table's columns, scaled as the documentation says, are x."""
        with open(self.folder / "x.csv", encoding="ascii") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual(list(rows[0])[:4],
                         ["Event", "genParticle.pt", "genParticle.eta", "l1Muon.pt"])
        names = list(rows[0])[4:]
        table = np.array([[float(row[name]) for name in names] for row in rows])
        np.testing.assert_allclose([float(r["genParticle.pt"]) for r in rows], data["pt"],
                                   atol=1e-5)  # six decimals in the table, float32 in the array
        quality = table[:, 17:21]
        self.assertTrue(np.isin(quality, [0, 2, 3, 4, 5, 6]).all())
        table[:, 17:21] = quality >= 4
        table[:, 13:17] /= 512
        scale = 2.0 ** np.array([0] * 9 + [-2] * 4 + [3, 4, 5, 5] + [0] * 4 + [6, 6, 6, 7, 7, 9])
        np.testing.assert_array_equal(np.clip(table * scale, -32, 32 - 2.0 ** -10), data["x"])

    def test_threads_do_not_matter(self):
        for threads in (1, 3):
            self.run_program("--events", 3000, "--threads", threads, "--npy", f"{threads}.npy")
        self.assertEqual((self.folder / "1.npy").read_bytes(), (self.folder / "3.npy").read_bytes())

    def test_seeds_matter(self):
        for seed in (1, 2):
            self.run_program("--events", 100, "--seed", seed, "--npy", f"{seed}.npy")
        self.assertFalse(np.array_equal(np.load(self.folder / "1.npy"),
                                        np.load(self.folder / "2.npy")))

    def test_refusals(self):
        for arguments, code, word in (
                (("--spectrum", "steep", "--npy", "x.npy"), 2, "logflat"),
                (("--pt-min", 50, "--pt-max", 5, "--npy", "x.npy"), 2, "pT range"),
                (("--events", -1, "--npy", "x.npy"), 2, "events"),
                (("--events", 10), 2, "--output"),
                (("--no-such-option",), 2, "--no-such-option"),
                (("--events", 10, "--npy", "missing/x.npy"), 4, "missing/x.npy")):
            done = self.run_program(*arguments)
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertIn(word, done.stderr)
        self.assertEqual(list(self.folder.iterdir()), [])


if __name__ == "__main__":
    PROGRAM = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main()
