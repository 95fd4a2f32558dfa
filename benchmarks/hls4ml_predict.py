#!/usr/bin/env python3
"""Events per second of hls4ml's compiled `predict`: hls4ml_predict.py MODEL EVENTS REPETITIONS, where hls4ml is installed.

Prints a JSON object; `events_per_s` has one entry per repetition, after one call that is not counted. Random inputs
between -1 and 1; Vitis back end, io_parallel, precisions that hls4ml takes from the layers by name.
"""
import json
import os
import sys
import tempfile
import time

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import hls4ml  # noqa: E402
import numpy as np  # noqa: E402
from qkeras.utils import load_qmodel  # noqa: E402


def main(path, events, repetitions):
    model = load_qmodel(path, compile=False)
    config = hls4ml.utils.config_from_keras_model(model, granularity="name", backend="Vitis")
    x = np.random.default_rng(1).uniform(-1, 1, (events, *model.input_shape[1:])).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        project = hls4ml.converters.convert_from_keras_model(
            model, hls_config=config, output_dir=folder, backend="Vitis", io_type="io_parallel")
        start = time.perf_counter()
        project.compile()
        compile_s = time.perf_counter() - start
        rates = []
        for repetition in range(repetitions + 1):
            start = time.perf_counter()
            project.predict(x)
            if repetition > 0:
                rates.append(events / (time.perf_counter() - start))
    print(json.dumps({"hls4ml": hls4ml.__version__, "compile_s": compile_s, "events_per_s": rates}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
