#!/usr/bin/env python3
"""Tests of metrics.py and study.py."""
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


class Widths(unittest.TestCase):
    def test_half_width_of_order_statistics(self):
        # 0, 1, ..., 100: the 16th and 84th percentiles are 16 and 84.
        self.assertAlmostEqual(metrics.hw68(np.arange(101.0)), 34.0)
        # Two values: linear interpolation gives 0.16 and 0.84.
        self.assertAlmostEqual(metrics.hw68(np.array([0.0, 1.0])), 0.34)

    def test_half_width_of_a_normal_distribution_is_sigma(self):
        r = np.random.default_rng(1).normal(0.3, 0.2, 200_000)
        # 0.9945 sigma by definition (16-84 % instead of 15.87-84.13 %); error of the estimate 0.3 %.
        self.assertAlmostEqual(metrics.hw68(r) / 0.2, 0.9945, delta=0.015)

    def test_rms_leaves_out_outliers_and_rms_all_does_not(self):
        r = np.array([-0.1, 0.1, 0.1, -0.1, 5.0])
        figures = metrics.summary(r)
        self.assertAlmostEqual(figures["rms"], 0.1)
        self.assertAlmostEqual(figures["mean"], 0.0)
        self.assertAlmostEqual(figures["rms_all"], np.std(r))
        self.assertAlmostEqual(figures["outlier_fraction"], 0.2)
        self.assertAlmostEqual(figures["median"], 0.1)

    def test_values_that_are_not_finite_are_counted_and_left_out(self):
        figures = metrics.summary(np.array([0.5, np.nan, np.inf, 0.5]))
        self.assertEqual((figures["n"], figures["n_nonfinite"]), (4, 2))
        self.assertEqual(figures["median"], 0.5)
        self.assertEqual(metrics.summary(np.array([np.nan])), {"n": 1, "n_nonfinite": 1})


class Momentum(unittest.TestCase):
    def test_output_is_the_logarithm_of_pt(self):
        np.testing.assert_array_equal(metrics.pt_from_output([-5.0, 0.0, 2.0]), [1.0, 32.0, 128.0])
        pt = np.array([3.0, 20.0, 199.0])
        np.testing.assert_allclose(metrics.pt_from_output(metrics.output_from_pt(pt)), pt,
                                   rtol=1e-15)  # rounding of log2 and exp2

    def test_pt_is_kept_in_range(self):
        np.testing.assert_array_equal(metrics.pt_from_output([-31.0, 31.0]), [0.5, 400.0])

    def test_residual(self):
        np.testing.assert_array_equal(metrics.residual([30.0, 10.0], [20.0, 20.0]), [0.5, -0.5])


class Errors(unittest.TestCase):
    def test_bootstrap_error_of_a_normal_median(self):
        r = np.random.default_rng(2).normal(0, 1, 4000)
        errors = metrics.bootstrap_errors(r)
        # sqrt(pi / 2n) = 0.0198 and 1 / sqrt(2n) = 0.0112; 200 replicas know them to 5 %, the
        # density at the median to 10 % more.
        self.assertAlmostEqual(errors["median"], 0.0198, delta=0.006)
        self.assertAlmostEqual(errors["rms_all"], 0.0112, delta=0.003)
        self.assertEqual(errors, metrics.bootstrap_errors(r), "the seed is fixed")


class Trigger(unittest.TestCase):
    def test_scale_puts_the_tenth_percentile_on_the_threshold(self):
        pt_true = np.full(101, 20.0)
        pt_est = np.linspace(10.0, 20.0, 101)
        self.assertAlmostEqual(metrics.scale_at_90(pt_est, pt_true, 20.0), 20.0 / 11.0)

    def test_rate_weights_fall_with_the_fourth_power(self):
        rate, error = metrics.relative_rate(np.array([False, True]), np.array([1.0, 2.0]))
        self.assertAlmostEqual(rate, 1 / 17)
        self.assertAlmostEqual(error, 1 / 17)


class Study(unittest.TestCase):
    def run_study(self, folder, card_shift, dtype=np.float32):
        rng = np.random.default_rng(3)
        pt = rng.uniform(3, 200, 3000).astype(np.float32)
        output = np.round(1024 * (np.log2(pt) - 5 + rng.normal(0, 0.15, pt.size))) / 1024
        card = output.copy()
        card[7] += card_shift
        np.savez(folder / "events.npz", pt=pt, l1_pt=pt * rng.normal(1, 0.3, pt.size))
        np.save(folder / "y.npy", output.astype(dtype))
        np.save(folder / "card.npy", card.astype(dtype)[:, None])
        return subprocess.run(
            [sys.executable, HERE / "study.py", "--truth", folder / "events.npz", "--network",
             folder / "y.npy", "--card", folder / "card.npy", "--output", folder / "study"],
            capture_output=True, text=True, check=False)

    def test_writes_figures_and_pictures(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            done = self.run_study(folder, 0.0)
            self.assertEqual(done.returncode, 0, done.stderr)
            result = json.loads((folder / "study" / "resolution.json").read_text())
            rows = result["slices"]["3-200"]
            self.assertEqual(set(rows), {"L1-like", "network on CPU", "network on card"})
            self.assertEqual(rows["network on CPU"], rows["network on card"])
            # exp2 of a normal of width 0.15: half-width 0.15 ln 2 = 0.104; statistical error 2 %.
            self.assertAlmostEqual(rows["network on CPU"]["hw68"], 0.104, delta=0.01)
            histogram = rows["L1-like"]["histogram"]
            self.assertEqual(sum(histogram["counts"]) + histogram["underflow"] +
                             histogram["overflow"], 3000)
            self.assertEqual(sum(result["slices"][s]["L1-like"]["n"] for s in
                                 ("3-8", "8-15", "15-25", "25-40", "40-60", "60-80", "80-100",
                                  "100-150", "150-200")), 3000)
            self.assertEqual(result["card_and_cpu"]["identical_fraction"], 1.0)
            self.assertEqual(len(list((folder / "study").glob("*.png"))), 5)

    def test_sees_one_different_output(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            self.assertEqual(self.run_study(folder, 1 / 1024).returncode, 0)
            card = json.loads((folder / "study" / "resolution.json").read_text())["card_and_cpu"]
            self.assertEqual(card["identical"], 2999)
            self.assertAlmostEqual(card["largest_deviation"], 2 ** (1 / 1024) - 1)

    def test_refuses_mantissas(self):
        with tempfile.TemporaryDirectory() as name:
            done = self.run_study(pathlib.Path(name), 0.0, np.int16)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("real numbers", done.stderr)


if __name__ == "__main__":
    unittest.main()
