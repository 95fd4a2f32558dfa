#!/usr/bin/env python3
"""The emulated card under `sluice card`: right results, the wrong xclbin, and a card that is killed."""
import dataclasses
import json
import os
import re
import shutil
import signal
import subprocess
import time

import numpy as np

import support
from support import (DATA, DEATH_SECONDS, DEVICE, MODEL, USAGE, Case, children_running, differing_events, end,
                     environment, on_card, program, reseal, sluice, wait_until)

MODES = ("hw_emu", "sw_emu")

# XRT writes what it throws also to stderr, behind a banner of its own.
XRT_LOG = re.compile(r"(?m)^(XRT build version: (.*\n)+?EXE: .*\n|\[XRT\] .*\n)")


class CardCase(Case):
    def setUp(self):
        super().setUp()
        with np.load(DATA / "qkeras_tiny_vectors.npz") as recorded:
            self.x, self.y = recorded["x"], recorded["y"]

    def assert_refused(self, finished, *what, **options):
        ours = dataclasses.replace(finished, err=XRT_LOG.sub("", finished.err))
        super().assert_refused(ours, *what, **options)

    def words(self, package, *options, events=None):
        file = self.folder / "x.npy"
        np.save(file, self.x if events is None else events)
        return (program("sluice"), "run", package, "--input", file, "--output", self.folder / "y.npy", "--device",
                "xrt:0", *options)


class Results(CardCase):
    def test_recorded_outputs(self):
        for mode in MODES:
            with self.subTest(mode=mode):
                finished = self.succeed(on_card(*self.words(support.package("tiny"), "--json"), mode=mode))
                said = finished.json()
                self.assertEqual((said["device"], said["emulated"], said["events"]), ("xrt:0", True, len(self.x)))
                self.assertEqual(differing_events(np.load(self.folder / "y.npy"), self.y), 0)

    def test_convolutional_network(self):
        """The shell takes the core's outputs at the latency of the manifest: right ones meet it exactly."""
        with np.load(DATA / "layers_small_cnn_vectors.npz") as keras, np.load(DATA / "qonnx_streamed_onnx.npz") as onnx:
            events = {"small_cnn": (keras["x_0"], keras["y_output"]), "streaming_cnn": (keras["x_0"], keras["y_output"]),
                      "channels_first": (onnx["x"], onnx["y"])}
        for name, (x, y) in events.items():
            for mode in MODES:
                with self.subTest(name=name, mode=mode):
                    self.succeed(on_card(*self.words(support.package(name), events=x), mode=mode))
                    self.assertEqual(differing_events(np.load(self.folder / "y.npy"), y), 0)

    def test_several_inputs_and_outputs(self):
        x, y = support.two_towers(300, seed=4)
        for mode in MODES:
            with self.subTest(mode=mode):
                self.succeed(on_card(*self.words(support.package("towers"), events=x), mode=mode))
                self.assertEqual(differing_events(np.load(self.folder / "y.npy"), y), 0)

    def test_a_streaming_network_takes_the_predicted_cycles(self):
        """8 more events take 8 initiation intervals and the bus words of 8 outputs, to the cycle.

        So few outputs are one burst, which the kernel writes when all of them are there."""
        for name in ("streaming_cnn", "channels_first"):
            with self.subTest(name=name):
                self.check_cycles(support.package(name))

    def check_cycles(self, package):
        manifest = json.loads((package / "manifest.json").read_text())
        interval, output = manifest["initiation_interval_cycles"], manifest["output"]
        bus_words = 8 * output["event_bytes"] // (output["bus_bits"] // 8)
        self.assertGreaterEqual(interval, 64)
        cycles = []
        for batch in (8, 16):
            said = self.succeed(on_card(program("sluice"), "bench", package, "--device", "xrt:0", "--calls", 5,
                                        "--batch", batch, "--json", mode="hw_emu")).json()
            self.assertEqual(said["kernel_cycles"]["min"], said["kernel_cycles"]["max"])
            cycles.append(said["kernel_cycles"]["max"])
        self.assertEqual(cycles[1] - cycles[0], 8 * interval + bus_words)

    def test_verify_on_the_card(self):
        for mode in MODES:
            with self.subTest(mode=mode):
                finished = self.succeed(on_card(program("sluice"), "verify", support.package("tiny"), "--samples", 5000,
                                                "--device", "xrt:0", "--json", mode=mode))
                rows = {row["engine"]: row for row in finished.json()["engines"]}
                row = rows[f"xrt:0 ({mode})"]
                self.assertEqual((row["events"], row["differing"], row["skipped"]), (5000, 0, ""))

    def test_bench_on_every_shim(self):
        """hw_emu, sw_emu, and XRT's no-op shim, which computes nothing: what XRT and the host cost."""
        for mode in (*MODES, "noop"):
            for depth in (1, 3):
                with self.subTest(mode=mode, depth=depth):
                    finished = self.succeed(on_card(program("sluice"), "bench", support.package("tiny"), "--device",
                                                    "xrt:0", "--calls", 50, "--depth", depth, "--json", mode=mode))
                    said = finished.json()
                    self.assertEqual((said["device"]["emulation"], said["emulated"], said["calls"]), (mode, True, 50))

    def test_statistics_count_messages_and_cycles(self):
        for mode, depth in (("hw_emu", 1), ("hw_emu", 4), ("sw_emu", 4)):
            with self.subTest(mode=mode, depth=depth):
                file = self.folder / "stats.json"
                self.succeed(on_card(program("sluice"), "bench", support.package("tiny"), "--device", "xrt:0", "--batch",
                                     64, "--calls", 100, "--warmup", 0, "--depth", depth, mode=mode,
                                     SLUICE_CARD_STATS=file))
                said = json.loads(file.read_text())
                self.assertGreaterEqual(said["runs"], 100)
                self.assertGreaterEqual(said["messages"], 6 * said["runs"])
                self.assertGreater(said["answering_seconds"], 0)
                if mode == "hw_emu":
                    self.assertGreater(said["busy_cycles"], 64 * said["runs"])

    def test_exit_code_of_the_program(self):
        self.assertEqual(on_card("/bin/sh", "-c", "exit 7").code, 7)
        self.assertEqual(on_card("/bin/sh", "-c", "kill -TERM $$").code, 128 + signal.SIGTERM)


