"""Number formats for float models, chosen from events."""
from __future__ import annotations

import json
import os
import pathlib
import tempfile
from collections.abc import Mapping
from typing import Any, Literal, Optional

import numpy as np
import numpy.typing as npt

from . import _core
from .model import PathLike, Progress, _save

__all__ = ["calibrate"]


def calibrate(model: Any, X: npt.ArrayLike, *, target_error: Optional[float] = None,
              error: Literal["max", "rms"] = "max", config: Optional[Mapping[str, Any]] = None,
              weights: Optional[PathLike] = None, progress: Optional[Progress] = None) -> dict[str, Any]:
    """Chooses the number formats of a float model for an error of its outputs (docs/reference/diagnosis.md).

    Parameters
    ----------
    model : path, or a live model
        As for :func:`sluice.compile`.
    X : array
        Events, `(events, ...)`.
    target_error : float, optional
        The error to stay within, in units of the outputs; a hundredth of the largest output without it.
    error : {'max', 'rms'}
        The largest difference, or root mean square.
    config : dict, optional
        Formats that are kept; hls4ml's configuration.
    weights : path, optional
        Weights of a model whose description is a `.json` file.

    Returns
    -------
    dict
        `config` for :func:`sluice.compile`; `formats`, what each of them loses; `error_max`, `error_rms`.

    Examples
    --------
    >>> import numpy as np, sluice
    >>> x = np.random.default_rng(1).normal(size=(100, 4))
    >>> found = sluice.calibrate("float.h5", x, target_error=0.01)
    >>> found["error_max"] <= 0.01
    True
    >>> model = sluice.compile("float.h5", config=found["config"])
    """
    with tempfile.TemporaryDirectory(prefix="sluice-") as folder:
        path = model if isinstance(model, (str, os.PathLike)) else _save(model, pathlib.Path(folder))
        report: dict[str, Any] = json.loads(_core.calibrate(
            pathlib.Path(path), None if config is None else json.dumps(config),
            None if weights is None else pathlib.Path(weights), np.asarray(X, np.float64),
            None if target_error is None else float(target_error), error, progress))
    return report
