#!/usr/bin/env python3
"""Executes a QONNX model by the package qonnx, every tensor in float64, and saves all tensors.

    run_qonnx.py MODEL.onnx EVENTS.npy TENSORS.npz

Runs in an environment with qonnx. Softmax is left out: its operand is what hardware gives.
"""
import sys
import warnings

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_node
from qonnx.transformation.infer_shapes import InferShapes

warnings.simplefilter("ignore")

# Operators that onnxruntime, by which qonnx runs those of ONNX, has for float32 alone.
NOT_IN_FLOAT64 = ("AveragePool", "Conv", "GlobalAveragePool")


def in_float64(model):
    for value in [*model.graph.input, *model.graph.output, *model.graph.value_info]:
        if value.type.tensor_type.elem_type == TensorProto.FLOAT:
            value.type.tensor_type.elem_type = TensorProto.DOUBLE
    for tensor in model.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            wide = numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float64), tensor.name)
            tensor.CopyFrom(wide)
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.name == "value" and attribute.t.data_type == TensorProto.FLOAT:
                attribute.t.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(attribute.t).astype(np.float64)))


def by_definition(node, context, opset):
    """By the reference implementation of the package onnx."""
    inputs = {name: context[name] for name in node.input if name}
    graph = helper.make_graph(
        [node], "one", [helper.make_tensor_value_info(name, TensorProto.DOUBLE, value.shape)
                        for name, value in inputs.items()],
        [helper.make_tensor_value_info(node.output[0], TensorProto.DOUBLE, ())])
    one = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    return ReferenceEvaluator(one).run(None, inputs)[0]


def main():
    path, events, tensors = sys.argv[1:]
    x = np.load(events)
    model = ModelWrapper(path)
    initializers = {tensor.name for tensor in model.graph.initializer}
    name = next(value.name for value in model.graph.input if value.name not in initializers)
    model.set_tensor_shape(name, list(x.shape))
    del model.graph.value_info[:]
    model = model.transform(InferShapes())
    in_float64(model)
    context = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    context[name] = x
    opset = next(entry.version for entry in model.model.opset_import if entry.domain == "")
    found = {}
    for node in model.graph.node:
        if node.op_type == "Softmax":
            continue
        for output in node.output:
            context[output] = np.empty(model.get_tensor_shape(output))
        if node.op_type in NOT_IN_FLOAT64:
            context[node.output[0]] = by_definition(node, context, opset)
        else:
            execute_node(node, context, model.graph, opset)
        for output in node.output:
            if context[output].dtype == np.float32:  # a quantiser's: few bits, exact
                context[output] = context[output].astype(np.float64)
            if context[output].dtype == np.float64 and context[output].shape[:1] == x.shape[:1]:
                found[output] = context[output]
    np.savez(tensors, x=x, **found)


if __name__ == "__main__":
    main()
