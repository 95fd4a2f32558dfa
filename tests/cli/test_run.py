#!/usr/bin/env python3
"""`sluice run` on the engine and on the Verilated kernel against outputs that QKeras gave in float64."""
import json

import numpy as np

import support
from support import DATA, Case, differing_events, sluice


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


if __name__ == "__main__":
    support.main()
