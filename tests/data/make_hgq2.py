#!/usr/bin/env python3
"""Trains a small HGQ2 network on generated data and writes it with its outputs in float64.

    JAX_ENABLE_X64=1 KERAS_BACKEND=jax python tests/data/make_hgq2.py OUT.keras OUT.npz [--jet]

needs the PyPI packages hgq2 and jax. The network is built in float64, in which every sum is exact.
`--jet` makes one of the size of a jet tagger with 100,000 events, for the interoperability test.
"""
import argparse
import zipfile

import keras
import numpy as np

keras.config.set_floatx("float64")

from hgq.config import LayerConfigScope, QuantizerConfigScope  # noqa: E402
from hgq.layers import QBatchNormDense, QDense, Quantizer  # noqa: E402
from hgq.utils import trace_minmax  # noqa: E402


def build(sizes, features):
    weights = QuantizerConfigScope(place="all", default_q_type="kbi", overflow_mode="SAT_SYM")
    values = QuantizerConfigScope(place="datalane", default_q_type="kif", overflow_mode="WRAP")
    with weights, values, LayerConfigScope(enable_ebops=True, beta0=1e-4):
        layers = [keras.layers.Input((features,)), Quantizer(name="quantize_input")]
        layers += [QDense(size, activation="relu", name=f"hidden_{i}")
                   for i, size in enumerate(sizes[:-1])]
        layers.append(QBatchNormDense(sizes[-1], name="output", enable_oq=True))
        return keras.Sequential(layers)


def compress(path):
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("vectors")
    parser.add_argument("--jet", action="store_true")
    arguments = parser.parse_args()
    keras.utils.set_random_seed(11)
    rng = np.random.default_rng(11)
    sizes, features, events = ((64, 32, 32, 5), 16, 100_000) if arguments.jet else ((5, 3), 6, 500)
    x = np.round(rng.normal(0, 1, (events, features)) * 4096) / 4096
    target = np.tanh(x @ rng.normal(0, 1, (features, sizes[-1])))
    model = build(sizes, features)
    model.compile(optimizer=keras.optimizers.Adam(0.005), loss="mse")
    train = min(events, 10_000)
    model.fit(x[:train], target[:train], epochs=4, batch_size=100, verbose=0)
    trace_minmax(model, x[:train // 2])  # the other events may leave the ranges, and wrap
    model.optimizer = None  # its moments are no part of the network
    model.save(arguments.model)
    compress(arguments.model)
    y = np.asarray(model.predict(x, batch_size=10_000, verbose=0))
    assert y.dtype == np.float64
    np.savez_compressed(arguments.vectors, x=x, y=y)
    print(f"{events} events, {len(np.unique(y))} different outputs")


if __name__ == "__main__":
    main()
