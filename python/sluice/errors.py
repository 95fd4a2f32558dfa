"""What can go wrong, as Python exceptions: one class per kind, each with code, subject and hint."""
from __future__ import annotations

__all__ = ["DeviceError", "Error", "InternalError", "ModelError", "ToolError", "UsageError"]


class Error(Exception):
    """The base of every exception that Sluice raises on purpose.

    Attributes
    ----------
    code : str
        Stable and documented, for example ``E-RUNTIME-003``.
    subject : str
        The file, layer, device or argument that is concerned.
    message : str
        What was found, and what was expected.
    hint : str
        What would work; may be empty.

    Examples
    --------
    >>> import sluice
    >>> try:
    ...     sluice.Package("nowhere")
    ... except sluice.Error as error:
    ...     print(error.code, "-", error.hint)
    E-PACKAGE-003 - make one with `sluice compile MODEL -o DIR`
    """

    code: str
    subject: str
    message: str
    hint: str

    def __init__(self, code: str, subject: str, message: str, hint: str = "") -> None:
        super().__init__(code, subject, message, hint)
        self.code, self.subject, self.message, self.hint = code, subject, message, hint

    def __str__(self) -> str:
        text = f"{self.code}: {self.subject}: {self.message}" if self.subject else f"{self.code}: {self.message}"
        return f"{text}\n  try: {self.hint}" if self.hint else text


class UsageError(Error, ValueError):
    """Wrong arguments, shapes, types or order of calls."""


class ModelError(Error, ValueError):
    """A model or file that is unsupported or malformed."""


class ToolError(Error, OSError):
    """A tool or a file is missing."""

    def __init__(self, code: str, subject: str, message: str, hint: str = "") -> None:
        OSError.__init__(self, f"{code}: {subject}: {message}")
        Error.__init__(self, code, subject, message, hint)

    __str__ = Error.__str__


class DeviceError(Error, RuntimeError):
    """The device or its runtime failed or is missing."""


class InternalError(Error, RuntimeError):
    """A bug of Sluice itself: please report it."""


class ArgumentTypeError(UsageError, TypeError):
    """A usage error that Python programs expect as `TypeError`."""


class UnknownNameError(UsageError, AttributeError):
    """A usage error that Python programs expect as `AttributeError`."""
