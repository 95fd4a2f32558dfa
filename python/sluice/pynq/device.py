"""Cards and in-process devices, and their memories."""
from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, Optional, Union

from .. import _core
from ..errors import ArgumentTypeError, DeviceError, UnknownNameError, UsageError

if TYPE_CHECKING:
    from .buffer import PynqBuffer, Shape
    from .overlay import Overlay

_VARIABLE = "SLUICE_DEVICE"
_IN_PROCESS = ("engine", "rtl")
# MEM_TYPE of XRT's xclbin.h, by number.
_MEMORY_TYPES = ("DDR3", "DDR4", "DRAM", "STREAMING", "PREALLOCATED_GLOB", "ARE", "HBM", "BRAM", "URAM",
                 "STREAMING_CONNECTION", "HOST", "PS_KERNEL")


class _Devices(type):
    """Class properties of Device."""

    _known: dict[str, Device] = {}
    _active: Optional[Device] = None

    @property
    def devices(cls) -> list[Device]:
        """Every card of the Xilinx Runtime, then the in-process devices `engine` and `rtl`."""
        try:
            cards = _core.count_cards()
        except DeviceError:
            cards = 0
        return [cls._get(uri) for uri in [*(f"xrt:{index}" for index in range(cards)), *_IN_PROCESS]]

    @property
    def active_device(cls) -> Device:
        """Where overlays go: what was set here, else $SLUICE_DEVICE, else the first card."""
        if _Devices._active is not None:
            return _Devices._active
        if uri := os.environ.get(_VARIABLE):
            return cls._get(uri)
        try:
            if _core.count_cards() > 0:
                return cls._get("xrt:0")
            reason = "XRT finds no card"
        except DeviceError as error:
            reason = error.message
        raise DeviceError("E-PYTHON-020", "No Devices Found", reason,
                          "run the program under `sluice card --`, or without a card set Device.active_device or "
                          f"${_VARIABLE} to \"engine\" or \"rtl\"")

    @active_device.setter
    def active_device(cls, device: Union[Device, str, None]) -> None:
        _Devices._active = None if device is None else cls._of(device)

    def _get(cls, uri: str) -> Device:
        if uri not in _IN_PROCESS and not re.fullmatch(r"xrt:[0-9]{1,4}", uri):
            raise UsageError("E-RUNTIME-001", uri, "is not a device",
                             "use engine, rtl, or xrt:N with N the number of the card, for example xrt:0")
        if uri not in _Devices._known:
            _Devices._known[uri] = Device(uri)
        return _Devices._known[uri]

    def _of(cls, device: Union[Device, str]) -> Device:
        if isinstance(device, str):
            return cls._get(device)
        if isinstance(device, Device):
            return device
        raise ArgumentTypeError("E-PYTHON-021", f"device {device!r}", f"is a {type(device).__name__}",
                                "use one of Device.devices, or a name such as \"xrt:0\"")


