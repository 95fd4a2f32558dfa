#!/usr/bin/env python3
"""Tests of metrics.py, trigger.py and study.py."""
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


class Histograms(unittest.TestCase):
    def test_full_width_at_half_maximum(self):
        # At least half of 8: the bins 1 to 5, with the gap inside.
        self.assertAlmostEqual(metrics.fwhm([1, 4, 8, 3, 5, 6, 2], 0.02), 0.1)
        self.assertAlmostEqual(metrics.fwhm([0, 7, 0], 0.5), 0.5)
        self.assertTrue(np.isnan(metrics.fwhm([0, 0], 0.5)))

    def test_bins_and_what_lies_outside(self):
        self.assertEqual((len(metrics.RESIDUAL_BINS), metrics.RESIDUAL_BINS[0], metrics.RESIDUAL_BINS[-1]),
                         (151, -1, 2))
        histogram = metrics.histogram(np.array([-1.5, -0.995, 0.005, 0.015, 1.99, 7.0]), metrics.RESIDUAL_BINS)
        self.assertEqual((histogram["underflow"], histogram["overflow"], sum(histogram["counts"])), (1, 1, 4))
        self.assertEqual((histogram["counts"][0], histogram["counts"][50], histogram["counts"][-1]), (1, 2, 1))

    def test_ratio_of_outputs(self):
        output = np.array([0.0, 1.0, 2.0, -1.0])
        found = metrics.compare_outputs(output, output)
        self.assertEqual((found["identical"], found["identical_fraction"], found["largest_deviation"],
                          found["ratio_std"]), (4, 1.0, 0.0, 0.0))
        found = metrics.compare_outputs(output + [0, 0, 2.0**-10, 0], output)
        self.assertEqual(found["identical"], 3)
        self.assertAlmostEqual(found["largest_deviation"], 2 ** 2.0**-10 - 1)
        self.assertEqual(sum(found["histogram"]["counts"]), 4)


class Momentum(unittest.TestCase):
    def test_output_is_the_logarithm_of_pt(self):
        np.testing.assert_array_equal(metrics.pt_from_output([-5.0, 0.0, 2.0]), [1.0, 32.0, 128.0])
        pt = np.array([3.0, 20.0, 199.0])
        np.testing.assert_allclose(metrics.pt_from_output(metrics.output_from_pt(pt)), pt,
                                   rtol=1e-15)  # rounding of log2 and exp2

    def test_pt_is_kept_in_range(self):
        np.testing.assert_array_equal(metrics.pt_from_output([-31.0, 31.0]), [0.5, 400.0])

    def test_inverse_residual(self):
        np.testing.assert_allclose(metrics.inverse_residual([30.0, 10.0], [20.0, 20.0]), [-1 / 3, 1.0])

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


    def test_bootstrap_is_that_of_resampled_muons(self):
        r = np.random.default_rng(5).gamma(4.0, 0.1, 5000) - 0.4
        rng = np.random.default_rng(6)
        statistics = {"median": np.median, "hw68": metrics.hw68, "rms": lambda v: metrics.rms(metrics.core(v)),
                      "rms_all": metrics.rms, "fwhm": metrics.residual_fwhm}
        replicas = [rng.choice(r, r.size) for _ in range(400)]
        errors = metrics.bootstrap_errors(r, replicas=400)
        for name, function in statistics.items():
            direct = np.std([function(replica) for replica in replicas], ddof=1)
            # Two estimates from 400 replicas each: 3.5 % apart for a normal distribution; five of these.
            self.assertAlmostEqual(errors[name] / direct, 1.0, delta=0.25 if name == "fwhm" else 0.18, msg=name)


