#!/usr/bin/env python3
"""What Python adds to the C++ runtime, on the in-process engine: python_bench.py PACKAGE MODEL

Medians of blocks of calls on this machine; the package `sluice` on PYTHONPATH.
"""
import resource
import sys
import time

import numpy as np

import sluice
from sluice import pynq

BLOCKS, CALLS = 60, 1000


def median_us(function):
    """Median over blocks of the mean processor time of a call: one thread works, other programs do not count."""
    times = []
    for _ in range(BLOCKS):
        begin = time.process_time()
        for _ in range(CALLS):
            function()
        times.append((time.process_time() - begin) / CALLS * 1e6)
    return float(np.median(times))


def calls(package):
    session = sluice.Session(package, "engine")
    shape = (1, *package.input_shape)
    x = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    overlay = pynq.Overlay(str(package.xclbin), device="engine")
    kernel = getattr(overlay, package.name)
    given, result = (kernel.args[name] for name in ("input", "output"))
    inputs = pynq.allocate(shape, given.dtype, target=given)
    outputs = pynq.allocate((1, *package.output_shape), result.dtype, target=result)
    raw = np.zeros(shape, given.dtype)

    def pynq_style():
        inputs[:] = raw
        inputs.sync_to_device()
        kernel.call(inputs, outputs, 1)
        outputs.sync_from_device()
        outputs.copy()

    _, profile = session.profile(x, calls=BLOCKS * CALLS)
    cpp = float(np.median(profile.total_us))
    kernel_alone = float(np.median(profile.inference_us))
    fused, styled = median_us(lambda: session.predict(x)), median_us(pynq_style)
    print(f"C++ predictor            {cpp:8.2f} us a call of one event")
    print(f"Session.predict          {fused:8.2f} us, {fused - cpp:.2f} more")
    print(f"PYNQ style, five steps   {styled:8.2f} us, {styled - kernel_alone:.2f} more than the kernel's {kernel_alone:.2f}")


def throughput(path):
    model = sluice.compile(path)
    x = np.random.default_rng(1).normal(size=(1_000_000, *model.input_shape)).astype(np.float32)
    out = np.empty((len(x), *model.output_shape), np.float64)
    model.predict(x[:100_000])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    ratios = []
    for _ in range(5):
        begin = time.perf_counter()
        model._engine.run(x, out)
        native = time.perf_counter() - begin
        begin = time.perf_counter()
        y = model.predict(x)
        ratios.append((native / (time.perf_counter() - begin), len(x) / native / 1e6))
    grown_mib = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert (y == out).all()
    ratio, rate = np.median(ratios, axis=0)
    print(f"Model.predict, 1,000,000 events: {100 * ratio:.0f} % of the engine's {rate:.2f} M events/s; "
          f"{grown_mib:.0f} MiB more than input and one output ({y.nbytes / 2**20:.0f} MiB)")


if __name__ == "__main__":
    calls(sluice.Package(sys.argv[1]))
    throughput(sys.argv[2])
