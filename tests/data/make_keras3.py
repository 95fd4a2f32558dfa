#!/usr/bin/env python3
"""Writes models of Keras 3 with models inside of them, as an archive and as JSON with a weights
file, and their outputs in float64: `keras3_nested.keras`, `keras3_nested.json`,
`keras3_nested.weights.h5`, `keras3_nested.npz`.

    JAX_ENABLE_X64=1 KERAS_BACKEND=jax python tests/data/make_keras3.py

needs the PyPI packages keras and jax. Weights and inputs are few-bit numbers.
"""
import pathlib
import zipfile

import keras
import numpy as np

keras.config.set_floatx("float64")

from keras import layers  # noqa: E402
from make_hgq2 import compress  # noqa: E402

FOLDER = pathlib.Path(__file__).resolve().parent


def build():
    x = keras.Input((4, 6), name="x")
    other = keras.Input((4, 3), name="other")
    block = keras.Sequential([layers.Input((4, 6)), layers.Dense(6, activation="relu", name="dense"),
                              layers.Dense(6, name="dense_again")], name="block")
    a, b = keras.Input((4, 6), name="a"), keras.Input((4, 3), name="b")
    pair = keras.Model([a, b], [layers.Concatenate(name="both")([layers.Dense(2, name="dense")(a), b]),
                                layers.Conv1D(3, 2, name="conv")(b)], name="pair")
    rows, windows = pair([block(block(x)), other])
    each = layers.TimeDistributed(layers.Conv1D(2, 2, name="inner"), name="each")(
        layers.Reshape((2, 2, 5), name="steps")(rows))
    return keras.Model([x, other], [layers.Flatten(name="flat_each")(each),
                                    layers.Dense(2, name="dense")(windows)], name="keras3_nested")


def write_faults(path):
    """The same archive with four faults, which must all be named at once."""
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    config = entries["config.json"].decode()
    for before, after in (('"class_name": "Concatenate"', '"class_name": "LayerNormalization"'),
                          ('"activation": "relu"', '"activation": "mystery"'),
                          ('"units": 2, "activation"', '"units": 7, "activation"'),
                          ('"padding": "valid"', '"padding": "reflect"')):
        assert before in config, before
        config = config.replace(before, after, 1)
    with zipfile.ZipFile(FOLDER / "faults.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, config if name == "config.json" else content)


def main():
    rng = np.random.default_rng(7)
    keras.utils.set_random_seed(7)
    model = build()
    for variable in model.variables:
        variable.assign(np.round(rng.uniform(-1.5, 1.5, variable.shape) * 8) / 8)
    path = FOLDER / "keras3_nested.keras"
    model.save(path)
    compress(path)
    (FOLDER / "keras3_nested.json").write_text(model.to_json())
    model.save_weights(FOLDER / "keras3_nested.weights.h5")
    write_faults(path)
    events = [np.round(rng.normal(0, 1, (50, *tensor.shape[1:])) * 16) / 16 for tensor in model.inputs]
    results = model.predict(events, verbose=0)
    arrays = {f"x_{i}": event for i, event in enumerate(events)}
    arrays |= {f"y_{name}": np.asarray(y) for name, y in zip(model.output_names, results)}
    np.savez_compressed(FOLDER / "keras3_nested.npz", **arrays)
    print({name: y.shape for name, y in arrays.items()})


if __name__ == "__main__":
    main()
