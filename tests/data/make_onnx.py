#!/usr/bin/env python3
"""Writes small ONNX and QONNX graphs with random weights, and what they compute in float64.

    python tests/data/make_onnx.py

needs the PyPI package onnx for writing the files alone. The graphs are evaluated here, from the
definitions of their operators: stored float32 numbers are taken as they are, all arithmetic is in
float64. Every graph ends in a quantiser, so that its outputs are integers times one float32 scale.
"""
import json
import pathlib

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save

FOLDER = pathlib.Path(__file__).resolve().parent
QONNX = "qonnx.custom_op.general"


class Graph:
    """Builds a graph and evaluates it for a batch at the same time."""

    def __init__(self, name, x):
        self.name, self.nodes, self.constants, self.values = name, [], [], {"x": x.astype(float)}
        self.shape, self.count = x.shape[1:], 0

    def constant(self, value, dtype=np.float32):
        name = f"c{len(self.constants)}"
        array = np.asarray(value, dtype=dtype)
        self.constants.append(numpy_helper.from_array(array, name))
        self.values[name] = array.astype(float)
        return name

    def node(self, op, inputs, value, domain="", **attributes):
        name = f"{op.lower()}{self.count}"
        self.count += 1
        self.nodes.append(helper.make_node(op, inputs, [name], name=name, domain=domain,
                                           **attributes))
        self.values[name] = value
        return name

    def quant(self, x, scale, bits, signed=True, narrow=False, zero=0, rounding="ROUND"):
        s = self.constant(scale)
        u = self.values[x] / self.values[s] + zero
        if x[1:].isdigit():  # stored tensors are divided in float32
            u = (self.values[x].astype(np.float32) / self.values[s].astype(np.float32)) + float(zero)
        low = -2 ** (bits - 1) + narrow if signed else 0
        high = 2 ** (bits - 1) - 1 if signed else 2 ** bits - 1 - narrow
        rounded = {"ROUND": np.rint, "FLOOR": np.floor, "CEIL": np.ceil}[rounding]
        y = rounded(np.clip(u.astype(float), low, high))
        return self.node("Quant", [x, s, self.constant(zero), self.constant(bits)],
                         (y - zero) * self.values[s], QONNX, signed=int(signed),
                         narrow=int(narrow), rounding_mode=rounding)

    def bipolar(self, x, scale):
        s = self.constant(scale)
        y = np.where(self.values[x] >= 0, 1.0, -1.0) * self.values[s]
        return self.node("BipolarQuant", [x, s], y, QONNX)

    def conv(self, x, w, pads=(0, 0, 0, 0), strides=(1, 1), group=1, bias=None):
        v, k = self.values[x], self.values[w]
        v = np.pad(v, ((0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])))
        rows = (v.shape[2] - k.shape[2]) // strides[0] + 1
        columns = (v.shape[3] - k.shape[3]) // strides[1] + 1
        y = np.zeros((len(v), len(k), rows, columns))
        inner, outer = k.shape[1], len(k) // group
        for m in range(len(k)):
            channels = slice(m // outer * inner, (m // outer + 1) * inner)
            for r in range(rows):
                for c in range(columns):
                    r0, c0 = r * strides[0], c * strides[1]
                    window = v[:, channels, r0:r0 + k.shape[2], c0:c0 + k.shape[3]]
                    y[:, m, r, c] = (window * k[m]).sum((1, 2, 3))
        inputs = [x, w] + ([bias] if bias else [])
        if bias:
            y += self.values[bias][:, None, None]
        return self.node("Conv", inputs, y, pads=list(pads), strides=list(strides), group=group,
                         kernel_shape=list(k.shape[2:]))

    def norm(self, x, gamma, beta, mean, variance):
        p = [self.constant(v) for v in (gamma, beta, mean, variance)]
        g, b, m, s = (self.values[v].reshape((1, -1) + (1,) * (self.values[x].ndim - 2)) for v in p)
        y = (self.values[x] - m) / np.sqrt(s + float(np.float32(1e-5))) * g + b
        return self.node("BatchNormalization", [x] + p, y, epsilon=1e-5)

    def relu(self, x):
        return self.node("Relu", [x], np.maximum(self.values[x], 0))

    def add(self, x, y):
        return self.node("Add", [x, y], self.values[x] + self.values[y])

    def matmul(self, x, w):
        return self.node("MatMul", [x, w], self.values[x] @ self.values[w])

    def save(self, output, opset=13):
        """Writes the model, and x and y of every event."""
        y = self.values[output]
        graph = helper.make_graph(
            self.nodes, self.name,
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, *self.shape))],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, (1, *y.shape[1:]))],
            self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset),
                                                        helper.make_opsetid(QONNX, 1)])
        model.ir_version = 8
        save(model, FOLDER / f"{self.name}.onnx")
        np.savez_compressed(FOLDER / f"{self.name}_onnx.npz",
                            x=self.values["x"].astype(np.float32), y=y)
        print(f"{self.name}: {len(y)} events, {len(np.unique(y))} different outputs")


