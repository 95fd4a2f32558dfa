#!/usr/bin/env python3
"""Tests of hls4ml_semantics.py and quantisation.py on recorded outputs of hls4ml 1.1.0 and of QKeras."""
import pathlib
import sys
import unittest

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import hls4ml_semantics as hls  # noqa: E402
import quantisation  # noqa: E402

MODEL = HERE / "model" / "muon_pt.h5"
FLOAT_MODEL = HERE / "model" / "muon_pt_float.h5"


class Casts(unittest.TestCase):
    def cast(self, values, frac_bits, target):
        return hls.cast(np.array(values, np.int64), frac_bits, hls.parse_format(target)).tolist()

    def test_formats(self):
        self.assertEqual(hls.parse_format("ap_fixed<16,6>"), hls.Format(16, 6, True, "TRN", "WRAP"))
        self.assertEqual(hls.parse_format("ufixed<15,5,RND_CONV,SAT,0>"), hls.Format(15, 5, False, "RND_CONV", "SAT"))
        self.assertEqual(hls.parse_format("ap_ufixed<8, 9,AP_RND,AP_SAT>").frac_bits, -1)
        self.assertEqual(hls.Format(4, 2).limits, (-8, 7))
        self.assertEqual(hls.Format(4, 2, False).limits, (0, 15))
        for text in ("ap_int<4>", "float", "ap_fixed<4,2,AP_RND_ZERO,AP_SAT>"):
            with self.assertRaises(ValueError):
                hls.parse_format(text)

    def test_rounding(self):
        values = [-7, -6, -5, -2, -1, 0, 1, 2, 3, 5, 6, 7]  # quarters, to integers
        self.assertEqual(self.cast(values, 2, "ap_fixed<8,8>"), [-2, -2, -2, -1, -1, 0, 0, 0, 0, 1, 1, 1])
        self.assertEqual(self.cast(values, 2, "ap_fixed<8,8,RND,WRAP>"), [-2, -1, -1, 0, 0, 0, 0, 1, 1, 1, 2, 2])
        self.assertEqual(self.cast(values, 2, "ap_fixed<8,8,RND_CONV,WRAP>"),
                         [-2, -2, -1, 0, 0, 0, 0, 0, 1, 1, 2, 2])

    def test_overflow(self):
        self.assertEqual(self.cast([7, 8, 9, -8, -9, 16, 24], 0, "ap_fixed<4,4>"), [7, -8, -7, -8, 7, 0, -8])
        self.assertEqual(self.cast([7, 8, -8, -9], 0, "ap_fixed<4,4,TRN,SAT>"), [7, 7, -8, -8])
        self.assertEqual(self.cast([-1, 15, 16], 0, "ap_ufixed<4,4>"), [15, 15, 0])
        self.assertEqual(self.cast([3], 0, "ap_fixed<8,6>"), [12], "more fractional bits")

    def test_each_product_is_cut_before_it_is_added(self):
        weights = np.array([[1], [1], [1]])
        layer = hls.Dense("d", weights, np.array([0]), 2, hls.parse_format("ap_fixed<8,8>"),
                          hls.parse_format("ap_fixed<8,8>"))
        # Three products of 3/4 are 0 each when cut; their exact sum is 2 when cut once.
        self.assertEqual(layer.run(np.array([[3, 3, 3]]), 0).tolist(), [[0]])
        self.assertEqual(layer.run(np.array([[-1, 0, 0]]), 0).tolist(), [[-1]])


class Recorded(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        recorded = np.load(HERE / "model" / "vectors.npz")
        cls.x, cls.y = recorded["x"], recorded["y"].reshape(-1, 1)
        cls.inputs = np.ldexp(cls.x.astype(np.float64), 10).astype(np.int64)
        cls.hls4ml = np.load(HERE / "model" / "hls4ml_vectors.npz")

    def test_default_configuration(self):
        found = hls.default_project(hls.read_dense_layers(MODEL)).run(self.inputs, 10)
        np.testing.assert_array_equal(found, self.hls4ml["model"])
        self.assertGreater(np.count_nonzero(np.ldexp(found, -10) != self.y), 1000, "it cuts and wraps")

    def test_types_by_layer(self):
        found = hls.auto_project(hls.read_dense_layers(MODEL)).run(self.inputs, 10)
        np.testing.assert_array_equal(found, self.hls4ml["name"])

    def test_types_by_layer_miss_only_the_last_quantiser(self):
        sums = hls.auto_project(hls.read_dense_layers(MODEL)).run(self.inputs, 10)
        np.testing.assert_array_equal(np.ldexp(hls.cast(sums, 20, hls.QKERAS_RESULT), -10), self.y)
        self.assertLessEqual(np.abs(np.ldexp(sums, -20) - self.y).max(), 2.0**-11)

    def test_exact_project_is_qkeras(self):
        for layers in (hls.read_dense_layers(MODEL), hls.rounded_layers(MODEL)):
            np.testing.assert_array_equal(np.ldexp(hls.exact_project(layers).run(self.inputs, 10), -10), self.y)

    def test_rounding_of_float_weights(self):
        for (_, weights, bias), (_, *rounded) in zip(hls.read_dense_weights(FLOAT_MODEL),
                                                     hls.rounded_layers(FLOAT_MODEL), strict=True):
            for real, mantissa in zip((weights, bias), rounded, strict=True):
                self.assertGreater(np.count_nonzero(np.ldexp(real, 10) % 1), 0, "no float weight")
                np.testing.assert_array_equal(mantissa, np.rint(np.ldexp(real, 10)))

    def test_float_network_is_within_the_roundings(self):
        output, _ = quantisation.float_network(hls.read_dense_weights(MODEL), self.x)
        # The model rounds seven times by at most 2^-11, except where an activation saturates at 32.
        self.assertLess(np.median(np.abs(output - self.y[:, 0])), 2.0**-10)

    def test_bias_of_cut_products_is_what_the_gradient_predicts(self):
        layers = hls.read_dense_layers(MODEL)
        for events in (self.y[:, 0] > 0.5, self.y[:, 0] < 0.5):
            cut = quantisation.run(quantisation.truncating(layers, 10), self.inputs[events])
            seen = (cut - self.y[events, 0]).mean()
            predicted = quantisation.predicted_shift(layers, self.x[events], 10).mean()
            # First order: the activations that a shift turns on or off are left out. 5 % of the shift.
            self.assertAlmostEqual(predicted / seen, 1, delta=0.05)


class Study(unittest.TestCase):
    def test_every_variant(self):
        recorded = np.load(HERE / "model" / "vectors.npz")
        x, card = recorded["x"][:600], recorded["y"].reshape(-1)[:600]
        pt = np.exp2(card + 5)
        found = quantisation.study(MODEL, x, pt, card, scan_events=200, float_path=FLOAT_MODEL)
        self.assertEqual(found["identical_exact_and_card"], 600)
        self.assertEqual(set(found["variants"]), set(quantisation.EXPLANATION))
        self.assertEqual(found["variants"][quantisation.EXACT]["median"], 0.0, "pt is made of its outputs")
        self.assertEqual(sum(row["n"] for row in found["shift_by_pt"]), np.count_nonzero((pt >= 3) & (pt < 200)))
        self.assertLess(found["shift_by_pt"][-1][quantisation.TRUNCATED], -2.0**-10, "high pT is pulled down")
        self.assertEqual([row["frac_bits"] for row in found["scan"]], list(quantisation.SCAN_FRAC_BITS))


if __name__ == "__main__":
    unittest.main()
