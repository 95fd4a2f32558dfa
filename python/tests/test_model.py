"""The compile side: predict, trace, summary, estimate, package; live Keras models; hls4ml's shapes."""
import gc
import inspect
import json
import os
import pathlib
import shutil
import signal
import tempfile
import threading
import time
import typing

import numpy as np
import pytest

import sluice
from sluice import _core


class QDense:
    name = "fc"


class LiveModel:
    """What `compile` needs of a live Keras model: `layers`, and `save` in Keras 2's format."""

    def __init__(self, path):
        self.path = path
        self.layers = [QDense()]

    def save(self, path):
        shutil.copy(self.path, path)


def test_predict_gives_the_recorded_outputs(tiny_model, tiny_vectors):
    x, y = tiny_vectors
    model = sluice.compile(tiny_model)
    found = model.predict(x)
    assert found.dtype == np.float64
    assert (found == y).all()
    assert (model.predict(x.astype(np.float64)) == y).all()
    assert (model.predict(np.asfortranarray(x)) == y).all()
    assert (model.predict(x[::2]) == y[::2]).all()
    assert (model.predict(x.astype(">f4")) == y).all()
    assert (model.predict(x.tolist()) == y).all()


def test_predict_in_parts_is_the_same(tiny_model, tiny_vectors, monkeypatch):
    x, y = tiny_vectors
    monkeypatch.setattr("sluice.model._CHUNK_EVENTS", 7)
    model = sluice.compile(tiny_model)
    assert (model.predict(x) == y).all()
    assert model.predict(x[:0]).shape == (0, 2)
    x = x.copy()
    x[16, 1] = np.nan
    with pytest.raises(sluice.UsageError, match=r"event 2, element 1 is NaN \(counted from event 14\)"):
        model.predict(x)


def test_out_receives_the_result(tiny_model, tiny_vectors):
    x, y = tiny_vectors
    model = sluice.compile(tiny_model)
    for dtype in (np.float32, np.float64):
        out = np.empty(y.shape, dtype)
        assert model.predict(x, out=out) is out
        assert (out == y).all()
    with pytest.raises(sluice.UsageError, match="E-PYTHON-006"):
        model.predict(x, out=np.empty((3, 3)))


def test_mantissas(tiny_package, tiny_model, tiny_vectors):
    x, y = tiny_vectors
    model = sluice.compile(tiny_model)
    session = sluice.Session(tiny_package)
    formats = [tiny_package.manifest[port]["format"] for port in ("input", "output")]
    scales = [2.0 ** int(text.split(".")[1]) for text in formats]
    bits = tiny_package.manifest["input"]["container_bits"]
    mantissas = np.clip(np.floor(x * scales[0] + 0.5), -2 ** 7, 2 ** 7 - 1).astype(f"i{bits // 8}")
    values = mantissas / scales[0]
    raw = model.predict(mantissas, raw=True)
    assert raw.dtype.kind == "i"
    assert (raw / scales[1] == model.predict(values)).all()
    assert (session.predict(mantissas, raw=True) == raw).all()


def test_trace_ends_in_the_output_and_uses_the_users_names(tiny_model, tiny_vectors):
    x, y = tiny_vectors
    model = sluice.compile(tiny_model)
    traced = model.trace(x)
    assert set(traced) <= {layer["name"] for layer in model.layers}
    assert (list(traced.values())[-1] == y).all()
    for layer in model.layers:
        if layer["name"] in traced:
            assert traced[layer["name"]].shape == (len(x), *layer["output_shape"])


def test_summary_estimate_and_html(tiny_model):
    model = sluice.compile(tiny_model, name="tiny", clock_mhz=250)
    for layer in model.layers:
        assert layer["name"] in model.summary()
    estimate = model.estimate()
    assert estimate["clock_mhz"] == 250
    assert estimate.lut > 0 and estimate.ff > 0 and estimate.latency_cycles >= 1
    assert "total" in repr(estimate)
    for shown in (model, estimate):
        assert shown._repr_html_().startswith("<table>")


def test_a_package_has_the_estimate_of_the_model(tiny_model, tiny_package):
    assert dict(tiny_package.estimate()) == dict(sluice.compile(tiny_model, name="tiny").estimate())


def test_options_reach_estimate_and_package_alike(tiny_model, tmp_path):
    usual = sluice.compile(tiny_model).estimate()
    for options in ({"pipeline": "registers", "clock_mhz": 100}, {"effort": "max", "clock_mhz": 500}):
        model = sluice.compile(tiny_model, name="tiny", **options)
        package = model.package(tmp_path / options.popitem()[0], simulator=False)
        assert dict(package.estimate()) == dict(model.estimate()) != dict(usual)
        assert (package.manifest["clock_mhz"], package.manifest["latency_cycles"]) == (
            model.options["clock_mhz"], model.estimate().latency_cycles)