class Refusals(CardCase):
    def test_card_that_is_not_there(self):
        words = [word if word != "xrt:0" else "xrt:7" for word in self.words(support.package("tiny"))]
        finished = on_card(*words)
        self.assert_refused(finished, DEVICE, "E-RUNTIME-007", "xrt:7", "has 1", "--cards N")
        self.assertFalse((self.folder / "y.npy").exists())

    def with_xclbin_of_another(self):
        package = self.folder / "mixed"
        shutil.copytree(support.package("tiny"), package)
        shutil.copy(support.package("functional") / "functional.xclbin", package / "tiny.xclbin")
        return package

    def test_xclbin_of_another_package(self):
        package = self.with_xclbin_of_another()
        finished = on_card(*self.words(package))
        self.assert_refused(finished, MODEL, "E-PACKAGE-004", package / "tiny.xclbin", "compile the model again")
        self.assertFalse((self.folder / "y.npy").exists())

    def test_sealed_xclbin_of_another_package(self):
        package = self.with_xclbin_of_another()
        reseal(package)
        for mode in MODES:
            with self.subTest(mode=mode):
                finished = on_card(*self.words(package), mode=mode)
                self.assert_refused(finished, MODEL, "E-RUNTIME-015", package / "tiny.xclbin", "another network")
                self.assertFalse((self.folder / "y.npy").exists())

    def test_sealed_xclbin_of_another_network_of_the_same_name(self):
        package, other = self.folder / "package", self.folder / "other"
        shutil.copytree(support.package("tiny"), package)
        self.succeed(sluice("compile", support.FUNCTIONAL, "-o", other, "--name", "tiny", "--no-simulator"))
        shutil.copy(other / "tiny.xclbin", package / "tiny.xclbin")
        reseal(package)
        finished = on_card(*self.words(package), mode="sw_emu")
        self.assert_refused(finished, MODEL, "E-RUNTIME-015", package / "tiny.xclbin", "another network")
        self.assertFalse((self.folder / "y.npy").exists())

    def test_wrong_events_on_the_card(self):
        finished = on_card(*self.words(support.package("tiny"), events=self.x[:, :3]))
        self.assert_refused(finished, USAGE, "E-RUNTIME-003", "[events, 4] is due", hint=False)
        self.assertFalse((self.folder / "y.npy").exists())


