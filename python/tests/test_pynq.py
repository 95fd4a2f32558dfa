"""The PYNQ API on the in-process engine: names, and the behaviours that differ from PYNQ for good reasons."""
import asyncio
import copy
import gc
import inspect
import json
import pathlib
import pickle
import pydoc
import rlcompleter
import shutil
import threading

import numpy as np
import pytest

import sluice
from sluice import _core, pynq


@pytest.fixture
def overlay(tiny_package):
    """On the engine, with the tests' own active device."""
    pynq.Device.active_device = "engine"
    with pynq.Overlay(str(tiny_package.xclbin)) as loaded:
        yield loaded
    pynq.Device.active_device = None


@pytest.fixture
def buffers(overlay):
    arguments = overlay.tiny.args
    return (pynq.allocate((32, 4), "i1", target=arguments["input"]),
            pynq.allocate((32, 2), "i2", target=arguments["output"]))


@pytest.fixture
def expected(tiny_package):
    session = sluice.Session(tiny_package)
    return lambda x: session.predict(np.array(x), raw=True)


def fill(buffer, seed=1):
    buffer[:] = np.random.default_rng(seed).integers(-100, 100, buffer.shape)


def test_call_gives_the_sessions_integers(overlay, buffers, expected):
    x, y = buffers
    for seed in range(3):
        fill(x, seed)
        x.sync_to_device()
        assert overlay.tiny.call(x, y, 32) is None
        y.sync_from_device()
        assert (y == expected(x)).all()
    overlay.tiny_1.call(n=32, input=x, output=y)


def test_predict_is_the_fused_path(overlay, tiny_vectors):
    x, y = tiny_vectors
    assert (overlay.tiny.predict(x) == y).all()
    found, profile = overlay.tiny.predict(x[:1], profile=True)
    assert (found == y[:1]).all() and profile.to_json()["calls"] == 1


def test_descriptions(overlay, tiny_package):
    assert overlay.tiny is overlay.tiny_1
    row = overlay.ip_dict["tiny_1"]
    assert (row["phys_addr"], row["cu_name"], row["hw_control_protocol"]) == (0x180_0000, "tiny:tiny_1", "ap_ctrl_chain")
    assert row["registers"]["input"] == {"address_offset": 0x10, "access": "read-write", "size": 64, "host_size": 8,
                                         "description": "argument input", "type": "char*", "id": 0, "memory": "bank0"}
    assert row["device"] is overlay.device and row["xclbin_uuid"] == overlay.uuid
    memory = overlay.mem_dict["bank0"]
    assert (memory["type"], memory["idx"], memory["used"], memory["streaming"]) == ("DDR4", 0, 1, False)
    assert overlay.bank0 == overlay.device.get_memory(memory) == overlay.device.get_memory_by_name("bank0")
    assert str(overlay.tiny.signature) == "(input: 'char*', output: 'short*', n: 'unsigned int') -> None"
    argument = overlay.tiny.args["output"]
    assert (argument.name, argument.index, argument.type, argument.mem) == ("output", 2, "short*", "bank0")
    assert overlay.is_loaded()
    assert {"tiny", "tiny_1", "bank0", "ip_dict", "download"} <= set(dir(overlay))
    for word in ("tiny_1", "bank0"):
        assert word in overlay.__doc__
    assert "call" in dir(overlay.tiny) and "n: 'unsigned int'" in overlay.tiny.__doc__
    for shown in (overlay, overlay.tiny, overlay.device):
        assert shown._repr_html_().startswith("<table>")
    json.dumps({key: value for key, value in overlay.mem_dict.items()})


