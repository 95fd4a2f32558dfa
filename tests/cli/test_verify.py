#!/usr/bin/env python3
"""`sluice verify`: yes, no with the first difference, and what it could not ask."""
import shutil

import support
from support import DONE, NO, TINY, USAGE, Case, reseal, sluice

ROW = {"engine", "asked", "events", "limited", "differing", "first_difference", "skipped"}


class Verify(Case):
    def verify(self, package, *options):
        return sluice("verify", package, "--samples", 3000, "--rtl-samples", 2000, *options)

    def wrong_network(self):
        """A sound package whose network has another bias than its circuit and its Verilated kernel."""
        package = self.folder / "wrong"
        shutil.copytree(support.package("tiny"), package)
        network = package / "network.txt"
        text = network.read_text()
        changed = text.replace("bias 4 [-9, 0, 5]", "bias 4 [-9, 0, 4]")
        self.assertNotEqual(changed, text)
        network.write_text(changed)
        reseal(package)
        return package

    def test_engines_agree(self):
        for name in ("tiny", "functional", "towers"):
            finished = self.verify(support.package(name), "--json")
            self.assertEqual(finished.code, DONE, finished.out)
            result = finished.json()
            self.assertEqual((set(result), result["passed"], result["seed"]), ({"passed", "seed", "engines"}, True, 1))
            for row in result["engines"]:
                self.assertEqual(set(row), ROW)
                self.assertEqual((row["differing"], row["skipped"]), (0, ""), row)
                self.assertEqual(row["events"], 2000 if row["engine"] == "rtl" else 3000)
                self.assertEqual((row["asked"], row["limited"]), (row["events"], ""))
            engines = [row["engine"] for row in result["engines"]]
            self.assertIn("rtl", engines)
            self.assertIn("engine SCALAR", engines)
            text = self.verify(support.package(name)).out
            self.assertTrue(text.endswith("All engines agree (seed 1)\n"), text)

    def test_fewer_events_than_asked_for_are_said(self):
        package = support.package("streaming_cnn")
        limits = "--interpreted-operations", 1_000_000, "--simulated-cycles", 20_000
        rows = {row["engine"]: row for row in self.succeed(self.verify(package, *limits, "--json")).json()["engines"]}
        rtl, engine = rows["rtl"], rows["engine SCALAR"]
        self.assertEqual((engine["asked"], rtl["asked"]), (3000, 2000))
        each = int(engine["limited"].split()[0])
        self.assertEqual(engine["limited"], f"{each} operations of the interpreter each, of 1000000")
        self.assertEqual(engine["events"], 1_000_000 // each)
        self.assertEqual(rtl["limited"], "64 cycles to simulate each, of 20000")
        self.assertEqual(rtl["events"], 20_000 // 64)
        text = self.succeed(self.verify(package, *limits)).out
        self.assertIn(f"\n  fewer than the 2000 asked for: {rtl['limited']}\n", text)
        few = self.succeed(self.verify(package, "--interpreted-operations", 1, "--simulated-cycles", 1, "--json")).json()
        self.assertEqual({row["events"] for row in few["engines"]}, {64, 16})

    def test_a_wrong_engine_is_found(self):
        package = self.wrong_network()
        finished = self.verify(package)
        self.assertEqual(finished.code, NO, finished.out + finished.err)
        self.assertRegex(finished.out, r"engine SCALAR +[1-9]\d* of 3000 events differ from the interpreter\n"
                                       r"  first: event \d+, element [01]: expected -?\d+, found -?\d+ \(seed 1\)\n")
        self.assertRegex(finished.out, r"(?m)^rtl +0 of 2000 events differ")
        self.assertTrue(finished.out.endswith("Engines disagree (seed 1)\n"), finished.out)
        result = self.verify(package, "--json")
        self.assertEqual((result.code, result.json()["passed"]), (NO, False))
        for row in result.json()["engines"]:
            self.assertEqual(row["differing"] == 0, row["engine"] == "rtl", row)
            self.assertEqual(row["first_difference"] == "", row["engine"] == "rtl", row)

    def test_every_target_of_a_wrong_engine_differs_alike(self):
        engines = [row for row in self.verify(self.wrong_network(), "--json").json()["engines"]
                   if row["engine"] != "rtl"]
        self.assertEqual(len({(row["differing"], row["first_difference"]) for row in engines}), 1, engines)

    def test_a_seed_repeats_a_run(self):
        package = self.wrong_network()
        first, again, other = (self.verify(package, "--json", "--seed", seed).json() for seed in (7, 7, 8))
        self.assertEqual(first, again)
        self.assertNotEqual(first["engines"], other["engines"])

    def test_a_missing_kernel_is_said_to_be_skipped(self):
        package = self.folder / "package"
        self.succeed(sluice("compile", TINY, "-o", package, "--name", "tiny", "--no-simulator"))
        finished = self.succeed(self.verify(package))
        self.assertRegex(finished.out, r"(?m)^rtl +skipped: holds no Verilated kernel")

    def test_an_unknown_device_is_refused(self):
        finished = self.verify(support.package("tiny"), "--device", "gpu")
        self.assert_refused(finished, USAGE, "E-RUNTIME-001", "gpu")
        self.assertEqual(finished.out, "")


if __name__ == "__main__":
    support.main()