class Trigger(unittest.TestCase):
    def test_clopper_pearson(self):
        for k, n, low, high in ((0, 10, 0, .16815), (5, 10, .30481, .69519), (10, 10, .83185, 1),
                                (1, 100, .00173, .03262), (95, 100, .91759, .97143), (17, 379, .03422, .05818)):
            found = trigger.clopper_pearson(k, n)
            np.testing.assert_allclose(found, (low, high), rtol=0, atol=5.1e-6)  # five decimals are given
        self.assertTrue(np.isnan(trigger.clopper_pearson(0, 0)).all())

    def test_scale_puts_the_tenth_percentile_on_the_threshold(self):
        pt_true = np.full(101, 20.0)
        pt_est = np.linspace(10.0, 20.0, 101)
        self.assertAlmostEqual(trigger.scale_at_90(pt_est, pt_true, 20.0), 20.0 / 11.0)
        with self.assertRaisesRegex(ValueError, "no muon"):
            trigger.scale_at_90(pt_est, pt_true, 50.0)

    def test_rate_weights_turn_the_generated_spectrum_into_the_assumed_one(self):
        np.testing.assert_allclose(trigger.rate_weights([2.0, 4.0, 1.9, 121.0], 1), [2.0**-4, 4.0**-4, 0, 0])
        np.testing.assert_allclose(trigger.rate_weights([2.0], 0), [2.0**-5])

    def test_rate_and_its_error(self):
        weight = trigger.rate_weights(np.array([2.0, 4.0]), 1)
        rate, error = trigger.relative_rate(np.array([False, True]), weight)
        self.assertAlmostEqual(rate, 1 / 17)
        self.assertAlmostEqual(error, 1 / 17)

    def test_ideal_rate_of_a_generated_sample(self):
        pt = 2 * 60 ** np.random.default_rng(8).random(200_000)  # flat in log(pT), 2 to 120 GeV
        rate, error = trigger.relative_rate(pt >= 20, trigger.rate_weights(pt, 1))
        exact = (20.0**-4 - 120.0**-4) / (2.0**-4 - 120.0**-4)
        self.assertAlmostEqual(rate, exact, delta=5 * error)

    def test_turn_on_counts_and_crossings(self):
        pt = np.repeat(np.sqrt(trigger.TURN_ON_BINS_GEV[1:] * trigger.TURN_ON_BINS_GEV[:-1]), 10)
        bins = np.arange(len(pt)) // 10
        efficiency = np.clip((bins - 20) / 10, 0, 1)  # 0 up to bin 20, 1 from bin 30
        accepted = np.arange(len(pt)) % 10 < np.round(10 * efficiency)
        curve = trigger.turn_on(accepted, pt)
        self.assertEqual(curve["muons"].tolist(), [10] * 45)
        self.assertEqual(curve["accepted"].tolist(), [min(max(k - 20, 0), 10) for k in range(45)])
        centre = np.sqrt(curve["bins_gev"][1:] * curve["bins_gev"][:-1])
        self.assertAlmostEqual(trigger.crossing(curve, 0.2), centre[22])
        self.assertAlmostEqual(trigger.crossing(curve, 0.25), np.sqrt(centre[22] * centre[23]))
        self.assertIsNone(trigger.crossing(trigger.turn_on(np.zeros(len(pt), bool), pt), 0.5))

    def test_fractions(self):
        pt = np.array([4.0, 4.0, 12.0, 30.0])
        found = trigger.describe(np.array([True, False, False, True]), pt, 20.0, trigger.rate_weights(pt, 1))
        self.assertEqual((found["misassigned"]["k"], found["misassigned"]["n"]), (1, 2), "3 < pT < T/2")
        self.assertEqual((found["misassigned_5_15"]["k"], found["misassigned_5_15"]["n"]), (0, 1))
        self.assertEqual((found["plateau"]["k"], found["plateau"]["n"]), (0, 0), "above 1.5 T")
        self.assertIsNone(found["plateau"]["value"])

    def test_error_of_a_rate_ratio_on_the_same_muons(self):
        rng = np.random.default_rng(4)
        pt = 2 * 60 ** rng.random(100_000)
        weight = trigger.rate_weights(pt, 1)
        first, second = (pt * rng.normal(1, width, pt.size) > 8 for width in (0.1, 0.3))
        ratio = weight[first].sum() / weight[second].sum()
        # To first order: the weighted scatter of (first - ratio * second).
        exact = np.sqrt((weight**2 * (first - ratio * second) ** 2).sum()) / weight[second].sum()
        pairs = trigger.PairedRates(pt, weight)
        self.assertAlmostEqual(pairs.ratio_error(first, second) / exact, 1, delta=0.25)  # 5 % by 200 replicas
        self.assertEqual(pairs.ratio_error(first, first), 0.0, "the same muons have the same rate")

    def test_study_aligns_the_network_and_leaves_the_baseline(self):
        rng = np.random.default_rng(7)
        pt = 2 * 60 ** rng.random(60_000)
        estimates = {"L1-like": pt * 1.3, "network": pt * rng.normal(0.9, 0.1, pt.size)}
        found = trigger.study_threshold(estimates, pt, 20.0, 1, "L1-like", "network")
        self.assertEqual(found["aligned"]["L1-like"]["scale"], 1.0)
        self.assertAlmostEqual(found["aligned"]["network"]["at_threshold"]["value"], 0.9, delta=1e-3)
        self.assertEqual(found["unaligned"]["network"]["scale"], 1.0)
        self.assertGreater(found["aligned"]["network"]["rate"][0], found["unaligned"]["network"]["rate"][0])


