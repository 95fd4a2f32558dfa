#!/usr/bin/env python3
"""Calibration, compare and inspect: what they find, and how they refuse."""
import json
import unittest

import numpy as np

import support
from support import DATA, DONE, MODEL, NO, TINY, USAGE, Case, sluice

FLOAT = DATA / "keras_float.h5"


class Calibrates(Case):
    def setUp(self):
        super().setUp()
        shape = sluice("inspect", FLOAT, "--config", self.config(), "--json").json()["layers"][0]["shape"]
        self.x = self.folder / "x.npy"
        np.save(self.x, np.random.default_rng(3).normal(size=(200, *shape)))

    def config(self):
        path = self.folder / "coarse.json"
        path.write_text(json.dumps({"Model": {"Precision": "ap_fixed<6,3,RND,SAT>"}}))
        return path

    def test_chosen_formats_can_be_given_back(self):
        config = self.folder / "formats.json"
        first, second = self.folder / "first", self.folder / "second"
        made = self.succeed(sluice("compile", FLOAT, "-o", first, "--no-simulator", "--json", "--calibrate", self.x,
                                   "--target-error", "0.01", "--save-config", config)).json()
        formats = made["formats"]
        self.assertLessEqual(formats["error_max"], 0.01)
        self.assertEqual(formats["target"], 0.01)
        self.assertEqual(json.loads(config.read_text()), formats["config"])
        self.assertEqual(json.loads((first / "report.json").read_text())["formats"], formats)
        self.succeed(sluice("compile", FLOAT, "-o", second, "--no-simulator", "--config", config))
        self.assertEqual((first / "network.txt").read_text(), (second / "network.txt").read_text())
        again = self.succeed(sluice("inspect", FLOAT, "--config", config, "--data", self.x, "--json")).json()["formats"]
        self.assertEqual(again["formats"], formats["formats"])
        self.assertEqual(again["error_max"], formats["error_max"])

    def test_the_error_is_that_of_the_package(self):
        config = self.config()
        package = self.folder / "package"
        formats = self.succeed(sluice("compile", FLOAT, "-o", package, "--no-simulator", "--json", "--config", config,
                                      "--data", self.x)).json()["formats"]
        fine = self.folder / "fine"
        self.succeed(sluice("compile", FLOAT, "-o", fine, "--no-simulator", "--calibrate", self.x, "--target-error",
                            "1e-5"))
        outputs = []
        for folder in package, fine:
            y = self.folder / "y.npy"
            self.succeed(sluice("run", folder, "--input", self.x, "--output", y))
            outputs.append(np.load(y))
        self.assertAlmostEqual(np.abs(outputs[0] - outputs[1]).max(), formats["error_max"], delta=2e-5)
        self.assertGreater(formats["error_max"], 0.01)

    def test_without_events_it_generates_some_and_warns(self):
        made = self.succeed(sluice("inspect", FLOAT, "--config", self.config(), "--json")).json()
        formats = made["formats"]
        self.assertEqual((formats["events_from"], formats["events"]), ("generated", 1000))
        self.assertGreater(formats["error_max"], 0.01)
        said = [warning["message"] for warning in made["warnings"] if warning["code"] == "W-COMPILER-001"]
        self.assertEqual(len(said), 1)
        self.assertIn(f"off by up to {formats['error_max']:.3g} (rms {formats['error_rms']:.3g})", said[0])
        text = self.succeed(sluice("inspect", FLOAT, "--config", self.config())).out
        self.assertIn("All together over 1000 generated events: error of the outputs max", text)

    def test_default_precision_is_the_models_precision(self):
        whole, short = self.folder / "whole", self.folder / "short"
        self.succeed(sluice("compile", FLOAT, "-o", whole, "--no-simulator", "--config", self.config()))
        made = self.succeed(sluice("compile", FLOAT, "-o", short, "--no-simulator", "--default-precision",
                                   "ap_fixed<6,3,RND,SAT>", "--data", self.x, "--json")).json()["formats"]
        self.assertEqual((whole / "network.txt").read_text(), (short / "network.txt").read_text())
        self.assertEqual((made["events_from"], made["events"]), ("data", 200))
        self.assertEqual(json.loads((short / "report.json").read_text())["formats"], made)
        self.assertEqual({row["format"] for row in made["formats"]}, {"ap_fixed<6,3,RND,SAT>"})

    def test_default_precision_leaves_what_a_configuration_names(self):
        config = self.folder / "named.json"
        config.write_text(json.dumps({"LayerName": {"hidden": {"Precision": {"weight": "ap_fixed<9,3>"}}}}))
        rows = self.succeed(sluice("inspect", FLOAT, "--config", config, "--default-precision", "ap_fixed<7,3>",
                                   "--json")).json()["formats"]["formats"]
        self.assertEqual({(row["layer"], row["variable"]): row["format"] for row in rows}["hidden", "weight"],
                         "ap_fixed<9,3>")
        self.assertEqual(len({row["format"] for row in rows}), 2)

    def test_the_table_is_readable(self):
        text = self.succeed(sluice("inspect", FLOAT, "--calibrate", self.x)).out
        self.assertRegex(text, r"(?m)^layer +of +format +count")
        self.assertRegex(text, r"All together over 200 events: error of the outputs max \S+, rms \S+ \(target: max")

    def test_options_that_need_another(self):
        for words, named in ((["--target-error", "0.1"], "--calibrate"), (["--save-config", "c.json"], "--calibrate"),
                             (["--calibrate", self.x, "--data", self.x], "--data"),
                             (["--calibrate", self.x, "--default-precision", "ap_fixed<6,3>"], "--default-precision"),
                             (["--config", self.config(), "--default-precision", "ap_fixed<6,3>"],
                              "Model/Precision")):
            with self.subTest(words):
                self.assert_refused(sluice("inspect", FLOAT, *words), USAGE, "E-CLI-004", named)
        self.assert_refused(sluice("inspect", FLOAT, "--calibrate", self.x, "--target-error", "1e-12"), MODEL,
                            "E-CALIBRATE-003", "target")
        self.assert_refused(sluice("inspect", FLOAT, "--default-precision", "ap_flat<6>"), MODEL, r"E-FRONTEND-\d+",
                            "ap_flat<6>")


