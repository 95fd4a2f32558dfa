#!/usr/bin/env python3
"""Writes `hgq2_TOPIC.keras`, models of one output per layer of HGQ2, and their outputs in float64,
`hgq2_TOPIC.npz`: x_i of each input, y_NAME for the output of the layer NAME.

    JAX_ENABLE_X64=1 KERAS_BACKEND=jax python tests/data/make_hgq2_layers.py [TOPIC...]

needs the PyPI packages hgq2 and jax. The models are built in float64, in which every sum is exact;
numbers of bits are drawn, as training would leave them.
"""
import pathlib
import sys

import keras
import numpy as np

keras.config.set_floatx("float64")

from hgq import layers as hgq  # noqa: E402
from hgq.config import LayerConfigScope, QuantizerConfigScope  # noqa: E402
from hgq.utils import trace_minmax  # noqa: E402
from make_hgq2 import compress  # noqa: E402

FOLDER = pathlib.Path(__file__).resolve().parent
EVENTS = 120


def convolution():
    image = keras.Input((6, 5, 2), name="image")
    y = hgq.Quantizer(name="quantize_image")(image)
    rows = keras.layers.Reshape((10, 6), name="rows")(y)
    return image, [
        hgq.QConv2D(3, 3, activation="relu", name="conv_2d")(y),
        hgq.QConv2D(2, 2, strides=2, padding="same", use_bias=False, name="conv_2d_same")(y),
        hgq.QConv1D(3, 3, name="conv_1d")(rows),
        hgq.QBatchNormalization(name="norm")(y),
        hgq.QMaxPooling2D(2, name="max")(y),
        hgq.QAveragePooling2D(2, name="average")(y),
        hgq.QGlobalAveragePooling1D(enable_oq=True, name="global_average")(rows),
        hgq.QGlobalMaxPooling2D(name="global_max")(y),
        hgq.QEinsumDense("abcd,cde->abe", (6, 3), bias_axes="e", name="einsum")(y),
        hgq.QEinsumDense("...c,cd->...d", (6, 5, 4), name="einsum_last")(y),
        hgq.QSum(axes=(1, 2), name="sum")(y),
        hgq.QMeanPow2(axes=1, name="mean")(rows),
    ]


def merge():
    a = keras.Input((4, 3), name="a")
    b = keras.Input((4, 3), name="b")
    p = hgq.Quantizer(name="quantize_a")(a)
    q = hgq.Quantizer(name="quantize_b")(b)
    vector_p, vector_q = (keras.layers.Flatten(name=f"flat_{n}")(t) for n, t in zip("ab", (p, q)))
    return [a, b], [
        hgq.QAdd(name="add")([p, q]),
        hgq.QSubtract(name="subtract")([p, q]),
        hgq.QMultiply(name="multiply")([p, q]),
        hgq.QMaximum(name="maximum")([p, q]),
        hgq.QMinimum(name="minimum")([p, q]),
        hgq.QAveragePow2(name="average")([p, q]),
        hgq.QDot(axes=1, name="dot")([vector_p, vector_q]),
        hgq.QEinsum("abc,abd->acd", name="einsum_two")([p, q]),
    ]


def activation():
    x = keras.Input((4, 3), name="x")
    y = hgq.Quantizer(name="quantize_x")(x)
    outputs = [hgq.QUnaryFunctionLUT(name, name=f"lut_{name}")(y)
               for name in ("tanh", "sigmoid", "gelu", "elu")]
    outputs += [
        hgq.QSoftmax(name="softmax")(y),
        hgq.QSoftmax(axis=1, name="softmax_rows")(y),
        hgq.QSoftmax(stable=False, enable_iq=True, name="softmax_unstable")(y),
        hgq.QSoftmax(input_scaler=0.5, name="softmax_scaled")(y),
    ]
    return x, outputs


def draw_bits(model, rng):
    """Numbers of bits as training leaves them: real, and different for each element."""
    for variable in model.trainable_variables:
        if variable.name in ("b", "f", "i"):
            value = np.asarray(variable)
            variable.assign(value + rng.uniform(-1.5, 1.5, value.shape))


def write(build, seed):
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    weights = QuantizerConfigScope(place="all", default_q_type="kbi", overflow_mode="SAT_SYM")
    values = QuantizerConfigScope(place="datalane", default_q_type="kif", overflow_mode="WRAP")
    with weights, values, LayerConfigScope(enable_ebops=True, beta0=1e-4):
        inputs, outputs = build()
        model = keras.Model(inputs, outputs, name=build.__name__)
    draw_bits(model, rng)
    for variable in model.variables:
        if "moving_variance" in variable.path:
            variable.assign(rng.uniform(0.5, 2, variable.shape))
        if "moving_mean" in variable.path or variable.name in ("bias", "bn_beta"):
            variable.assign(rng.normal(0, 0.5, variable.shape))
    events = [np.round(rng.normal(0, 1, (EVENTS, *tensor.shape[1:])) * 4096) / 4096
              for tensor in model.inputs]
    data = events if len(events) > 1 else events[0]
    half = [event[:EVENTS // 2] for event in events]
    trace_minmax(model, half if len(half) > 1 else half[0])  # the others may wrap
    path = FOLDER / f"hgq2_{build.__name__}.keras"
    model.save(path)
    compress(path)
    results = model.predict(data, batch_size=EVENTS, verbose=0)
    arrays = {f"x_{i}": event for i, event in enumerate(events)}
    for name, result in zip(model.output_names, results):
        value = np.asarray(result)
        assert value.dtype == np.float64, name
        arrays[f"y_{name}"] = value
    np.savez_compressed(FOLDER / f"hgq2_{build.__name__}.npz", **arrays)
    print(f"{path.name}: {len(outputs)} outputs, {path.stat().st_size} bytes")


BUILDERS = (convolution, merge, activation)

if __name__ == "__main__":
    wanted = sys.argv[1:]
    for number, builder in enumerate(BUILDERS):
        if not wanted or builder.__name__ in wanted:
            write(builder, 200 + number)
