"""QKeras models evaluated in float64, and the same evaluation in numpy alone.

TensorFlow computes in float32 unless told otherwise, and float32 sums of products of 16-bit values
are not exact. `load_float64` therefore
  1. sets Keras's float type to float64,
  2. rewrites the dtype of every layer in the file's model_config to float64 and rebuilds the model,
  3. replaces the cast to float32 that QKeras 0.9 hard-codes in `quantized_relu`.
`evaluate_numpy` reads the same file without TensorFlow and states the quantisers again; both must
agree in every bit, which `evaluate` checks.
"""
import ast
import json

import h5py
import numpy as np


def _layers(config):
    return config["config"]["layers"]


def _with_dtype(node, dtype):
    if isinstance(node, dict):
        return {key: dtype if key == "dtype" and value == "float32" else _with_dtype(value, dtype)
                for key, value in node.items()}
    if isinstance(node, list):
        return [_with_dtype(value, dtype) for value in node]
    return node


def read_config(path):
    with h5py.File(path, "r") as file:
        return json.loads(file.attrs["model_config"])


def load_float64(path):
    """The model of an .h5 file as a Keras model that computes in float64."""
    import tensorflow as tf
    import qkeras.quantizers
    import qkeras.utils

    class Float64Backend:
        """keras.backend as `qkeras.quantizers` uses it, with float64 for float32."""

        def __getattr__(self, name):
            return getattr(tf.keras.backend, name)

        @staticmethod
        def cast(x, dtype):
            return tf.cast(x, tf.float64 if dtype == "float32" else dtype)

        @staticmethod
        def pow(x, exponent):
            return tf.pow(tf.cast(x, tf.float64), tf.cast(exponent, tf.float64))

    tf.keras.backend.set_floatx("float64")
    qkeras.quantizers.K = Float64Backend()
    config = _with_dtype(read_config(path), "float64")
    known = {}
    qkeras.utils._add_supported_quantized_objects(known)
    model = tf.keras.models.model_from_json(json.dumps(config), custom_objects=known)
    model.load_weights(path)
    return model


def evaluate_keras(path, x, batch=10000):
    """Outputs of `load_float64(path)` in float64, shape [n, outputs]."""
    model = load_float64(path)
    x = np.asarray(x, np.float64)
    parts = [model(x[k:k + batch], training=False).numpy() for k in range(0, len(x), batch)]
    y = np.concatenate(parts)
    assert y.dtype == np.float64
    return y


def _parse_quantizer(spec):
    """(name, arguments by name) of either serialised form: a dictionary or a call as text."""
    if spec is None:
        return None
    if isinstance(spec, dict):
        return spec["class_name"], dict(spec["config"])
    tree = ast.parse(spec, mode="eval").body
    if isinstance(tree, ast.Name):
        return tree.id, {}
    order = {"quantized_bits": ["bits", "integer", "symmetric", "keep_negative", "alpha"],
             "quantized_relu": ["bits", "integer", "use_sigmoid", "negative_slope"]}[tree.func.id]
    arguments = dict(zip(order, [ast.literal_eval(a) for a in tree.args]))
    arguments.update({k.arg: ast.literal_eval(k.value) for k in tree.keywords})
    return tree.func.id, arguments


def quantize(spec, x):
    """A serialised quantiser applied to float64 values."""
    parsed = _parse_quantizer(spec)
    if parsed is None or parsed[0] == "linear":
        return x
    name, a = parsed
    if name == "relu":
        return np.maximum(x, 0.0)
    bits, integer = a.get("bits", 8), a.get("integer", 0)
    if name == "quantized_bits":
        keep_negative = int(a.get("keep_negative", True))
        assert isinstance(a.get("alpha"), (int, float)), "only a numeric alpha has fixed formats"
        steps = 2.0 ** (bits - keep_negative)
        mantissa = np.clip(np.round(x * steps / 2.0 ** integer),
                           keep_negative * (-steps + a.get("symmetric", 0)), steps - 1)
        return a["alpha"] * (mantissa * 2.0 ** integer / steps)
    assert name == "quantized_relu" and not a.get("use_sigmoid") and not a.get("negative_slope")
    steps = 2.0 ** bits
    y = np.clip(np.round(x * steps / 2.0 ** integer), 0, steps - 1) * 2.0 ** integer / steps
    bound = a.get("relu_upper_bound")
    # The bound acts only without the clip, which is on by default, and which the dictionary form
    # of QKeras 0.9 does not store.
    return np.minimum(y, bound) if bound and not a.get("is_quantized_clip", True) else y


def evaluate_numpy(path, x):
    """What `evaluate_keras` computes, for a chain of layers, without TensorFlow."""
    y = np.asarray(x, np.float64)
    with h5py.File(path, "r") as file:
        config = json.loads(file.attrs["model_config"])
        for layer in _layers(config):
            kind, c = layer["class_name"], layer["config"]
            group = file["model_weights"].get(c["name"])
            names = group.attrs["weight_names"] if group is not None else []
            weights = {n.decode().split("/")[-1].split(":")[0] if isinstance(n, bytes)
                       else n.split("/")[-1].split(":")[0]:
                       np.asarray(group[n], np.float64) for n in names}
            if kind in ("InputLayer", "Dropout"):
                continue
            if kind == "QDense":
                y = y @ quantize(c["kernel_quantizer"], weights["kernel"])
                if c["use_bias"]:
                    y = y + quantize(c["bias_quantizer"], weights["bias"])
                y = quantize(c["activation"], y)
            elif kind in ("QActivation", "Activation"):
                y = quantize(c["activation"], y)
            elif kind == "BatchNormalization":
                scale = weights["gamma"] / np.sqrt(weights["moving_variance"] + c["epsilon"])
                y = y * scale + (weights["beta"] - weights["moving_mean"] * scale)
            else:
                raise ValueError(f"{kind} is not known here")
    return y


def evaluate(path, x):
    """Outputs in float64; raises unless QKeras and numpy agree in every bit."""
    y = evaluate_keras(path, x)
    differing = int(np.count_nonzero(y != evaluate_numpy(path, x)))
    if differing:
        raise ArithmeticError(f"{path}: {differing} of {y.size} outputs differ between QKeras in "
                              "float64 and numpy in float64")
    return y
