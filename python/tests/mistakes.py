"""What a new user does wrong, and what Sluice says. docs/reference/python.md shows the table that this makes.

As a program, for those that need a card:  mistakes.py PACKAGE     prints one JSON object
"""
import json
import os
import pathlib
import re
import shutil
import sys
import tempfile

import numpy as np

import sluice
from sluice import pynq

DATA = pathlib.Path(__file__).resolve().parents[2] / "tests" / "data"
X = np.zeros((4, 4), np.float32)


class Here:
    """What the mistakes are made with."""

    def __init__(self, package):
        self.package = sluice.Package(package)
        self._kept = tempfile.TemporaryDirectory(prefix="mistakes-")
        self.folder = pathlib.Path(self._kept.name)

    def overlay(self, device="engine"):
        overlay = pynq.Overlay(str(self.package.xclbin), device=device)
        x = pynq.allocate((4, 4), "i1", target=overlay.tiny.args["input"])
        y = pynq.allocate((4, 2), "i2", target=overlay.tiny.args["output"])
        return overlay.tiny, x, y

    def session(self):
        return sluice.Session(self.package)

    def changed_package(self):
        folder = self.folder / "changed"
        if not folder.exists():
            shutil.copytree(self.package.folder, folder)
            with open(folder / "tiny.xclbin", "ab") as file:
                file.write(b"!")
        return folder


def model():
    return sluice.compile(DATA / "qkeras_tiny.h5")


def nan_event(here):
    x = X.copy()
    x[2, 1] = np.nan
    model().predict(x)


def freed_buffer(here):
    kernel, x, y = here.overlay()
    x.freebuffer()
    kernel.call(x, y, 1)


def stale_kernel(here):
    kernel, x, y = here.overlay()
    here.overlay()
    kernel.call(x, y, 1)


def call(here, change):
    kernel, x, y = here.overlay()
    change(kernel, x, y)


def without_device(here):
    pynq.Device.active_device = None
    pynq.Overlay(str(here.package.xclbin))


def convert(**arguments):
    sluice.converters.convert_from_keras_model(str(DATA / "qkeras_tiny.h5"), **arguments)


IN_PROCESS = {
    "too few inputs per event": lambda here: model().predict(X[:, :3]),
    "one event without an axis of its own": lambda here: here.session().predict(X[0]),
    "integers as values": lambda here: model().predict(X.astype(int)),
    "`raw=True` with real values": lambda here: here.session().predict(X, raw=True),
    "mantissas of another width": lambda here: here.session().predict(X.astype("i8"), raw=True),
    "text as input": lambda here: model().predict([["a", "b", "c", "d"]]),
    "NaN in an event": nan_event,
    "`out` of another shape": lambda here: here.session().predict(X, out=np.empty((4, 3))),
    "a device that does not exist": lambda here: sluice.Session(here.package, "fpga0"),
    "no card here": lambda here: sluice.Session(here.package, "xrt:0"),
    "no device chosen and no card": without_device,
    "no package at this path": lambda here: sluice.Session("nowhere"),
    "an xclbin changed after it was compiled": lambda here: sluice.Session(here.changed_package()),
    "a package without Verilated kernel": lambda here: sluice.Session(here.package, "rtl"),
    "a layer that is not supported": lambda here: sluice.compile(DATA / "unsupported_layer.h5"),
    "neither path nor model": lambda here: sluice.compile(42),
    "a configuration for a layer that is not there":
        lambda here: convert(hls_config={"LayerName": {"fc9": {"Precision": "ap_fixed<8,2>"}}}),
    "`ReuseFactor` 0": lambda here: convert(hls_config={"Model": {"Precision": "ap_fixed<16,6>", "ReuseFactor": 0}}),
    "`granularity` misspelt":
        lambda here: sluice.utils.config_from_keras_model(str(DATA / "qkeras_tiny.h5"), granularity="layer"),
    "a kernel by a wrong name": lambda here: here.overlay()[0]._overlay.myproject,
    "too many arguments": lambda here: call(here, lambda kernel, x, y: kernel.call(x, y, 4, 1)),
    "a plain array for a buffer": lambda here: call(here, lambda kernel, x, y: kernel.call(X, y, 1)),
    "a buffer of another type":
        lambda here: call(here, lambda kernel, x, y: kernel.call(pynq.allocate((4, 4), "f4", target=kernel), y, 1)),
    "more events than a buffer holds": lambda here: call(here, lambda kernel, x, y: kernel.call(x, y, 5)),
    "input and output in the wrong order": lambda here: call(here, lambda kernel, x, y: kernel.call(y, x, 4)),
    "a freed buffer": freed_buffer,
    "sync of a copy": lambda here: call(here, lambda kernel, x, y: x[[0, 2]].sync_to_device()),
    "sync of a column": lambda here: call(here, lambda kernel, x, y: x[:, 1].sync_to_device()),
    "a kernel whose overlay was replaced": stale_kernel,
}


def another_card(here):
    kernel, x, _ = here.overlay("xrt:0")
    _, _, far = here.overlay("xrt:1")
    kernel.call(x, far, 1)


def forked(here):
    kernel, x, y = here.overlay("xrt:0")
    read, write = os.pipe()
    if os.fork() == 0:
        try:
            kernel.call(x, y, 1)
        except sluice.Error as error:
            os.write(write, json.dumps([error.code, error.subject, error.message, error.hint]).encode())
        os._exit(0)
    raise sluice.UsageError(*json.loads(os.read(read, 10_000)))


ON_CARD = {
    "a card that does not exist": lambda here: sluice.Session(here.package, "xrt:7"),
    "a buffer of another card": another_card,
    "a device used after `os.fork()`": forked,
}


def rows_of(mistakes, here):
    """Title to exception and message, without the names of temporary folders."""
    rows = {}
    for title, make in mistakes.items():
        try:
            make(here)
        except sluice.Error as error:
            kind = next(base.__name__ for base in type(error).__mro__ if base.__name__ in sluice.__all__)
            text = str(error).replace(str(here.folder), "...").replace(str(here.package.folder.parent), "...")
            rows[title] = (kind, re.sub(re.escape(str(DATA)), "...", text))
        else:
            rows[title] = ("none", "")
        finally:
            pynq.Device.active_device = None
    return rows


def table(rows):
    """The table of docs/reference/python.md. A refused model's hints are in docs/reference/import.md."""
    lines = ["| mistake | exception | what it says |", "|---|---|---|"]
    for title, (kind, text) in rows.items():
        shown = text.split("\n    try:")[0].split("\n  try:")[0] if kind == "ModelError" else text
        said = re.sub(r"\s*\n\s*", " ", shown).replace("|", "\\|")
        lines.append(f"| {title} | `{kind}` | {said} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(json.dumps(rows_of(ON_CARD, Here(sys.argv[1]))))
