#!/usr/bin/env python3
"""`sluice run` on the engine and on the Verilated kernel against outputs that QKeras gave in float64."""
import json

import numpy as np

import support
from support import DATA, MODEL, TOOL, USAGE, Case, differing_events, sluice


class RunCase(Case):
    def infer(self, name, events, device, *options):
        """The outputs of `sluice run`, and what it says as JSON."""
        output = self.folder / f"y_{device}.npy"
        finished = self.succeed(sluice("run", support.package(name), "--input", self.save("x.npy", events),
                                       "--output", output, "--device", device, "--json", *options))
        return np.load(output), finished.json()

    def manifest(self, name):
        return json.loads((support.package(name) / "manifest.json").read_text())


class Recorded(RunCase):
    def check(self, name, device):
        with np.load(DATA / f"qkeras_{name}_vectors.npz") as recorded:
            x, y = recorded["x"], recorded["y"]
        found, said = self.infer(name, x, device)
        self.assertEqual(found.dtype, np.float64)
        self.assertEqual(differing_events(found, y), 0)
        self.assertEqual(set(said), {"events", "device", "emulated", "seconds", "output", "output_shape"})
        self.assertEqual((said["events"], said["device"], said["output_shape"]), (len(x), device, list(y.shape)))
        of_float64, _ = self.infer(name, x.astype(np.float64), device)
        self.assertEqual(differing_events(of_float64, y), 0)

    def test_tiny_on_the_engine(self):
        self.check("tiny", "engine")

    def test_tiny_on_the_verilated_kernel(self):
        self.check("tiny", "rtl")

    def test_functional_on_the_engine(self):
        self.check("functional", "engine")

    def test_functional_on_the_verilated_kernel(self):
        self.check("functional", "rtl")


class SeveralPorts(RunCase):
    """A graph of two inputs and two outputs: an event is all inputs, one after the other, and so are the outputs."""

    def test_manifest_names_the_parts(self):
        manifest = self.manifest("towers")
        self.assertEqual([(part["name"], part["shape"]) for part in manifest["input"]["parts"]],
                         [("left", [3]), ("right", [2, 2])])
        self.assertEqual([(part["name"], part["shape"]) for part in manifest["output"]["parts"]],
                         [("total", [2]), ("chosen", [4])])

    def test_outputs(self):
        x, y = support.two_towers(400, seed=3)
        for device in "engine", "rtl":
            with self.subTest(device=device):
                self.assertEqual(differing_events(self.infer("towers", x, device)[0], y), 0)


class Mantissas(RunCase):
    def check(self, name, device, *options):
        """The package's own vectors, which the interpreter has made: corners first."""
        manifest, vectors = self.manifest(name), support.package(name) / "vectors"
        raw = np.load(vectors / "input.npy").astype(f"i{manifest['input']['container_bits'] // 8}")
        found, _ = self.infer(name, raw, device, "--raw", *options)
        self.assertEqual(found.dtype, np.dtype(f"i{manifest['output']['container_bits'] // 8}"))
        self.assertEqual(differing_events(found, np.load(vectors / "output.npy")), 0)

    def test_on_the_engine(self):
        for name in ("tiny", "functional"):
            for threads in (1, 2, 0):
                with self.subTest(package=name, threads=threads):
                    self.check(name, "engine", "--threads", threads)

    def test_on_the_verilated_kernel(self):
        for name in ("tiny", "functional"):
            with self.subTest(package=name):
                self.check(name, "rtl")


class Batches(RunCase):
    def test_any_number_of_events(self):
        """Also none, one, and more than a device's buffers hold; a repeated event repeats its result."""
        with np.load(DATA / "qkeras_tiny_vectors.npz") as recorded:
            x, y = recorded["x"], recorded["y"]
        for device in ("engine", "rtl"):
            for events in (0, 1, 31, 4097, 10_000):
                with self.subTest(device=device, events=events):
                    chosen = np.arange(events) % len(x)
                    found, said = self.infer("tiny", x[chosen], device)
                    self.assertEqual(differing_events(found, y[chosen]), 0)
                    self.assertEqual(said["events"], events)


