#!/usr/bin/env python3
"""Records what QKeras's quantisers compute: qkeras_quantizers.json, read by the front end's tests.

Runs in the training environment (examples/muon_pt/requirements.txt):
    python tests/data/make_quantizers.py
The straight-through sum `x + (q - x)` is switched off: in float32 it adds noise to exact results.
"""
import json
import pathlib

import numpy as np
import tensorflow as tf
from qkeras import binary, quantized_bits, quantized_relu, ternary

ELEMENTWISE = [
    *[f"quantized_bits({b},{i},{s},{k},alpha=1.0)"
      for b, i in ((1, 0), (2, 0), (2, 3), (4, 0), (6, 1), (8, 3), (5, 7), (12, 6))
      for s in (0, 1) for k in (True, False)],
    "quantized_bits(6,1)", "quantized_bits(1,2)", "quantized_bits()",
    "quantized_bits(6,1,alpha=0.5)", "quantized_bits(6,1,alpha=4.0)",
    "quantized_bits(1,0,alpha=0.25)",
    *[f"quantized_relu({b},{i})"
      for b, i in ((1, 0), (2, 2), (6, 0), (6, 6), (8, 3), (3, 5))],
    "quantized_relu(6)", "quantized_relu()", "quantized_relu(8,3,relu_upper_bound=5.0)",
    "quantized_relu(8,3,relu_upper_bound=5.0,is_quantized_clip=False)",
    "quantized_relu(4,3,relu_upper_bound=5.25,is_quantized_clip=False)",
    "quantized_relu(4,2,relu_upper_bound=6.0,is_quantized_clip=False)",
    "quantized_relu(6,2,is_quantized_clip=False)",
]


def make(text):
    names = {"quantized_bits": quantized_bits, "quantized_relu": quantized_relu}
    quantizer = eval(text, names)  # our own list above
    quantizer.use_ste = False
    return quantizer


def apply(quantizer, x):
    return np.asarray(quantizer(tf.constant(x, tf.float32)), np.float64)


def elementwise(rng):
    grid = np.arange(-48, 49) / 16.0
    x = np.concatenate([grid, grid * 8, grid / 64, rng.normal(0, 3, 100), [-0.0, 1e-30, -1e-30]])
    x = x.astype(np.float32)
    return {"x": x.astype(float).tolist(),
            "cases": [{"quantizer": text, "y": apply(make(text), x).tolist()}
                      for text in ELEMENTWISE]}


def scaled_weights(rng):
    cases = []
    for bits, integer in ((2, 0), (3, 0), (4, 1), (6, 0), (6, 2), (8, 0), (10, 1)):
        for rows, columns, spread in ((1, 3, 1.0), (5, 4, 0.1), (16, 6, 0.5), (35, 5, 3.0)):
            w = rng.normal(0, spread, (rows, columns)) * (rng.random((rows, columns)) > 0.4)
            w[:, 0] = 0.0
            w = w.astype(np.float32)
            quantizer = quantized_bits(bits, integer, alpha="auto_po2", use_ste=False)
            cases.append({"quantizer": f"quantized_bits({bits},{integer},alpha='auto_po2')",
                          "shape": [rows, columns], "w": w.astype(float).ravel().tolist(),
                          "y": apply(quantizer, w).ravel().tolist()})
    return cases


def scaled_signs(rng):
    """Of binary and ternary; their straight-through sum cannot be switched off, but the steps are known."""
    cases = []
    for text in ("binary(alpha='auto_po2')", "binary(use_01=True,alpha='auto_po2')", "ternary(alpha='auto_po2')",
                 "ternary(alpha='auto_po2',number_of_unrolls=2)", "binary()", "ternary()"):
        for rows, columns, spread in ((1, 3, 1.0), (5, 4, 0.1), (16, 6, 0.5), (35, 5, 3.0)):
            w = rng.normal(0, spread, (rows, columns)) * (rng.random((rows, columns)) > 0.2)
            w[:, 0] = 0.0
            w = w.astype(np.float32)
            quantizer = eval(text, {"binary": binary, "ternary": ternary})  # our own list above
            quantizer._set_trainable_parameter()  # as QDense does
            y = apply(quantizer, w)
            scale = np.asarray(quantizer.scale, np.float64)
            cases.append({"quantizer": text, "shape": [rows, columns], "w": w.astype(float).ravel().tolist(),
                          "y": (np.rint(y / scale) * scale).ravel().tolist()})
    return cases


def main():
    rng = np.random.default_rng(7)
    data = {"elementwise": elementwise(rng), "weights": scaled_weights(rng) + scaled_signs(rng)}
    path = pathlib.Path(__file__).resolve().parent / "qkeras_quantizers.json"
    path.write_text(json.dumps(data, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
