#!/usr/bin/env python3
"""What hls4ml's stable softmax gives, by its own compiled library: hls4ml_softmax.npz.

    python tests/data/make_hls4ml_softmax.py

needs the packages of examples/muon_pt/requirements-hls4ml.txt and a C++ compiler. One Activation layer
of five elements, ap_fixed<16,6> in and out, the table types that hls4ml gives by itself.
"""
import os
import pathlib
import tempfile

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import hls4ml  # noqa: E402
import numpy as np  # noqa: E402
from tensorflow import keras  # noqa: E402

OUTPUT = pathlib.Path(__file__).resolve().parent / "hls4ml_softmax.npz"
EVENTS, ELEMENTS, FRACTION = 400, 5, 10


def events():
    """Values of the format: of logits, of such that lie close together, and of such that saturate the tables."""
    rng = np.random.default_rng(5)
    x = rng.normal(0, 1, (EVENTS, ELEMENTS)) * rng.choice([0.5, 3, 12], (EVENTS, 1))
    steps = np.clip(np.floor(x * 2**FRACTION), -2**15, 2**15 - 1)
    return steps / 2**FRACTION


def main():
    model = keras.Sequential([keras.layers.Input((ELEMENTS,), name="x"),
                              keras.layers.Activation("softmax", name="s")])
    config = hls4ml.utils.config_from_keras_model(model, granularity="name", backend="Vitis",
                                                  default_precision="ap_fixed<16,6>")
    config["LayerName"]["x"]["Precision"]["result"] = "ap_fixed<16,6>"
    config["LayerName"]["s"]["Precision"]["result"] = "ap_fixed<16,6>"
    config["LayerName"]["s"]["Strategy"] = "Stable"
    x = events()
    with tempfile.TemporaryDirectory() as folder:
        project = hls4ml.converters.convert_from_keras_model(
            model, hls_config=config, output_dir=folder, backend="Vitis", io_type="io_parallel")
        project.compile()
        y = project.predict(np.ascontiguousarray(x, np.float32)).astype(np.float64)
    np.savez_compressed(OUTPUT, x=x, y=y)
    print(f"{EVENTS} events, {len(np.unique(y))} different outputs, the largest {y.max()}")


if __name__ == "__main__":
    main()