def images(rng, events, shape):
    """Pixels k / 256, and some between the steps."""
    x = rng.integers(0, 256, (events, *shape)) / 256
    return (x + rng.choice([0, 1 / 512, 1 / 1024], x.shape)).astype(np.float32)


def convolutional(rng):
    """Scales that are no powers of two, per channel for weights; a residual sum; layouts."""
    g = Graph("qonnx_cnn", images(rng, 60, (2, 7, 6)))
    x = g.quant("x", 1 / 256, 8, signed=False)
    scales = rng.uniform(0.02, 0.2, (4, 1, 1, 1))
    w = g.quant(g.constant(rng.normal(0, 0.3, (4, 2, 3, 3))), scales, 3, narrow=True)
    x = g.conv(x, w, pads=(1, 1, 1, 1), bias=g.constant(rng.normal(0, 0.1, 4)))
    x = g.norm(x, rng.uniform(-1, 2, 4), rng.normal(0, 0.3, 4), rng.normal(0, 0.2, 4),
               rng.uniform(0.1, 2, 4))
    x = g.quant(g.relu(x), 0.173, 4, signed=False)
    v = g.values[x]
    pooled = np.max([v[:, :, i:i + 5:2, j:j + 5:2] for i in (0, 1) for j in (0, 1)], axis=0)
    x = g.node("MaxPool", [x], pooled, kernel_shape=[2, 2], strides=[2, 2])
    w = g.quant(g.constant(rng.normal(0, 0.3, (4, 1, 3, 3))), 0.1, 4)
    branch = g.conv(x, w, pads=(1, 1, 1, 1), group=4)
    branch = g.quant(branch, 0.173, 5)
    x = g.quant(g.add(x, branch), 0.21, 4)
    x = g.node("GlobalAveragePool", [x], g.values[x].mean((2, 3), keepdims=True))
    x = g.node("Flatten", [x], g.values[x].reshape(len(g.values[x]), -1))
    w = g.quant(g.constant(rng.normal(0, 0.5, (4, 3))), 0.25, 3)
    x = g.add(g.matmul(x, w), g.constant(rng.normal(0, 0.2, 3)))
    g.save(g.quant(x, 0.0371, 8))


def flattened(rng):
    """Channels-first elements in order before a matrix; zero points; rounding up and down."""
    g = Graph("qonnx_flatten", images(rng, 60, (2, 3, 4)))
    x = g.quant("x", 1 / 32, 5, signed=False, rounding="FLOOR")
    w = g.quant(g.constant(rng.normal(0, 0.5, (3, 2, 2, 2))), 0.11, 4)
    x = g.conv(x, w)
    x = g.quant(x, 0.077, 6, signed=False, zero=20, rounding="CEIL")
    x = g.node("Reshape", [x, g.constant([1, -1], np.int64)],
               g.values[x].reshape(len(g.values[x]), -1))
    w = g.quant(g.constant(rng.normal(0, 0.5, (18, 4))), rng.uniform(0.05, 0.2, (1, 4)), 4)
    x = g.matmul(x, w)
    g.save(g.quant(x, 0.31, 5, signed=True, narrow=True))


def binary(rng):
    """One-bit weights and two-bit values, as exported by Brevitas."""
    g = Graph("qonnx_binary", images(rng, 100, (12,)))
    x = g.node("Mul", ["x", g.constant(2.0)], g.values["x"] * 2)
    x = g.node("Sub", [x, g.constant([1.0])], g.values[x] - 1)
    x = g.bipolar(x, 1.0)
    for width in (9, 7):
        w = g.bipolar(g.constant(rng.normal(0, 1, (width, g.values[x].shape[1]))), 0.37)
        w = g.node("Transpose", [w], g.values[w].T, perm=[1, 0])
        x = g.matmul(x, w)
        x = g.norm(x, rng.uniform(-1, 2, width), rng.normal(0, 0.3, width),
                   rng.normal(0, 0.2, width), rng.uniform(0.1, 2, width))
        x = g.quant(x, 0.71, 2)
    g.save(g.quant(x, 0.71, 2), opset=9)


