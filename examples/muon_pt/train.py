#!/usr/bin/env python3
"""Trains the muon pT network in QKeras and writes the model, recorded outputs and metadata.

train.sh makes the environment and the samples and calls this. Network: 27-35-20-25-40-20-15-1;
every value is ap_fixed<16,6>, 16 bits on the grid of 2^-10. Target: log2(pT / 1 GeV) - 5.

With --float the same network is trained without a quantiser, for the study of what formats cost. Its
file, muon_pt_float.h5, has the quantised network's layers with the float weights in them.
"""
import argparse
import json
import pathlib
import platform
import sys
import time

import h5py
import keras
import numpy as np
import qkeras
import tensorflow as tf
from qkeras import QActivation, QDense, quantized_bits, quantized_relu

import metrics
import qkeras_float64
import trigger

WIDTHS = [35, 20, 25, 40, 20, 15]
SAMPLES = {"train_logflat": 101, "train_flat": 102, "validation_logflat": 103,
           "validation_flat": 104, "test_flat": 202, "rate_logflat": 303, "vectors_logflat": 505}


def build_float():
    layers = [tf.keras.layers.Input((27,), name="primitives")]
    for k, units in enumerate(WIDTHS, 1):
        layers += [tf.keras.layers.Dense(units, kernel_initializer="he_normal", name=f"dense_{k}"),
                   tf.keras.layers.ReLU(name=f"relu_{k}")]
    layers += [tf.keras.layers.Dense(1, kernel_initializer="he_normal", name="dense_output")]
    return tf.keras.Sequential(layers, name="muon_pt_float")


def build():
    """Signed 16-bit values with 5 integer bits besides the sign. After a ReLU the sign bit is
    unused, hence quantized_relu(15, 5): the same grid and range as ap_fixed<16,6>."""
    def signed():
        return quantized_bits(16, 5, alpha=1)

    def dense(units, name):
        return QDense(units, kernel_quantizer=signed(), bias_quantizer=signed(), name=name)

    layers = [tf.keras.layers.Input((27,), name="primitives"),
              QActivation(signed(), name="quantize_input")]
    for k, units in enumerate(WIDTHS, 1):
        layers += [dense(units, f"dense_{k}"), QActivation(quantized_relu(15, 5), name=f"relu_{k}")]
    layers += [dense(1, "dense_output"), QActivation(signed(), name="quantize_output")]
    return tf.keras.Sequential(layers, name="muon_pt")


def load(folder, *names):
    data = [np.load(folder / f"{name}.npz") for name in names]
    x = np.concatenate([d["x"] for d in data])
    pt = np.concatenate([d["pt"] for d in data]).astype(np.float64)
    l1_pt = np.concatenate([d["l1_pt"] for d in data]).astype(np.float64)
    return x, pt, l1_pt


class MagnitudePruning:
    """Zeroes the smallest kernel weights of each layer, more of them every epoch.

    The share rises from 0 at `begin` to `target` at `end` (fractions of the training) as
    1 - (1 - progress)^3. The output layer's 15 weights are left alone."""

    def __init__(self, model, target, begin=0.1, end=0.5):
        self.target, self.begin, self.end = target, begin, end
        self.kernels = [layer.kernel for layer in model.layers
                        if isinstance(layer, tf.keras.layers.Dense) and layer.units > 1]
        self.masks = [tf.Variable(tf.ones_like(kernel), trainable=False) for kernel in self.kernels]

    def update(self, training_fraction):
        progress = np.clip((training_fraction - self.begin) / (self.end - self.begin), 0, 1)
        share = self.target * (1 - (1 - progress) ** 3)
        for kernel, mask in zip(self.kernels, self.masks):
            magnitude = np.abs(kernel.numpy())
            zeros = int(np.ceil(share * magnitude.size))
            new = np.ones(magnitude.size, np.float32)
            new[np.argsort(magnitude, axis=None, kind="stable")[:zeros]] = 0
            mask.assign(new.reshape(magnitude.shape))
        self.apply()

    def apply(self):
        for kernel, mask in zip(self.kernels, self.masks):
            kernel.assign(kernel * mask)


def learning_rate(fraction):
    return 2e-3 if fraction < 0.5 else 5e-4 if fraction < 0.8 else 1.2e-4


def train(model, x, y, validation, options):
    optimizer = tf.keras.optimizers.Adam(learning_rate(0.0))
    optimizer.build(model.trainable_variables)
    pruning = MagnitudePruning(model, options.sparsity)
    data_x, data_y = tf.constant(x), tf.constant(y.astype(np.float32))
    batches = len(x) // options.batch

    @tf.function
    def epoch(order):
        total = tf.constant(0.0)
        for k in tf.range(batches):
            chosen = order[k * options.batch:(k + 1) * options.batch]
            with tf.GradientTape() as tape:
                predicted = model(tf.gather(data_x, chosen), training=True)[:, 0]
                loss = tf.reduce_mean(tf.square(predicted - tf.gather(data_y, chosen)))
            gradients = tape.gradient(loss, model.trainable_variables)
            optimizer.apply_gradients(zip(gradients, model.trainable_variables))
            pruning.apply()
            total += loss
        return total / tf.cast(batches, tf.float32)

    rng = np.random.default_rng(options.seed)
    history = []
    for k in range(options.epochs):
        optimizer.learning_rate.assign(learning_rate(k / options.epochs))
        pruning.update(k / options.epochs)
        begin = time.monotonic()
        loss = float(epoch(tf.constant(rng.permutation(len(x)).astype(np.int32))))
        predicted = model.predict(validation[0], batch_size=10000, verbose=0)[:, 0]
        validation_loss = float(np.mean((predicted - validation[1]) ** 2))
        history.append({"loss": loss, "validation_loss": validation_loss})
        print(f"epoch {k + 1}/{options.epochs}: loss {loss:.5f}, validation {validation_loss:.5f}, "
              f"{time.monotonic() - begin:.1f} s", flush=True)
    return history


