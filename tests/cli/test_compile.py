#!/usr/bin/env python3
"""Compiling: the same package every time, and results as JSON alone on stdout."""
import hashlib
import json
import os
import shutil
import signal
import subprocess

import support
from support import DATA, FUNCTIONAL, MUON, TINY, USAGE, Case, end, environment, program, sluice, tree, wait_until

ESTIMATE_KEYS = {"lut", "ff", "carry8", "dsp"}


class Compile(Case):
    def compile(self, folder, *options):
        return self.succeed(sluice("compile", TINY, "-o", self.folder / folder, "--name", "tiny", *options))

    def test_the_same_files_every_time(self):
        """No file may tell when or where it was compiled; the simulator's files: SameKernel below."""
        for folder in ("one", "elsewhere/another"):
            self.compile(folder, "--no-simulator")
        one, another = tree(self.folder / "one"), tree(self.folder / "elsewhere" / "another")
        self.assertEqual(sorted(one), sorted(another))
        self.assertEqual([name for name in one if one[name] != another[name]], [])

    def test_replaces_an_earlier_package(self):
        self.compile("package", "--no-simulator")
        (self.folder / "package" / "old").write_text("of the earlier package")
        self.compile("package", "--no-simulator", "--clock-mhz", 100)
        self.assertFalse((self.folder / "package" / "old").exists())
        self.assertEqual([path.name for path in self.folder.iterdir()], ["package"])

    def test_manifest_seals_every_file(self):
        self.compile("package", "--no-simulator")
        files = tree(self.folder / "package")
        manifest = json.loads(files.pop("manifest.json"))
        self.assertEqual(manifest["files"], {name: hashlib.sha256(content).hexdigest()
                                             for name, content in files.items() if content is not None})
        self.assertEqual(manifest["source"]["sha256"], hashlib.sha256(TINY.read_bytes()).hexdigest())

    def test_effort_and_pipeline_save_area_at_the_same_latency(self):
        def compile_with(*options):
            result = self.compile("package", "--no-simulator", "--json", *options).json()
            return result["latency_cycles"], result["estimate"]
        latency, plain = compile_with()
        for options in (("--effort", "max"), ("--pipeline", "registers")):
            other_latency, other = compile_with(*options)
            self.assertEqual(other_latency, latency)
            self.assertLessEqual(other["ff" if "--pipeline" in options else "lut"],
                                 plain["ff" if "--pipeline" in options else "lut"])
        self.assert_refused(sluice("compile", TINY, "-o", self.folder / "package", "--effort", "most"), 2, "E-CLI-002",
                            "most")

    def test_settings_without_effect_are_named(self):
        config = self.folder / "reuse.json"
        config.write_text(json.dumps({"LayerName": {"conv_1": {"ReuseFactor": 3}, "pool": {"ReuseFactor": 2},
                                                    "output": {"ReuseFactor": 5, "Strategy": "stable"}}}))
        made = self.succeed(sluice("compile", DATA / "layers_small_cnn.h5", "-o", self.folder / "cnn", "--no-simulator",
                                   "--convolutions", "parallel", "--config", config, "--json"))
        said = [(warning["code"], warning["subject"]) for warning in made.json()["warnings"]]
        self.assertEqual(said, [("W-FRONTEND-002", "configuration: LayerName/output"),
                                ("W-FRONTEND-002", "configuration: LayerName/output"),
                                ("W-FRONTEND-002", "configuration: LayerName/pool"), ("W-COMPILER-002", "conv_1")])
        for word in ("Strategy=stable", "no softmax", "ReuseFactor=5 acts as 2", "ReuseFactor=2 has no effect",
                     "--convolutions parallel"):
            self.assertIn(word, made.err)

    def test_shared_multipliers_beyond_the_limit_are_refused(self):
        words = ["compile", MUON / "muon_pt.h5", "-o", self.folder / "muon", "--no-simulator", "--reuse", 8]
        dsps = self.succeed(sluice(*words, "--json")).json()["estimate"]["dsp"]
        self.assertGreater(dsps, 1)
        self.assert_refused(sluice(*words, "--dsp", dsps - 1), USAGE, "E-COMPILER-006",
                            f"layers that share hardware take {dsps} DSP48E2")
        self.succeed(sluice(*words, "--dsp", dsps))

    def test_adders_of_three_operands_name_the_primitives_of_the_family(self):
        def core_of(*options):
            result = self.compile("package", "--no-simulator", "--json", *options).json()
            [core] = (self.folder / "package" / "rtl").glob("*_core.v")
            return core.read_text(), result["estimate"]["lut"]
        three, fewer_lut = core_of()
        two, lut = core_of("--adders", "two")
        self.assertIn(".CARRY_BITS(8)", three)
        self.assertNotIn("sluice_ternary_adder", two)
        self.assertLess(fewer_lut, lut)
        self.assertEqual(core_of("--family", "7-series")[0], three.replace(".CARRY_BITS(8)", ".CARRY_BITS(4)"))
        self.assertEqual(core_of("--family", "generic"), (two, lut))
        self.assertNotIn("sluice_ternary_adder", core_of("--family", "generic", "--adders", "three")[0])
        self.assert_refused(sluice("compile", TINY, "-o", self.folder / "package", "--family", "ecp5"), 2, "E-CLI-002",
                            "ecp5")

    def test_verilog_is_the_same_on_one_processor_and_on_all(self):
        def verilog():
            self.compile("package", "--no-simulator", "--effort", "max")
            return tree(self.folder / "package" / "rtl")
        all_processors = os.sched_getaffinity(0)
        first = verilog()
        os.sched_setaffinity(0, {min(all_processors)})
        try:
            self.assertEqual(verilog(), first)
        finally:
            os.sched_setaffinity(0, all_processors)

    def test_prints_json_alone(self):
        finished = self.compile("package", "--no-simulator", "--json")
        result = finished.json()
        self.assertEqual(set(result), {"package", "name", "latency_cycles", "clock_mhz", "estimate", "formats",
                                       "warnings", "timings_s"})
        self.assertEqual((result["package"], result["name"]), (str(self.folder / "package"), "tiny"))
        self.assertLessEqual(ESTIMATE_KEYS, set(result["estimate"]))
        self.assertEqual(set(result["timings_s"]), {"import", "optimise", "verilog", "vectors", "simulator"})
        self.assertEqual((result["warnings"], finished.err), ([], ""))

    def test_warns_once_and_quietly_not_at_all(self):
        words = ("compile", FUNCTIONAL, "-o", self.folder / "package", "--no-simulator", "--json")
        loud, quiet = self.succeed(sluice(*words)), self.succeed(sluice(*words, "--quiet"))
        warning = loud.json()["warnings"][0]
        self.assertEqual(set(warning), {"code", "subject", "message", "hint"})
        hint = f"  try: {warning['hint']}\n" if warning["hint"] else ""
        self.assertEqual(loud.err, f"warning: {warning['code']}: {warning['subject']}: {warning['message']}\n{hint}")
        self.assertEqual((quiet.err, quiet.json()["warnings"]), ("", [warning]))