class Device(metaclass=_Devices):
    """A card, or a device in this process. Nothing is opened before an overlay is downloaded to it."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._overlay: Optional[Overlay] = None

    @property
    def overlay(self) -> Optional[Overlay]:
        """What this process has downloaded to it."""
        return self._overlay

    @property
    def name(self) -> str:
        """The card's own name once an overlay is loaded, the device's URI before."""
        return self.uri if self._overlay is None else str(self._overlay._info["name"])

    @property
    def mem_dict(self) -> dict[str, dict[str, Any]]:
        """The loaded overlay's memories; empty without one."""
        return {} if self._overlay is None else self._overlay.mem_dict

    @property
    def ip_dict(self) -> dict[str, dict[str, Any]]:
        """The loaded overlay's kernels; empty without one."""
        return {} if self._overlay is None else self._overlay.ip_dict

    @property
    def clocks(self) -> dict[str, dict[str, Any]]:
        """The loaded overlay's kernel clock; empty without one."""
        return {} if self._overlay is None else self._overlay.clock_dict

    def _loaded(self) -> Overlay:
        if self._overlay is None:
            raise DeviceError("E-PYTHON-022", f"No active memories on {self.uri}", "no overlay is loaded",
                              "make an Overlay first")
        return self._overlay

    @property
    def default_memory(self) -> Memory:
        """The one memory in use. With several in use an allocation must name its target."""
        used = [memory for memory in self._loaded()._memories if memory.desc["used"]]
        if len(used) != 1:
            raise DeviceError("E-PYTHON-022",
                              "Multiple memories active" if used else "No active memories",
                              f"{self.uri} has {', '.join(memory.tag for memory in used) or 'none'} in use",
                              "name the target, for example target=ov.kernel.args['x']")
        return used[0]

    def get_memory(self, desc: dict[str, Any]) -> Memory:
        """The memory that an entry of `mem_dict` describes."""
        return self.get_memory_by_idx(desc["idx"])

    def get_memory_by_idx(self, idx: int) -> Memory:
        """The memory at this index of the xclbin's table."""
        memories = self._loaded()._memories
        if not 0 <= idx < len(memories):
            raise UsageError("E-PYTHON-022", f"memory {idx}", f"does not exist; {self.uri} has {len(memories)}")
        return memories[idx]

    def get_memory_by_name(self, name: str) -> Memory:
        """The memory of this tag, as written in the xclbin or as an attribute's name."""
        for memory in self._loaded()._memories:
            if name in (memory.tag, memory.name):
                return memory
        raise UsageError("E-PYTHON-022", f"memory {name!r}", f"does not exist on {self.uri}",
                         f"use one of {', '.join(memory.tag for memory in self._loaded()._memories)}")

    def allocate(self, shape: Shape, dtype: Any = "u4", **options: Any) -> PynqBuffer:
        """A buffer in the default memory."""
        return self.default_memory.allocate(shape, dtype, **options)

    def free_bitstream(self) -> None:
        """Gives the loaded overlay up."""
        if self._overlay is not None:
            self._overlay.free()

    def __repr__(self) -> str:
        return f"<sluice.pynq.Device {self.uri}>"

    def _repr_html_(self) -> str:
        from .._html import table
        return table(("memory", "type", "address", "MiB", "used"),
                     [(tag, row["type"], hex(row["base_address"]), row["size"] >> 20, row["used"])
                      for tag, row in self.mem_dict.items()], f"{self.uri}: {self.name}")


class Memory:
    """One memory bank of a loaded overlay: a target of `allocate`."""

    def __init__(self, overlay: Overlay, idx: int, tag: str) -> None:
        self._overlay = overlay
        self.device = overlay.device
        self.idx = idx
        self.tag: str = tag
        self.name: str = attribute_name(tag)

    @property
    def desc(self) -> dict[str, Any]:
        """Its entry of `mem_dict`."""
        return self._overlay.mem_dict[self.tag]

    def allocate(self, shape: Shape, dtype: Any = "u4", **options: Any) -> PynqBuffer:
        """A buffer in this memory."""
        from .buffer import allocate
        return allocate(shape, dtype, target=self, **options)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Memory) and (self.device, self.idx) == (other.device, other.idx)

    def __hash__(self) -> int:
        return hash((self.device.uri, self.idx))

    def __repr__(self) -> str:
        return f"<sluice.pynq.Memory {self.tag} of {self.device.uri}>"


def attribute_name(tag: str) -> str:
    """A memory's tag as PYNQ makes an attribute of it: `HBM[0]` is `HBM0`."""
    return re.sub(r"[^A-Za-z0-9_]", "", tag)


def describe_memories(banks: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """`mem_dict` of an xclbin's banks."""
    described: dict[str, dict[str, Any]] = {}
    for idx, bank in enumerate(banks):
        kind = bank["type"]
        described[bank["tag"]] = {
            "raw_type": kind, "used": int(bank["used"]), "base_address": bank["base_address"],
            "size": bank["size_bytes"], "idx": idx, "tag": bank["tag"], "streaming": kind in (3, 9),
            "type": _MEMORY_TYPES[kind] if kind < len(_MEMORY_TYPES) else f"TYPE_{kind}"}
    names: dict[str, str] = {}
    for tag in described:
        if (other := names.setdefault(attribute_name(tag), tag)) != tag:
            raise UnknownNameError("E-PYTHON-023", f"memories {other} and {tag}", "have the same name as attributes")
    return described
