"""Sluice: trained, quantised neural networks to FPGA inference, exactly.

>>> import numpy as np, sluice
>>> model = sluice.compile("model.h5", name="tiny")   # a path, or a live Keras model
>>> y = model.predict(np.zeros((1, 4)))                              # exact, on all cores
>>> package = model.package("out", simulator=False)
>>> session = sluice.Session(package, "engine")                      # or "rtl", "xrt:0"
>>> bool((session.predict(np.zeros((1, 4))) == y).all())
True

`sluice.pynq` is the PYNQ API for cards; `sluice.converters` and `sluice.utils` have hls4ml's shapes.
"""
from . import converters, errors, utils
from ._core import __version__
from .calibration import calibrate
from .device import Buffer, Device, Kernel, Package, Run, Session
from .errors import DeviceError, Error, InternalError, ModelError, ToolError, UsageError
from .model import Model, compile
from .results import Comparison, Estimate, Profile, Verification

__all__ = [
    "Buffer", "Comparison", "Device", "DeviceError", "Error", "Estimate", "InternalError", "Kernel", "Model",
    "ModelError", "Package", "Profile", "Run", "Session", "ToolError", "UsageError", "Verification", "__version__",
    "calibrate", "compile", "converters", "errors", "utils",
]
