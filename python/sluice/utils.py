"""hls4ml's `utils`, as far as they concern what is computed."""
from __future__ import annotations

import json
import os
from typing import Any

from . import _core
from .errors import ArgumentTypeError, UsageError

__all__ = ["config_from_keras_model"]

_GRANULARITIES = ("model", "type", "name")
# Layers that hold a number format in hls4ml's dictionaries, and which of their values.
_VARIABLES = {"Dense": ("weight", "bias", "result"), "BatchNormalization": ("scale", "bias", "result"),
              "QDenseBatchnorm": ("weight", "bias", "result")}


def config_from_keras_model(model: Any, granularity: str = "model", *, backend: str | None = None,
                            default_precision: str = "fixed<16,6>", default_reuse_factor: int = 1,
                            max_precision: str | None = None) -> dict[str, Any]:
    """The configuration dictionary of a model, in hls4ml's form, to be edited and given to `hls_config`.

    Differences from hls4ml: a layer with quantisers of its own gets no entry, because they hold; results are
    `auto`, which keeps every bit; `ReuseFactor` is 1, the only one that is built.

    Parameters
    ----------
    model : live Keras model, or path of a model file
    granularity : {'model', 'type', 'name'}
        One entry for all, one per class of layers, or one per layer.
    default_precision : str
        For what has no quantiser of its own.
    backend, max_precision
        Accepted as in hls4ml; they change nothing.

    Examples
    --------
    >>> import sluice
    >>> sluice.utils.config_from_keras_model("model.h5")
    {'Model': {'Precision': {'default': 'fixed<16,6>'}, 'ReuseFactor': 1, 'Strategy': 'Latency'}}
    """
    if granularity not in _GRANULARITIES:
        raise UsageError("E-PYTHON-009", f"granularity {granularity!r}", "is not known",
                         f"use one of {', '.join(_GRANULARITIES)}")
    if default_reuse_factor != 1:
        raise UsageError("E-PYTHON-009", f"default_reuse_factor {default_reuse_factor}", "is not supported",
                         "leave it at 1: every event is computed fully in parallel")
    config: dict[str, Any] = {"Model": {"Precision": {"default": default_precision}, "ReuseFactor": 1,
                                        "Strategy": "Latency"}}
    plain = [(name, kind) for name, kind in _layers(model) if kind in _VARIABLES]
    if granularity == "type":
        config["LayerType"] = {kind: _entry(kind, default_precision) for _, kind in plain}
    if granularity == "name":
        config["LayerName"] = {name: _entry(kind, default_precision) for name, kind in plain}
    return config


def _entry(kind: str, precision: str) -> dict[str, Any]:
    return {"Trace": False, "ReuseFactor": 1,
            "Precision": {variable: "auto" if variable == "result" else precision for variable in _VARIABLES[kind]}}


def _layers(model: Any) -> list[tuple[str, str]]:
    if isinstance(model, (str, os.PathLike)):
        return [(row["name"], row["class"]) for row in json.loads(_core.inspect(model))["model"]["layers"]]
    layers = getattr(model, "layers", None)
    if layers is None:
        raise ArgumentTypeError("E-PYTHON-007", f"a {type(model).__name__}", "is neither a path nor a model",
                                "give the model itself, or the path of its file")
    return [(layer.name, type(layer).__name__) for layer in layers]
