"""NumPy arrays on their way into the extension module."""
from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import ArgumentTypeError, UsageError

_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def as_values(array: npt.ArrayLike, *, raw: bool, subject: str = "input") -> npt.NDArray[Any]:
    """`array` contiguous and in native byte order: real values, or mantissas where `raw` is true."""
    given = np.asarray(array)
    if given.dtype.hasobject or given.dtype.kind not in "fiub":
        raise ArgumentTypeError("E-PYTHON-004", subject, f"elements of type {given.dtype} are not numbers",
                                "give float32 or float64 values")
    if given.dtype.kind == "f":
        if raw:
            raise ArgumentTypeError("E-PYTHON-005", subject, f"raw=True means integer mantissas, {given.dtype} is given",
                                    "leave out raw=True for real values")
        if given.dtype not in _FLOATS:
            given = given.astype(np.float32 if given.dtype.itemsize < 4 else np.float64)
    elif not raw:
        raise ArgumentTypeError("E-PYTHON-005", subject, f"integers ({given.dtype}) may be values or mantissas",
                                "use x.astype(np.float32) for values, or raw=True for mantissas")
    return np.require(given, requirements=["C", "A"])


def as_output(out: npt.NDArray[Any], shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """Checks an array that the caller gives for results."""
    if not isinstance(out, np.ndarray):
        raise ArgumentTypeError("E-PYTHON-006", "out", f"is a {type(out).__name__}, not an array")
    if out.shape != shape or not out.flags.c_contiguous or not out.flags.writeable:
        raise UsageError("E-PYTHON-006", "out", f"must be a contiguous, writeable array of shape {shape}",
                         "np.empty(shape, np.float64)")
    return out


@contextlib.contextmanager
def counted_from(first: int) -> Iterator[None]:
    """Errors about an event of a part of the caller's array say where the part begins."""
    try:
        yield
    except UsageError as error:
        if first:
            error.message += f" (counted from event {first})"
        raise
