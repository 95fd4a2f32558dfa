"""Compiled kernels on devices: Package, Device, Kernel, Buffer, Run, Session.

| URI      | device                                                           |
|----------|------------------------------------------------------------------|
| `engine` | in this process: the SIMD engine                                 |
| `rtl`    | in this process: the package's Verilated kernel, cycle by cycle  |
| `xrt:N`  | card N of the Xilinx Runtime; an emulated one under `sluice card` |
"""
from __future__ import annotations

import json
import os
import pathlib
from collections.abc import Callable, Mapping
from typing import Any, Optional, Union

import numpy as np
import numpy.typing as npt

from . import _core
from ._arrays import as_output, as_values, counted_from
from .errors import ArgumentTypeError
from .results import Estimate, Profile, Verification

__all__ = ["Buffer", "Device", "Kernel", "Package", "Run", "Session"]

PathLike = Union[str, "os.PathLike[str]"]
Array = npt.NDArray[Any]

# Events that a session's device buffers hold, and of one native call.
_BATCH_EVENTS = 4096
_CHUNK_EVENTS = 65_536


class Package:
    """A compiled kernel on disk.

    Raises ToolError when the folder or a file is missing, ModelError when a file was changed after it
    was compiled.
    """

    def __init__(self, folder: PathLike) -> None:
        self.folder = pathlib.Path(folder)
        self.manifest: dict[str, Any] = json.loads(_core.open_package(self.folder))

    @property
    def name(self) -> str:
        """Of the kernel."""
        return str(self.manifest["name"])

    @property
    def xclbin(self) -> pathlib.Path:
        """The file for `sluice.pynq.Overlay` and every other XRT program."""
        return self.folder / f"{self.name}.xclbin"

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Of one event."""
        return tuple(self.manifest["input"]["shape"])

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Of one event."""
        return tuple(self.manifest["output"]["shape"])

    def estimate(self) -> Estimate:
        """Area and latency as recorded in report.json."""
        return Estimate(json.loads((self.folder / "report.json").read_text())["estimate"])

    def verify(self, *, samples: int = 100_000, rtl_samples: int = 20_000, seed: int = 1,
               devices: tuple[str, ...] = ("rtl",),
               progress: Optional[Callable[[str, int, int], None]] = None) -> Verification:
        """Runs the same events through interpreter, engine and `devices`, and compares integers."""
        return Verification.from_json(json.loads(
            _core.verify(self.folder, samples, rtl_samples, seed, list(devices), progress)))

    def __repr__(self) -> str:
        return f"<sluice.Package {self.name} in {self.folder}: {self.input_shape} -> {self.output_shape}>"

    def _repr_html_(self) -> str:
        from ._html import table
        rows = [(key, self.manifest[key]["name"], tuple(self.manifest[key]["shape"]), self.manifest[key]["format"])
                for key in ("input", "output")]
        return table(("", "layer", "shape", "format"), rows, self.name)


class Device:
    """A device that is opened and programmed with one package.

    Parameters
    ----------
    package : Package or path
    uri : str
        `engine`, `rtl` or `xrt:N`.
    run_timeout : float
        Seconds after which a run that is waited for raises DeviceError E-RUNTIME-010.
    engine_threads : int
        `engine`: threads of a run; 1 is the caller's own, 0 all hardware threads.
    memory_seed, stall_probability : int, float
        `rtl`: the simulated memory's stalls; seed 0 is memory that keeps up.
    program : bool
        `xrt:N`: False when the card holds the package's xclbin already.
    """

    def __init__(self, package: Union[Package, PathLike], uri: str = "engine", *, run_timeout: float = 60.0,
                 engine_threads: int = 1, memory_seed: int = 1, stall_probability: float = 0.2,
                 program: bool = True) -> None:
        self.package = package if isinstance(package, Package) else Package(package)
        native = _core.open_device(self.package.folder, uri, run_timeout, engine_threads, memory_seed,
                                   stall_probability, program)
        self.kernel = Kernel(native, self.package)
        self.info: Mapping[str, Any] = native.device()

    @property
    def uri(self) -> str:
        """As the device was opened."""
        return str(self.info["uri"])

    @property
    def name(self) -> str:
        """The card's own name; of an in-process device what it is."""
        return str(self.info["name"])

    @property
    def emulated(self) -> bool:
        """True unless hardware computes: times are then those of an emulation."""
        return bool(self.info["emulated"])

    def session(self, *, batch_events: int = _BATCH_EVENTS) -> Session:
        """A session on this device."""
        return self.kernel.session(batch_events=batch_events)

    def __repr__(self) -> str:
        return f"<sluice.Device {self.uri}: {self.name}, kernel {self.package.name}>"

    def _repr_html_(self) -> str:
        from ._html import table
        return table(("", ""), list(self.info.items()), "device")


class Kernel:
    """A compiled kernel on its device. Safe to be used from several threads."""

    def __init__(self, native: _core.Kernel, package: Package) -> None:
        self._native = native
        self.package = package

    def allocate_input(self, events: int) -> Buffer:
        """Memory for the kernel's input."""
        return Buffer(self._native.allocate(True, events), self.package.input_shape)

    def allocate_output(self, events: int) -> Buffer:
        """Memory for the kernel's output."""
        return Buffer(self._native.allocate(False, events), self.package.output_shape)

    def make_run(self) -> Run:
        """An execution to be started many times."""
        return Run(self._native.make_run())

    def session(self, *, batch_events: int = _BATCH_EVENTS) -> Session:
        """Values in, values out in one call."""
        return Session._of(self, batch_events)

    def __repr__(self) -> str:
        return f"<sluice.Kernel {self.package.name} on {self._native.device()['uri']}>"

    def _repr_html_(self) -> str:
        return self.package._repr_html_()


