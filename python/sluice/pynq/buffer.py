"""Device buffers that are NumPy arrays."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Optional, Union

import numpy as np
import numpy.typing as npt

from .. import _core
from ..errors import ArgumentTypeError, UnknownNameError, UsageError

if TYPE_CHECKING:
    from .device import Device, Memory
    from .kernel import Kernel, XrtArgument

    Shape = Union[int, tuple[int, ...]]
    Target = Union[Device, Memory, Kernel, XrtArgument, None]


class Allocation:
    """What all views of one buffer share."""

    __slots__ = ("first_byte", "freed", "memory", "native", "size")

    def __init__(self, native: _core.CardBuffer, memory: Memory, size: int, first_byte: int) -> None:
        self.native, self.memory, self.size, self.first_byte = native, memory, size, first_byte
        self.freed = False


class PynqBuffer(np.ndarray[Any, np.dtype[Any]]):
    """An array in memory that host and device both see: two copies, made equal by the sync methods.

    A contiguous slice is a view of the same buffer, and its syncs move its bytes alone. Results of arithmetic,
    `copy` and `astype` are plain arrays. Made by :func:`allocate`.
    """

    _allocation: Optional[Allocation]
    _range: Optional[tuple[int, int]]

    def __array_finalize__(self, obj: Any) -> None:
        # Whether it is a view or a copy shows when somebody asks for its place on the device.
        self._allocation = getattr(obj, "_allocation", None)
        self._range = None

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        plain = [np.asarray(value) if isinstance(value, PynqBuffer) else value for value in inputs]
        out = kwargs.get("out")
        if out is not None:
            kwargs["out"] = tuple(np.asarray(value) if isinstance(value, PynqBuffer) else value for value in out)
        result = getattr(ufunc, method)(*plain, **kwargs)
        return out[0] if out is not None and len(out) == 1 else result

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        result = super().__array_function__(function, types, args, kwargs)
        if isinstance(result, PynqBuffer) and not any(result is value for value in args):
            return np.asarray(result)
        return result

    def copy(self, order: Any = "C") -> Any:
        """A plain array in host memory."""
        return np.array(self, order=order)

    def astype(self, dtype: Any, *args: Any, **kwargs: Any) -> Any:
        """A plain array of another type in host memory."""
        return np.asarray(self).astype(dtype, *args, **kwargs)

    def __copy__(self) -> Any:
        return self.copy()

    def __deepcopy__(self, memo: Any) -> Any:
        return self.copy()

    def __reduce__(self) -> Any:
        return np.asarray(self).__reduce__()

    def _place(self) -> tuple[Allocation, int, int]:
        """The allocation, and the first byte and the number of bytes of this view in it."""
        allocation = self._allocation
        if allocation is None:
            raise _not_device_memory()
        if allocation.freed:
            raise UsageError("E-PYTHON-002", "buffer", "is used after it was freed", "allocate another one")
        if self._range is None:
            self._range = self._find_range(allocation)
        return (allocation, *self._range)

    def _find_range(self, allocation: Allocation) -> tuple[int, int]:
        if self.size == 0:
            return 0, 0
        low, high = _byte_bounds(self)
        if low < allocation.first_byte or high > allocation.first_byte + allocation.size:
            self._allocation = None
            raise _not_device_memory()
        if high - low != self.nbytes:
            raise UsageError("E-PYTHON-024", "buffer", f"this view has gaps: its {self.nbytes} bytes are spread over "
                             f"{high - low}", "sync the whole buffer, or a contiguous slice such as buf[2:5]")
        return low - allocation.first_byte, self.nbytes

    def sync_to_device(self) -> None:
        """Copies these bytes to the device."""
        allocation, first, count = self._place()
        allocation.native.sync(True, first, count)

    def sync_from_device(self) -> None:
        """Copies these bytes from the device."""
        allocation, first, count = self._place()
        allocation.native.sync(False, first, count)

    flush = sync_to_device
    invalidate = sync_from_device

    @property
    def device_address(self) -> int:
        """Of the first byte, as a kernel sees it."""
        allocation, first, _ = self._place()
        return allocation.native.device_address + first

    @property
    def physical_address(self) -> int:
        """The same as device_address."""
        return self.device_address

    @property
    def virtual_address(self) -> int:
        """Of the first byte, as this process sees it."""
        allocation, first, _ = self._place()
        return allocation.first_byte + first

    @property
    def offset(self) -> int:
        """Bytes from the start of the buffer that this is a view of."""
        return self._place()[1]

    @property
    def memory(self) -> Memory:
        """The bank."""
        return self._place()[0].memory

    @property
    def device(self) -> Device:
        """The device that the bank belongs to."""
        return self.memory.device

    @property
    def coherent(self) -> bool:
        """False: host and device have a copy each."""
        return False

    @property
    def cacheable(self) -> bool:
        """The opposite of coherent."""
        return True

    @property
    def freed(self) -> bool:
        """True after freebuffer()."""
        return self._allocation is not None and self._allocation.freed

    def freebuffer(self) -> None:
        """Ends the use of the buffer: syncs and calls with it or a view of it raise from now on.

        Device and host memory go back when the last array that shows them is gone, so no access can fail.
        """
        self._place()[0].freed = True

    def close(self) -> None:
        """The same as freebuffer()."""
        self.freebuffer()

    def __enter__(self) -> PynqBuffer:
        return self

    def __exit__(self, *_: object) -> None:
        if not self.freed:
            self.freebuffer()


def allocate(shape: Shape, dtype: Any = "u4", target: Target = None, *, cacheable: bool = True,
             **options: Any) -> PynqBuffer:
    """Makes a buffer, zero at first.

    Parameters
    ----------
    shape : int or tuple of int
    dtype : data type
        As in PYNQ `u4` where nothing is said.
    target : Device, Memory, kernel argument, optional
        `ov.kernel.args["x"]` picks the bank that the argument is wired to. Default: the active device's only memory.
    cacheable : bool
        Accepted for PYNQ's sake; host memory is cached either way.
    """
    if options:
        raise ArgumentTypeError("E-PYTHON-025", "allocate", f"has no argument {', '.join(sorted(options))}",
                                "shape, dtype, target and cacheable are")
    element = np.dtype(dtype)
    if element.hasobject:
        raise ArgumentTypeError("E-PYTHON-025", "dtype", f"{element} cannot live on a device", "use a number type")
    extents = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
    if any(extent < 1 for extent in extents):
        raise UsageError("E-PYTHON-025", f"shape {shape}", "is empty or negative", "use extents of 1 and more")
    memory = _memory_of(target)
    size = math.prod(int(extent) for extent in extents) * element.itemsize
    native = memory._overlay._card.allocate(memory.idx, size)
    view = native.view()
    allocation = Allocation(native, memory, size, view.__array_interface__["data"][0])
    buffer = view.view(element).reshape(extents).view(PynqBuffer)
    buffer._allocation = allocation
    buffer._range = (0, size)
    return buffer


def _byte_bounds(array: npt.NDArray[Any]) -> tuple[int, int]:
    """Addresses of the first byte and of the byte behind the last one."""
    low: int = array.__array_interface__["data"][0]
    steps = [(extent - 1) * stride for extent, stride in zip(array.shape, array.strides)]
    return low + sum(step for step in steps if step < 0), low + sum(step for step in steps if step > 0) + array.itemsize


def _memory_of(target: Target) -> Memory:
    from .device import Device, Memory
    from .kernel import Kernel, XrtArgument
    if target is None:
        return Device.active_device.default_memory
    if isinstance(target, Device):
        return target.default_memory
    if isinstance(target, Memory):
        return target
    if isinstance(target, XrtArgument):
        return target._memory()
    if isinstance(target, Kernel):
        return target._only_memory()
    raise ArgumentTypeError("E-PYTHON-021", f"target {target!r}", f"is a {type(target).__name__}",
                            "use a Device, a memory such as ov.bank0, or an argument such as ov.kernel.args['x']")


def _not_device_memory() -> UsageError:
    return UnknownNameError("E-PYTHON-026", "array", "is a copy in host memory, not a part of a device buffer",
                      "copy it into a buffer: buf[:] = array")