def test_help_and_tab_completion(overlay, buffers):
    """As a new user tries them: help(thing), and the tab key after `ov.`."""
    for thing, words in ((sluice, ("sluice.compile(", "Session")), (sluice.compile, ("effort", "Raises")),
                         (pynq, ("allocate", "Overlay")), (overlay, ("tiny_1", "bank0", "download")),
                         (overlay.tiny, ("n: 'unsigned int'", "call", "register_map")),
                         (buffers[0], ("sync_to_device", "freebuffer")), (sluice.UsageError, ("code", "hint"))):
        text = pydoc.plain(pydoc.render_doc(thing))
        assert not [word for word in words if word not in text]
    completer = rlcompleter.Completer({"ov": overlay, "x": buffers[0], "sluice": sluice})
    for text, due in (("ov.ti", "ov.tiny"), ("ov.ban", "ov.bank0"), ("ov.tiny.ca", "ov.tiny.call("),
                      ("ov.tiny.register_map.CT", "ov.tiny.register_map.CTRL"), ("x.sync_t", "x.sync_to_device("),
                      ("sluice.compi", "sluice.compile(")):
        assert completer.complete(text, 0).startswith(due)
    with pytest.raises(AttributeError, match="no registers"):
        overlay.tiny.register_map.CTRL


def test_memory_names_of_pynq():
    banks = [{"tag": tag, "type": kind, "used": True, "base_address": 0, "size_bytes": 1024}
             for tag, kind in (("HBM[0]", 6), ("DDR[1]", 1), ("bank0", 1), ("new", 99))]
    described = pynq.device.describe_memories(banks)
    assert [pynq.device.attribute_name(tag) for tag in described] == ["HBM0", "DDR1", "bank0", "new"]
    assert described["new"]["type"] == "TYPE_99"  # a newer XRT may have more types
    with pytest.raises(sluice.UsageError, match="E-PYTHON-023"):
        pynq.device.describe_memories([*banks, {**banks[0], "tag": "HBM0"}])


def test_handle(overlay, buffers):
    x, y = buffers
    handle = overlay.tiny.start(x, y, 32)
    handle.wait(timeout=10)
    assert handle.done and handle.state == "COMPLETED" and handle.exception() is None and handle.result() is None
    handle.wait()


def test_await(overlay, buffers, expected):
    x, y = buffers
    fill(x)
    x.sync_to_device()

    async def many():
        await asyncio.gather(*(overlay.tiny.start(x, y, 32).wait_async() for _ in range(20)))
        await overlay.tiny.start(x, y, 32)

    asyncio.run(many())
    y.sync_from_device()
    assert (y == expected(x)).all()


def test_threads(overlay, expected):
    failures = []

    def work(seed):
        x = pynq.allocate((4, 4), "i1", target=overlay.tiny.args["input"])
        y = pynq.allocate((4, 2), "i2", target=overlay.tiny.args["output"])
        fill(x, seed)
        due = expected(x)
        for _ in range(500):
            y[:] = 0
            x.sync_to_device()
            overlay.tiny.call(x, y, 4)
            y.sync_from_device()
            if not (y == due).all():
                failures.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


class FailingRun:
    """A native run whose kernel ends in an error."""

    execute = None

    def wait(self, timeout):
        raise sluice.DeviceError("E-RUNTIME-011", "xrt:0", "the kernel ended in state ERROR")


# What PYNQ does wrong.

def test_1_a_failed_kernel_raises(overlay):
    handle = pynq.WaitHandle(overlay.tiny, pynq.kernel._Run(FailingRun()))
    for _ in range(2):
        with pytest.raises(sluice.DeviceError, match="state ERROR"):
            handle.wait()
    assert handle.done and handle.state == "ERROR"
    assert isinstance(handle.exception(), sluice.DeviceError)


def test_2_arguments_are_counted(overlay, buffers):
    x, y = buffers
    for arguments in ((x, y, 1, 1), (x, y), ()):
        with pytest.raises(TypeError, match=r"tiny\(input: 'char\*', output: 'short\*', n: 'unsigned int'\)"):
            overlay.tiny.call(*arguments)
    with pytest.raises(TypeError, match="too many|unexpected keyword argument 'm'"):
        overlay.tiny.call(x, y, 1, m=1)


