"""What the tests of the command line share: running `sluice`, judging refusals, packages, processes.

A test program takes the build folder, and the folder of the shared packages where it needs them:
    /usr/bin/python3 test_run.py BUILD [PACKAGES] [unittest's arguments]
"""
import contextlib
import dataclasses
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import numpy as np

SOURCE = pathlib.Path(__file__).resolve().parents[2]
DATA = SOURCE / "tests" / "data"
MUON = SOURCE / "examples" / "muon_pt" / "model"
TINY, FUNCTIONAL = DATA / "qkeras_tiny.h5", DATA / "qkeras_functional.h5"

# Exit codes of the command line.
DONE, NO, USAGE, MODEL, TOOL, DEVICE, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130

# A refusal takes milliseconds. The limit is wide enough for a sanitised build on a busy machine.
REFUSAL_SECONDS = 10
# A dead card must end its host within 5 s.
DEATH_SECONDS = 5

_build = None
_packages = None


def main():
    """Takes the folders from the command line and runs the calling program's tests."""
    global _build, _packages
    folders = []
    while len(sys.argv) > 1 and os.path.isdir(sys.argv[1]) and len(folders) < 2:
        folders.append(pathlib.Path(sys.argv.pop(1)).resolve())
    if not folders:
        raise SystemExit(f"usage: {sys.argv[0]} BUILD [PACKAGES] [unittest's arguments]")
    _build, _packages = folders[0], folders[-1]
    unittest.main(module="__main__")


def program(name):
    return _build / "bin" / name


def package(name):
    """A package that make_packages.py compiled."""
    return _packages / name


@dataclasses.dataclass
class Finished:
    code: int
    out: str
    err: str
    seconds: float

    def json(self):
        """The one JSON value on stdout."""
        return json.loads(self.out)


def environment(**changes):
    """This process's environment without settings that would reach a card; None removes a name."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(("SLUICE_", "XCL_", "XILINX_", "XRT_", "EMCONFIG_"))}
    kept.update(changes)
    return {name: str(value) for name, value in kept.items() if value is not None}


def run(*words, timeout=120, cwd=None, **variables):
    """Runs a program to its end; words of any type. Fails by TimeoutExpired when it hangs."""
    begin = time.monotonic()
    done = subprocess.run([str(word) for word in words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=timeout, cwd=cwd, env=environment(**variables))
    return Finished(done.returncode, done.stdout, done.stderr, time.monotonic() - begin)


def sluice(*words, **options):
    return run(program("sluice"), *words, **options)


def on_card(*words, mode="hw_emu", **options):
    return sluice("card", "--mode", mode, "--", *words, **options)


def two_towers(events, seed):
    """Events of onnx_two_towers.onnx, both inputs one after the other, and its outputs by NumPy: the total, then 1
    at the first of the largest elements of the second input."""
    x = np.random.default_rng(seed).integers(-128, 128, (events, 7)) / 16
    left, right = x[:, :3], x[:, 3:]
    total = np.maximum(left @ [[1, -0.5], [0.25, 2], [-1.5, 0.75]], 0) + right @ [[0.5, -1], [-2, 0.25], [1, 1],
                                                                                  [0.75, -0.5]]
    return x, np.concatenate([total, np.eye(4)[right.argmax(1)]], axis=1)


def reseal(folder):
    """Writes the hashes of the files as they are now into the manifest."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["files"] = {file: hashlib.sha256((folder / file).read_bytes()).hexdigest()
                         for file in manifest["files"]}
    path.write_text(json.dumps(manifest))


def tree(folder):
    """Relative path to bytes of every file below `folder`; folders end in a slash and hold None."""
    return {str(path.relative_to(folder)) + "/" * path.is_dir(): None if path.is_dir() else path.read_bytes()
            for path in folder.rglob("*")}


def differing_events(found, expected):
    """Events with at least one other value; shapes must agree."""
    if found.shape != expected.shape:
        raise AssertionError(f"shape {found.shape}, expected {expected.shape}")
    return int((found != expected).any(axis=tuple(range(1, found.ndim))).sum())


def children_running(name, ancestor):
    """Processes of the program `name` with `ancestor` above them."""
    parents, programs = {}, {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, ValueError):
                stat = (entry / "stat").read_text()
                parents[int(entry.name)] = int(stat[stat.rindex(")") + 4:].split()[0])
                programs[int(entry.name)] = pathlib.Path(os.readlink(entry / "exe")).name

    def descends(process):
        while process > 1:
            process = parents.get(process, 0)
            if process == ancestor:
                return True
        return False

    return [process for process, found in programs.items() if found == name and descends(process)]


def wait_until(condition, seconds, what):
    """The first true value of `condition`, asked again and again."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.01)
    raise AssertionError(f"not within {seconds} s: {what}")


def end(process):
    """Ends a process that this test has started."""
    if process.poll() is None:
        process.send_signal(signal.SIGKILL)
    process.communicate()


class Case(unittest.TestCase):
    """A test with a folder of its own, `self.folder`, in which nothing but its own files may be."""

    maxDiff = None

    def setUp(self):
        self.folder = self.make_folder()

    def make_folder(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-cli-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        return folder

    def save(self, name, array):
        np.save(self.folder / name, array)
        return self.folder / name

    def succeed(self, finished):
        self.assertEqual(finished.code, DONE, finished.out + finished.err)
        return finished

    def assert_refused(self, finished, code, error, *mentioned, hint=True):
        """One report `sluice: E-...` and nothing else: its code (a pattern), these words, the exit code, in time."""
        text = finished.err
        self.assertEqual(finished.code, code, finished.out + text)
        self.assertRegex(text, rf"\Asluice: {error}: ")
        self.assertEqual(len(re.findall(r"^sluice: ", text, re.MULTILINE)), 1, text)
        for line in text.splitlines()[1:]:
            self.assertTrue(line.startswith("  "), f"a line of its own behind the report: {text}")
        for word in mentioned:
            self.assertIn(str(word), text)
        if hint:
            self.assertRegex(text, r"(?m)^ +try: \S")
        self.assertNotRegex(text, r"terminate called|what\(\):|Assertion|core dumped|[Ss]anitizer")
        self.assertLess(finished.seconds, REFUSAL_SECONDS)

    @contextlib.contextmanager
    def nothing_left(self, *folders):
        """The folders (default: this test's own) hold the same files before and after, also hidden ones."""
        watched = folders or (self.folder,)
        before = [tree(folder) for folder in watched]
        yield
        for folder, files in zip(watched, before):
            self.assertEqual(sorted(tree(folder)), sorted(files), f"left in {folder}")
            self.assertEqual(tree(folder), files)
