"""An xclbin on a device."""
from __future__ import annotations

import json
import os
import pathlib
from typing import Any, Optional, Union

from .. import _core
from ..device import Package
from ..errors import ArgumentTypeError, Error, UnknownNameError, UsageError
from .device import Device, Memory, describe_memories
from .kernel import Kernel

_RUN_TIMEOUT_S = 60.0
_EVENTS_ARGUMENT = 2


class Overlay:
    """Downloads an `.xclbin` or `.awsxclbin` file to a device; its kernels and memories are attributes.

    Parameters
    ----------
    bitfile_name : str or path
    dtbo, gen_cache : None, False
        Not for cards.
    download : bool
        False reads the file only.
    ignore_version : bool
        Accepted for PYNQ's sake.
    device : Device or str, optional
        Default: Device.active_device.

    Raises
    ------
    ToolError (an OSError)
        The file cannot be read.
    ModelError
        It is no xclbin, or was changed after its package was made.
    DeviceError (a RuntimeError)
        The device is missing or cannot be programmed.
    """

    def __init__(self, bitfile_name: Union[str, os.PathLike[str]], dtbo: None = None, download: bool = True,
                 ignore_version: bool = False, device: Union[Device, str, None] = None, gen_cache: bool = False) -> None:
        if not isinstance(bitfile_name, (str, os.PathLike)):
            raise ArgumentTypeError("E-PYTHON-034", "bitfile_name", f"is a {type(bitfile_name).__name__}, not a path")
        if dtbo is not None or gen_cache:
            raise NotImplementedError("dtbo and gen_cache belong to PYNQ's boards; cards have neither")
        self.bitfile_name = os.path.abspath(bitfile_name)
        self._native: Optional[_core.Card] = None
        self._memories: list[Memory] = []
        self._kernels: dict[str, Kernel] = {}
        self._info: dict[str, Any] = {}
        self._event_bytes: list[tuple[int, int]] = []
        self._package: Optional[Package] = None
        content: dict[str, Any] = json.loads(_core.read_xclbin(self.bitfile_name))
        self._content = content
        self.device = Device.active_device if device is None else Device._of(device)
        self.mem_dict = describe_memories(content["banks"])
        self.ip_dict = _describe_kernels(content)
        self.clock_dict = {"clock0": {"enable": 1, "frequency": content["clock_mhz"], "type": "DATA"}}
        self.hierarchy_dict: dict[str, Any] = {}
        self.interrupt_controllers: dict[str, Any] = {}
        self.interrupt_pins: dict[str, Any] = {}
        self.gpio_dict: dict[str, Any] = {}
        self.pr_dict: dict[str, Any] = {}
        self.__doc__ = self._describe()
        if download:
            self.download()

    @property
    def uuid(self) -> str:
        """Of the xclbin, 32 hexadecimal digits."""
        return str(self._content["uuid"])

    @property
    def _card(self) -> _core.Card:
        if self._native is None:
            raise UsageError("E-PYTHON-035", self.bitfile_name, "is not downloaded, or was freed",
                             "call download() first")
        return self._native

    def download(self) -> None:
        """Programs the device. An overlay that it held before is given up."""
        former = self.device._overlay
        if former is not None:
            former.free()
        self._native = _core.Card(pathlib.Path(self.bitfile_name), self.device.uri, _RUN_TIMEOUT_S)
        self._info = self._native.info()
        self._memories = [Memory(self, idx, tag) for idx, tag in enumerate(self.mem_dict)]
        self._package = _package_around(self.bitfile_name)
        if self._package is not None and len(self._content["kernels"]) == 1:
            manifest = self._package.manifest
            if len(self._content["kernels"][0]["arguments"]) == _EVENTS_ARGUMENT + 1:
                self._event_bytes = [(position, manifest[port]["event_bytes"])
                                     for position, port in enumerate(("input", "output"))]
        self.device._overlay = self
        for row in self.ip_dict.values():
            row["device"] = self.device
            row["driver"] = Kernel

    def free(self) -> None:
        """Gives kernels and device up. Buffers stay readable; calls with them raise."""
        self.reset()
        if self.device._overlay is self:
            self.device._overlay = None
        native, self._native = self._native, None
        if native is not None:
            native.close()

    def is_loaded(self) -> bool:
        """True while the device holds this very xclbin."""
        return self._native is not None and self._native.is_loaded()

    def reset(self) -> None:
        """Gives the kernels up; the next access to an attribute opens them again."""
        for kernel in self._kernels.values():
            kernel._free()
        self._kernels.clear()

    def load_ip_data(self, *_: Any) -> None:
        """Not for cards."""
        raise NotImplementedError("load_ip_data belongs to PYNQ's boards; an xclbin holds all of its data")

    def pr_download(self, *_: Any) -> None:
        """Not for cards."""
        raise NotImplementedError("partial reconfiguration is not offered for cards; make another Overlay")

    def _require_loaded(self) -> None:
        if not self.is_loaded():
            raise UsageError("E-PYTHON-035", self.bitfile_name, "is no longer what the device holds",
                             "call download() again")

    def _find_kernel(self, name: str) -> Optional[tuple[dict[str, Any], dict[str, Any]]]:
        for fields in self._content["kernels"]:
            for instance in fields["instances"]:
                if name == instance["name"] or (name == fields["name"] and len(fields["instances"]) == 1):
                    return fields, instance
        return None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or "_content" not in self.__dict__:
            raise AttributeError(name)
        if (found := self._find_kernel(name)) is not None:
            fields, instance = found
            if self._native is None:
                raise UnknownNameError("E-PYTHON-035", name, f"{self.bitfile_name} is not downloaded, or was freed",
                                       "call download() first")
            if instance["name"] not in self._kernels:
                self._kernels[instance["name"]] = Kernel(self, fields, instance)
            return self._kernels[instance["name"]]
        for memory in self._memories:
            if name == memory.name and memory.desc["used"]:
                return memory
        raise UnknownNameError("E-PYTHON-036", name, f"is no kernel and no memory of {self.bitfile_name}",
                               f"it has {', '.join(self._names())}")

    def _names(self) -> list[str]:
        names = [*self.ip_dict]
        names += [row["name"] for row in self._content["kernels"] if len(row["instances"]) == 1]
        return names + [memory.name for memory in self._memories if memory.desc["used"]]

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._names()})

    def _describe(self) -> str:
        lines = [f"Overlay {os.path.basename(self.bitfile_name)} for {self._content['platform']}", "", "Kernels"]
        for name, row in self.ip_dict.items():
            registers = ", ".join(key for key in row["registers"] if key != "CTRL")
            lines.append(f"    {name}: {row['type']}({registers})")
        lines += ["", "Memories"]
        lines += [f"    {tag}: {row['type']}, {row['size'] >> 20} MiB" for tag, row in self.mem_dict.items()
                  if row["used"]]
        lines += ["", "All of these are attributes. Methods: download, free, is_loaded, reset; see help(type(overlay))."]
        return "\n".join(lines)

    def __enter__(self) -> Overlay:
        return self

    def __exit__(self, *_: object) -> None:
        self.free()

    def __repr__(self) -> str:
        return f"<sluice.pynq.Overlay {os.path.basename(self.bitfile_name)} on {self.device.uri}>"

    def _repr_html_(self) -> str:
        from .._html import table
        rows = [(name, row["type"], hex(row["phys_addr"]), ", ".join(row["registers"]))
                for name, row in self.ip_dict.items()]
        return table(("kernel", "type", "address", "registers"), rows, os.path.basename(self.bitfile_name))


