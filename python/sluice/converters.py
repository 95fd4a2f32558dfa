"""hls4ml's `converters`: the same names and dictionaries over Sluice's compiler."""
from __future__ import annotations

import pathlib
import re
from collections.abc import Mapping
from typing import Any, Optional, Union

import numpy as np
import numpy.typing as npt

from .device import Package, PathLike
from .errors import UsageError
from .model import Model, compile
from .results import Estimate

__all__ = ["HLSModel", "convert_from_keras_model"]

Array = npt.NDArray[Any]


class HLSModel:
    """What `convert_from_keras_model` returns: hls4ml's verbs over :class:`sluice.Model`.

    Attributes
    ----------
    model : sluice.Model
        The exact model behind it.
    output_dir : pathlib.Path
        Where `build` writes the kernel package.
    """

    def __init__(self, model: Model, output_dir: PathLike, part: str) -> None:
        self.model = model
        self.output_dir = pathlib.Path(output_dir)
        self.part = part
        self._package: Optional[Package] = None

    def compile(self) -> None:
        """Does nothing: a model can predict as soon as it is converted. Kept for hls4ml's programs."""

    def predict(self, x: npt.ArrayLike) -> Array:
        """Outputs of every event, in the floating-point type of `x`; float32 where it has none."""
        values = np.asarray(x)
        dtype = values.dtype if values.dtype in (np.float32, np.float64) else np.dtype(np.float32)
        values = values.astype(dtype, copy=False)
        events = len(values) if values.ndim else 0
        return self.model.predict(values, out=np.empty((events, *self.model.output_shape), dtype))

    def trace(self, x: npt.ArrayLike) -> tuple[Array, dict[str, Array]]:
        """Outputs, and every layer's values by its name."""
        return self.predict(x), self.model.trace(np.asarray(x, np.float64))

    def write(self) -> Package:
        """Writes the kernel package without its simulator to `output_dir`."""
        self._package = self.model.package(self.output_dir, simulator=False)
        return self._package

    def build(self, reset: bool = False, csim: bool = True, synth: bool = True, cosim: bool = False,
              validation: bool = False, export: bool = False, vsynth: bool = False) -> dict[str, Any]:
        """Writes the kernel package with its Verilated kernel to `output_dir`, and returns hls4ml's report.

        `cosim` or `validation` compares the Verilated kernel with the reference, as integers. `vsynth` needs
        vendor tools and is refused; `reset`, `csim`, `synth` and `export` change nothing.
        """
        if vsynth:
            raise UsageError("E-PYTHON-010", "vsynth=True", "needs the vendor's tools, which Sluice does not run",
                             "leave it out; the package holds Verilog and scripts")
        self._package = self.model.package(self.output_dir)
        report = _report(self.model.estimate(), self.part)
        if cosim or validation:
            verification = self._package.verify()
            report["CosimReport"] = {"RTL": "Verilog", "Status": "Pass" if verification else "Fail",
                                     "Differing": sum(row.differing for row in verification.engines)}
        return report

    @property
    def package(self) -> Package:
        """The package that `build` or `write` wrote."""
        if self._package is None:
            raise UsageError("E-PYTHON-010", "package", "is not built yet", "call build() first")
        return self._package

    def __repr__(self) -> str:
        return f"<sluice.HLSModel of {self.model!r}>"


def convert_from_keras_model(model: Any, output_dir: PathLike = "my-hls-test", project_name: str = "myproject",
                             input_data_tb: Optional[str] = None, output_data_tb: Optional[str] = None,
                             backend: str = "Vivado", hls_config: Optional[Mapping[str, Any]] = None, *,
                             part: str = "", board: str = "", clock_period: Union[float, str] = 5,
                             io_type: str = "io_parallel", **kwargs: Any) -> HLSModel:
    """Converts a live Keras model, or the file of one, with hls4ml's arguments.

    Differences from hls4ml: the result is exact, so `hls_config` only fills in formats that the model does not
    give; `clock_period` is in nanoseconds; `io_type` must be `io_parallel`; `backend`, `part` and the data files
    of a C++ test bench change nothing. An unknown argument is refused.

    Examples
    --------
    >>> import numpy as np, sluice
    >>> model = "model.h5"      # or a live Keras model
    >>> config = sluice.utils.config_from_keras_model(model, granularity="name")
    >>> hls_model = sluice.converters.convert_from_keras_model(model, hls_config=config, part="xcvu9p")
    >>> hls_model.compile()
    >>> hls_model.predict(np.zeros((5, 4), np.float32)).dtype
    dtype('float32')
    """
    if kwargs:
        raise UsageError("E-PYTHON-009", ", ".join(sorted(kwargs)), "is no argument of convert_from_keras_model",
                         "model, output_dir, project_name, hls_config, part, board, clock_period are")
    if io_type != "io_parallel":
        raise UsageError("E-PYTHON-009", f"io_type {io_type!r}", "is not supported", "use io_parallel")
    clock_mhz = 1000.0 / _nanoseconds(clock_period)
    converted = compile(model, name=project_name, clock_mhz=clock_mhz, board=board, config=hls_config)
    return HLSModel(converted, output_dir, part)


def _nanoseconds(period: Union[float, str]) -> float:
    match = re.fullmatch(r"\s*([0-9.]+)\s*(?:ns)?\s*", str(period))
    if match is None or not float(match[1]) > 0:
        raise UsageError("E-PYTHON-009", f"clock_period {period!r}", "is not a time in nanoseconds", "for example 5")
    return float(match[1])


def _report(estimate: Estimate, part: str) -> dict[str, Any]:
    """hls4ml's names for what our own model of area and delay estimates."""
    return {"EstimateOf": "Sluice's area and delay model", "Part": part,
            "CSynthesisReport": {
                "TargetClockPeriod": f"{1000.0 / estimate['clock_mhz']:.2f}",
                "EstimatedClockPeriod": f"{estimate['critical_path_ns']:.3f}",
                "BestLatency": str(estimate.latency_cycles), "WorstLatency": str(estimate.latency_cycles),
                "IntervalMin": str(estimate["initiation_interval_cycles"]),
                "IntervalMax": str(estimate["initiation_interval_cycles"]),
                "LUT": str(estimate.lut), "FF": str(estimate.ff), "DSP": str(estimate.dsp), "BRAM_18K": "0"}}