class KilledCard(CardCase):
    """SIGKILL to the card's process in the middle of a run: the host must end by itself, with an error."""

    def start(self, *words, **variables):
        """A process group of the launcher and of a stranger."""
        launcher = subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE, text=True, process_group=0, env=environment(**variables))
        self.addCleanup(end, launcher)
        stranger = subprocess.Popen(["sleep", "300"], process_group=launcher.pid)
        self.addCleanup(end, stranger)
        return launcher, stranger

    def check(self, mode, launcher, stranger, running):
        card = wait_until(lambda: children_running("sluice-card", launcher.pid), 30, "the card starts")
        self.assertEqual(len(card), 1)
        wait_until(running, 30, "the kernel runs")
        self.assertIsNone(launcher.poll(), "the run was over before the card could be killed")
        begin = time.monotonic()
        os.kill(card[0], signal.SIGKILL)
        out, err = launcher.communicate(timeout=DEATH_SECONDS)
        seconds = time.monotonic() - begin
        self.assertLess(seconds, DEATH_SECONDS)
        self.assertIsNone(stranger.poll(), "another process of the group was signalled")
        self.assertEqual(children_running("sluice-card", os.getpid()), [])
        return support.Finished(launcher.returncode, out, err, seconds)

    def test_in_a_long_run(self):
        """Three million events with stalls take the Verilated kernel far longer than this test."""
        log = self.folder / "card.log"
        raw = np.zeros((3_000_000, 4), np.int8)
        launcher, stranger = self.start(program("sluice"), "card", "--",
                                        *self.words(support.package("tiny"), "--raw", events=raw),
                                        SLUICE_CARD_STALLS="0.9", SLUICE_CARD_LOG=log)
        finished = self.check("hw_emu", launcher, stranger, lambda: log.exists() and "run" in log.read_text())
        self.assert_refused(finished, DEVICE, r"E-RUNTIME-\d+", "card", hint=False)
        self.assertFalse((self.folder / "y.npy").exists())

    def test_in_a_run_that_hangs(self):
        for mode in MODES:
            with self.subTest(mode=mode):
                log = self.folder / f"{mode}.log"
                launcher, stranger = self.start(program("sluice"), "card", "--mode", mode, "--",
                                                *self.words(support.package("tiny")),
                                                SLUICE_CARD_FAULT="hang:1", SLUICE_CARD_LOG=log)
                finished = self.check(mode, launcher, stranger, lambda: log.exists() and "run" in log.read_text())
                self.assert_refused(finished, DEVICE, r"E-RUNTIME-\d+", "card", hint=False)
                self.assertFalse((self.folder / "y.npy").exists())

    def test_a_card_that_dies_by_itself(self):
        """The same end when the card fails by its own fault at the second run."""
        raw = np.zeros((10_000, 4), np.int8)
        for mode in MODES:
            with self.subTest(mode=mode):
                finished = on_card(*self.words(support.package("tiny"), "--raw", events=raw), mode=mode,
                                   SLUICE_CARD_FAULT="die:2")
                self.assert_refused(finished, DEVICE, r"E-RUNTIME-\d+", "card", hint=False)
                self.assertFalse((self.folder / "y.npy").exists())


if __name__ == "__main__":
    support.main()
