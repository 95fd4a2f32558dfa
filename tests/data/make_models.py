#!/usr/bin/env python3
"""Writes the small Keras 2 files of this folder and the outputs of QKeras in float64.

Runs in the training environment (examples/muon_pt/requirements.txt):
    python tests/data/make_models.py
Each `NAME.h5` that Sluice must import comes with `NAME_vectors.npz`: x float32 and y float64. The
others must be refused; their names say why.
"""
import pathlib
import sys

import h5py
import numpy as np
import tensorflow as tf
from qkeras import QActivation, QDense, quantized_bits, quantized_relu, stochastic_ternary
from tensorflow.keras.layers import (LSTM, Activation, BatchNormalization, Dense, Dropout, Input)

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parents[1] / "examples" / "muon_pt"))
import qkeras_float64  # noqa: E402


def bits(width, integer, alpha=1, symmetric=0):
    return quantized_bits(width, integer, symmetric, alpha=alpha)


def randomise(model, rng, spread=1.5):
    """Uniform weights, unquantised, a third of them zero."""
    for layer in model.layers:
        if isinstance(layer, (Dense, LSTM)):
            layer.set_weights([(rng.uniform(-spread, spread, w.shape) *
                                (rng.random(w.shape) > 0.3)).astype(np.float32)
                               for w in layer.get_weights()])


def inputs(rng, n, width, span, lsb):
    """Float32 values: normal, beyond saturation, exactly on the grid, exactly between two steps."""
    x = rng.normal(0, span / 3, (n, width))
    x[:n // 8] = rng.uniform(-2 * span, 2 * span, (n // 8, width))
    on_grid = np.round(x / lsb) * lsb
    choice = rng.integers(0, 3, x.shape)
    x = np.where(choice == 0, on_grid, np.where(choice == 1, on_grid + lsb / 2, x))
    x[0], x[1] = 0.0, -0.0
    return x.astype(np.float32)


def save(model, name):
    path = FOLDER / f"{name}.h5"
    model.save(path, save_format="h5", include_optimizer=False)
    return path


def save_with_vectors(model, name, x):
    path = save(model, name)
    y = qkeras_float64.evaluate(path, x)
    tf.keras.backend.set_floatx("float32")
    np.savez_compressed(FOLDER / f"{name}_vectors.npz", x=x, y=y)
    print(f"{name}: {len(x)} events, {len(np.unique(y))} different outputs")


def tiny():
    return tf.keras.Sequential([
        Input((4,), name="input"),
        QActivation(bits(8, 3), name="quantize_input"),
        QDense(3, kernel_quantizer=bits(6, 1), bias_quantizer=bits(6, 1), name="hidden"),
        QActivation(quantized_relu(6, 3), name="hidden_relu"),
        QDense(2, kernel_quantizer=bits(6, 2), bias_quantizer=bits(6, 2), name="output"),
        QActivation(bits(10, 5), name="quantize_output"),
    ])


def functional():
    """Both serialised forms of a quantiser, powers of two as alpha, both fates of an upper bound."""
    features = Input((6,), name="features")
    y = QActivation("quantized_bits(10,4,alpha=1)", name="quantize_input")(features)
    y = QDense(5, kernel_quantizer=bits(6, 1, alpha=0.5), bias_quantizer=bits(8, 2),
               name="dense_1")(y)
    # Variance + epsilon is a power of four for every channel: the affine form is exact.
    y = BatchNormalization(epsilon=2.0 ** -10, name="norm")(y)
    y = QActivation("quantized_relu(8,3,relu_upper_bound=5.0,is_quantized_clip=False)",
                    name="bounded_relu")(y)
    y = Dropout(0.25, name="dropout")(y)
    y = QDense(4, use_bias=False, kernel_quantizer=bits(5, 0, alpha=2.0, symmetric=1),
               name="dense_2")(y)
    y = Activation("relu", name="relu")(y)
    # QKeras ignores this bound: a quantiser given as an object clips to its own range.
    y = QActivation(quantized_relu(7, 2, relu_upper_bound=1.5), name="clipped_relu")(y)
    y = QDense(3, kernel_quantizer=bits(7, 1), bias_quantizer=bits(7, 1),
               activation="quantized_bits(9,4,1,alpha=1)", name="dense_3")(y)
    y = Activation("linear", name="linear")(y)
    model = tf.keras.Model(features, y, name="functional")
    epsilon = 2.0 ** -10
    model.get_layer("norm").set_weights([
        np.array([1.0, 1.5, -0.75, 2.0, 0.5], np.float32),            # gamma
        np.array([0.25, -1.0, 0.5, 0.0, 0.125], np.float32),          # beta
        np.array([0.5, -0.25, 0.0, 1.0, 0.375], np.float32),          # moving mean
        np.array([1.0, 4.0, 0.25, 16.0, 1.0], np.float32) - np.float32(epsilon)])
    return model


def write_importable(rng):
    model = tiny()
    randomise(model, rng)
    save_with_vectors(model, "qkeras_tiny", inputs(rng, 500, 4, 8.0, 2.0 ** -4))
    model = functional()
    randomise(model, rng)
    save_with_vectors(model, "qkeras_functional", inputs(rng, 500, 6, 16.0, 2.0 ** -5))


def write_refused(rng):
    save(tf.keras.Sequential([Input((3, 2)), LSTM(2, name="recurrent"), Dense(1, name="output")]),
         "unsupported_layer")
    save(tf.keras.Sequential([
        Input((4,)), QActivation(bits(8, 3), name="quantize_input"),
        QDense(2, kernel_quantizer=stochastic_ternary(), bias_quantizer=bits(6, 1),
               name="ternary_dense")]), "unsupported_quantizer")
    save(tf.keras.Sequential([
        Input((4,)), QActivation(bits(8, 3), name="quantize_input"),
        QDense(2, kernel_quantizer=quantized_bits(6, 1, alpha="auto"), bias_quantizer=bits(6, 1),
               name="auto_scaled_dense")]), "unsupported_alpha")
    model = tf.keras.Sequential([Input((4,)), Dense(3, activation="relu", name="hidden"),
                                 Dense(2, name="output")])
    randomise(model, rng)
    save(model, "keras_float")
    model = tiny()
    randomise(model, rng)
    path = save(model, "nan_weight")
    with h5py.File(path, "r+") as file:
        kernel = file["model_weights/hidden/hidden/kernel:0"]
        kernel[1, 2] = np.nan


def main():
    tf.keras.utils.set_random_seed(20)
    rng = np.random.default_rng(20)
    write_refused(rng)
    write_importable(rng)


if __name__ == "__main__":
    main()
