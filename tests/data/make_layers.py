#!/usr/bin/env python3
"""Writes `layers_TOPIC.h5`, models of one output per layer or activation, and the outputs of Keras
and QKeras in float64, `layers_TOPIC_vectors.npz`: x float32, y_NAME float64 for the output of the
layer NAME.

Runs in the training environment (examples/muon_pt/requirements.txt):
    python tests/data/make_layers.py
Weights are few-bit numbers and inputs are quantised, so that float64 holds every result exactly; the
functions that no float64 holds have a quantiser behind them.
"""
import pathlib
import sys

import numpy as np
import qkeras.quantizers
import tensorflow as tf
from qkeras import (QActivation, QAveragePooling2D, QBatchNormalization, QConv1D, QConv2D, QConv2DBatchnorm,
                    QDense, QDepthwiseConv2D, QDepthwiseConv2DBatchnorm, QGlobalAveragePooling2D,
                    binary, quantized_bits, quantized_po2, quantized_relu, ternary)
from tensorflow.keras import layers as keras

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parents[1] / "examples" / "muon_pt"))
import qkeras_float64  # noqa: E402

EVENTS = 60


def bits(width, integer, alpha=1, symmetric=0, keep_negative=True):
    return quantized_bits(width, integer, symmetric, keep_negative, alpha=alpha)


def quantised(name="quantize_input"):
    return QActivation(bits(8, 2), name=name)


def weights(**more):
    return dict(kernel_quantizer=bits(5, 1), bias_quantizer=bits(5, 1), **more)


def conv2d():
    x = keras.Input((6, 5, 2), name="input")
    q = quantised()(x)
    return x, [
        QConv2D(3, 3, name="valid", activation=quantized_relu(6, 2), **weights())(q),
        QConv2D(2, (2, 3), strides=2, padding="same", name="same_stride", **weights())(q),
        keras.Conv2D(2, (3, 2), dilation_rate=2, padding="same", name="dilated")(q),
        keras.Conv2D(2, 2, use_bias=False, activation="relu", name="no_bias")(q),
        QDepthwiseConv2D(3, depth_multiplier=2, padding="same", depthwise_quantizer=bits(5, 1),
                         bias_quantizer=bits(5, 1), name="depthwise")(q),
        keras.DepthwiseConv2D((2, 3), strides=2, name="float_depthwise")(q),
        keras.SeparableConv2D(3, 2, depth_multiplier=2, name="separable")(q),
        QConv2DBatchnorm(3, 2, name="folded", **weights())(q),
    ]


def conv1d():
    x = keras.Input((9, 3), name="input")
    q = quantised()(x)
    return x, [
        keras.Conv1D(4, 4, padding="same", name="even_same")(q),
        keras.Conv1D(2, 3, dilation_rate=2, padding="causal", name="causal")(q),
        QConv1D(2, 3, strides=2, name="stride", **weights())(q),
        keras.SeparableConv1D(3, 3, padding="same", name="separable")(q),
    ]


def pooling():
    x = keras.Input((6, 5, 2), name="input")
    q = quantised()(x)
    rows = keras.Reshape((10, 6), name="rows")(q)
    return x, [
        keras.MaxPooling2D(2, name="max")(q),
        keras.MaxPooling2D(3, strides=2, padding="same", name="max_same")(q),
        keras.AveragePooling2D(2, strides=1, name="average")(q),
        QActivation(bits(8, 2), name="average_six")(keras.AveragePooling2D((2, 3), name="six")(q)),
        keras.GlobalMaxPooling2D(name="global_max")(q),
        QActivation(bits(9, 2), name="global_average")(keras.GlobalAveragePooling2D(name="all")(q)),
        QAveragePooling2D((3, 2), average_quantizer=bits(6, 0), activation=quantized_relu(6, 2),
                          name="quantised_average")(q),
        # QKeras divides by 30 and multiplies again, which float64 rounds: hence a quantiser.
        QActivation(bits(9, 2), name="quantised_global")(
            QGlobalAveragePooling2D(average_quantizer=bits(9, 0), name="by_factor")(q)),
        keras.GlobalMaxPooling2D(keepdims=True, name="global_max_kept")(q),
        keras.MaxPooling1D(3, padding="same", name="max_1d")(rows),
        keras.AveragePooling1D(4, strides=2, name="average_1d")(rows),
        keras.GlobalMaxPooling1D(name="global_max_1d")(rows),
        QActivation(bits(8, 2), name="global_average_1d")(keras.GlobalAveragePooling1D(name="all_rows")(rows)),
    ]


