"""From a trained model to its exact form: compile, predict, trace, estimate, verify, package."""
from __future__ import annotations

import json
import os
import pathlib
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, Optional, Union

import numpy as np
import numpy.typing as npt

from . import _core
from ._arrays import as_output, as_values, counted_from
from .device import Package
from .errors import ArgumentTypeError, UsageError
from .results import Estimate, Verification

__all__ = ["Model", "compile"]

PathLike = Union[str, "os.PathLike[str]"]
Progress = Callable[[str, int, int], None]
Array = npt.NDArray[Any]

# Events of one native call: Ctrl-C is honoured between calls.
_CHUNK_EVENTS = 65_536


class Model:
    """A model in its exact fixed-point form. Made by :func:`sluice.compile`.

    Examples
    --------
    >>> import numpy as np, sluice
    >>> model = sluice.compile("model.h5", name="tiny")
    >>> model.predict(np.zeros((3, 4), np.float32)).shape
    (3, 2)
    """

    def __init__(self, path: PathLike, options: Mapping[str, Any],
                 keep: Optional[tempfile.TemporaryDirectory[str]] = None) -> None:
        self.options: dict[str, Any] = dict(options)
        self.name = str(options["name"])
        self._path = pathlib.Path(path)
        self._keep = keep
        self._imported = _core.import_model(self._path, self._native_options())
        inputs, outputs = self._imported.shapes()
        self.input_shape, self.output_shape = tuple(inputs[0]), tuple(outputs[0])
        self._facts: dict[str, Any] = json.loads(self._imported.inspect())
        self._engine = _core.Engine(self._imported, 0, False)
        self._tracer: Optional[_core.Engine] = None
        self._estimate: Optional[Estimate] = None
        self._verified: Optional[tempfile.TemporaryDirectory[str]] = None

    def _native_options(self, **more: Any) -> str:
        """All options as the extension module takes them."""
        return json.dumps({**self.options, **more}, default=os.fspath)

    @property
    def warnings(self) -> list[str]:
        """What importing the model had to say."""
        return [f"{row['code']}: {row['subject']}: {row['message']}" for row in self._facts["warnings"]]

    @property
    def layers(self) -> list[dict[str, Any]]:
        """The model's layers in the user's words: name, class, output_shape, parameters, zeros, quantizers."""
        rows: list[dict[str, Any]] = self._facts["model"]["layers"]
        return rows

    def predict(self, X: npt.ArrayLike, *, raw: bool = False, out: Optional[Array] = None) -> Array:
        """Outputs of every event of `X`, on all cores.

        Parameters
        ----------
        X : array of shape (events, ...)
            Real values, which the input's quantiser rounds; with `raw`, integer mantissas.
        raw : bool
            Mantissas in and out.
        out : array, optional
            Receives the outputs: float64, float32 or the outputs' integer type.

        Returns
        -------
        array of shape (events, ...)
            float64, exact up to 53 bits; with `raw` integers.

        Raises
        ------
        UsageError
            Wrong shape or type, NaN (event and element are named), a mantissa outside of the format.
        """
        return _run(self._engine, as_values(X, raw=raw), self.input_shape, self.output_shape, raw, out)

    def trace(self, X: npt.ArrayLike) -> dict[str, Array]:
        """Every layer's values, float64, by the layer's own name.

        A layer that became several (a dense layer and its activation) shows what leaves it.
        """
        if self._tracer is None:
            self._tracer = _core.Engine(self._imported, 0, True)
        inputs = as_values(X, raw=False)
        segments = self._tracer.output()
        values = _run(self._tracer, inputs, self.input_shape, (sum(count for _, count, _ in segments),), False, None)
        by_network: dict[str, Array] = {}
        first = 0
        for name, count, _ in segments:
            by_network[name] = values[:, first:first + count]
            first += count
        shapes = {row["name"]: tuple(row["shape"]) for row in self._facts["layers"]}
        traced: dict[str, Array] = {}
        for layer in self.layers:
            if layer["network_layers"]:
                last = layer["network_layers"][-1]
                traced[layer["name"]] = by_network[last].reshape((len(values), *shapes[last]))
        return traced

    def summary(self) -> str:
        """A table of the model's layers: name, class, shape, parameters, quantisers."""
        rows = [("layer", "class", "output", "parameters", "zeros", "quantisers")]
        for layer in self.layers:
            quantizers = ", ".join(f"{role} {text}" for role, text in layer["quantizers"].items())
            rows.append((layer["name"], layer["class"], str(tuple(layer["output_shape"])), str(layer["parameters"]),
                         str(layer["zeros"]), quantizers))
        widths = [max(len(row[column]) for row in rows) for column in range(5)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, [*widths, 0])).rstrip() for row in rows]
        return "\n".join([f"{self.name}: {self.input_shape} -> {self.output_shape}", *lines])

    def estimate(self) -> Estimate:
        """Area and latency per layer, by the delay and area model."""
        if self._estimate is None:
            self._estimate = Estimate(json.loads(self._imported.estimate(self._native_options())))
        return self._estimate

    def verify(self, *, samples: int = 100_000, rtl_samples: int = 20_000, seed: int = 1,
               devices: tuple[str, ...] = ("rtl",), progress: Optional[Progress] = None) -> Verification:
        """Runs the same events through interpreter, engine and `devices`, and compares integers.

        Compiles the model into a temporary package the first time.
        """
        if self._verified is None:
            folder = tempfile.TemporaryDirectory(prefix="sluice-")
            self.package(pathlib.Path(folder.name) / self.name, progress=progress)
            self._verified = folder
        package = Package(pathlib.Path(self._verified.name) / self.name)
        return package.verify(samples=samples, rtl_samples=rtl_samples, seed=seed, devices=devices, progress=progress)

    def package(self, path: PathLike, *, simulator: bool = True, progress: Optional[Progress] = None) -> Package:
        """Writes the kernel package: Verilog, xclbin, vectors, report; `simulator` also Verilates the kernel.

        The folder appears whole or not at all, also when the call is interrupted.
        """
        _core.compile(self._path, pathlib.Path(path), self._native_options(simulator=simulator), progress)
        return Package(path)

    def __repr__(self) -> str:
        return f"<sluice.Model {self.name}: {self.input_shape} -> {self.output_shape}, {len(self.layers)} layers>"

    def _repr_html_(self) -> str:
        from ._html import table
        rows = [(layer["name"], layer["class"], tuple(layer["output_shape"]), layer["parameters"],
                 ", ".join(f"{role} {text}" for role, text in layer["quantizers"].items())) for layer in self.layers]
        return table(("layer", "class", "output", "parameters", "quantisers"), rows, caption=self.name)