class Buffer:
    """Events in memory that host and device both see: two copies, made equal by the sync methods.

    Attributes
    ----------
    array : array of shape (events, ...)
        The host's view: mantissas. It keeps the memory alive.
    """

    def __init__(self, native: _core.Buffer, shape: tuple[int, ...]) -> None:
        self._native = native
        self.array: Array = native.view().reshape((-1, *shape))

    def __len__(self) -> int:
        return len(self.array)

    def sync_to_device(self, first: int = 0, count: Optional[int] = None) -> None:
        """Copies events to the device: all, or `count` from `first` on."""
        self._native.sync(True, first, len(self) - first if count is None else count)

    def sync_from_device(self, first: int = 0, count: Optional[int] = None) -> None:
        """Copies events from the device."""
        self._native.sync(False, first, len(self) - first if count is None else count)

    def __repr__(self) -> str:
        return f"<sluice.Buffer of {len(self)} events, {self.array.dtype}>"


class Run:
    """One execution of a kernel at a time, made to be used again and again."""

    def __init__(self, native: _core.Run) -> None:
        self._native = native

    def start(self, input: Buffer, output: Buffer, events: Optional[int] = None) -> Run:
        """Starts the kernel on the first `events` events of `input`; all of them by default."""
        for name, buffer in (("input", input), ("output", output)):
            if not isinstance(buffer, Buffer):
                raise ArgumentTypeError("E-PYTHON-008", name, f"is a {type(buffer).__name__}, not a Buffer",
                                        f"allocate it with kernel.allocate_{name}()")
        self._native.start(input._native, output._native, len(input) if events is None else events)
        return self

    def wait(self, timeout: Optional[float] = None) -> None:
        """Blocks until the kernel is done; raises DeviceError E-RUNTIME-010 after `timeout` seconds."""
        self._native.wait(timeout)

    @property
    def in_flight(self) -> bool:
        """True between start and the end that wait saw."""
        return self._native.in_flight

    @property
    def kernel_cycles(self) -> Optional[int]:
        """Clock cycles of the last run as the kernel counted them; None where the device cannot tell."""
        return self._native.kernel_cycles


class Session:
    """Values in, values out: quantise, inject, infer, extract in one native call.

    Buffers and runs are made once and used again. Safe to be used from several threads at a time.

    Examples
    --------
    >>> import numpy as np, sluice
    >>> session = sluice.Session("tiny", "engine")
    >>> session.predict(np.zeros((1, 4), np.float32)).shape
    (1, 2)
    """

    def __init__(self, package: Union[Package, PathLike], uri: str = "engine", *, batch_events: int = _BATCH_EVENTS,
                 **options: Any) -> None:
        self._open(Device(package, uri, **options).kernel, batch_events)

    @classmethod
    def _of(cls, kernel: Kernel, batch_events: int) -> Session:
        session = cls.__new__(cls)
        session._open(kernel, batch_events)
        return session

    def _open(self, kernel: Kernel, batch_events: int) -> None:
        self.kernel = kernel
        self.device: Mapping[str, Any] = kernel._native.device()
        self._native = _core.Session(kernel._native, batch_events)
        self._native_predict = self._native.predict

    def predict(self, X: npt.ArrayLike, *, raw: bool = False, out: Optional[Array] = None) -> Array:
        """Outputs of every event of `X`: float64, or with `raw` integer mantissas in and out.

        `out`, where given, receives them: float64, float32 or the outputs' integer type.
        """
        result = self._native_predict(X, out, raw, _CHUNK_EVENTS)
        return self._predict_any(as_values(X, raw=raw), raw, out) if result is None else result

    def _predict_any(self, inputs: Array, raw: bool, out: Optional[Array]) -> Array:
        """For arrays that are not contiguous, and in parts for many events."""
        shape = (len(inputs) if inputs.ndim else 0, *self.kernel.package.output_shape)
        if out is None:
            bits = self.kernel.package.manifest["output"]["container_bits"]
            out = np.empty(shape, np.dtype(f"i{bits // 8}") if raw else np.float64)
        else:
            as_output(out, shape)
        for first in range(0, max(len(inputs), 1), _CHUNK_EVENTS):
            with counted_from(first):
                self._native_predict(inputs[first:first + _CHUNK_EVENTS], out[first:first + _CHUNK_EVENTS], raw,
                                     _CHUNK_EVENTS)
        return out

    def profile(self, X: npt.ArrayLike, *, calls: int = 1, raw: bool = False) -> tuple[Array, Profile]:
        """Makes `calls` calls on the same events; the outputs, and where the time of each call went."""
        inputs = as_values(X, raw=raw)
        out = self.predict(inputs, raw=raw)
        spans = np.array([self._native.profile(inputs, out) for _ in range(calls)], np.float64).reshape(calls, 3)
        return out, Profile(self.kernel.package.name, self.device, len(inputs), spans[:, 0], spans[:, 1], spans[:, 2])

    def close(self) -> None:
        """Gives buffers and runs back. A call afterwards raises."""
        self._native.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<sluice.Session {self.kernel.package.name} on {self.device['uri']}>"

    def _repr_html_(self) -> str:
        from ._html import table
        return table(("", ""), list(self.device.items()), f"session of {self.kernel.package.name}")
