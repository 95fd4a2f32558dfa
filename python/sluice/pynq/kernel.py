"""Kernels of an overlay, and handles to wait for them."""
from __future__ import annotations

import asyncio
import inspect
import keyword
import struct
from collections.abc import Generator
from typing import TYPE_CHECKING, Any, Optional

import numpy as np
import numpy.typing as npt

from .. import _core
from ..errors import ArgumentTypeError, DeviceError, Error, UsageError
from .buffer import Allocation, PynqBuffer
from .registers import RegisterMap

if TYPE_CHECKING:
    from .device import Device, Memory
    from .overlay import Overlay

# Element types of C, by the words of a declaration without const and *. Others are not checked.
_C_TYPES = {"char": "i1", "signed char": "i1", "unsigned char": "u1", "int8_t": "i1", "uint8_t": "u1", "bool": "u1",
            "short": "i2", "unsigned short": "u2", "int16_t": "i2", "uint16_t": "u2", "half": "f2",
            "int": "i4", "unsigned int": "u4", "unsigned": "u4", "uint": "u4", "int32_t": "i4", "uint32_t": "u4",
            "long": "i8", "unsigned long": "u8", "long long": "i8", "unsigned long long": "u8", "int64_t": "i8",
            "uint64_t": "u8", "size_t": "u8", "float": "f4", "double": "f8"}
_FOREVER_S = 1e6
# An awaited kernel is asked again after this time, so that a cancelled task ends.
_AWAIT_SLICE_S = 0.05


class XrtArgument:
    """One argument of a kernel: a target of `allocate`.

    Attributes
    ----------
    name, type : str
        As in the kernel's C signature; a name that is a Python keyword ends in an underscore.
    index : int
        From 1 on.
    mem : str or None
        Tag of the memory that a pointer is wired to.
    """

    def __init__(self, kernel: Kernel, position: int, fields: dict[str, Any]) -> None:
        name = fields["name"]
        self.name = f"{name}_" if keyword.iskeyword(name) else name
        self.index = position + 1
        self.type = fields["c_type"]
        self.is_pointer: bool = fields["is_pointer"]
        self.size_bytes: int = fields["size_bytes"]
        self.offset: int = fields["offset_bytes"]
        self._bank: int = fields["bank"]
        self._kernel = kernel
        words = [word for word in self.type.replace("*", " ").split() if word not in ("const", "volatile")]
        code = _C_TYPES.get(" ".join(words))
        self.dtype: Optional[np.dtype[Any]] = None if code is None else np.dtype(code)

    @property
    def mem(self) -> Optional[str]:
        """Tag of the memory that a pointer is wired to; None for a value."""
        return self._memory().tag if self.is_pointer else None

    def _memory(self) -> Memory:
        if not self.is_pointer:
            raise UsageError("E-PYTHON-021", f"argument `{self.name}`", f"is a value ({self.type}), wired to no memory",
                             "use a pointer argument as target")
        return self._kernel._overlay._memories[self._bank]

    def __repr__(self) -> str:
        return (f"XrtArgument(name={self.name!r}, index={self.index}, type={self.type!r}, "
                f"mem={self.mem if self._kernel._overlay._memories else None!r})")


class WaitHandle:
    """A started kernel: `done`, `wait(timeout)`, `await handle`, `result()`, `exception()`."""

    def __init__(self, kernel: Kernel, run: _Run) -> None:
        self._kernel = kernel
        self._run: Optional[_Run] = run
        self._error: Optional[BaseException] = None

    def _poll(self, timeout: float) -> bool:
        run = self._run
        if run is None:
            if self._error is not None:
                raise self._error
            return True
        try:
            if not run.native.wait(timeout):
                return False
        except UsageError:
            raise  # another thread waits: it will see the end
        except Error as error:
            self._run, self._error = None, error
            raise
        self._run = None
        if self._kernel._opened is not None:
            self._kernel._idle.append(run)
        return True

    @property
    def done(self) -> bool:
        """True when the kernel has ended, well or badly."""
        try:
            return self._poll(0)
        except UsageError:
            return False
        except Error:
            return True

    @property
    def state(self) -> str:
        """RUNNING, COMPLETED or ERROR."""
        if not self.done:
            return "RUNNING"
        return "COMPLETED" if self._error is None else "ERROR"

    def wait(self, timeout: Optional[float] = None) -> None:
        """Blocks until the kernel is done; TimeoutError after `timeout` seconds.

        Raises DeviceError when the kernel failed, every time it is asked.
        """
        if not self._poll(_FOREVER_S if timeout is None else timeout):
            raise TimeoutError(f"kernel {self._kernel.name} is not done after {timeout} s; it is still in flight")

    def result(self, timeout: Optional[float] = None) -> None:
        """The same as wait()."""
        self.wait(timeout)

    def exception(self, timeout: Optional[float] = None) -> Optional[BaseException]:
        """Waits, and returns what went wrong; None for nothing."""
        try:
            self.wait(timeout)
        except DeviceError as error:
            return error
        return None

    async def wait_async(self) -> None:
        """Waits without blocking the event loop."""
        loop = asyncio.get_running_loop()
        while not await loop.run_in_executor(None, self._poll, _AWAIT_SLICE_S):
            pass

    def __await__(self) -> Generator[Any, None, None]:
        return self.wait_async().__await__()

    def __repr__(self) -> str:
        return f"<sluice.pynq.WaitHandle of {self._kernel.name}>"