def test_3_types_sizes_and_devices_are_checked(overlay, buffers, tiny_package):
    x, y = buffers
    with pytest.raises(TypeError, match=r"takes char\*, the buffer holds float64"):
        overlay.tiny.call(pynq.allocate((32, 4), "f8"), y, 1)
    overlay.tiny.check_types = False
    overlay.tiny.call(pynq.allocate((32, 4), "f8"), y, 1)
    overlay.tiny.check_types = True
    with pytest.raises(ValueError, match="holds 32 events of 4 bytes, the call asks for 33"):
        overlay.tiny.call(x, y, 33)
    for count in (-1, 2 ** 32, 1.5):
        with pytest.raises(ValueError, match="E-PYTHON-032"):
            overlay.tiny.call(x, y, count)
    with pytest.raises(TypeError, match="takes a value"):
        overlay.tiny.call(x, y, x)
    other = _core.Card(tiny_package.xclbin, "engine", 60.0)
    run = overlay.tiny._unit.make_run()
    with pytest.raises(sluice.UsageError, match="belongs to another device"):
        run.set_buffer(0, other.allocate(0, 128))


def test_4_results_of_arithmetic_are_plain_arrays(buffers):
    x, _ = buffers
    fill(x)
    for derived in (x + 1, -x, x.copy(), x.astype("f4"), x.sum(axis=0), np.concatenate([x, x]), np.where(x > 0, x, 0),
                    copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert not hasattr(derived, "device_address")
    gathered = x[[1, 2]]
    with pytest.raises(sluice.UsageError, match="is a copy in host memory"):
        gathered.sync_to_device()
    x += 1
    assert isinstance(x, pynq.PynqBuffer) and x.device_address > 0
    assert np.add(x, 1, out=x) is x


def test_5_views_sync_the_right_bytes_or_raise(tiny_package):
    """On the Verilated kernel's memory host and device are two copies; here the ranges are looked at."""
    moved = []

    class Native:
        device_address = 0x1000

        def sync(self, to_device, first, count):
            moved.append((to_device, first, count))

    plain = np.zeros(32 * 32 * 4, np.uint8)
    buffer = plain.view("u4").reshape(32, 32).view(pynq.PynqBuffer)
    buffer._allocation = pynq.buffer.Allocation(Native(), None, plain.nbytes, plain.ctypes.data)
    buffer[0:2].sync_to_device()
    buffer[3, 4:8].sync_from_device()
    buffer.T.sync_to_device()
    buffer[5:5].sync_to_device()
    assert moved == [(True, 0, 256), (False, 3 * 128 + 16, 16), (True, 0, 4096), (True, 0, 0)]
    assert buffer[3, 4:8].device_address == 0x1000 + 3 * 128 + 16
    for gaps in (buffer[:, 0], buffer[::2]):
        with pytest.raises(sluice.UsageError, match="this view has gaps"):
            gaps.sync_to_device()
    moved.clear()
    buffer[::-1].sync_to_device()
    assert moved == [(True, 0, 4096)]


def test_7_keyword_arguments_may_be_python_keywords(overlay):
    fields = {"name": "in", "c_type": "float*", "is_pointer": False, "size_bytes": 8, "offset_bytes": 16, "bank": 0}
    assert pynq.XrtArgument(overlay.tiny, 0, fields).name == "in_"


def test_8_a_plain_array_is_told_how_to_become_a_buffer(overlay, buffers):
    with pytest.raises(TypeError, match=r"pynq.allocate\(shape, dtype, target=tiny_1.args\['input'\]\)"):
        overlay.tiny.call(np.zeros((32, 4), "i1"), buffers[1], 1)


def test_9_unknown_names_are_attribute_errors(overlay, tiny_package):
    assert not hasattr(overlay, "nobody")
    with pytest.raises(AttributeError, match="it has tiny_1, tiny, bank0"):
        overlay.nobody
    assert not hasattr(pynq.Overlay(str(tiny_package.xclbin), download=False), "tiny")
    assert not hasattr(overlay, "__deepcopy__")
    inspect.getmembers(overlay)


def test_10_a_failed_download_leaves_a_clear_error(overlay, tmp_path):
    text = tmp_path / "text.xclbin"
    text.write_text("no xclbin")
    with pytest.raises(sluice.ModelError, match="E-XCLBIN-002"):
        pynq.Overlay(str(text))
    with pytest.raises(IOError, match="nowhere.xclbin"):
        pynq.Overlay("nowhere.xclbin")
    with pytest.raises(TypeError, match="bitfile_name"):
        pynq.Overlay(42)
    assert overlay.is_loaded()
    assert list(pathlib.Path(tmp_path).iterdir()) == [text]


def test_11_a_freed_buffer_raises_and_no_access_crashes(overlay, buffers):
    x, y = buffers
    view = x[3:5]
    overlay.tiny.call(x, y, 1)
    x.freebuffer()
    for use in (x.sync_to_device, view.sync_from_device, lambda: x.device_address, x.freebuffer,
                lambda: overlay.tiny.call(x, y, 1)):
        with pytest.raises(sluice.UsageError, match="after it was freed"):
            use()
    overlay.free()
    del x, overlay
    gc.collect()
    view[:] = 7
    assert (view == 7).all()
    with y as kept:
        assert not kept.freed
    assert y.freed


def test_12_waits_have_a_time_out(overlay):
    class Busy:
        execute = None

        def wait(self, timeout):
            return False

    handle = pynq.WaitHandle(overlay.tiny, pynq.kernel._Run(Busy()))
    assert not handle.done and handle.state == "RUNNING"
    with pytest.raises(TimeoutError, match="still in flight"):
        handle.wait(timeout=0.01)

    async def cancelled():
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(handle.wait_async(), 0.2)

    asyncio.run(cancelled())


def test_a_new_overlay_takes_the_device(overlay, buffers, tiny_package):
    kernel = overlay.tiny
    second = pynq.Overlay(str(tiny_package.xclbin))
    assert not overlay.is_loaded() and second.is_loaded()
    with pytest.raises(sluice.UsageError, match="E-PYTHON-035"):
        kernel.call(*buffers, 1)
    assert not hasattr(overlay, "tiny")
    second.tiny.predict(np.zeros((1, 4), np.float32))
    second.free()


def test_allocate(overlay):
    assert pynq.allocate(10).dtype == np.uint32
    buffer = pynq.allocate((2, 3), dtype=np.float32, cacheable=False)
    assert buffer.shape == (2, 3) and (buffer == 0).all() and buffer.memory == overlay.bank0
    for target in (overlay.device, overlay.bank0, overlay.tiny, overlay.tiny.args["input"]):
        assert pynq.allocate(4, target=target).device is overlay.device
    for wrong in (lambda: pynq.allocate((0, 3)), lambda: pynq.allocate(-1), lambda: pynq.allocate(3, object),
                  lambda: pynq.allocate(3, target="bank0"), lambda: pynq.allocate(3, bogus=1),
                  lambda: pynq.allocate(3, target=overlay.tiny.args["n"])):
        with pytest.raises(sluice.UsageError):
            wrong()


def test_without_a_device(monkeypatch, tiny_package):
    monkeypatch.setattr(pynq.device._Devices, "_active", None)
    monkeypatch.delenv("SLUICE_DEVICE", raising=False)
    with pytest.raises(RuntimeError, match=r"(?s)No Devices Found.*sluice card.*SLUICE_DEVICE"):
        pynq.Overlay(str(tiny_package.xclbin))
    assert [device.uri for device in pynq.Device.devices] == ["engine", "rtl"]
    monkeypatch.setenv("SLUICE_DEVICE", "engine")
    pynq.Overlay(str(tiny_package.xclbin)).free()
    with pytest.raises(RuntimeError, match="no overlay is loaded"):
        pynq.allocate(4)


def test_predict_needs_the_package(overlay, tiny_package, tmp_path):
    lone = tmp_path / "tiny.awsxclbin"
    shutil.copy(tiny_package.xclbin, lone)
    with pytest.raises(sluice.ToolError, match="no manifest.json"):
        pynq.Overlay(str(lone))
    assert pynq.Overlay(str(lone), download=False).ip_dict.keys() == overlay.ip_dict.keys()
