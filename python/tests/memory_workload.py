"""What test_memory.py runs under valgrind: memory_workload.py PACKAGE MODEL CALLS        prints the growth of RSS in KiB

8 threads make CALLS calls of sessions and of the PYNQ API, with buffers made and freed, errors raised and caught; then
the compile side, asyncio, and a fork.
"""
import asyncio
import gc
import os
import pathlib
import sys
import threading

import numpy as np

import sluice
from sluice import pynq

THREADS = 8


def resident_kib():
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


def refused(action):
    try:
        action()
    except sluice.Error:
        return
    raise AssertionError("a mistake was accepted")


def work(overlay, session, x, due, calls, failures):
    kernel = overlay.tiny
    for number in range(calls):
        event = number % len(x)
        if number % 8 == 0:
            given = pynq.allocate((1, 4), "i1", target=kernel.args["input"])
            result = pynq.allocate((1, 2), "i2", target=kernel.args["output"])
            given.sync_to_device()
            kernel.call(given, result, 1)
            result.sync_from_device()
            given.freebuffer()
            refused(lambda: kernel.call(given, result, 1))
        if number % 64 == 0:
            refused(lambda: session.predict(x[0]))
        if not (session.predict(x[event:event + 1]) == due[event]).all():
            failures.append(event)


def in_threads(*arguments):
    threads = [threading.Thread(target=work, args=arguments) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def compile_side(path, x):
    model = sluice.compile(path)
    model.trace(x)
    model.estimate()
    refused(lambda: model.predict(x[:, :3]))
    refused(lambda: sluice.compile("nowhere.h5"))
    return model.predict(x)


async def awaited(overlay):
    kernel = overlay.tiny
    given = pynq.allocate((1, 4), "i1", target=kernel.args["input"])
    result = pynq.allocate((1, 2), "i2", target=kernel.args["output"])
    await asyncio.gather(*(kernel.start(given, result, 1).wait_async() for _ in range(20)))


def fork(session, x):
    child = os.fork()
    if child == 0:
        refused(lambda: session.predict(x))
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def main():
    package, path, calls = sluice.Package(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    x = np.random.default_rng(1).normal(size=(64, 4)).astype(np.float32)
    overlay = pynq.Overlay(str(package.xclbin), device="engine")
    session = sluice.Session(package, "engine")
    due = session.predict(x)
    assert (compile_side(path, x) == due).all()
    failures = []
    in_threads(overlay, session, x, due, calls // THREADS // 10, failures)
    gc.collect()
    before = resident_kib()
    in_threads(overlay, session, x, due, calls // THREADS, failures)
    gc.collect()
    grown = resident_kib() - before
    assert not failures
    asyncio.run(awaited(overlay))
    fork(session, x)
    overlay.free()
    session.close()
    print(grown)


if __name__ == "__main__":
    main()