class _Run:
    """A native run, and what it was last given."""

    __slots__ = ("allocations", "execute", "given", "native")

    def __init__(self, native: _core.UnitRun) -> None:
        self.native = native
        self.execute = native.execute
        self.given: tuple[Any, ...] = ()
        self.allocations: list[Allocation] = []

    def was_given(self, args: tuple[Any, ...]) -> bool:
        """True for the very arguments of the last call, when none of the buffers has been freed since."""
        given = self.given
        if len(given) != len(args):
            return False
        for last, value in zip(given, args):
            if last is not value:
                return False
        for allocation in self.allocations:
            if allocation.freed:
                return False
        return True


class Kernel:
    """A kernel of an overlay: `call`, `start`, `signature`, `args`, `register_map`, `predict`.

    Attributes
    ----------
    check_types : bool
        Set it to False to pass buffers whose element type differs from the kernel's C signature.
    """

    def __init__(self, overlay: Overlay, fields: dict[str, Any], instance: dict[str, Any]) -> None:
        self._overlay = overlay
        self.name: str = instance["name"]
        self.kernel_name: str = fields["name"]
        self.check_types = True
        self._range: int = fields["control_range_bytes"]
        self._is_chain: bool = fields["is_chain"]
        self._arguments = [XrtArgument(self, position, row) for position, row in enumerate(fields["arguments"])]
        self.args = {argument.name: argument for argument in self._arguments}
        self.signature = inspect.Signature(
            [inspect.Parameter(argument.name, inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=argument.type)
             for argument in self._arguments], return_annotation=None)
        self.__doc__ = (f"{self.kernel_name}{self.signature}\n\nCompute unit {self.name} on {overlay.device.uri}. Methods: "
                        "call, start, predict, read, write; besides them signature, args, register_map; see "
                        "help(type(kernel)).")
        self._opened: Optional[_core.ComputeUnit] = overlay._card.unit(self.name)
        self._idle: list[_Run] = []
        self._session: Any = None

    @property
    def _unit(self) -> _core.ComputeUnit:
        if self._opened is None:
            raise UsageError("E-PYTHON-035", self.name, "its overlay was freed or reset",
                             "take the kernel from the overlay again")
        return self._opened

    def _free(self) -> None:
        self._opened = None
        self._idle.clear()
        if self._session is not None:
            self._session.close()

    @property
    def device(self) -> Device:
        """Where the overlay is loaded."""
        return self._overlay.device

    @property
    def streams(self) -> dict[str, Any]:
        """Stream connections: none."""
        return {}

    def start(self, *args: Any, **kwargs: Any) -> WaitHandle:
        """Starts the kernel and returns a handle to wait for. Arguments as `signature` says."""
        run = self._prepare(args, kwargs)
        run.native.start()
        return WaitHandle(self, run)

    start_ert = start_sw = start

    def call(self, *args: Any, **kwargs: Any) -> None:
        """Starts the kernel and waits until it is done. Raises DeviceError when it fails."""
        run = self._prepare(args, kwargs)
        run.execute(_FOREVER_S)
        if self._opened is not None:
            self._idle.append(run)

    def _prepare(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Run:
        """A run that is not in flight, with these arguments."""
        if kwargs or len(args) != len(self._arguments):
            args = self._bind(args, kwargs)
        try:
            run = self._idle.pop()
        except IndexError:
            unit = self._unit
            self._overlay._require_loaded()
            run = _Run(unit.make_run())
        if not run.was_given(args):
            self._set(run, args)
        return run

    def _bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        try:
            return self.signature.bind(*args, **kwargs).args
        except TypeError as error:
            raise ArgumentTypeError("E-PYTHON-027", self.name, f"{error}",
                                    f"call it as {self.kernel_name}{self.signature}") from None

    def _set(self, run: _Run, args: tuple[Any, ...]) -> None:
        run.given, run.allocations = (), []
        for position, (argument, value) in enumerate(zip(self._arguments, args)):
            if argument.is_pointer:
                allocation = self._allocation_of(argument, value)
                run.native.set_buffer(position, allocation.native)
                run.allocations.append(allocation)
            else:
                run.native.set_value(position, _pack(argument, value))
        self._check_sizes(args)
        run.given = args

    def _allocation_of(self, argument: XrtArgument, value: Any) -> Allocation:
        if not isinstance(value, PynqBuffer):
            raise ArgumentTypeError("E-PYTHON-028", f"argument `{argument.name}`",
                                    f"is a {type(value).__name__}, not a device buffer ({argument.type})",
                                    f"make one with pynq.allocate(shape, dtype, target={self.name}.args"
                                    f"[{argument.name!r}])")
        allocation, first, _ = value._place()
        if first != 0:
            raise UsageError("E-PYTHON-029", f"argument `{argument.name}`",
                             f"the slice begins {first} bytes after its buffer", "give a buffer from its start on")
        if self.check_types and argument.dtype is not None and not _same_kind(value.dtype, argument.dtype):
            raise ArgumentTypeError("E-PYTHON-030", f"argument `{argument.name}`",
                                    f"takes {argument.type}, the buffer holds {value.dtype}",
                                    f"allocate it as {argument.dtype}, or set {self.name}.check_types = False")
        return allocation

    def _check_sizes(self, args: tuple[Any, ...]) -> None:
        """The package's manifest, where there is one beside the xclbin, says how long an event is."""
        for position, event_bytes in self._overlay._event_bytes:
            count = args[-1]
            if args[position].nbytes < count * event_bytes or count < 1:
                raise UsageError("E-RUNTIME-004", f"argument `{self._arguments[position].name}`",
                                 f"its buffer holds {args[position].nbytes // event_bytes} events of {event_bytes} "
                                 f"bytes, the call asks for {count}")

    @property
    def register_map(self) -> RegisterMap:
        """The control registers by name; reading an attribute reads the device."""
        return RegisterMap(self, self._arguments, self._is_chain)

    @property
    def mmio(self) -> Kernel:
        """For PYNQ's `mmio.read` and `mmio.write`."""
        return self

    def read(self, offset: int = 0) -> int:
        """A 32-bit register of the control map."""
        return self._unit.read_register(offset)

    def write(self, offset: int, value: int) -> None:
        """Sets a 32-bit register of the control map."""
        self._unit.write_register(offset, value)

    @property
    def session(self) -> Any:
        """The fused path: a sluice.Session on the same device. Needs the package's files beside the xclbin."""
        if self._session is None:
            package = self._overlay._package
            if package is None or package.name != self.kernel_name:
                raise UsageError("E-PYTHON-031", str(self._overlay.bitfile_name),
                                 "lies in no kernel package, so number formats are not known",
                                 "keep it in the folder that `sluice compile` or Model.package() made")
            from ..device import Session
            self._session = Session(package, self.device.uri, program=False)
        return self._session

    def predict(self, X: npt.ArrayLike, *, profile: bool = False, **options: Any) -> Any:
        """Values in, values out: quantise, inject, infer, extract in one native call.

        With `profile`, the outputs and a sluice.Profile with the three spans.
        """
        if profile:
            return self.session.profile(X, **options)
        return self.session.predict(X, **options)

    def _only_memory(self) -> Memory:
        memories = {argument._memory() for argument in self._arguments if argument.is_pointer}
        if len(memories) != 1:
            raise UsageError("E-PYTHON-021", f"kernel `{self.name}`", f"is wired to {len(memories)} memories",
                             f"name an argument, for example {self.name}.args['{next(iter(self.args), 'x')}']")
        return memories.pop()

    def __repr__(self) -> str:
        return f"<sluice.pynq.Kernel {self.name}{self.signature} on {self.device.uri}>"

    def _repr_html_(self) -> str:
        from .._html import table
        return table(("argument", "type", "register", "memory"),
                     [(argument.name, argument.type, hex(argument.offset), argument.mem or "")
                      for argument in self._arguments], f"{self.name} on {self.device.uri}")


def _same_kind(given: np.dtype[Any], due: np.dtype[Any]) -> bool:
    return given.itemsize == due.itemsize and (given.kind == "f") == (due.kind == "f") and given.kind in "iufb"


def _pack(argument: XrtArgument, given: Any) -> bytes:
    """A value as the kernel's C type has it in memory."""
    real = argument.dtype is not None and argument.dtype.kind == "f"
    if isinstance(given, PynqBuffer) or not np.isscalar(given) or isinstance(given, (str, bytes)):
        raise ArgumentTypeError("E-PYTHON-028", f"argument `{argument.name}`",
                                f"takes a value ({argument.type}), a {type(given).__name__} is given")
    value: Any = given
    if real:
        return struct.pack("<f" if argument.size_bytes == 4 else "<d", float(value))
    number = int(value)
    bits = 8 * argument.size_bytes
    low = -(1 << (bits - 1)) if argument.dtype is None or argument.dtype.kind == "i" else 0
    high = (1 << bits) - 1 if argument.dtype is None or argument.dtype.kind == "u" else (1 << (bits - 1)) - 1
    if number != value or not low <= number <= high:
        raise UsageError("E-PYTHON-032", f"argument `{argument.name}`", f"{value!r} is no {argument.type}",
                         f"use an integer from {low} to {high}")
    return (number & ((1 << bits) - 1)).to_bytes(argument.size_bytes, "little")
