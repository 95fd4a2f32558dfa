#!/usr/bin/env python3
"""Runs a float ONNX model by onnxruntime, up to the logits where softmax ends it.

    run_onnxruntime.py MODEL.onnx EVENTS.npy OUTPUTS.npy

Runs in an environment with onnx and onnxruntime.
"""
import sys

import numpy as np
import onnx
import onnxruntime


def main():
    path, events, outputs = sys.argv[1:]
    model = onnx.load(path)
    last = next(node for node in model.graph.node if model.graph.output[0].name in node.output)
    wanted = last.input[0] if last.op_type == "Softmax" else model.graph.output[0].name
    del model.graph.output[:]
    model.graph.output.append(onnx.helper.make_empty_tensor_value_info(wanted))
    initializers = {tensor.name for tensor in model.graph.initializer}
    entry = next(value for value in model.graph.input if value.name not in initializers)
    entry.type.tensor_type.shape.dim[0].dim_param = "events"
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # no word on shapes that the files state for another batch
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    # One by one: some exports flatten the batch too.
    results = [session.run([wanted], {entry.name: event[np.newaxis]})[0].reshape(-1)
               for event in np.load(events).astype(np.float32)]
    np.save(outputs, np.stack(results))


if __name__ == "__main__":
    main()