class Results(Case):
    """What `estimate` and `inspect` print of a package and of a model file."""

    def setUp(self):
        super().setUp()
        self.package = self.folder / "tiny"
        self.succeed(sluice("compile", TINY, "-o", self.package, "--name", "tiny", "--no-simulator"))
        self.manifest = json.loads((self.package / "manifest.json").read_text())

    def test_estimate(self):
        result = self.succeed(sluice("estimate", self.package, "--json")).json()
        self.assertEqual(set(result), {"layers", "total", "latency_cycles", "latency_ns", "clock_mhz",
                                       "initiation_interval_cycles", "critical_path_ns", "fmax_mhz", "advice"})
        self.assertEqual(result["advice"], [])
        sums = {figure: sum(layer[figure] for layer in result["layers"]) for figure in ESTIMATE_KEYS}
        for figure in ("lut", "ff", "dsp"):
            self.assertEqual(sums[figure], result["total"][figure])
        # Carry bits are rounded up to whole blocks in each row.
        self.assertIn(sums["carry8"] - result["total"]["carry8"], range(len(result["layers"])))
        self.assertEqual(result["latency_cycles"], self.manifest["latency_cycles"])
        self.assertEqual(result["latency_ns"], result["latency_cycles"] * 1000 / result["clock_mhz"])
        text = self.succeed(sluice("estimate", self.package)).out
        for word in [layer["name"] for layer in result["layers"]] + ["LUT", "FF", "latency", "MHz"]:
            self.assertIn(word, text)

    def test_inspect(self):
        of_model = self.succeed(sluice("inspect", TINY, "--json")).json()
        of_package = self.succeed(sluice("inspect", self.package, "--json")).json()
        self.assertEqual(set(of_model), {"network", "model", "layers", "engine", "formats", "warnings"})
        self.assertEqual(of_model["layers"], of_package["layers"])
        self.assertEqual(of_model["engine"], of_package["engine"])
        self.assertEqual(of_model["model"], of_package["model"])
        layers = {layer["name"]: layer for layer in of_package["layers"]}
        self.assertEqual(layers["input"]["format"], self.manifest["input"]["format"])
        self.assertEqual(layers["quantize_output"]["format"], self.manifest["output"]["format"])
        for subject in (TINY, self.package):
            text = self.succeed(sluice("inspect", subject)).out
            for layer in of_package["model"]["layers"]:
                self.assertIn(layer["name"], text)
                self.assertIn(layer["class"], text)
            self.assertIn("int16_pairs", text)


class SameKernel(Case):
    """Needs Verilator: also the Verilated kernel and the card's file are the same every time."""

    def test_of_the_same_model(self):
        first = tree(support.package("tiny"))
        self.succeed(sluice("compile", TINY, "-o", self.folder / "again", "--name", "tiny"))
        again = tree(self.folder / "again")
        self.assertEqual([name for name in first if first[name] != again.get(name)], [])
        self.assertLessEqual({"sim/kernel.so", "tiny.xclbin"}, set(again))


class Interrupts(Case):
    """A signal in the middle of building the kernel: its exit code, and nothing left anywhere."""

    def interrupt(self, number, compiler_ends_with):
        """Signals `sluice compile` while its compiler, which a slow one stands in for, runs."""
        programs, work, temporary = (self.make_folder() for _ in range(3))
        started = programs / "started"
        compiler = programs / "g++"
        compiler.write_text(f"#!/bin/sh\ntouch {started}\nsleep 0.5\n{compiler_ends_with}\n")
        compiler.chmod(0o755)
        process = subprocess.Popen([program("sluice"), "compile", TINY, "-o", work / "package"], text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env=environment(PATH=f"{programs}:{os.environ['PATH']}", TMPDIR=temporary,
                                                   CCACHE_DISABLE=1))
        self.addCleanup(end, process)
        wait_until(started.exists, 60, "the compiler runs")
        self.assertNotEqual(os.listdir(work), [])
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
        self.assertEqual((process.returncode, out, err), (128 + number, "", ""))
        self.assertEqual((os.listdir(work), os.listdir(temporary)), ([], []))

    def test_one_process_is_signalled(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(signal=number.name):
                self.interrupt(number, f'exec {shutil.which("g++")} "$@"')

    def test_the_terminal_ends_the_compiler_too(self):
        """No report of a compiler that failed."""
        self.interrupt(signal.SIGINT, "kill -INT $$")


if __name__ == "__main__":
    support.main()