class Study(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)

    def run_study(self, *arguments):
        return subprocess.run([sys.executable, HERE / "study.py", *arguments, "--output", self.folder / "study"],
                              cwd=self.folder, capture_output=True, text=True, check=False)

    def write(self, pt, card_shift=0.0, dtype=np.float32, density_power=0):
        rng = np.random.default_rng(3)
        output = np.round(1024 * (np.log2(pt) - 5 + rng.normal(0, 0.15, pt.size))) / 1024
        card = output.copy()
        card[7] += card_shift
        np.savez(self.folder / "columns.npz", pt=pt, l1_pt=pt * rng.normal(1, 0.3, pt.size), y=output,
                 density_power=np.array([density_power]))
        np.save(self.folder / "card.npy", card.astype(dtype)[:, None])

    def result(self):
        return json.loads((self.folder / "study" / "study.json").read_text())

    def test_resolution(self):
        self.write(np.random.default_rng(3).uniform(3, 200, 3000))
        done = self.run_study("--columns", "columns.npz", "--card", "card.npy")
        self.assertEqual(done.returncode, 0, done.stderr)
        slices = self.result()["resolution"]["slices"]
        rows = slices["3-200"]
        self.assertEqual(set(rows), {"L1-like", "network", "network on card"})
        self.assertEqual(rows["network"], rows["network on card"])
        # exp2 of a normal of width 0.15: half-width 0.15 ln 2 = 0.104; statistical error 2 %.
        self.assertAlmostEqual(rows["network"]["hw68"], 0.104, delta=0.01)
        histogram = rows["L1-like"]["histogram"]
        self.assertEqual(sum(histogram["counts"]) + histogram["underflow"] + histogram["overflow"], 3000)
        self.assertEqual(sum(slices[s]["L1-like"]["n"] for s in
                             ("3-8", "8-15", "15-25", "25-40", "40-60", "60-80", "80-100", "100-150", "150-200")),
                         3000)
        self.assertEqual(self.result()["resolution"]["card_and_cpu"]["identical_fraction"], 1.0)
        names = {path.stem for path in (self.folder / "study").glob("*.png")}
        self.assertEqual(names, {path.stem for path in (self.folder / "study").glob("*.svg")})
        self.assertEqual(names, {"resolution_3_200_GeV", "resolution_3_40_GeV", "resolution_40_120_GeV",
                                 "resolution_against_pt", "ratio_card_to_cpu"})

    def test_sees_one_different_output_of_a_card_that_ran_the_first_muons(self):
        self.write(np.random.default_rng(3).uniform(3, 200, 3000), 1 / 1024)
        np.save(self.folder / "card.npy", np.load(self.folder / "card.npy")[:1000])
        self.assertEqual(self.run_study("--columns", "columns.npz", "--card", "card.npy").returncode, 0)
        card = self.result()["resolution"]["card_and_cpu"]
        self.assertEqual((card["n"], card["identical"]), (1000, 999))
        self.assertAlmostEqual(card["largest_deviation"], 2 ** (1 / 1024) - 1)

    def test_trigger(self):
        self.write(2 * 60 ** np.random.default_rng(4).random(20_000), density_power=1)
        done = self.run_study("--trigger", "columns.npz")
        self.assertEqual(done.returncode, 0, done.stderr)
        found = self.result()["trigger"]
        self.assertEqual([entry["threshold_gev"] for entry in found["thresholds"]], [10, 20, 22, 25])
        self.assertIn("pT^-5", found["spectrum"])
        self.assertEqual({path.name for path in (self.folder / "study").glob("*.png")},
                         {"turn_on.png", "low_pt_muons.png", "rate.png"})

    def test_refusals(self):
        self.write(np.random.default_rng(3).uniform(3, 200, 300), dtype=np.int16)
        for arguments, words in ((("--columns", "columns.npz", "--card", "card.npy"), "real numbers"),
                                 (("--quantisation", "columns.npz"), "inputs x"),
                                 (("--columns", "missing.npz"), "missing.npz")):
            done = self.run_study(*arguments)
            self.assertEqual(done.returncode, 2)
            self.assertIn(words, done.stderr)


if __name__ == "__main__":
    unittest.main()
