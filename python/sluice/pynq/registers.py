"""A kernel's control registers by name."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from .kernel import Kernel, XrtArgument

# Bits of the control register (UG1393, "Kernel Controls").
_CONTROL_BITS = {"AP_START": 0, "AP_DONE": 1, "AP_IDLE": 2, "AP_READY": 3, "AUTO_RESTART": 7}
_CONTINUE_BIT = 4


class Control:
    """The control register. Its bits are attributes; AP_DONE goes away by being read."""

    def __init__(self, value: int, is_chain: bool) -> None:
        self._value = value
        self._bits = {**_CONTROL_BITS, **({"AP_CONTINUE": _CONTINUE_BIT} if is_chain else {})}

    def __getattr__(self, name: str) -> int:
        bits: dict[str, int] = self.__dict__.get("_bits", {})
        if name not in bits:
            raise UnknownNameError("E-PYTHON-033", "CTRL", f"has no bit {name}", f"it has {', '.join(bits)}")
        return self._value >> bits[name] & 1

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._bits]

    def __int__(self) -> int:
        return self._value

    def __repr__(self) -> str:
        return "Control(" + ", ".join(f"{name}={getattr(self, name)}" for name in self._bits) + ")"


class RegisterMap:
    """Reading an attribute reads the device, assigning to one writes it. A pointer is one 64-bit register."""

    def __init__(self, kernel: Kernel, arguments: list[XrtArgument], is_chain: bool) -> None:
        self.__dict__.update(_kernel=kernel, _is_chain=is_chain,
                             _words={argument.name: (argument.offset, (argument.size_bytes + 3) // 4)
                                     for argument in arguments})

    def _find(self, name: str) -> tuple[int, int]:
        words: dict[str, tuple[int, int]] = self.__dict__.get("_words", {})
        if name not in words:
            raise UnknownNameError("E-PYTHON-033", "register_map", f"has no register {name}",
                                   f"it has CTRL, {', '.join(words)}")
        return words[name]

    def _read(self, offset: int) -> int:
        """An AttributeError on a device without registers, as tab completion and `hasattr` expect."""
        try:
            value: int = self._kernel.read(offset)
            return value
        except UsageError as error:
            raise UnknownNameError(error.code, error.subject, error.message, error.hint) from None

    def __getattr__(self, name: str) -> Any:
        if name == "CTRL":
            return Control(self._read(0), self._is_chain)
        offset, count = self._find(name)
        return sum(self._read(offset + 4 * word) << 32 * word for word in range(count))

    def __setattr__(self, name: str, value: int) -> None:
        offset, count = (0, 1) if name == "CTRL" else self._find(name)
        for word in range(count):
            self._kernel.write(offset + 4 * word, int(value) >> 32 * word & 0xffff_ffff)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), "CTRL", *self._words]

    def __repr__(self) -> str:
        return "RegisterMap(" + ", ".join(["CTRL", *(f"{name} at {offset:#x}"
                                                     for name, (offset, _) in self._words.items())]) + ")"