def quantize_dequantize(rng):
    """QuantizeLinear, DequantizeLinear and Clip: zero points, int32 biases, scales per channel."""
    g = Graph("qcdq", images(rng, 60, (6,)))

    def quantized(x, scale, zero, dtype, limits=None):
        s, z = g.constant(scale), g.constant(zero, dtype)
        info = np.iinfo(dtype)
        y = np.clip(np.rint(g.values[x] / g.values[s]) + zero, info.min, info.max)
        x = g.node("QuantizeLinear", [x, s, z], y)
        if limits:
            x = g.node("Clip", [x, g.constant(limits[0], dtype), g.constant(limits[1], dtype)],
                       np.clip(y, *limits))
        return g.node("DequantizeLinear", [x, s, z], (g.values[x] - zero) * g.values[s])

    def stored(values, scale, dtype, axis):
        c, s = g.constant(values, dtype), g.constant(scale)
        shape = [1] * g.values[c].ndim
        shape[axis] = -1
        z = g.constant(np.zeros(len(scale)), dtype)
        return g.node("DequantizeLinear", [c, s, z], g.values[c] * g.values[s].reshape(shape),
                      axis=axis)

    x = quantized("x", 1 / 128, 0, np.uint8)
    w = stored(rng.integers(-20, 20, (5, 6)), rng.uniform(0.01, 0.05, 5), np.int8, 0)
    b = stored(rng.integers(-500, 500, 5), rng.uniform(0.0001, 0.001, 5), np.int32, 0)
    x = g.node("Gemm", [x, w, b], g.values[x] @ g.values[w].T + g.values[b], transB=1)
    x = quantized(x, 0.0123, 77, np.uint8)
    w = stored(rng.integers(-7, 8, (5, 3)), rng.uniform(0.01, 0.05, 3), np.int8, 1)
    x = g.matmul(x, w)
    g.save(quantized(x, 0.0217, 0, np.int8, (-8, 7)))


def joined(g, parts):
    """All results of one event in a row."""
    rows = [g.node("Flatten", [x], g.values[x].reshape(len(g.values[x]), -1)) for x in parts]
    return g.node("Concat", rows, np.concatenate([g.values[x] for x in rows], 1), axis=1)


def functions(rng):
    """Functions of one number, each with a quantiser behind it; slopes; thresholds."""
    g = Graph("onnx_functions", images(rng, 60, (3, 4)) * 8 - 4)
    x = g.quant("x", 1 / 16, 7)
    w = g.quant(g.constant(rng.normal(0, 0.5, (4, 4))), 0.11, 4)
    x = g.matmul(x, w)  # a scale that is no power of two
    v = g.values[x]
    sigmoid = 1 / (1 + np.exp(-v))
    parts = []

    def function(op, value, scale=0.037, bits=7, **attributes):
        parts.append(g.quant(g.node(op, [x], value, **attributes), scale, bits))

    function("Sigmoid", sigmoid)
    function("Tanh", np.tanh(v))
    function("Elu", np.where(v > 0, v, 0.75 * np.expm1(v)), alpha=0.75)
    function("Selu", 1.0507009873554805 * np.where(v > 0, v, 1.6732632423543772 * np.expm1(v)))
    function("Softplus", np.log1p(np.exp(v)))
    function("Softsign", v / (1 + np.abs(v)))
    function("Exp", np.exp(v), 0.31)
    function("HardSwish", v * np.clip(v / 6 + 0.5, 0, 1))
    function("HardSigmoid", np.clip(float(np.float32(0.2)) * v + 0.5, 0, 1))
    function("LeakyRelu", np.where(v > 0, v, 0.125 * v), alpha=0.125)
    function("Abs", np.abs(v))
    slopes = g.constant(rng.integers(0, 16, (3, 1)) / 16)
    parts.append(g.quant(g.node("PRelu", [x, slopes], np.where(v > 0, v, g.values[slopes] * v)), 0.05, 6))
    gate = g.node("Sigmoid", [x], sigmoid)
    parts.append(g.quant(g.node("Mul", [x, gate], v * sigmoid), 0.037, 7))
    steps = g.constant(np.sort(rng.normal(0, 2, (3, 5)), 1))
    counts = (v[:, :, :, None] >= g.values[steps][None, :, None, :]).sum(-1)
    parts.append(g.node("MultiThreshold", [x, steps], counts * 0.5 - 1, QONNX, out_scale=0.5, out_bias=-1.0))
    parts.append(g.quant(g.node("Floor", [x], np.floor(v)), 1.0, 5))
    g.save(joined(g, parts), opset=14)


