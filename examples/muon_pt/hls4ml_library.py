#!/usr/bin/env python3
"""Outputs of hls4ml's own compiled library: hls4ml_library.py X.npy FOLDER, in an environment that has it.

Converts the committed model with the configurations that hls4ml makes by itself, for the whole model
(granularity 'model') and by layer ('name'), compiles both for the Vitis back end, and writes model.npy and
name.npy: float64 of what the libraries return.
"""
import os
import pathlib
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import hls4ml  # noqa: E402
import numpy as np  # noqa: E402
from qkeras.utils import load_qmodel  # noqa: E402

MODEL = pathlib.Path(__file__).resolve().parent / "model" / "muon_pt.h5"


def main(x_path, folder):
    model = load_qmodel(str(MODEL), compile=False)
    x = np.ascontiguousarray(np.load(x_path), np.float32)
    for granularity in ("model", "name"):
        config = hls4ml.utils.config_from_keras_model(model, granularity=granularity, backend="Vitis")
        project = hls4ml.converters.convert_from_keras_model(
            model, hls_config=config, output_dir=str(folder / granularity), backend="Vitis", io_type="io_parallel")
        project.compile()
        np.save(folder / f"{granularity}.npy", project.predict(x).reshape(len(x), -1).astype(np.float64))


if __name__ == "__main__":
    main(sys.argv[1], pathlib.Path(sys.argv[2]).resolve())
