"""The PYNQ API on XRT cards, emulated cards, and in this process.

>>> from sluice.pynq import Device, Overlay, allocate
>>> Device.active_device = "engine"                  # or leave it out: the first card
>>> ov = Overlay("tiny/tiny.xclbin")
>>> x = allocate((1, 4), "i1", target=ov.tiny.args["input"])
>>> y = allocate((1, 2), "i2", target=ov.tiny.args["output"])
>>> x[:] = 1
>>> x.sync_to_device()
>>> ov.tiny.call(x, y, 1)
>>> y.sync_from_device()

docs/reference/python.md lists where it differs from PYNQ, and why.
"""
from .buffer import PynqBuffer, allocate
from .device import Device, Memory
from .kernel import Kernel, WaitHandle, XrtArgument
from .overlay import Overlay

__all__ = ["Device", "Kernel", "Memory", "Overlay", "PynqBuffer", "WaitHandle", "XrtArgument", "allocate"]
