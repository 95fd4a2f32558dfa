#!/usr/bin/env python3
"""Tests of muon_pt_study and of a user's file through study.py: study_program_test.py BIN_FOLDER."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import metrics  # noqa: E402
import trigger  # noqa: E402

BIN = None


def run(*command, folder):
    return subprocess.run([str(word) for word in command], cwd=folder, capture_output=True, text=True, check=False)


class StudyProgram(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(temporary.cleanup)
        cls.folder = pathlib.Path(temporary.name)
        done = run(BIN / "sluice", "compile", HERE / "model" / "muon_pt.h5", "-o", "muon", "--name", "muon_pt",
                   folder=cls.folder)
        assert done.returncode == 0, done.stderr

    def study(self, *arguments):
        return run(BIN / "muon_pt_study", "muon", *arguments, folder=self.folder)

    def test_streams_what_the_other_programs_do_in_one_piece(self):
        sample = ("--events", 70_000, "--seed", 12, "--spectrum", "logflat", "--pt-min", 2, "--pt-max", 120)
        for threads in (1, 2):
            done = self.study(*sample, "--threads", threads, "--output", f"{threads}.npz")
            self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual((self.folder / "1.npz").read_bytes(), (self.folder / "2.npz").read_bytes())
        self.assertEqual(json.loads(done.stdout)["events"], 70_000)
        run(BIN / "muon_pt_generate", *sample, "--output", "e.npz", "--npy", "x.npy", folder=self.folder)
        done = run(BIN / "sluice", "run", "muon", "--input", "x.npy", "--output", "y.npy", folder=self.folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        streamed, whole = np.load(self.folder / "1.npz"), np.load(self.folder / "e.npz")
        for name in ("pt", "eta", "l1_pt", "density_power"):
            np.testing.assert_array_equal(streamed[name], whole[name])
        np.testing.assert_array_equal(streamed["y"], np.load(self.folder / "y.npy").reshape(-1))

    def test_the_committed_network_beats_the_look_up(self):
        for name, options in (("flat", ("--events", 200_000, "--seed", 41)),
                              ("rate", ("--events", 1_000_000, "--seed", 42, "--spectrum", "logflat", "--pt-min", 2,
                                        "--pt-max", 120))):
            done = self.study(*options, "--output", f"{name}.npz")
            self.assertEqual(done.returncode, 0, done.stderr)
        columns = np.load(self.folder / "flat.npz")
        widths = {}
        for name, estimate in (("look-up", columns["l1_pt"]), ("network", metrics.pt_from_output(columns["y"]))):
            r = metrics.residual(estimate, columns["pt"])
            widths[name] = metrics.hw68(r), metrics.bootstrap_errors(r)["hw68"]
        self.assertTrue(0.24 < widths["look-up"][0] < 0.28, widths)
        self.assertLess(widths["network"][0] + 5 * widths["network"][1], 0.145)
        columns = np.load(self.folder / "rate.npz")
        found = trigger.study_threshold(
            {"look-up": columns["l1_pt"].astype(np.float64), "network": metrics.pt_from_output(columns["y"])},
            columns["pt"].astype(np.float64), 20.0, 1, "look-up", "network")["aligned"]
        # At 90 % efficiency each, the look-up in steps of 0.5 GeV.
        for name in ("look-up", "network"):
            self.assertAlmostEqual(found[name]["at_threshold"]["value"], 0.9, delta=0.02)
        reduction = found["rate_reduction"]
        self.assertGreater(reduction["value"] - 3 * reduction["error"], 0.10, reduction)

    def test_memory_is_bounded(self):
        done = run("/usr/bin/python3", "-c",
                   "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=-3); "
                   "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)",
                   BIN / "muon_pt_study", "muon", "--events", 300_000, "--output", "m.npz", folder=self.folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        # 16 bytes of columns per muon, some copies while writing; the features alone would be 108 bytes.
        self.assertLess(int(done.stdout), 200_000, "KiB")

    def test_a_table_of_the_user(self):
        done = run(BIN / "muon_pt_generate", "--events", 3000, "--csv", "muons.csv", folder=self.folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        done = run("/usr/bin/python3", HERE / "study.py", "--events", "muons.csv", "--density-power", 0, "--package",
                   "muon", "--sluice", BIN / "sluice", "--output", "study", folder=self.folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        result = json.loads((self.folder / "study" / "study.json").read_text())
        row = result["resolution"]["slices"]["3-200"]["network"]
        self.assertEqual(row["n"], 3000)
        self.assertEqual(result["trigger"]["thresholds_left_out_gev"], [10, 20, 22, 25], "too few muons")
        self.assertEqual(len(list((self.folder / "study").glob("*.svg"))), 4)
        # 0.130 of a million muons; five errors of 3,000.
        self.assertAlmostEqual(row["hw68"], 0.130, delta=5 * row["errors"]["hw68"])

    def test_a_table_without_a_look_up(self):
        run(BIN / "muon_pt_generate", "--events", 2000, "--spectrum", "logflat", "--csv", "all.csv", folder=self.folder)
        text = (self.folder / "all.csv").read_text()
        (self.folder / "plain.csv").write_text(text.replace("l1Muon.pt", "other", 1))
        done = run("/usr/bin/python3", HERE / "study.py", "--events", "plain.csv", "--density-power", 1, "--package",
                   "muon", "--sluice", BIN / "sluice", "--output", "plain", folder=self.folder)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        result = json.loads((self.folder / "plain" / "study.json").read_text())
        self.assertEqual(list(result["resolution"]["slices"]["3-200"]), ["network"])
        self.assertNotIn("rate_reduction", json.dumps(result["trigger"]))

    def test_refusals(self):
        for arguments, code, word in ((("--events", 0, "--output", "x.npz"), 2, "events"),
                                      (("--device", "gpu", "--output", "x.npz"), 2, "gpu"),
                                      (("--spectrum", "steep", "--output", "x.npz"), 2, "logflat"),
                                      ((), 2, "--output")):
            done = self.study(*arguments)
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertIn(word, done.stderr)
        self.assertFalse((self.folder / "x.npz").exists())


if __name__ == "__main__":
    BIN = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main()