def test_the_keywords_of_compile_are_the_compilers_options():
    rows = {row["name"]: row for row in json.loads(_core.compile_options())}
    parameters = dict(inspect.signature(sluice.compile).parameters)
    for given in ("model", "config", "weights"):
        del parameters[given]
    assert {name: parameter.default for name, parameter in parameters.items()} == {
        name: row["usual"] for name, row in rows.items()}
    hints = typing.get_type_hints(sluice.compile)
    for name, row in rows.items():
        if row["choices"]:
            assert list(typing.get_args(hints[name])) == row["choices"]
            assert all(f"'{choice}'" in sluice.compile.__doc__ for choice in row["choices"])


@pytest.mark.parametrize("options", [{"effort": "little"}, {"clock_mhz": "fast"}, {"name": 3}, {"weights": 3}])
def test_wrong_options_are_refused(tiny_model, options):
    with pytest.raises(sluice.UsageError, match="E-COMPILER-004"):
        sluice.compile(tiny_model, **options)


def test_a_live_onnx_model(tmp_path, monkeypatch):
    """Anything with SerializeToString, as protobuf's messages have; QONNX wraps one in `model`."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    file = pathlib.Path(__file__).resolve().parents[2] / "tests" / "data" / "qcdq.onnx"

    class ModelProto:
        def SerializeToString(self):
            return file.read_bytes()

    Wrapper = type("ModelWrapper", (), {"__module__": "qonnx.core.modelwrapper", "model": ModelProto()})
    expected = sluice.compile(file)
    x = np.random.default_rng(1).normal(size=(20, *expected.input_shape))
    for live in (ModelProto(), Wrapper()):
        model = sluice.compile(live)
        assert (model.predict(x) == expected.predict(x)).all()
        del model
    gc.collect()
    assert os.listdir(tmp_path) == []


def test_a_live_model_leaves_no_files(tiny_model, tiny_vectors, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    x, y = tiny_vectors
    model = sluice.compile(LiveModel(tiny_model), name="tiny")
    assert (model.predict(x) == y).all()
    package = model.package(tmp_path / "package", simulator=False)
    assert (sluice.Session(package).predict(x) == y).all()
    del model
    gc.collect()
    assert os.listdir(tmp_path) == ["package"]
    with pytest.raises(sluice.ModelError):
        sluice.compile(LiveModel(pathlib.Path(tiny_model).with_name("unsupported_layer.h5")))
    assert os.listdir(tmp_path) == ["package"]


def test_ctrl_c_stops_predict(tiny_model):
    model = sluice.compile(tiny_model)
    x = np.zeros((65_536, 4), np.float32)
    threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        while time.monotonic() < begin + 20:
            model.predict(x)
    assert time.monotonic() - begin < 5


def test_ctrl_c_stops_a_compile_and_leaves_nothing(tiny_model, tmp_path):
    model = sluice.compile(tiny_model, name="tiny")
    stages = []

    def interrupt(stage, done, total):
        stages.append(stage)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        model.package(tmp_path / "tiny", simulator=False, progress=interrupt)
        time.sleep(1)  # the signal may come after a short compile
    assert stages
    assert [name for name in os.listdir(tmp_path) if name != "tiny"] == []


def test_hls4ml_shapes(tiny_model, tiny_vectors, tmp_path):
    x, y = tiny_vectors
    for model in (tiny_model, LiveModel(tiny_model)):
        config = sluice.utils.config_from_keras_model(model, granularity="name")
        assert config["Model"]["Precision"] == {"default": "fixed<16,6>"}
        hls_model = sluice.converters.convert_from_keras_model(
            model, hls_config=config, output_dir=tmp_path / "prj", project_name="tiny", part="xcu250")
        hls_model.compile()
        found = hls_model.predict(x)
        assert found.dtype == x.dtype
        assert (found == y).all()
        prediction, traced = hls_model.trace(x)
        assert (prediction == y).all() and traced
        assert hls_model.write().name == "tiny"


@pytest.mark.parametrize("granularity", ["model", "type", "name"])
def test_a_float_model_takes_the_configuration(granularity):
    float_model = pathlib.Path(__file__).resolve().parents[2] / "tests" / "data" / "keras_float.h5"

    class Dense:
        def __init__(self, name):
            self.name = name

    live = LiveModel(float_model)
    listing = sluice.compile(float_model, config={"Model": {"Precision": "fixed<16,6>"}})
    live.layers = [Dense(layer["name"]) for layer in listing.layers if layer["class"] == "Dense"]
    assert live.layers
    config = sluice.utils.config_from_keras_model(live, granularity=granularity)
    hls_model = sluice.converters.convert_from_keras_model(live, hls_config=config)
    assert hls_model.predict(np.zeros((2, *hls_model.model.input_shape), np.float32)).shape[0] == 2
