"""Package, Device, Buffer, Run and Session in this process; threads and forks."""
import gc
import os
import resource
import threading

import numpy as np
import pytest

import sluice


def test_session_gives_the_recorded_outputs(tiny_package, tiny_vectors):
    x, y = tiny_vectors
    session = sluice.Session(tiny_package, "engine", batch_events=16)
    for events in (0, 1, 15, 16, 17, len(x)):
        assert (session.predict(x[:events]) == y[:events]).all()
    assert (session.predict(x[::2]) == y[::2]).all()
    out = np.empty(y.shape, np.float32)
    assert session.predict(x, out=out) is out
    assert (out == y).all()


def test_session_in_parts_is_the_same(tiny_package, tiny_vectors, monkeypatch):
    x, y = tiny_vectors
    monkeypatch.setattr("sluice.device._CHUNK_EVENTS", 10)
    assert (sluice.Session(tiny_package).predict(x) == y).all()


def test_profile_has_the_schema_of_latency(tiny_package, tiny_vectors):
    x, y = tiny_vectors
    session = sluice.Session(tiny_package)
    found, profile = session.profile(x[:1], calls=20)
    assert (found == y[:1]).all()
    json = profile.to_json()
    assert (json["schema_version"], json["emulated"], json["calls"], json["batch_events"]) == (1, True, 20, 1)
    assert json["device"]["emulation"] == "engine"
    for span in ("injection_us", "inference_us", "extraction_us"):
        assert len(json["samples"][span]) == 20
    assert (profile.total_us > 0).all()
    assert "CPU, not card latency" in repr(profile)


def test_buffers_and_runs(tiny_package, tiny_vectors):
    x, y = tiny_vectors
    device = sluice.Device(tiny_package, "engine")
    assert device.emulated
    input, output = device.kernel.allocate_input(8), device.kernel.allocate_output(8)
    scale = 2.0 ** int(tiny_package.manifest["input"]["format"].split(".")[1])
    input.array[:] = np.floor(np.clip(x[:8] * scale, *(np.iinfo(input.array.dtype).min, np.iinfo(input.array.dtype).max)))
    input.sync_to_device()
    run = device.kernel.make_run().start(input, output)
    run.wait()
    output.sync_from_device()
    expected = device.session().predict(np.array(input.array), raw=True)
    assert (output.array == expected).all()
    view = output.array
    del input, output, run, device
    gc.collect()
    assert (view == expected).all()  # a view keeps the memory alive


def test_eight_threads_share_a_session(tiny_package, tiny_vectors):
    x, y = tiny_vectors
    session = sluice.Session(tiny_package)
    failures = []

    def work(number):
        event = number % len(x)
        for _ in range(12_500):
            if not (session.predict(x[event:event + 1]) == y[event:event + 1]).all():
                failures.append(number)

    def round_of_threads():
        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    session.predict(x)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    round_of_threads()
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert failures == []
    # Stacks and buffers of eight threads; a leak of one result per call would be 10 MiB.
    assert grown_kib < 8 * 1024


def in_child(action):
    """What `action` raised in a forked child, as text."""
    read, write = os.pipe()
    process = os.fork()
    if process == 0:
        text = "nothing"
        try:
            action()
        except BaseException as error:
            text = f"{type(error).__name__}: {error}"
        os.write(write, text.encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        text = pipe.read()
    os.waitpid(process, 0)
    return text


def test_a_session_after_fork_raises_and_the_parent_goes_on(tiny_package, tiny_vectors):
    x, y = tiny_vectors
    session = sluice.Session(tiny_package)
    kernel = session.kernel
    said = in_child(lambda: session.predict(x))
    assert said.startswith("UsageError: E-PYTHON-001: session: was made before this process was forked")
    assert "spawn" in said
    assert "E-PYTHON-001" in in_child(lambda: kernel.allocate_input(1))
    assert "nothing" == in_child(lambda: sluice.Session(tiny_package).predict(x[:1]))
    assert (session.predict(x) == y).all()


def test_a_closed_session_raises(tiny_package, tiny_vectors):
    with sluice.Session(tiny_package) as session:
        session.predict(tiny_vectors[0])
    with pytest.raises(sluice.UsageError, match="E-PYTHON-002"):
        session.predict(tiny_vectors[0])