def quantise_weights(model):
    """The saved weights are the quantised ones: what the file holds is what is computed."""
    for layer in model.layers:
        if isinstance(layer, QDense):
            layer.set_weights([q(tf.constant(w)).numpy()
                               for q, w in zip(layer.get_quantizers(), layer.get_weights())])


def sparsity(model):
    kernels = [layer.get_weights()[0] for layer in model.layers if isinstance(layer, QDense)]
    zeros, weights = sum(int((k == 0).sum()) for k in kernels), sum(k.size for k in kernels)
    return {"kernel_weights": weights, "zero_kernel_weights": zeros,
            "zero_fraction": zeros / weights, "parameters": model.count_params(),
            "largest_weight": float(max(np.abs(k).max() for k in kernels))}


def physics(model_path, folder):
    """Resolution on the flat sample and rate on the log-flat one, of the float64 model."""
    x, pt, l1_pt = load(folder, "test_flat")
    estimate = metrics.pt_from_output(qkeras_float64.evaluate(model_path, x)[:, 0])
    result = {"resolution": {"network": metrics.summary(metrics.residual(estimate, pt)),
                             "l1_like": metrics.summary(metrics.residual(l1_pt, pt))}}
    x, pt, l1_pt = load(folder, "rate_logflat")
    estimate = metrics.pt_from_output(qkeras_float64.evaluate(model_path, x)[:, 0])
    weight = trigger.rate_weights(pt, 1)  # generated flat in log(pT)
    scale = trigger.scale_at_90(estimate, pt, 20.0)
    result["relative_rate_20_gev"] = {
        "scale": scale,
        "network": trigger.relative_rate(estimate * scale >= 20.0, weight),
        "l1_like": trigger.relative_rate(l1_pt >= 20.0, weight),
        "network_plateau": float(np.mean((estimate * scale >= 20.0)[pt > 37.5]))}
    return result


def write_vectors(model_path, folder, output, events=2000):
    x = load(folder, "vectors_logflat")[0][:events]
    y = qkeras_float64.evaluate(model_path, x)
    np.savez_compressed(output / "vectors.npz", x=x, y=y)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=pathlib.Path, required=True,
                        help="folder with the .npz files that train.sh generates")
    parser.add_argument("--output", type=pathlib.Path, required=True, help="folder for the model")
    parser.add_argument("--epochs", type=int, default=300)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--sparsity", type=float, default=0.52,
                        help="zero share of each pruned layer's kernel")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--float", action="store_true", help="without quantisers: muon_pt_float.h5")
    return parser.parse_args()


def main():
    options = parse_arguments()
    options.output.mkdir(parents=True, exist_ok=True)
    tf.keras.utils.set_random_seed(options.seed)
    x, pt, _ = load(options.samples, "train_logflat", "train_flat")
    validation_x, validation_pt, _ = load(options.samples, "validation_logflat", "validation_flat")
    model = build_float() if options.float else build()
    begin = time.monotonic()
    history = train(model, x, metrics.output_from_pt(pt),
                    (validation_x, metrics.output_from_pt(validation_pt)), options)
    seconds = time.monotonic() - begin
    if options.float:
        carrier = build()
        carrier.set_weights(model.get_weights())
        carrier.save(options.output / "muon_pt_float.h5", save_format="h5", include_optimizer=False)
        return
    quantise_weights(model)
    path = options.output / "muon_pt.h5"
    model.save(path, save_format="h5", include_optimizer=False)
    metadata = {
        "command": "python train.py --samples SAMPLES --output MODEL " +
                   f"--epochs {options.epochs} --batch {options.batch} "
                   f"--sparsity {options.sparsity} --seed {options.seed}",
        "versions": {"python": platform.python_version(), "tensorflow": tf.__version__,
                     "keras": keras.__version__, "qkeras": qkeras.__version__,
                     "numpy": np.__version__, "h5py": h5py.__version__},
        "seeds": {"training": options.seed, **SAMPLES},
        "training": {"events": len(x), "epochs": options.epochs, "batch": options.batch,
                     "seconds": round(seconds, 1), "last_epoch": history[-1]},
        "weights": sparsity(model)}
    write_vectors(path, options.samples, options.output)
    metadata["evaluation"] = ("QKeras with every layer rebuilt in float64 (qkeras_float64.py); "
                              "equal in every bit to numpy in float64")
    metadata.update(physics(path, options.samples))
    (options.output / "metadata.json").write_text(json.dumps(metadata, indent=2) + "\n")
    print(json.dumps({k: metadata[k] for k in ("weights", "resolution", "relative_rate_20_gev")},
                     indent=2))


if __name__ == "__main__":
    sys.exit(main())
