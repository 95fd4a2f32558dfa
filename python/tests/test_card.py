"""Python under `sluice card`: the PYNQ API and sessions on the emulated card, and its failures."""
import numpy as np
import pytest

PREAMBLE = """
import os, sys
import numpy as np
import sluice
from sluice import pynq
package = sluice.Package(sys.argv[1])
x_values = np.random.default_rng(1).integers(-100, 100, (32, 4)).astype("i1")
due = sluice.Session(package, "engine").predict(x_values, raw=True)
"""

OVERLAY = PREAMBLE + """
overlay = pynq.Overlay(str(package.xclbin))
kernel = overlay.tiny
x = pynq.allocate((32, 4), "i1", target=kernel.args["input"])
y = pynq.allocate((32, 2), "i2", target=kernel.args["output"])
x[:] = x_values
x.sync_to_device()
"""


@pytest.mark.parametrize("mode", ["hw_emu", "sw_emu"])
def test_the_whole_api(on_card, packages, mode):
    on_card(OVERLAY + """
import asyncio
assert [device.uri for device in pynq.Device.devices] == ["xrt:0", "engine", "rtl"]
assert pynq.Device.active_device.uri == "xrt:0" and overlay.device.name == "sluice_emulated_card"
kernel.call(x, y, 32)
y.sync_from_device()
assert (y == due).all()
y[:] = 0
handle = kernel.start(x, y, 32)
handle.wait(20)
y[:4].sync_from_device()
assert (y[:4] == due[:4]).all() and (y[4:] == 0).all()          # only the slice has moved
x[:] = 0
x[2:4].sync_to_device()
kernel.call(x, y, 32)
y.sync_from_device()
zero = sluice.Session(package, "engine").predict(np.zeros((1, 4), "i1"), raw=True)
assert (y[2:4] == zero).all() and (y[4:] == due[4:]).all()

async def several():
    await asyncio.gather(*(kernel.start(x, y, 32).wait_async() for _ in range(4)))
asyncio.run(several())

registers = kernel.register_map
assert registers.input == x.device_address and registers.output == y.device_address and registers.n == 32
registers.n = 7
assert kernel.read(0x28) == 7 and registers.CTRL.AP_IDLE in (0, 1)
assert overlay.is_loaded()

values, profile = kernel.predict(np.zeros((3, 4), np.float32), profile=True)
assert profile.emulated and profile.device["emulation"] == os.environ["XCL_EMULATION_MODE"]
kernel.call(x, y, 32)
""", packages / "tiny", mode=mode)


def test_an_awsxclbin_without_its_package(on_card, packages, tmp_path):
    (tmp_path / "lone.awsxclbin").write_bytes((packages / "tiny" / "tiny.xclbin").read_bytes())
    on_card(PREAMBLE + """
overlay = pynq.Overlay("lone.awsxclbin")
kernel = overlay.tiny_1
x, y = pynq.allocate((32, 4), "i1", target=kernel.args["input"]), pynq.allocate((32, 2), "i2", target=overlay.bank0)
x[:] = x_values
x.sync_to_device()
kernel.call(x, y, 32)
y.sync_from_device()
assert (y == due).all()
""", packages / "tiny")


def test_two_overlays_one_after_the_other(on_card, packages):
    on_card(OVERLAY + """
kernel.call(x, y, 32)
other = pynq.Overlay(str(package.folder.parent / "functional" / "functional.xclbin"))
assert not overlay.is_loaded()
shape = (1, *sluice.Package(os.path.dirname(other.bitfile_name)).input_shape)
other.functional.predict(np.zeros(shape, np.float32))
try:
    kernel.call(x, y, 32)
except sluice.UsageError as error:
    assert error.code == "E-PYTHON-035", error
else:
    sys.exit("a stale kernel was called")
""", packages / "tiny")