def movement():
    x = keras.Input((4, 3, 2), name="input")
    q = quantised()(x)
    rows = keras.Reshape((6, -1), name="reshape")(q)
    return x, [
        keras.Flatten(name="flatten")(q), rows,
        keras.Permute((3, 1, 2), name="permute")(q),
        keras.ZeroPadding2D(((1, 0), (2, 1)), name="pad_2d")(q),
        keras.ZeroPadding2D(1, name="pad_all")(q),
        keras.ZeroPadding1D((2, 1), name="pad_1d")(rows),
        keras.Cropping2D(((1, 1), (0, 2)), name="crop_2d")(q),
        keras.Cropping1D((1, 2), name="crop_1d")(rows),
        keras.UpSampling2D((2, 3), name="up_2d")(q),
        keras.UpSampling1D(3, name="up_1d")(rows),
        keras.RepeatVector(3, name="repeat")(keras.Flatten(name="flat")(q)),
    ]


def merge():
    x = keras.Input((4, 3), name="input")
    y = keras.Input((4, 3), name="other")
    a = quantised()(x)
    b = QActivation(bits(7, 1), name="quantize_other")(y)
    row = keras.GlobalMaxPooling1D(name="row")(b)
    return [x, y], [
        keras.Concatenate(name="concatenate")([a, b, a]),
        keras.Concatenate(axis=1, name="concatenate_rows")([a, b]),
        keras.Add(name="add")([a, b, a]),
        keras.Subtract(name="subtract")([a, b]),
        keras.Multiply(name="multiply")([a, b]),
        keras.Multiply(name="broadcast")([a, keras.Reshape((1, 3), name="as_row")(row)]),
        keras.Average(name="average")([a, b]),
        QActivation(bits(8, 2), name="average_three")(keras.Average(name="three")([a, b, a])),
        keras.Maximum(name="maximum")([a, b]),
        keras.Minimum(name="minimum")([a, b, a]),
        keras.Dot(1, name="dot")([row, keras.GlobalMaxPooling1D(name="row_a")(a)]),
    ]


def activation():
    x = keras.Input((12,), name="input")
    q = quantised()(x)
    outputs = [
        keras.LeakyReLU(0.25, name="leaky")(q),
        keras.LeakyReLU(0.3, name="leaky_float")(q),
        keras.ReLU(max_value=1.5, negative_slope=0.5, name="relu_slope")(q),
        QActivation(bits(8, 2), name="relu_threshold")(keras.ReLU(threshold=0.75, name="threshold")(q)),
        keras.PReLU(name="prelu")(q),
        QActivation("quantized_relu(6,2,negative_slope=0.25)", name="quantized_leaky")(q),
        QActivation("quantized_tanh(7)", name="quantized_tanh")(q),
        QActivation("quantized_tanh(6,symmetric=1,use_real_tanh=1)", name="real_tanh")(q),
        QActivation("quantized_sigmoid(7)", name="quantized_sigmoid")(q),
        QActivation("quantized_sigmoid(6,use_real_sigmoid=1)", name="real_sigmoid")(q),
        QActivation("hard_tanh", name="hard_tanh")(q),
        QActivation("binary(alpha=1)", name="binary")(q),
        QActivation("ternary(alpha=1,threshold=0.5)", name="ternary")(q),
    ]
    for name in ("sigmoid", "tanh", "hard_sigmoid", "elu", "selu", "softplus", "softsign",
                 "exponential", "swish", "gelu"):
        y = keras.Activation(name, name=f"{name}_real")(q)
        outputs.append(QActivation(bits(10, 3), name=name)(y))
    outputs.append(QActivation(bits(9, 1), name="elu_alpha")(keras.ELU(0.5, name="half")(q)))
    return x, outputs


def tables():
    """A few functions over 6 bits: small enough for a quick simulation of the hardware."""
    x = keras.Input((2,), name="input")
    q = QActivation(bits(6, 2), name="quantize_input")(x)
    outputs = []
    for name in ("sigmoid", "elu", "gelu"):
        y = keras.Activation(name, name=f"{name}_real")(q)
        outputs.append(QActivation(bits(6, 2), name=name)(y))
    outputs.append(QActivation("ternary(alpha=1,threshold=0.5)", name="ternary")(q))
    return x, outputs


def quantizer():
    x = keras.Input((5,), name="input")
    q = quantised()(x)

    def dense(name, kernel, bias=None):
        return QDense(6, kernel_quantizer=kernel, bias_quantizer=bias or bits(5, 1), name=name)(q)

    return x, [
        dense("binary", binary(alpha=1)),
        dense("binary_scaled", "binary(alpha=0.5)"),
        dense("binary_01", binary(use_01=True, alpha=1)),
        dense("ternary", ternary(alpha=1)),
        dense("ternary_threshold", ternary(alpha=2.0, threshold=0.5)),
        dense("bits_scaled", bits(4, 1, alpha=0.6875)),
        dense("ternary_scaled", ternary(alpha=1.375)),
        QActivation("quantized_bits(6,2,alpha=0.8125)", name="activation_scaled")(q),
    ]