def compile(model: Any, *, name: str = "myproject", clock_mhz: float = 200, board: str = "",
            config: Optional[Mapping[str, Any]] = None, weights: Optional[PathLike] = None,
            effort: Literal["fast", "normal", "max"] = "normal",
            adders: Literal["auto", "two", "three"] = "auto",
            family: Literal["ultrascale-plus", "7-series", "generic"] = "ultrascale-plus",
            pipeline: Literal["registers", "speed"] = "speed",
            convolutions: Literal["auto", "parallel", "streaming"] = "auto", reuse: int = 1, dsp: str = "0") -> Model:
    """Reads a trained model into its exact form.

    Parameters
    ----------
    model : path, or a live model
        A model file (see docs/reference/import.md), a Keras model, or an ONNX `ModelProto` or QONNX `ModelWrapper`.
    name : str
        Of the kernel; a C identifier.
    clock_mhz : float
        Clock of the kernel, for estimate and package.
    board : str
        Recorded in the package.
    config : dict, optional
        Precisions in the form of hls4ml's configuration.
    weights : path, optional
        Weights of a model whose description is a `.json` file.
    effort : {'fast', 'normal', 'max'}
        How long to search for fewer adders.
    adders : {'auto', 'two', 'three'}
        Most operands of an adder; 'auto': as many as the family adds in one LUT per bit.
    family : {'ultrascale-plus', '7-series', 'generic'}
        FPGA family whose primitives the adders of three operands name.
    pipeline : {'registers', 'speed'}
        What to make of the time that a clock period leaves: fewer registers, or speed in reserve.
    convolutions : {'auto', 'parallel', 'streaming'}
        All positions at once, or one after the other; large ones stream by themselves.
    reuse : int
        Cycles that share the multipliers of a dense layer or of a position.
    dsp : str
        DSP48E2 that weights may take instead of adders: a number, or 'auto' for as many as keep the shares of DSP48E2
        and LUT of an XCVU9P equal.

    Raises
    ------
    ModelError
        The model cannot be represented exactly; every layer concerned is named.
    ToolError
        The file cannot be read.
    """
    options = {"name": name, "clock_mhz": clock_mhz, "board": board, "config": config, "weights": weights,
               "effort": effort, "adders": adders, "family": family, "pipeline": pipeline,
               "convolutions": convolutions, "reuse": reuse, "dsp": dsp}
    if isinstance(model, (str, os.PathLike)):
        return Model(model, options)
    folder = tempfile.TemporaryDirectory(prefix="sluice-")
    try:
        return Model(_save(model, pathlib.Path(folder.name)), {**options, "weights": None}, keep=folder)
    except BaseException:
        folder.cleanup()
        raise


def _save(model: Any, folder: pathlib.Path) -> pathlib.Path:
    """ONNX as its bytes; Keras 3 in its own format, Keras 2 as HDF5."""
    model = getattr(model, "model", model) if type(model).__module__.startswith("qonnx.") else model
    if not (callable(getattr(model, "save", None)) or callable(getattr(model, "SerializeToString", None))):
        raise ArgumentTypeError("E-PYTHON-007", f"a {type(model).__name__}", "is neither a path nor a model",
                                "give the path of a model file, or a live Keras or ONNX model")
    if callable(getattr(model, "SerializeToString", None)):
        path = folder / "model.onnx"
        path.write_bytes(model.SerializeToString())
        return path
    framework = sys.modules.get(type(model).__module__.split(".")[0])
    is_keras_3 = str(getattr(framework, "__version__", "")).startswith("3")
    path = folder / ("model.keras" if is_keras_3 else "model.h5")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the format is an older one
        model.save(str(path))
    return path


def _run(engine: _core.Engine, inputs: Array, input_shape: tuple[int, ...], output_shape: tuple[int, ...], raw: bool,
         out: Optional[Array]) -> Array:
    per_event = int(np.prod(input_shape))
    if inputs.ndim < 1 or inputs.shape[1:] not in (input_shape, (per_event,)):
        hint = "one event needs its own axis: x[np.newaxis]" if inputs.shape == input_shape else ""
        raise UsageError("E-RUNTIME-003", "input", f"an array of shape {inputs.shape} is given, "
                         f"(events, {', '.join(map(str, input_shape))}) is due", hint)
    events = len(inputs)
    shape = (events, *output_shape)
    if out is None:
        bits = engine.container_bits()[1]
        out = np.empty(shape, np.dtype(f"i{bits // 8}") if raw else np.float64)
    else:
        as_output(out, shape)
    for first, last in _chunks(events):
        with counted_from(first):
            engine.run(inputs[first:last], out[first:last])
    return out


def _chunks(events: int) -> Iterator[tuple[int, int]]:
    for first in range(0, events, _CHUNK_EVENTS):
        yield first, min(first + _CHUNK_EVENTS, events)
