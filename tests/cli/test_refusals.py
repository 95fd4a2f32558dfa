#!/usr/bin/env python3
"""Bad input to commands that need no Verilated kernel: exit code, one clear message, nothing left behind."""
import json
import os
import pathlib
import shutil
import tempfile

import numpy as np

import support
from support import DATA, DEVICE, FUNCTIONAL, MODEL, TINY, TOOL, USAGE, Case, run, sluice


class CompileRefusals(Case):
    def compile(self, model, *options, **variables):
        """Refused or not, an output folder may not stay behind here."""
        with self.nothing_left():
            return sluice("compile", model, "-o", self.folder / "package", "--no-simulator", *options, **variables)

    def test_truncated_model(self):
        whole = TINY.read_bytes()
        for part in (8, 100, len(whole) // 4, len(whole) // 2, len(whole) - 1000, len(whole) - 1):
            with self.subTest(bytes=part):
                model = self.folder / "cut.h5"
                model.write_bytes(whole[:part])
                self.assert_refused(self.compile(model), MODEL, "E-FRONTEND-002", model, "truncated")

    def test_file_that_is_no_model(self):
        for content in (b"", TINY.read_bytes()[:7], b"no HDF5\n" * 1000):
            with self.subTest(bytes=content[:10]):
                model = self.folder / "text.h5"
                model.write_bytes(content)
                self.assert_refused(self.compile(model), MODEL, "E-FRONTEND-001", model, "Keras .h5")

    def test_missing_model(self):
        self.assert_refused(self.compile("none.h5"), TOOL, "E-BASE-003", "none.h5", "No such file", hint=False)

    def test_unknown_layer(self):
        finished = self.compile(DATA / "unsupported_layer.h5")
        self.assert_refused(finished, MODEL, "E-FRONTEND-003", "recurrent", "`LSTM`", "QDense")

    def test_unknown_quantizer(self):
        finished = self.compile(DATA / "unsupported_quantizer.h5")
        self.assert_refused(finished, MODEL, "E-FRONTEND-005", "ternary_dense", "stochastic_ternary", "alpha=1")

    def test_scale_that_is_no_power_of_two(self):
        finished = self.compile(DATA / "unsupported_alpha.h5")
        self.assert_refused(finished, MODEL, "E-FRONTEND-005", "auto_scaled_dense", "alpha='auto'")

    def test_nan_weight(self):
        finished = self.compile(DATA / "nan_weight.h5")
        self.assert_refused(finished, MODEL, "E-FRONTEND-007", "hidden", "`kernel` holds nan at [1, 2]")

    def test_float_model_without_configuration(self):
        finished = self.compile(DATA / "keras_float.h5")
        self.assert_refused(finished, MODEL, "E-FRONTEND-008", "hidden (kernel)", "without a quantizer", "--calibrate",
                            "--default-precision 'ap_fixed<16,6>'",
                            '{"Model": {"Precision": "ap_fixed<16,6>"}}')

    def test_malformed_configuration(self):
        config = self.folder / "config.json"
        config.write_text('{"Model": ')
        finished = self.compile(DATA / "keras_float.h5", "--config", config)
        self.assert_refused(finished, MODEL, "E-BASE-001", config, "not valid JSON", hint=False)

    def test_configuration_with_an_unknown_precision(self):
        config = self.folder / "config.json"
        config.write_text(json.dumps({"Model": {"Precision": "ap_flat<16,6>"}}))
        finished = self.compile(DATA / "keras_float.h5", "--config", config)
        self.assert_refused(finished, MODEL, r"E-FRONTEND-\d+", "ap_flat<16,6>")

    def test_missing_configuration(self):
        finished = self.compile(DATA / "keras_float.h5", "--config", "none.json")
        self.assert_refused(finished, TOOL, "E-BASE-003", "none.json", hint=False)

    def test_name_that_is_no_identifier(self):
        self.assert_refused(self.compile(TINY, "--name", "my-project"), USAGE, "E-COMPILER-001", "my-project")

    def test_clock_beyond_any_fpga(self):
        for clock in ("0", "-1", "1e9", "nan"):
            with self.subTest(clock=clock):
                self.assert_refused(self.compile(TINY, "--clock-mhz", clock), USAGE, "E-COMPILER-001", "MHz")

    def test_refusal_leaves_an_earlier_package_alone(self):
        package = self.folder / "package"
        self.succeed(sluice("compile", TINY, "-o", package, "--no-simulator"))
        with self.nothing_left():
            finished = sluice("compile", DATA / "nan_weight.h5", "-o", package, "--no-simulator")
        self.assert_refused(finished, MODEL, "E-FRONTEND-007", "hidden")


class OutputRefusals(Case):
    """Permission bits do not bind root. What does: /proc, a file where a folder is due, and the loss
    of the capability to override them."""

    def test_compile_into_proc(self):
        finished = sluice("compile", TINY, "-o", "/proc/package", "--no-simulator")
        self.assert_refused(finished, TOOL, "E-BASE-005", "/proc", "may write")

    def test_compile_below_a_file(self):
        (self.folder / "file").write_text("kept")
        with self.nothing_left():
            finished = sluice("compile", TINY, "-o", self.folder / "file" / "package", "--no-simulator")
        self.assert_refused(finished, TOOL, "E-BASE-005", self.folder / "file", hint=False)

    def test_compile_onto_a_file(self):
        (self.folder / "file").write_text("kept")
        with self.nothing_left():
            finished = sluice("compile", TINY, "-o", self.folder / "file", "--no-simulator")
        self.assert_refused(finished, TOOL, "E-BASE-005", self.folder / "file", "another output folder")

    def test_compile_into_a_read_only_folder(self):
        locked = self.folder / "locked"
        locked.mkdir(mode=0o555)
        bound = ("setpriv", "--bounding-set", "-dac_override") if os.geteuid() == 0 else ()
        with self.nothing_left():
            finished = run(*bound, support.program("sluice"), "compile", TINY, "-o", locked / "package",
                           "--no-simulator")
        self.assert_refused(finished, TOOL, "E-BASE-005", locked, "Permission denied", "may write")


class MissingTools(Case):
    def path_without(self, *missing):
        """A folder of links to every program on PATH but these."""
        folder = self.make_folder()
        for place in os.get_exec_path():
            for file in pathlib.Path(place).iterdir() if os.path.isdir(place) else ():
                link = folder / file.name
                if file.name not in missing and not link.is_symlink():
                    link.symlink_to(file)
        return folder

    def check(self, missing):
        path = self.path_without(missing)
        with self.nothing_left():
            finished = sluice("compile", TINY, "-o", self.folder / "package", PATH=path)
        self.assert_refused(finished, TOOL, "E-SIM-001", missing, f"apt-get install {missing}")
        return path

    def test_no_verilator(self):
        path = self.check("verilator")
        tools = {row["name"]: row for row in sluice("doctor", "--json", PATH=path).json()["tools"]}
        self.assertFalse(tools["verilator"]["found"])
        self.assertIn("(apt-get install verilator)", sluice("doctor", PATH=path).out)

    def test_no_compiler(self):
        self.check("g++")

    def test_verilog_alone_needs_neither(self):
        path = self.path_without("verilator", "g++")
        self.succeed(sluice("compile", TINY, "-o", self.folder / "package", "--no-simulator", PATH=path))


class PackageCase(Case):
    @classmethod
    def setUpClass(cls):
        cls.packages = pathlib.Path(tempfile.mkdtemp(prefix="sluice-cli-"))
        cls.addClassCleanup(shutil.rmtree, cls.packages, ignore_errors=True)
        cls.tiny, cls.functional = cls.packages / "tiny", cls.packages / "functional"
        for model, folder in ((TINY, cls.tiny), (FUNCTIONAL, cls.functional)):
            done = sluice("compile", model, "-o", folder, "--name", folder.name, "--no-simulator")
            if done.code != 0:
                raise AssertionError(done.err)

    def setUp(self):
        super().setUp()
        self.x = np.load(DATA / "qkeras_tiny_vectors.npz")["x"]


class RunRefusals(PackageCase):
    def infer(self, events, *options, package=None):
        """`sluice run` on an array or a file; a refusal may not leave an output."""
        file = self.save("x.npy", events) if isinstance(events, np.ndarray) else events
        with self.nothing_left(self.folder, self.packages):
            return sluice("run", package or self.tiny, "--input", file, "--output", self.folder / "y.npy", *options)

    def test_wrong_width(self):
        for shape in ((10, 3), (10, 5), (10, 2, 4), (10,)):
            with self.subTest(shape=shape):
                finished = self.infer(np.zeros(shape, np.float32))
                self.assert_refused(finished, USAGE, "E-RUNTIME-003", "`input`", "[events, 4] is due", hint=False)

    def test_real_values_where_mantissas_are_due(self):
        for name in ("float32", "float64"):
            with self.subTest(type=name):
                finished = self.infer(self.x.astype(name), "--raw")
                self.assert_refused(finished, USAGE, "E-CLI-001", "x.npy", name, "leave out --raw")

    def test_mantissas_where_real_values_are_due(self):
        finished = self.infer(np.zeros((10, 4), np.int8))
        self.assert_refused(finished, USAGE, "E-CLI-001", "x.npy", "int8", "add --raw")

    def test_mantissas_of_another_type(self):
        for name in ("int16", "int32", "int64", "uint8"):
            with self.subTest(type=name):
                finished = self.infer(np.zeros((10, 4), name), "--raw")
                self.assert_refused(finished, USAGE, "E-RUNTIME-002", "`input`", "int8", name)

    def test_mantissa_outside_of_its_format(self):
        raw = np.zeros((10, 6), np.int16)
        raw[3, 4] = 512  # the format is s10.5
        finished = self.infer(raw, "--raw", package=self.functional)
        self.assert_refused(finished, USAGE, "E-RUNTIME-016", "event 3", "512", hint=False)

    def test_nan(self):
        self.x[7, 2] = np.nan
        finished = self.infer(self.x)
        self.assert_refused(finished, USAGE, "E-ENGINE-003", "event 7, element 2", "NaN")

    def test_type_without_meaning(self):
        finished = self.infer(self.x.astype(complex))
        self.assert_refused(finished, USAGE, "E-BASE-007", "x.npy", "<c16")

    def test_damaged_events(self):
        whole = self.save("whole.npy", self.x).read_bytes()
        for part in (0, 5, 9, 60, len(whole) - 1):
            with self.subTest(bytes=part):
                (self.folder / "cut.npy").write_bytes(whole[:part])
                finished = self.infer(self.folder / "cut.npy")
                self.assert_refused(finished, USAGE, "E-BASE-007", "cut.npy", hint=False)

    def test_missing_events(self):
        self.assert_refused(self.infer("none.npy"), TOOL, "E-BASE-003", "none.npy", "No such file", hint=False)

    def test_output_that_cannot_be_written(self):
        file = self.save("x.npy", self.x)
        for output in ("/proc/y.npy", self.folder / "none" / "y.npy", file / "y.npy"):
            with self.subTest(output=output), self.nothing_left():
                finished = sluice("run", self.tiny, "--input", file, "--output", output)
                self.assert_refused(finished, TOOL, "E-BASE-004", output, hint=False)

    def test_unknown_device(self):
        for device in ("gpu", "", "xrt", "xrt:", "xrt:-1", "xrt:1a", "xrt:99999999999", "ENGINE"):
            with self.subTest(device=device):
                finished = self.infer(self.x, "--device", device)
                self.assert_refused(finished, USAGE, "E-RUNTIME-001", device, "engine, rtl, or xrt:N")

    def test_card_without_its_environment(self):
        for device in ("xrt:0", "xrt:7"):
            with self.subTest(device=device):
                finished = self.infer(self.x, "--device", device)
                self.assert_refused(finished, DEVICE, "E-RUNTIME-014", "XILINX_XRT", "sluice card -- PROGRAM")

    def test_no_verilated_kernel(self):
        finished = self.infer(self.x, "--device", "rtl")
        self.assert_refused(finished, TOOL, "E-PACKAGE-005", self.tiny, "without --no-simulator")


class PackageRefusals(PackageCase):
    def every_command(self, package):
        x = self.save("x.npy", self.x)
        yield sluice("run", package, "--input", x, "--output", self.folder / "y.npy")
        for command in ("verify", "estimate", "bench"):
            yield sluice(command, package)

    def test_missing_package(self):
        for finished in self.every_command(self.folder / "none"):
            self.assert_refused(finished, TOOL, "E-PACKAGE-003", self.folder / "none", "sluice compile MODEL")
        self.assertEqual(os.listdir(self.folder), ["x.npy"])

    def test_folder_that_is_no_package(self):
        for finished in self.every_command(self.folder):
            self.assert_refused(finished, TOOL, "E-PACKAGE-003", "no manifest.json")

    def test_changed_file(self):
        for file in ("network.txt", "circuit.txt", "tiny.xclbin", "rtl/tiny_core.v"):
            with self.subTest(file=file):
                package = self.folder / file.replace("/", "_")
                shutil.copytree(self.tiny, package)
                with (package / file).open("ab") as text:
                    text.write(b"\n")
                for finished in self.every_command(package):
                    self.assert_refused(finished, MODEL, "E-PACKAGE-004", package / file, "compile the model again")
        self.assertFalse((self.folder / "y.npy").exists())

    def test_missing_file(self):
        package = self.folder / "package"
        shutil.copytree(self.tiny, package)
        (package / "network.txt").unlink()
        for finished in self.every_command(package):
            self.assert_refused(finished, TOOL, "E-BASE-003", package / "network.txt", hint=False)

    def test_damaged_manifest(self):
        package = self.folder / "package"
        shutil.copytree(self.tiny, package)
        manifest = json.loads((package / "manifest.json").read_text())
        shape, version = json.loads(json.dumps(manifest)), {**manifest, "schema_version": 99}
        shape["input"]["shape"] = "wide"
        without = {key: value for key, value in manifest.items() if key != "latency_cycles"}
        for text in ("", "{", "[]", json.dumps(version), json.dumps(shape), json.dumps(without)):
            with self.subTest(text=text[:40]):
                (package / "manifest.json").write_text(text)
                for finished in self.every_command(package):
                    self.assert_refused(finished, MODEL, r"E-(BASE|PACKAGE)-\d+", package / "manifest.json", hint=False)

    def test_verify_without_events(self):
        finished = sluice("verify", self.tiny, "--samples", 0)
        self.assert_refused(finished, USAGE, "E-COMPILER-002", "samples", hint=False)


class UsageErrors(Case):
    CASES = {
        "no command": ((), "sluice"),
        "unknown command": (("synthesise", "model.h5"), "synthesise: is not a command"),
        "no model": (("compile",), "sluice compile"),
        "no output": (("compile", "model.h5"), "--output"),
        "no events": (("run", "muon", "--output", "y.npy"), "--input"),
        "unknown option": (("verify", "muon", "--fast"), "--fast"),
        "no number": (("compile", "m.h5", "-o", "p", "--clock-mhz", "fast"), "fast"),
        "unknown mode": (("card", "--mode", "silicon", "--", "true"), "hw_emu"),
        "no program": (("card",), "command"),
        "no card": (("card", "--cards", "0", "--", "true"), "0"),
    }

    def test_each(self):
        for name, (words, mentioned) in self.CASES.items():
            with self.subTest(name):
                finished = sluice(*words)
                self.assert_refused(finished, USAGE, r"E-(CLI-002|CARD-003)", mentioned, hint=name != "no card")
                self.assertEqual(finished.out, "")

    def test_program_that_is_not_there(self):
        self.assert_refused(sluice("card", "--", "./none"), TOOL, "E-CARD-005", "./none")


class ErrorsAsJson(Case):
    def check(self, finished, code, error):
        self.assertEqual(finished.code, code)
        report = finished.json()
        self.assertEqual(list(report), ["error"])
        self.assertEqual(sorted(report["error"]), ["code", "hint", "message", "subject"])
        self.assertEqual(report["error"]["code"], error)
        self.assertTrue(report["error"]["message"])
        self.assert_refused(finished, code, error, report["error"]["subject"], hint=False)

    def test_of_a_model(self):
        model = DATA / "nan_weight.h5"
        words = ("compile", model, "-o", self.folder / "package", "--no-simulator")
        self.check(sluice(*words, "--json"), MODEL, "E-FRONTEND-007")
        self.check(sluice("--json", *words), MODEL, "E-FRONTEND-007")

    def test_of_a_file(self):
        self.check(sluice("estimate", self.folder / "none", "--json"), TOOL, "E-PACKAGE-003")

    def test_of_usage(self):
        self.check(sluice("--json", "synthesise"), USAGE, "E-CLI-002")
        self.check(sluice("compile", "--json"), USAGE, "E-CLI-002")


class Signals(Case):
    def test_closed_output(self):
        """A reader that goes away early, as `head` does, is no crash."""
        shell = f"'{support.program('sluice')}' inspect '{TINY}' --json | head -n 1"
        finished = run("/bin/bash", "-c", shell, cwd=self.folder)
        self.assertEqual((finished.out, finished.err), ("{\n", ""))


if __name__ == "__main__":
    support.main()
