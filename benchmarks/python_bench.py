#!/usr/bin/env python3
"""What Python adds to the C++ runtime, and PYNQ beside it, all in one run.

usage: python_bench.py --build BUILD --package DIR --model FILE [--output FILE.json] [--rounds 5] [--without-pynq]

Per call of one event on XRT's no-op shim (a kernel that takes no time, so that only hosts are measured): the C++
runtime, Session.predict, a PYNQ-style call of sluice.pynq, and PYNQ 2.7.0 itself, which is fetched from PyPI and
skipped where that cannot be reached. Per call on the emulated card: C++ and Session.predict. Throughput of
Model.predict on 1,000,000 events, median of 15 pairs, and its memory. Per call: medians of rounds that take turns, so that a
disturbance of the machine meets all. Every time is that of an emulation, never of a card.
"""
import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[1]
BLOCK_CALLS = 100
EVENTS = 1_000_000
# The goals of docs/reference/python.md.
LIMITS = {"fused_added_us": 1.0, "pynq_style_us": 5.0, "card_ratio": 1.10, "least_throughput_ratio": 0.9,
          "added_mib": 64.0}


def median_us(function, calls):
    """Median over blocks of calls of the mean time of a call: a block that is interrupted does not count."""
    times = []
    for _ in range(-(-calls // BLOCK_CALLS)):
        begin = time.perf_counter()
        for _ in range(BLOCK_CALLS):
            function()
        times.append((time.perf_counter() - begin) / BLOCK_CALLS * 1e6)
    return float(np.median(times))


def resident_kib():
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


def pynq_style(kernel, inputs, outputs, raw):
    def call():
        inputs[:] = raw
        inputs.sync_to_device()
        kernel.call(inputs, outputs, 1)
        outputs.sync_from_device()
        return np.array(outputs)
    return call


# Each of the following runs in a process of its own under `sluice card`, and prints one JSON object.

def measure_session(package, uri, calls):
    import sluice
    session = sluice.Session(package, uri)
    x = np.random.default_rng(1).normal(size=(1, *session.kernel.package.input_shape)).astype(np.float32)
    session.predict(x)
    return median_us(lambda: session.predict(x), calls)


def measure_pynq_style(package, uri, calls):
    import sluice
    from sluice import pynq
    package = sluice.Package(package)
    overlay = pynq.Overlay(str(package.xclbin), device=uri)
    kernel = getattr(overlay, package.name)
    given, result = (kernel.args[name] for name in ("input", "output"))
    inputs = pynq.allocate((1, *package.input_shape), given.dtype, target=given)
    outputs = pynq.allocate((1, *package.output_shape), result.dtype, target=result)
    call = pynq_style(kernel, inputs, outputs, np.zeros(inputs.shape, given.dtype))
    call()
    return median_us(call, calls)


def measure_pynq(package, uri, calls):
    """PYNQ itself: it knows the no-op shim as the library of the emulation mode that it supports."""
    import pynq
    manifest = json.loads((pathlib.Path(package) / "manifest.json").read_text())
    overlay = pynq.Overlay(str(pathlib.Path(package) / f"{manifest['name']}.xclbin"))
    kernel = getattr(overlay, f"{manifest['name']}_1")
    shapes = [(1, *manifest[port]["shape"]) for port in ("input", "output")]
    types = [f"i{manifest[port]['container_bits'] // 8}" for port in ("input", "output")]
    inputs, outputs = (pynq.allocate(shape, dtype=dtype, target=overlay.bank0) for shape, dtype in zip(shapes, types))
    call = pynq_style(kernel, inputs, outputs, np.zeros(shapes[0], types[0]))
    call()
    return median_us(call, calls)


def measure_throughput(model_path, *_):
    import sluice
    model = sluice.compile(model_path)
    x = np.empty((EVENTS, *model.input_shape), np.float32)
    random = np.random.default_rng(1)
    model.predict(np.zeros((1, *model.input_shape)))
    before_kib = resident_kib()
    for part in np.array_split(x, 100):
        part[:] = random.normal(size=part.shape)
    y = model.predict(x)
    grown_mib = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib) / 1024
    added_mib = grown_mib - (x.nbytes + y.nbytes) / 2**20
    out = np.empty_like(y)
    engine = model._engine
    native, python = [], []
    for _ in range(15):
        begin = time.perf_counter()
        engine.run(x, out)
        middle = time.perf_counter()
        model.predict(x, out=y)
        native.append(middle - begin)
        python.append(time.perf_counter() - middle)
    assert (y == out).all()
    ratio = statistics.median(n / p for n, p in zip(native, python))
    return {"ratio": ratio, "native_m_events_per_s": EVENTS / statistics.median(native) / 1e6, "added_mib": added_mib}


MEASURES = {"session": measure_session, "pynq_style": measure_pynq_style, "pynq": measure_pynq,
            "throughput": measure_throughput}


class Bench:
    def __init__(self, build, package, folder):
        self.sluice, self.package, self.folder = build / "bin" / "sluice", package, folder
        self.environment = {**os.environ, "PYTHONPATH": str(build / "python")}

    def run(self, *command, **variables):
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                              env={**self.environment, **variables})
        if done.returncode != 0:
            raise SystemExit(f"python_bench: {command} ended with {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def cpp(self, mode, calls):
        samples = self.folder / "samples.json"
        self.run(self.sluice, "card", "--mode", mode, "--", self.sluice, "bench", self.package, "--device", "xrt:0",
                 "--calls", calls, "--samples-out", samples)
        spans = json.loads(samples.read_text())["samples"]
        return float(np.median(np.sum([spans[f"{span}_us"] for span in ("injection", "inference", "extraction")], axis=0)))

    def python(self, which, mode, calls):
        return json.loads(self.run(self.sluice, "card", "--mode", mode, "--", sys.executable, __file__, "--measure", which,
                                   self.package, "xrt:0", calls).splitlines()[-1])

    def pynq(self, python, sources, calls):
        """XRT's libraries as PYNQ looks for them, with the no-op shim under the name of hw_emu's.

        PYNQ asks `xbutil dump`, which newer ones have not, for the version of XRT; without an answer it drives the
        kernel by its registers, as on no card. It is told 2.5: for later ones it makes a call that the shim has not.
        """
        libraries = self.folder / "xrt" / "lib"
        if not libraries.exists():
            libraries.mkdir(parents=True)
            real = self.run(self.sluice, "card", "--mode", "noop", "--", "sh", "-c",
                            'for name in core coreutil noop; do readlink -f "$XILINX_XRT/lib/libxrt_$name.so.2"; done')
            for name, file in zip(("core", "coreutil", "noop"), real.split()):
                for link in [name] if name != "noop" else ["noop", "hwemu"]:
                    for suffix in ("so", "so.2"):
                        (libraries / f"libxrt_{link}.{suffix}").symlink_to(file)
            xbutil = self.folder / "xbutil"
            xbutil.write_text("""#!/bin/sh\necho '{"runtime": {"build": {"version": "2.5.309"}}}'\n""")
            xbutil.chmod(0o755)
        return json.loads(self.run(self.sluice, "card", "--mode", "noop", "--", "env", f"XILINX_XRT={libraries.parent}", f"PATH={self.folder}:{os.environ['PATH']}",
                                   "XCL_EMULATION_MODE=hw_emu", f"PYTHONPATH={sources}", python, __file__, "--measure",
                                   "pynq", self.package, "-", calls).splitlines()[-1])


def fetch_pynq(folder):
    sys.path.insert(0, str(ROOT / "python" / "tests"))
    import interop_pynq
    return interop_pynq.fetch_pynq(folder)


def in_turn(rounds, measures):
    """Median of each measure; one after the other, ROUNDS times."""
    found = {name: [] for name in measures}
    for _ in range(rounds):
        for name, measure in measures.items():
            found[name].append(measure())
    return {name: statistics.median(values) for name, values in found.items()}


def verdict(value, limit, at_least=False):
    held = value >= limit if at_least else value <= limit
    return f"(goal: {'at least' if at_least else 'at most'} {limit:g}; {'held' if held else 'NOT HELD'})"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--package", type=pathlib.Path, required=True)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--output", type=pathlib.Path, help="all figures, a JSON file")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--without-pynq", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as name:
        folder = pathlib.Path(name)
        bench = Bench(arguments.build.resolve(), arguments.package.resolve(), folder)
        noop = {"cpp": lambda: bench.cpp("noop", 20_000), "session": lambda: bench.python("session", "noop", 20_000),
                "pynq_style": lambda: bench.python("pynq_style", "noop", 20_000)}
        fetched = None if arguments.without_pynq else fetch_pynq(folder)
        if fetched is not None:
            noop["pynq"] = lambda: bench.pynq(*fetched, 5_000)
        calls = in_turn(arguments.rounds, noop)
        card = in_turn(arguments.rounds, {"cpp": lambda: bench.cpp("hw_emu", 2_000),
                                          "session": lambda: bench.python("session", "hw_emu", 2_000)})
        throughput = json.loads(bench.run(sys.executable, __file__, "--measure", "throughput", arguments.model))
    added = calls["session"] - calls["cpp"]
    print("one event per call on XRT's no-op shim, medians:")
    print(f"  C++ runtime            {calls['cpp']:8.2f} us")
    print(f"  Session.predict        {calls['session']:8.2f} us, {added:.2f} more {verdict(added, LIMITS['fused_added_us'])}")
    print(f"  PYNQ style, five steps {calls['pynq_style']:8.2f} us {verdict(calls['pynq_style'], LIMITS['pynq_style_us'])}")
    print(f"  PYNQ 2.7.0, the same   {calls['pynq']:8.2f} us" if "pynq" in calls else "  PYNQ 2.7.0             SKIPPED")
    ratio = card["session"] / card["cpp"]
    print(f"one event per call on the emulated card (hw_emu): C++ {card['cpp']:.1f} us, Session.predict "
          f"{card['session']:.1f} us, {ratio:.3f} times {verdict(ratio, LIMITS['card_ratio'])}")
    print(f"Model.predict, {EVENTS:,} events: {throughput['ratio']:.3f} of the engine's "
          f"{throughput['native_m_events_per_s']:.2f} M events/s "
          f"{verdict(throughput['ratio'], LIMITS['least_throughput_ratio'], at_least=True)}; "
          f"{throughput['added_mib']:.1f} MiB besides input and output {verdict(throughput['added_mib'], LIMITS['added_mib'])}")
    if arguments.output is not None:
        arguments.output.write_text(json.dumps({"noop_us": calls, "hw_emu_us": card, "predict": throughput}, indent=2))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        which, subject, *rest = sys.argv[2:]
        print(json.dumps(MEASURES[which](subject, *rest[:1], *map(int, rest[1:]))))
    else:
        main()