def power_of_two():
    """QKeras cannot evaluate these in float64; float32 holds the results: 8 bits times powers of
    two between 2^-4 and 2^3."""
    x = keras.Input((5,), name="input")
    q = quantised()(x)
    activations = [QActivation(text, name=name)(q)
                   for name, text in (("activation", "quantized_po2(4)"),
                                      ("relu", "quantized_relu_po2(4,4)"),
                                      ("leaky", "quantized_relu_po2(4,negative_slope=0.25)"))]
    return x, activations + [
        QDense(6, kernel_quantizer=kernel, bias_quantizer=bits(5, 1), name=name)(q)
        for name, kernel in (("po2", quantized_po2(4)), ("po2_max", quantized_po2(3, max_value=1)))]


def small_cnn():
    """What a trigger would run: two convolutions, poolings, a dense layer."""
    x = keras.Input((8, 8, 1), name="image")
    y = QActivation(quantized_relu(4, 2), name="quantize_input")(x)
    y = QConv2D(3, 3, name="conv_1", activation=quantized_relu(4, 2), kernel_quantizer=bits(3, 0),
                bias_quantizer=bits(4, 1))(y)
    y = keras.MaxPooling2D(2, name="pool")(y)
    y = QConv2D(4, 2, name="conv_2", activation=quantized_relu(4, 2), kernel_quantizer=bits(3, 0),
                bias_quantizer=bits(4, 1))(y)
    y = keras.GlobalMaxPooling2D(name="peak")(y)
    y = QDense(2, name="output", kernel_quantizer=bits(4, 0), bias_quantizer=bits(4, 1))(y)
    return x, [y]


def nested():
    """Models inside of models: shared, with two outputs, two deep; TimeDistributed."""
    x = keras.Input((4, 6), name="input")
    q = quantised()(x)
    block = tf.keras.Sequential([QDense(5, name="shared", **weights()),
                                 QActivation(quantized_relu(6, 2), name="shared_relu")], name="block")
    a, b = keras.Input((4, 6), name="left"), keras.Input((4, 5), name="right")
    sums = QDense(5, name="first", **weights())(a)
    pair = tf.keras.Model([a, b], [keras.Add(name="both")([sums, b]),
                                   QDense(3, name="second", **weights())(b)], name="pair")
    deep = tf.keras.Sequential([keras.InputLayer((4, 5), name="deep_input"),
                                QDense(4, name="first", **weights()),
                                tf.keras.Sequential([QDense(3, name="shared", **weights())], name="inner")],
                               name="deep")
    once = block(q)
    left, right = pair([q, once])
    again = block(keras.Concatenate(name="six")([keras.Cropping1D((0, 0), name="same")(right), right]))
    return x, [
        keras.Permute((2, 1), name="left_out")(left), keras.Permute((2, 1), name="again")(again),
        keras.Permute((2, 1), name="deep_out")(deep(once)),
        keras.TimeDistributed(QDense(3, **weights()), name="each_dense")(q),
        keras.TimeDistributed(keras.Conv1D(2, 2), name="each_conv")(keras.Reshape((4, 3, 2), name="steps")(q)),
        keras.TimeDistributed(keras.MaxPooling1D(2), name="each_max")(keras.Reshape((2, 4, 3), name="pairs")(q)),
    ]


def transposed():
    x = keras.Input((4, 3, 2), name="input")
    q = quantised()(x)
    rows = keras.Reshape((6, 4), name="rows")(q)
    return x, [
        keras.Conv2DTranspose(3, 3, name="plain")(q),
        keras.Conv2DTranspose(2, (2, 3), strides=2, name="stride")(q),
        keras.Conv2DTranspose(2, 3, strides=2, padding="same", name="same")(q),
        keras.Conv2DTranspose(2, 2, strides=3, padding="same", name="wide_stride")(q),
        keras.Conv2DTranspose(2, 2, strides=3, use_bias=False, name="gaps")(q),
        keras.Conv2DTranspose(2, 3, strides=2, padding="same", output_padding=1, name="longer")(q),
        keras.Conv1DTranspose(3, 4, strides=2, name="rows_stride")(rows),
        keras.Conv1DTranspose(2, 3, padding="same", name="rows_same")(rows),
    ]