def _package_around(bitfile: str) -> Optional[Package]:
    """The kernel package that the file lies in, if any."""
    try:
        package = Package(os.path.dirname(bitfile))
    except Error:
        return None
    return package if os.path.exists(package.xclbin) and os.path.samefile(package.xclbin, bitfile) else None


def _describe_kernels(content: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """PYNQ's `ip_dict` of an xclbin."""
    tags = [bank["tag"] for bank in content["banks"]]
    described: dict[str, dict[str, Any]] = {}
    for fields in content["kernels"]:
        registers: dict[str, dict[str, Any]] = {
            "CTRL": {"address_offset": 0, "access": "read-write", "size": 32, "host_size": 4,
                     "description": "Control signals", "type": "unsigned int", "id": None, "memory": None}}
        for position, argument in enumerate(fields["arguments"]):
            registers[argument["name"]] = {
                "address_offset": argument["offset_bytes"], "access": "read-write", "size": argument["size_bytes"] * 8,
                "host_size": argument["size_bytes"], "description": f"argument {argument['name']}",
                "type": argument["c_type"], "id": position,
                "memory": tags[argument["bank"]] if argument["is_pointer"] else None}
        for instance in fields["instances"]:
            described[instance["name"]] = {
                "phys_addr": instance["base_address"], "addr_range": fields["control_range_bytes"],
                "type": fields["vlnv"], "fullpath": instance["name"],
                "hw_control_protocol": "ap_ctrl_chain" if fields["is_chain"] else "ap_ctrl_hs",
                "registers": registers, "streams": {}, "interrupts": {}, "gpio": {}, "mem_id": None, "state": None,
                "xclbin_uuid": content["uuid"], "cu_name": f"{fields['name']}:{instance['name']}",
                "cu_index": len(described), "index": len(described)}
    return described
