#!/usr/bin/env python3
"""The muon network: recorded outputs on every engine, and the example hosts on the card against the engine."""
import json
import re
import time

import numpy as np

import support
from support import DEVICE, MUON, Case, differing_events, on_card, program, sluice

EVENTS = 5000
MODES, HOSTS = ("hw_emu", "sw_emu"), ("host_xrt", "host_opencl")

# No benchmark (a start takes some 0.1 s): a guard against XRT's waits of 1, 10 and 300 s.
START_UP_SECONDS = 5


class MuonCase(Case):
    @classmethod
    def setUpClass(cls):
        cls.package = support.package("muon_pt")
        manifest = json.loads((cls.package / "manifest.json").read_text())
        cls.input_scale, cls.output_scale = (2.0 ** int(manifest[port]["format"].split(".")[1])
                                             for port in ("input", "output"))
        with np.load(MUON / "vectors.npz") as recorded:
            cls.x, cls.y = recorded["x"], recorded["y"]
        # s16: float64 holds each product, and numpy rounds halves to even as the network's input does.
        cls.raw = np.clip(np.rint(cls.x.astype(np.float64) * cls.input_scale), -2**15, 2**15 - 1).astype(np.int16)

    def infer(self, events, device, *options, launcher=sluice):
        output = self.folder / "y.npy"
        output.unlink(missing_ok=True)
        words = ("run", self.package, "--input", self.save("x.npy", events), "--output", output, "--device", device)
        if launcher is not sluice:
            words = (program("sluice"), *words)
        self.succeed(launcher(*words, *options))
        return np.load(output)

    def events(self):
        """EVENTS events: the recorded ones, then draws over the whole range of the format."""
        generator = np.random.default_rng(5)
        more = generator.integers(-2**15, 2**15, (EVENTS - len(self.raw), self.raw.shape[1]), np.int16)
        return np.concatenate([self.raw, more])


class Recorded(MuonCase):
    def test_values_and_mantissas(self):
        self.assertEqual(len(self.x), 2000)
        for device in ("engine", "rtl"):
            with self.subTest(device=device):
                self.assertEqual(differing_events(self.infer(self.x, device), self.y), 0)
                mantissas = self.infer(self.raw, device, "--raw")
                self.assertEqual(mantissas.dtype, np.int16)
                self.assertEqual(differing_events(mantissas / self.output_scale, self.y), 0)

    def test_verify(self):
        finished = self.succeed(sluice("verify", self.package, "--samples", 20_000, "--rtl-samples", 5000, "--json"))
        self.assertEqual([row for row in finished.json()["engines"] if row["differing"] or row["skipped"]], [])


class Card(MuonCase):
    def setUp(self):
        super().setUp()
        self.input = self.save("card.npy", self.events())
        self.expected = self.infer(np.load(self.input), "engine", "--raw")

    def test_example_hosts(self):
        for mode in MODES:
            for host in HOSTS:
                with self.subTest(mode=mode, host=host):
                    output = self.folder / f"{mode}_{host}.npy"
                    self.succeed(on_card(program(host), self.package / "muon_pt.xclbin", self.input, output, mode=mode))
                    found = np.load(output)
                    self.assertEqual(found.dtype, np.int16)
                    self.assertEqual(differing_events(found.reshape(self.expected.shape), self.expected), 0)

    def test_runtime(self):
        for mode in MODES:
            with self.subTest(mode=mode):
                found = self.infer(np.load(self.input), "xrt:0", "--raw",
                                   launcher=lambda *words, mode=mode: on_card(*words, mode=mode))
                self.assertEqual(differing_events(found, self.expected), 0)

    def test_start_up(self):
        """From the launcher's start to its end, for one event: everything but the work."""
        one = self.save("one.npy", self.raw[:1])
        for mode in MODES:
            for host in HOSTS:
                with self.subTest(mode=mode, host=host):
                    finished = self.succeed(on_card(program(host), self.package / "muon_pt.xclbin", one,
                                                    self.folder / "one_y.npy", mode=mode))
                    print(f"start-up and end, {mode}, {host}: {finished.seconds:.2f} s")
                    self.assertLess(finished.seconds, START_UP_SECONDS)

    def test_xclbin_of_another_package(self):
        """A kernel of that name is not in the file: an error in one line, no output, no crash."""
        xclbin = support.package("muon_pt") / "muon_pt.xclbin"
        for mode in MODES:
            for host in HOSTS:
                with self.subTest(mode=mode, host=host):
                    output = self.folder / "other.npy"
                    finished = on_card(program(host), xclbin, self.input, output, "--kernel", "tiny", mode=mode)
                    self.assertEqual(finished.code, DEVICE, finished.out + finished.err)
                    self.assertEqual(len(re.findall(r"(?m)^error: ", finished.err)), 1, finished.err)
                    self.assertFalse(output.exists())

    def test_killed_card(self):
        """The card dies as its first run starts: each host ends with an error, and at once."""
        for mode in MODES:
            for host in HOSTS:
                with self.subTest(mode=mode, host=host):
                    output = self.folder / "dead.npy"
                    begin = time.monotonic()
                    finished = on_card(program(host), self.package / "muon_pt.xclbin", self.input, output, mode=mode,
                                       timeout=30, SLUICE_CARD_FAULT="die:1")
                    self.assertLess(time.monotonic() - begin, START_UP_SECONDS + support.DEATH_SECONDS)
                    self.assertEqual(finished.code, DEVICE, finished.out + finished.err)
                    self.assertIn("the emulated card", finished.err)
                    self.assertFalse(output.exists())


if __name__ == "__main__":
    support.main()