def einsum():
    x = keras.Input((4, 3, 2), name="input")
    q = quantised()(x)
    return x, [
        keras.EinsumDense("abcd,de->abce", (4, 3, 5), bias_axes="e", name="last")(q),
        keras.EinsumDense("abcd,cde->abe", (4, 5), bias_axes="e", name="two")(q),
        keras.EinsumDense("abcd,bf->afcd", (5, 3, 2), name="first")(q),
        keras.EinsumDense("...d,de->...e", (4, 3, 3), bias_axes="e", name="dots")(q),
        keras.EinsumDense("abcd,cde->abce", (4, 3, 4), bias_axes="ce", name="heads")(q),
        keras.EinsumDense("abcd,bcde->abe", (4, 3), bias_axes="be", name="rows_of_heads", activation="relu")(q),
    ]


def qkeras_more():
    """What else QKeras 0.9 exports: folded depthwise, normalisation, hswish, random quantisers."""
    x = keras.Input((5, 4, 2), name="input")
    q = quantised()(x)
    norm = QBatchNormalization(name="norm", epsilon=0.0, beta_quantizer=bits(6, 2), gamma_quantizer=bits(6, 1),
                               mean_quantizer=bits(6, 2), variance_quantizer=bits(6, 3, keep_negative=False))
    return x, [
        QDepthwiseConv2DBatchnorm(3, depth_multiplier=2, name="folded_depthwise",
                                  depthwise_quantizer=bits(6, 1), bias_quantizer=bits(6, 2))(q),
        norm(q),
        QActivation("quantized_hswish(8,2,alpha=1,relu_shift=3,relu_upper_bound=6)", name="hswish")(q),
        QDense(3, kernel_quantizer="stochastic_ternary(alpha=1)", bias_quantizer=bits(5, 1),
               name="ternary")(keras.Flatten(name="flat")(q)),
        QDense(3, kernel_quantizer="stochastic_binary(alpha=1)", bias_quantizer=bits(5, 1), name="binary")(q),
    ]


def randomise(model, rng):
    """Multiples of 1/16; variances are large enough."""
    for layer in model.layers:
        values = []
        for variable, value in zip(layer.weights, layer.get_weights()):
            drawn = np.round(rng.uniform(-1.5, 1.5, value.shape) * 16) / 16
            drawn *= rng.random(value.shape) > 0.3
            if "variance" in variable.name:
                drawn = np.abs(drawn) + 0.5
                if isinstance(layer, QBatchNormalization):
                    drawn = 4.0 ** rng.integers(-1, 2, value.shape)
            if "iteration" in variable.name:
                drawn = value
            if "alpha" in variable.name:
                drawn = np.abs(drawn) / 2
            values.append(drawn.astype(value.dtype))
        layer.set_weights(values)


def draw(rng, shape):
    """Normal, beyond saturation, on the grid of 1/32 and between two of its steps."""
    x = rng.normal(0, 1.5, (EVENTS, *shape))
    on_grid = np.round(x * 32) / 32
    choice = rng.integers(0, 3, x.shape)
    x = np.where(choice == 0, on_grid, np.where(choice == 1, on_grid + 1 / 64, x))
    x[:4] *= 8
    x[4] = 0.0
    return x.astype(np.float32)


def write(build, seed):
    rng = np.random.default_rng(seed)
    tf.keras.backend.clear_session()
    tf.keras.backend.set_floatx("float32")
    qkeras.quantizers.K = tf.keras.backend  # load_float64 leaves one of its own
    inputs, outputs = build()
    model = tf.keras.Model(inputs, outputs, name=build.__name__)
    randomise(model, rng)
    path = FOLDER / f"layers_{build.__name__}.h5"
    model.save(path, save_format="h5", include_optimizer=False)
    events = [draw(rng, tensor.shape[1:]) for tensor in model.inputs]
    is_float32 = build is power_of_two
    exact = model if is_float32 else qkeras_float64.load_float64(path)
    dtype = np.float32 if is_float32 else np.float64
    results = exact([event.astype(dtype) for event in events], training=False)
    arrays = {f"x_{i}": event for i, event in enumerate(events)}
    for name, result in zip(exact.output_names, results if len(outputs) > 1 else [results]):
        value = np.asarray(result)
        assert value.dtype == dtype, name
        arrays[f"y_{name}"] = value.astype(np.float64)
    np.savez_compressed(FOLDER / f"layers_{build.__name__}_vectors.npz", **arrays)
    print(f"{path.name}: {len(outputs)} outputs")


BUILDERS = (conv2d, conv1d, pooling, movement, merge, activation, quantizer, power_of_two,
            small_cnn, tables, nested, transposed, einsum, qkeras_more)

if __name__ == "__main__":
    wanted = sys.argv[1:]
    for number, builder in enumerate(BUILDERS):
        if not wanted or builder.__name__ in wanted:
            write(builder, 100 + number)