def test_two_cards(on_card, packages):
    on_card(OVERLAY + """
second = pynq.Overlay(str(package.xclbin), device="xrt:1")
assert second.is_loaded() and overlay.is_loaded()
far = pynq.allocate((32, 2), "i2", target=second.tiny.args["output"])
try:
    kernel.call(x, far, 32)
except sluice.UsageError as error:
    assert error.code == "E-RUNTIME-005" and "another device" in str(error), error
else:
    sys.exit("a buffer of another card was taken")
near = pynq.allocate((32, 4), "i1", target=second.tiny.args["input"])
near[:] = x_values
near.sync_to_device()
second.tiny.call(near, far, 32)
far.sync_from_device()
assert (far == due).all()
""", packages / "tiny", cards=2)


def test_a_session_of_eight_threads(on_card, packages):
    on_card(PREAMBLE + """
import threading
session = sluice.Session(package, "xrt:0", batch_events=32)
wrong = []
def work():
    for _ in range(25):
        if not (session.predict(x_values, raw=True) == due).all():
            wrong.append(1)
threads = [threading.Thread(target=work) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
assert not wrong
""", packages / "tiny", mode="sw_emu")


def test_after_a_fork(on_card, packages):
    on_card(OVERLAY + """
process = os.fork()
if process == 0:
    try:
        kernel.call(x, y, 32)
    except sluice.UsageError as error:
        os._exit(0 if error.code == "E-PYTHON-001" else 3)
    os._exit(4)
assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0
kernel.call(x, y, 32)
y.sync_from_device()
assert (y == due).all()
""", packages / "tiny")


def test_a_hung_kernel_can_be_interrupted_and_left(on_card, packages):
    on_card(OVERLAY + """
import signal, threading, time
handle = kernel.start(x, y, 32)
try:
    handle.wait(timeout=0.2)
except TimeoutError:
    pass
else:
    sys.exit("it did not hang")
assert not handle.done
threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
begin = time.monotonic()
try:
    handle.wait()
except KeyboardInterrupt:
    assert time.monotonic() - begin < 3
else:
    sys.exit("Ctrl-C was not honoured")
sys.stdout.flush()
os._exit(0)
""", packages / "tiny", SLUICE_CARD_FAULT="hang:1")


@pytest.mark.parametrize("mode", ["hw_emu", "sw_emu"])
@pytest.mark.parametrize("use", [
    "kernel.call(x, y, 32)", "kernel.start(x, y, 32).wait()",
    "kernel.predict(np.zeros((1, 4), np.float32))"])
def test_a_dead_card_raises(on_card, packages, use, mode):
    on_card(OVERLAY + f"""
try:
    {use}
except sluice.DeviceError as error:
    assert "card has ended" in str(error), error
else:
    sys.exit("a dead card answered")
os._exit(0)
""", packages / "tiny", mode=mode, SLUICE_CARD_FAULT="die:1")


def test_a_call_on_a_living_card_beside_a_dead_one(on_card, packages):
    on_card(OVERLAY + """
other = pynq.Overlay(str(package.xclbin), device="xrt:1")
near = [pynq.allocate(buffer.shape, buffer.dtype, target=other.tiny.args[name])
        for name, buffer in (("input", x), ("output", y))]
try:
    kernel.call(x, y, 32)                          # both cards die at their second run
    kernel.call(x, y, 32)
except sluice.DeviceError as error:
    assert "card has ended" in str(error) and error.subject == "xrt:0", error
else:
    sys.exit("a dead card answered")
near[0][:] = x_values
near[0].sync_to_device()
other.tiny.call(*near, 32)
near[1].sync_from_device()
assert (near[1] == due).all()
os._exit(0)
""", packages / "tiny", cards=2, SLUICE_CARD_FAULT="die:2")


def test_a_card_that_is_not_there(on_card, packages):
    on_card(PREAMBLE + """
for uri in ("xrt:7",):
    for open in (lambda: sluice.Session(package, uri), lambda: pynq.Overlay(str(package.xclbin), device=uri)):
        try:
            open()
        except sluice.DeviceError as error:
            assert error.code == "E-RUNTIME-007" and "--cards N" in error.hint, error
        else:
            sys.exit("opened")
""", packages / "tiny")
