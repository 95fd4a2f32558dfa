"""100,000 calls of 8 threads: no memory error and no leak in the extension module, and memory that stays flat."""
import os
import pathlib
import shutil
import subprocess
import sys
import xml.etree.ElementTree

import pytest

import sluice

WORKLOAD = pathlib.Path(__file__).with_name("memory_workload.py")
MODULE = pathlib.Path(sluice._core.__file__).name
CALLS = 100_000
# Of these only errors and leaks are looked for, not time: valgrind is 50 times slower.
CALLS_UNDER_VALGRIND = 4_000


def run(command, package, model, calls, **variables):
    done = subprocess.run([*command, sys.executable, "-B", WORKLOAD, package.folder, model, str(calls)],
                          capture_output=True, text=True, timeout=280, env={**os.environ, **variables})
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    return int(done.stdout)


def test_memory_stays_flat(tiny_package, tiny_model):
    # A leak of one result per call would be 10 MiB, one of a buffer's page 50 MiB.
    assert run([], tiny_package, tiny_model, CALLS) < 4 * 1024


def findings(report):
    """Valgrind's errors and leaks with our module on the stack; Python's and NumPy's own are left out."""
    found = []
    for error in xml.etree.ElementTree.parse(report).getroot().iter("error"):
        frames = [(frame.findtext("obj") or "", frame.findtext("fn") or "?") for frame in error.iter("frame")]
        if any(file.endswith(MODULE) for file, _ in frames):
            what = error.findtext("what") or error.findtext("xwhat/text")
            found.append(f"{error.findtext('kind')}: {what}: " + " < ".join(name for _, name in frames[:12]))
    return found


def test_valgrind_finds_nothing(tiny_package, tiny_model, tmp_path):
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        pytest.skip("valgrind is not installed")
    report = tmp_path / "report.xml"
    run([valgrind, "--quiet", "--xml=yes", f"--xml-file={report}", "--leak-check=full", "--show-leak-kinds=definite",
         "--child-silent-after-fork=yes", "--num-callers=30"],
        tiny_package, tiny_model, CALLS_UNDER_VALGRIND, PYTHONMALLOC="malloc")
    assert findings(report) == []