def movements(rng):
    """Parts, copies and sums of tensors; transposed convolutions."""
    g = Graph("onnx_movement", images(rng, 60, (4, 3, 5)))
    x = g.quant("x", 1 / 32, 5, signed=False)
    w = g.quant(g.constant(rng.normal(0, 0.5, (4, 4, 1, 1))), rng.uniform(0.05, 0.2, (4, 1, 1, 1)), 4)
    x = g.conv(x, w)
    v = g.values[x]
    parts = []

    def final(name, value, op, inputs=(), scale=0.31, **attributes):
        y = g.node(op, [name, *inputs], value, **attributes)
        parts.append(g.quant(y, scale, 8))
        return y

    def integers(*values):
        return g.constant(values, np.int64)

    final(x, v[:, 1:3, :, ::-2], "Slice", [integers(1, -1), integers(3, -99), integers(1, 3), integers(1, -2)])
    final(x, v[:, [3, 0, 0]], "Gather", [integers(3, 0, 0)], axis=1)
    final(x, v[:, :, 1], "Gather", [g.constant(1, np.int64)], axis=2)
    final(x, np.repeat(np.repeat(v, 2, 2), 3, 3), "Resize", [g.constant([]), g.constant([1, 1, 2, 3])],
          mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor")
    final(x, np.tile(v, (1, 1, 1, 2)), "Tile", [integers(1, 1, 1, 2)])
    final(x, v.mean(3, keepdims=True), "ReduceMean", axes=[3])
    final(x, v.max((2, 3), keepdims=True), "GlobalMaxPool")
    peak = g.node("GlobalMaxPool", [x], v.max((2, 3), keepdims=True))
    gate = g.quant(peak, 0.25, 5)
    fine = g.quant(x, 0.17, 6)
    final(fine, g.values[fine].sum((1, 3)), "ReduceSum", [integers(1, 3)], keepdims=0)
    final(fine, g.values[fine].min(1), "ReduceMin", axes=[1], keepdims=0)
    final(fine, g.values[fine] * g.values[gate], "Mul", [gate], 0.9)
    final(fine, g.values[fine] * 2 + 0.5, "Sum", [fine, g.constant(0.5)])
    first, second = f"split{g.count}", f"split{g.count}b"
    g.nodes.append(helper.make_node("Split", [fine, integers(1, 3)], [first, second], name=first, axis=1))
    g.values[first], g.values[second] = g.values[fine][:, :1], g.values[fine][:, 1:]
    final(second, g.values[second] - g.values[first], "Sub", [first])
    kernel = g.quant(g.constant(rng.normal(0, 0.5, (4, 2, 3, 2))), 0.13, 4)
    f, k = g.values[fine], g.values[kernel]
    for groups in (1, 2):
        y = np.zeros((len(v), 2 * groups, 7, 14))
        for c in range(4):
            for r in range(3):
                for i in range(5):
                    at = c // (4 // groups) * 2
                    y[:, at:at + 2, 2 * r:2 * r + 3, 3 * i:3 * i + 2] += f[:, c, r, i, None, None, None] * k[c]
        y = y[:, :, 1:, :13]
        y = np.pad(y, ((0, 0), (0, 0), (0, 1), (0, 0)))
        final(fine, y, "ConvTranspose", [kernel], strides=[2, 3], pads=[1, 0, 0, 1], output_padding=[1, 0],
              group=groups)
    g.save(joined(g, parts), opset=13)


def pooled(rng):
    """A convolution of one channel, and the average over all of its positions."""
    g = Graph("onnx_pool", images(rng, 60, (1, 8, 8)))
    x = g.quant("x", 1 / 16, 4, signed=False)
    w = g.quant(g.constant(rng.normal(0, 0.4, (3, 1, 3, 3))), 1 / 8, 4)
    x = g.quant(g.relu(g.conv(x, w)), 1 / 8, 5, signed=False)
    v = g.values[x]
    x = g.quant(g.node("GlobalAveragePool", [x], v.mean((2, 3), keepdims=True)), 1 / 64, 8, signed=False,
                rounding="FLOOR")
    x = g.node("Flatten", [x], g.values[x].reshape(len(v), -1))
    w = g.quant(g.constant(rng.normal(0, 0.5, (3, 2))), 1 / 8, 4)
    g.save(g.quant(g.matmul(x, w), 1 / 128, 10))


def streamed(rng):
    """Channels first in all that streams: strides, padding, branches, pooling with padding, groups, flattening."""
    g = Graph("qonnx_streamed", images(rng, 60, (3, 8, 8)) * 2 - 1)

    def weights(*shape):
        return g.quant(g.constant(rng.normal(0, 0.4, shape)), rng.uniform(0.05, 0.2, (shape[0], 1, 1, 1)), 4)

    def quant(x, signed=False):
        return g.quant(x, 1 / 8, 5, signed=signed)

    def max_pool(x, size, stride, pad):
        v = np.pad(g.values[x], ((0, 0), (0, 0), (pad, pad), (pad, pad)), constant_values=-np.inf)
        ends = [n - size + 1 for n in v.shape[2:]]
        y = np.max([v[:, :, i:i + ends[0]:stride, j:j + ends[1]:stride] for i in range(size) for j in range(size)], 0)
        return g.node("MaxPool", [x], y, kernel_shape=[size] * 2, strides=[stride] * 2, pads=[pad] * 4)

    x = g.quant("x", 1 / 16, 5)
    x = quant(g.relu(g.conv(x, weights(4, 3, 3, 3), pads=(1, 1, 1, 1), bias=g.constant(rng.normal(0, 0.1, 4)))))
    branch = quant(g.conv(x, weights(4, 4, 3, 3), pads=(1, 1, 1, 1)), True)
    x = quant(g.relu(g.add(x, branch)))
    x = quant(g.conv(x, weights(4, 4, 3, 3), pads=(0, 0, 1, 1), strides=(2, 2)), True)
    wide = max_pool(x, 3, 1, 1)
    deep = quant(g.conv(x, weights(4, 1, 3, 3), pads=(1, 1, 1, 1), group=4), True)
    x = g.node("Concat", [wide, deep], np.concatenate([g.values[wide], g.values[deep]], 1), axis=1)
    x = max_pool(x, 2, 2, 0)
    x = g.node("Flatten", [x], g.values[x].reshape(len(g.values[x]), -1))
    w = g.quant(g.constant(rng.normal(0, 0.3, (g.values[x].shape[1], 3))), 0.125, 4)
    g.save(g.quant(g.add(g.matmul(x, w), g.constant(rng.normal(0, 0.2, 3))), 1 / 16, 8))


def matrices(rng):
    """Matrix products whose rows are no batch: joined axes, transposed operands, a constant in front."""
    g = Graph("onnx_matrix", images(rng, 60, (3, 4)))
    x = g.quant("x", 1 / 32, 6)
    v = g.values[x]
    rows = g.node("Reshape", [x, g.constant([-1, 4], np.int64)], v)
    parts = []

    def weights(*shape):
        return g.quant(g.constant(rng.normal(0, 0.5, shape)), 0.11, 4)

    def final(op, inputs, value, **attributes):
        x = g.quant(g.node(op, inputs, value, **attributes), 0.21, 7)
        parts.append(g.node("Reshape", [x, one_row], g.values[x].reshape(len(value), -1)))

    one_row = g.constant([1, -1], np.int64)
    w, b = weights(4, 5), g.constant(rng.normal(0, 0.2, 5))
    final("Gemm", [rows, w, b], v @ g.values[w] + g.values[b])
    final("MatMul", [rows, w], v @ g.values[w])
    w = weights(2, 3)
    final("Gemm", [rows, w], v.transpose(0, 2, 1) @ g.values[w].T * 0.5, transA=1, transB=1, alpha=0.5)
    w, b = weights(5, 3), g.constant(rng.normal(0, 0.2, (5, 1)))
    final("Gemm", [w, rows, b], g.values[w] @ v + 2 * g.values[b], beta=2.0)
    final("MatMul", [w, x], g.values[w] @ v)
    w = weights(4, 5)
    final("Gemm", [w, rows], g.values[w].T @ v.transpose(0, 2, 1), transA=1, transB=1)
    g.save(g.node("Concat", parts, np.concatenate([g.values[x] for x in parts], 1), axis=1))


def softmaxes():
    """Softmax at an end and inside; along an axis that is not the last; along all from one on (operator set 11)."""
    def value(name, *shape):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    weights = numpy_helper.from_array(np.array([[0], [1], [2], [3], [4]], np.float32), "w")
    graphs = {
        "onnx_softmax": (13, [value("x", 1, 5)], [value("s", 1, 5), value("index", 1, 1)],
                         [helper.make_node("Softmax", ["x"], ["s"], name="s"),
                          helper.make_node("Softmax", ["x"], ["t"], name="t"),
                          helper.make_node("MatMul", ["t", "w"], ["index"], name="index")]),
        "onnx_softmax_axis": (13, [value("x", 1, 3, 4)], [value("s", 1, 3, 4)],
                              [helper.make_node("Softmax", ["x"], ["s"], name="s", axis=1)]),
        "onnx_softmax_old": (11, [value("x", 1, 3, 4)], [value("s", 1, 3, 4)],
                             [helper.make_node("Softmax", ["x"], ["s"], name="s")]),
    }
    for name, (opset, inputs, outputs, nodes) in graphs.items():
        graph = helper.make_graph(nodes, name, inputs, outputs, [weights] * (name == "onnx_softmax"))
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
        model.ir_version = 8
        save(model, FOLDER / f"{name}.onnx")


def two_towers():
    """Two inputs of other shapes, two outputs: a sum of both, and the softmax of one. Its configuration is beside it."""
    def value(name, *shape):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    constants = {"w": [[1, -0.5], [0.25, 2], [-1.5, 0.75]], "v": [[0.5, -1], [-2, 0.25], [1, 1], [0.75, -0.5]]}
    nodes = [helper.make_node("MatMul", ["left", "w"], ["products"], name="products"),
             helper.make_node("Relu", ["products"], ["hidden"], name="hidden"),
             helper.make_node("Flatten", ["right"], ["flat"], name="flat"),
             helper.make_node("MatMul", ["flat", "v"], ["others"], name="others"),
             helper.make_node("Add", ["hidden", "others"], ["total"], name="total"),
             helper.make_node("Softmax", ["flat"], ["chosen"], name="chosen")]
    graph = helper.make_graph(nodes, "two_towers", [value("left", 1, 3), value("right", 1, 2, 2)],
                              [value("total", 1, 2), value("chosen", 1, 4)],
                              [numpy_helper.from_array(np.array(w, np.float32), n) for n, w in constants.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    save(model, FOLDER / "onnx_two_towers.onnx")
    (FOLDER / "onnx_two_towers.json").write_text(json.dumps({
        "LayerType": {"Input": {"Precision": "ap_fixed<8,4>"}}, "LayerName": {"chosen": {"Strategy": "argmax"}}}) + "\n")


def faults():
    """Every branch has a fault of its own; all must be named at once."""
    def node(op, inputs, name, domain="", **attributes):
        return helper.make_node(op, inputs, [name], name=name, domain=domain, **attributes)

    constants = {"w": np.ones((4, 3)), "nan": np.full((4, 3), np.nan), "s": np.float32(0.1),
                 "z": np.float32(0), "b": np.float32(4)}
    nodes = [node("Quant", ["x", "s", "z", "b"], "bad_rounding", QONNX, signed=1, narrow=0,
                  rounding_mode="SOMEHOW"),
             node("Det", ["x"], "determinant"),
             node("Gemm", ["x", "w"], "transposed", transA=1),
             node("MatMul", ["x", "nan"], "not_a_number"),
             node("Softmax", ["x"], "inner_softmax"), node("Relu", ["inner_softmax"], "relu")]
    outputs = ["bad_rounding", "determinant", "transposed", "not_a_number", "relu"]
    graph = helper.make_graph(
        nodes, "faults", [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 4))],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, None)) for name in outputs],
        [numpy_helper.from_array(np.asarray(v, np.float32), k) for k, v in constants.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13),
                                                    helper.make_opsetid(QONNX, 1)])
    model.ir_version = 8
    save(model, FOLDER / "faults.onnx")


def main():
    faults()
    softmaxes()
    two_towers()
    for make in (convolutional, flattened, binary, quantize_dequantize, functions, movements, matrices, pooled, streamed):
        make(np.random.default_rng(2))


if __name__ == "__main__":
    main()
