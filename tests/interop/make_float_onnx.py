#!/usr/bin/env python3
"""Writes float ONNX models as PyTorch exports them, with weights from a seed.

    make_float_onnx.py FOLDER

Runs in an environment with onnx.
"""
import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def save(path, nodes, weights, shape, outputs):
    graph = helper.make_graph(
        nodes, path.stem, [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["events", *shape])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["events", outputs])],
        [numpy_helper.from_array(np.asarray(array, np.float32), name) for name, array in weights.items()])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]), path)


def functions(path, generator):
    """Gemm, Sigmoid, Gemm, Tanh, Gemm."""
    sizes = (10, 16, 12, 3)
    weights, nodes, x = {}, [], "x"
    for i, activation in enumerate(("Sigmoid", "Tanh", None)):
        weights[f"w{i}"] = generator.normal(size=(sizes[i + 1], sizes[i])) * sizes[i] ** -0.5
        weights[f"b{i}"] = generator.normal(size=sizes[i + 1]) * 0.1
        product = f"gemm{i}" if activation else "y"
        nodes.append(helper.make_node("Gemm", [x, f"w{i}", f"b{i}"], [product], f"gemm{i}", transB=1))
        if activation:
            x = activation.lower()
            nodes.append(helper.make_node(activation, [product], [x], x))
    save(path, nodes, weights, (10,), sizes[-1])


def cnn(path, generator):
    """Conv, BatchNormalization, Relu, MaxPool, Conv, Relu, GlobalAveragePool over 9 positions, Gemm."""
    weights = {"k0": generator.normal(size=(4, 1, 3, 3)) / 3, "g": generator.uniform(0.5, 1.5, 4),
               "be": generator.normal(size=4) * 0.1, "m": generator.normal(size=4) * 0.1,
               "v": generator.uniform(0.5, 1.5, 4), "k1": generator.normal(size=(6, 4, 3, 3)) / 6,
               "b1": generator.normal(size=6) * 0.1, "w": generator.normal(size=(3, 6)) / 2,
               "b": generator.normal(size=3) * 0.1}
    node = helper.make_node
    save(path, [node("Conv", ["x", "k0"], ["c0"], "conv0", pads=[1, 1, 1, 1]),
                node("BatchNormalization", ["c0", "g", "be", "m", "v"], ["n"], "norm"),
                node("Relu", ["n"], ["r0"], "relu0"),
                node("MaxPool", ["r0"], ["p"], "pool", kernel_shape=[2, 2], strides=[2, 2]),
                node("Conv", ["p", "k1", "b1"], ["c1"], "conv1"),
                node("Relu", ["c1"], ["r1"], "relu1"),
                node("GlobalAveragePool", ["r1"], ["a"], "average"),
                node("Flatten", ["a"], ["f"], "flat"),
                node("Gemm", ["f", "w", "b"], ["y"], "gemm", transB=1)], weights, (1, 10, 10), 3)


def main():
    folder = pathlib.Path(sys.argv[1])
    generator = np.random.default_rng(13)
    functions(folder / "functions.onnx", generator)
    cnn(folder / "cnn.onnx", generator)


if __name__ == "__main__":
    main()