class Bench(RunCase):
    SPANS = ("injection_us", "inference_us", "extraction_us", "total_us")

    def test_result_and_samples(self):
        for device in ("engine", "rtl"):
            with self.subTest(device=device):
                samples = self.folder / f"{device}.json"
                finished = self.succeed(sluice("bench", support.package("tiny"), "--device", device, "--calls", 200,
                                               "--warmup", 10, "--samples-out", samples, "--json"))
                result = finished.json()
                self.assertEqual((result["calls"], result["batch_events"], result["device"]["uri"]), (200, 1, device))
                self.assertGreater(result["events_per_s"], 0)
                for span in self.SPANS:
                    row = result[span]
                    self.assertLessEqual(0, row["p50"])
                    self.assertEqual(sorted(row[key] for key in ("p50", "p90", "p99", "p99.9", "max")),
                                     [row[key] for key in ("p50", "p90", "p99", "p99.9", "max")])
                taken = json.loads(samples.read_text())["samples"]
                for times in taken.values():
                    self.assertEqual(len(times), 200)
                spans_ns = [np.rint(np.array(taken[span]) * 1000) for span in self.SPANS[:3]]  # clock ticks
                self.assertEqual(round(result["total_us"]["max"] * 1000), sum(spans_ns).max())

    def test_threads_and_calls_in_flight(self):
        finished = self.succeed(sluice("bench", support.package("tiny"), "--calls", 50, "--warmup", 2, "--threads", 2,
                                       "--depth", 3, "--batch", 8, "--raw", "--json"))
        result = finished.json()
        self.assertEqual((result["calls"], result["threads"], result["depth"]), (100, 2, 3))
        self.assertRegex(result["values"], "^int(8|16|32|64)$")

    def test_exact_cycles(self):
        """The schedule's figures, and one event's course through the Verilated kernel."""
        result = self.succeed(sluice("bench", support.package("tiny"), "--device", "rtl", "--calls", 20,
                                     "--json")).json()
        manifest = json.loads((support.package("tiny") / "manifest.json").read_text())
        self.assertEqual(result["schedule"]["core_latency_cycles"], manifest["latency_cycles"])
        self.assertEqual(result["schedule"]["cycles_per_event"], 1)
        self.assertGreater(result["kernel_cycles"]["min"], manifest["latency_cycles"])

    def samples(self, name, **options):
        file = self.folder / f"{name}.json"
        words = [word for option, value in options.items() for word in (f"--{option}", value)]
        self.succeed(sluice("bench", support.package("tiny"), "--calls", 200, *words, "--samples-out", file))
        return file

    def test_compare(self):
        small, large = self.samples("small"), self.samples("large", batch=1024)
        result = self.succeed(sluice("bench", "--compare", small, large, "--json")).json()
        self.assertTrue(result["emulated"])
        for span in self.SPANS:
            row = result["ratios"][span]
            for statistic in ("p50", "p99", "mean"):
                ratio = row[statistic]
                self.assertLessEqual(ratio["low"], ratio["high"])
        # 1,024 events instead of one: slower beyond any doubt.
        self.assertGreater(result["ratios"]["total_us"]["p50"]["low"], 1)
        text = self.succeed(sluice("bench", "--compare", small, large)).out
        self.assertIn("CPU, not card latency", text)

    def test_compare_draws(self):
        first, second = self.samples("first"), self.samples("second", device="rtl")
        for name in ("figure.png", "figure.svg"):
            self.succeed(sluice("bench", "--compare", first, second, "--plot", self.folder / name))
        self.assertEqual((self.folder / "figure.png").read_bytes()[:4], b"\x89PNG")
        self.assertIn("emulation, not card latency", (self.folder / "figure.svg").read_text())

    def test_refusals(self):
        for option in ("--calls", "--batch", "--threads", "--depth"):
            with self.subTest(option):
                finished = sluice("bench", support.package("tiny"), option, 0)
                self.assert_refused(finished, USAGE, r"E-RUNTIME-\d+", "0", hint=False)
        self.assert_refused(sluice("bench"), USAGE, "E-CLI-002", "--compare")
        good = self.samples("good")
        bad = self.folder / "bad.json"
        bad.write_text("{}")
        self.assert_refused(sluice("bench", "--compare", good, bad), MODEL, "E-RUNTIME-018", bad)
        self.assert_refused(sluice("bench", "--compare", good, self.folder / "absent.json"), TOOL, r"E-BASE-\d+",
                            "absent.json", hint=False)
        with self.nothing_left():
            self.assert_refused(sluice("bench", "--compare", good, good, "--plot", self.folder / "figure.what"), TOOL,
                                "E-CLI-004", "figure.what")


if __name__ == "__main__":
    support.main()
