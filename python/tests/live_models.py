"""Live models of the frameworks themselves, given to sluice.compile and compared with what the framework computes.

usage: live_models.py WHICH REPOSITORY        WHICH: qkeras, listing2, hgq2 or onnx; in an environment that has it
"""
import contextlib
import io
import os
import pathlib
import sys

import numpy as np

import sluice

EVENTS = 10_000


def check(what, found, due):
    differing = int((np.asarray(found).reshape(np.shape(due)) != due).any(axis=-1).sum())
    print(f"{what}: {differing} of {len(due)} events differ")
    if differing:
        sys.exit(1)


def muon_model(repository):
    from qkeras.utils import load_qmodel
    return load_qmodel(str(repository / "examples" / "muon_pt" / "model" / "muon_pt.h5"), compile=False)


def qkeras(repository):
    """Trained or loaded, a QKeras model of Keras 2 goes in as it is, beside a running TensorFlow."""
    model = muon_model(repository)
    vectors = np.load(repository / "examples" / "muon_pt" / "model" / "vectors.npz")
    check("live QKeras model, against QKeras in float64", sluice.compile(model, name="muon_pt").predict(vectors["x"]),
          vectors["y"])
    from qkeras import QActivation, QDense, quantized_bits, quantized_relu
    from tensorflow import keras
    keras.utils.set_random_seed(3)
    layers = [keras.layers.Input((6,)), QActivation(quantized_bits(8, 2, alpha=1))]
    for units in (9, 4):
        quantizer = quantized_bits(6, 0, alpha=1)
        layers += [QDense(units, kernel_quantizer=quantizer, bias_quantizer=quantizer), QActivation(quantized_relu(8, 3))]
    small = keras.Sequential(layers)
    x = np.random.default_rng(3).normal(size=(EVENTS, 6)).astype(np.float32)
    # 8-bit values: TensorFlow's float32 sums are exact too.
    check("live QKeras model, against its own predict", sluice.compile(small).predict(x),
          small.predict(x, verbose=0).astype(np.float64))
    config = sluice.utils.config_from_keras_model(small, granularity="name")
    converted = sluice.converters.convert_from_keras_model(small, hls_config=config)
    check("the same through hls4ml's shapes", converted.predict(x), small.predict(x, verbose=0))


def listing2(repository):
    """examples/paper/listing2_convert.py on hls4ml itself: import and model differ, and no vendor tool builds."""
    text = (repository / "examples" / "paper" / "listing2_convert.py").read_text()
    x = np.load(repository / "examples" / "muon_pt" / "model" / "vectors.npz")["x"]
    for old, new in (("import sluice as hls4ml", "import hls4ml"), ('model = "muon_pt.h5"\n', ""),
                     ("hls_model.build(csim=False, synth=True)\n", "")):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    names = {"model": muon_model(repository)}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(text, "listing2_convert.py", "exec"), names)
    found = names["hls_model"].predict(np.ascontiguousarray(x, np.float32)).reshape(len(x), -1)
    recorded = np.load(repository / "examples" / "muon_pt" / "model" / "hls4ml_vectors.npz")["model"]
    bits = np.ldexp(found.astype(np.float64), 10)
    check("listing 2 on hls4ml, against its recorded semantics", bits, recorded.reshape(bits.shape).astype(np.float64))


def hgq2(repository):
    """HGQ2 on Keras 3, trained here."""
    sys.path.insert(0, str(repository / "tests" / "data"))
    import keras
    import make_hgq2  # sets float64
    from hgq.utils import trace_minmax
    keras.utils.set_random_seed(11)
    rng = np.random.default_rng(11)
    x = np.round(rng.normal(0, 1, (EVENTS, 6)) * 4096) / 4096
    model = make_hgq2.build((5, 3), 6)
    model.compile(optimizer=keras.optimizers.Adam(0.005), loss="mse")
    model.fit(x[:2000], np.tanh(x[:2000] @ rng.normal(0, 1, (6, 3))), epochs=2, batch_size=100, verbose=0)
    trace_minmax(model, x[:1000])
    check("live HGQ2 model, against its own predict in float64", sluice.compile(model).predict(x),
          np.asarray(model.predict(x, batch_size=10_000, verbose=0)))


def onnx(repository):
    """A live ONNX graph, against onnxruntime."""
    import onnx
    import onnxruntime
    model = onnx.load(str(repository / "tests" / "data" / "qcdq.onnx"))
    # Its optimiser takes the int32 bias of a QDQ Gemm as if it had the scale of the product: another function.
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    compiled = sluice.compile(model)
    x = np.random.default_rng(5).uniform(0, 2, (EVENTS, *compiled.input_shape)).astype(np.float32)
    name = session.get_inputs()[0].name
    due = np.concatenate([session.run(None, {name: event[np.newaxis]})[0] for event in x])
    check("live ONNX model, against onnxruntime in float32", compiled.predict(x).astype(np.float32), due)


if __name__ == "__main__":
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    {"qkeras": qkeras, "listing2": listing2, "hgq2": hgq2, "onnx": onnx}[sys.argv[1]](pathlib.Path(sys.argv[2]).resolve())