class Compares(Case):
    def traces(self):
        """Events, and the exact values of the layers of the tiny model from a package's own run."""
        x = np.random.default_rng(5).normal(size=(50, 4)).astype(np.float64)
        return x

    def setUp(self):
        super().setUp()
        described = sluice("inspect", TINY, "--json").json()
        self.layers = [layer["name"] for layer in described["model"]["layers"]]
        self.shape = described["layers"][0]["shape"]
        self.x = np.random.default_rng(5).normal(size=(50, *self.shape))
        package = self.folder / "tiny"
        self.succeed(sluice("compile", TINY, "-o", package, "--no-simulator"))
        self.package = package
        np.save(self.folder / "x.npy", self.x)
        self.succeed(sluice("run", package, "--input", self.folder / "x.npy", "--output", self.folder / "y.npy"))
        self.y = np.load(self.folder / "y.npy")

    def compare(self, subject=TINY, *words, **arrays):
        np.savez(self.folder / "traces.npz", **arrays)
        return sluice("compare", subject, "--with", self.folder / "traces.npz", *words)

    def last(self):
        return [layer for layer in sluice("inspect", TINY, "--json").json()["model"]["layers"]
                if layer["network_layers"]][-1]["name"]

    def test_equal_values_pass(self):
        for subject in TINY, self.package:
            with self.subTest(subject):
                finished = self.succeed(self.compare(subject, "--json", x=self.x, **{self.last(): self.y}))
                self.assertEqual(finished.json()["layers"][0]["differing_values"], 0)
                self.assertTrue(finished.json()["passed"])

    def test_one_other_value_is_found(self):
        y = self.y.astype(np.float64)
        index = (17, *(0 for _ in y.shape[1:]))
        y[index] += 0.5
        finished = self.compare(TINY, "--json", x=self.x, **{self.last(): y})
        self.assertEqual(finished.code, NO)
        answer = finished.json()
        self.assertEqual(answer["first_difference"], self.last())
        row = answer["layers"][0]
        self.assertEqual((row["differing_values"], row["differing_events"]), (1, 1))
        self.assertEqual(row["first"]["event"], 17)
        self.assertEqual(row["first"]["element"], list(index[1:]))
        self.assertEqual(row["first"]["expected"] - row["first"]["found"], 0.5)
        self.assertEqual(self.compare(TINY, "--tolerance", "0.5", x=self.x, **{self.last(): y}).code, DONE)
        text = self.compare(TINY, x=self.x, **{self.last(): y}).out
        self.assertRegex(text, rf"First difference: layer {self.last()}, event 17, element \(0.*0.5 apart")

    def test_refusals(self):
        y, last = self.y, self.last()
        with_nan = y.astype(np.float64)
        with_nan[3] = np.nan
        cases = {
            "no events": (dict(**{last: y}), ["save them as"]),
            "unknown name": (dict(x=self.x, nobody=y), ["nobody", "no layer has this name", last]),
            "other events": (dict(x=self.x, **{last: y[:10]}), [last, "10 events"]),
            "other shape": (dict(x=self.x, **{last: np.concatenate([y, y], axis=-1)}), [last, "shape"]),
            "NaN": (dict(x=self.x, **{last: with_nan}), [last, "nan", "event 3"]),
            "nothing": (dict(x=self.x), ["no values of any layer"]),
        }
        for name, (arrays, said) in cases.items():
            with self.subTest(name):
                self.assert_refused(self.compare(TINY, **arrays), USAGE, "E-COMPARE-001", *said)


class Inspects(Case):
    def test_what_events_show(self):
        described = sluice("inspect", TINY, "--json").json()
        x = self.folder / "x.npy"
        np.save(x, 100 * np.ones((20, *described["layers"][0]["shape"])))
        found = self.succeed(sluice("inspect", TINY, "--data", x, "--json")).json()
        first = found["layers"][0]
        self.assertEqual(first["overflowed"], 20 * int(np.prod(first["shape"])))
        self.assertEqual(first["observed_max"], first["max"])
        codes = [warning["code"] for warning in found["warnings"]]
        self.assertIn("W-INSPECT-001", codes)
        for layer in found["layers"]:
            self.assertGreaterEqual(layer["observed_min"], layer["min"])
            self.assertLessEqual(layer["observed_max"], layer["max"])

    def test_multiplications_and_sparsity(self):
        for layer in sluice("inspect", TINY, "--json").json()["layers"]:
            if layer["op"] == "dense":
                self.assertEqual(layer["multiplications"], layer["weights"] - layer["zero_weights"])
        text = self.succeed(sluice("inspect", TINY)).out
        self.assertRegex(text, r"(?m)^exact layer +op +shape +format +mult\. +constant +range$")


if __name__ == "__main__":
    support.main()
