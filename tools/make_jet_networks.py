#!/usr/bin/python3
"""Trains the six jet networks of the synthesis bench and writes them in Sluice's text form.

usage: make_jet_networks.py FOLDER

A 16-64-32-32-5 classifier of generated data: five classes, each a mixture of three normal clouds in ten dimensions,
seen as 16 features through a fixed non-linear map. As in HGQ every weight and every activation has a bit width of its
own. It follows from how much the loss feels it: a number whose mean squared gradient is large keeps more bits, and one
whose bits are all below its resolution is pruned. The six networks differ in the price of a bit. Weights are trained on
through their quantisers. Seeded; another build of numpy may round otherwise and so give slightly other weights, which is
why the networks are kept in benchmarks/networks.
"""
import sys
from pathlib import Path

import numpy as np

UNITS = (16, 64, 32, 32, 5)
PRICES = (0.002, 0.004, 0.008, 0.016, 0.03, 0.06)
INPUT_FRAC_BITS, INPUT_BITS = 5, 9
EVENTS, BATCH, STEPS, LEARNING_RATE = 40_000, 512, 1500, 2e-3
MOST_FRAC_BITS = 8


def generated_events(random):
    centres = random.normal(0, 1.0, (5, 3, 10))
    labels = random.integers(0, 5, EVENTS)
    hidden = centres[labels, random.integers(0, 3, EVENTS)] + random.normal(0, 0.9, (EVENTS, 10))
    mixed = np.tanh(hidden @ random.normal(0, 0.5, (10, 24))) @ random.normal(0, 0.7, (24, 16))
    return quantised(mixed / mixed.std(axis=0)), labels


def quantised(x):
    scale, limit = 2.0 ** INPUT_FRAC_BITS, 2 ** (INPUT_BITS - 1)
    return np.clip(np.rint(x * scale), -limit, limit - 1) / scale


def on_grid(x, frac_bits):
    """Nearest value with so many fractional bits, 0 where there are none left: `frac_bits` may be an array."""
    scale = 2.0 ** frac_bits
    return np.rint(x * scale) / scale


class Classifier:
    def __init__(self, random):
        self.random = random
        shapes = list(zip(UNITS, UNITS[1:]))
        self.weights = [random.normal(0, np.sqrt(2 / n), (n, m)) for n, m in shapes]
        self.biases = [np.zeros(m) for _, m in shapes]
        self.weight_bits = [np.full(w.shape, MOST_FRAC_BITS) for w in self.weights]
        self.activation_bits = [np.full(m, MOST_FRAC_BITS) for m in UNITS[1:]]
        self.moments = [[np.zeros_like(p), np.zeros_like(p)] for p in self.weights + self.biases]
        self.step = 0

    def forward(self, x):
        """Activations of every layer; the last is the logits."""
        layers = [x]
        for k, (weights, bias) in enumerate(zip(self.weights, self.biases)):
            y = layers[-1] @ on_grid(weights, self.weight_bits[k]) + on_grid(bias, MOST_FRAC_BITS)
            last = k == len(self.weights) - 1
            layers.append(y if last else on_grid(np.maximum(y, 0), self.activation_bits[k]))
        return layers

    def gradients(self, layers, labels):
        """Of the mean cross entropy by weights and biases, and by every event's activations."""
        logits = layers[-1] - layers[-1].max(axis=1, keepdims=True)
        up = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        up[np.arange(len(labels)), labels] -= 1
        by_weights, by_biases, by_activations = [], [], []
        for k in reversed(range(len(self.weights))):
            by_activations.insert(0, up)
            by_weights.insert(0, layers[k].T @ up / len(labels))
            by_biases.insert(0, up.mean(axis=0))
            up = up @ on_grid(self.weights[k], self.weight_bits[k]).T * (layers[k] > 0)
        return by_weights, by_biases, by_activations

    def train(self, x, labels, steps):
        for _ in range(steps):
            batch = self.random.integers(0, len(x), BATCH)
            by_weights, by_biases, _ = self.gradients(self.forward(x[batch]), labels[batch])
            self.step += 1
            for p, g, (m, v) in zip(self.weights + self.biases, by_weights + by_biases, self.moments):
                m += 0.1 * (g - m)
                v += 0.001 * (g * g - v)
                p -= LEARNING_RATE * (m / (1 - 0.9 ** self.step)) / (np.sqrt(v / (1 - 0.999 ** self.step)) + 1e-8)

    def choose_bits(self, x, labels, price):
        """An error of half a unit at bit f costs gradient * 2^-f / 2; f is the least with a cost below `price`."""
        events = slice(0, 4096)
        layers = self.forward(x[events])
        _, _, by_activations = self.gradients(layers, labels[events])
        for k, weights in enumerate(self.weights):
            feels = np.sqrt((layers[k] ** 2).T @ (by_activations[k] ** 2) / len(layers[k]))
            bits = np.ceil(np.log2(np.maximum(feels, 1e-9) / price / 2))
            self.weight_bits[k] = np.clip(bits, -8, MOST_FRAC_BITS)
            feels = np.sqrt((by_activations[k] ** 2).mean(axis=0))
            self.activation_bits[k] = np.clip(np.ceil(np.log2(np.maximum(feels, 1e-9) / price / 2)), 0, MOST_FRAC_BITS)

    def accuracy(self, x, labels):
        return float((self.forward(x)[-1].argmax(axis=1) == labels).mean())


def text_of(classifier, x, name):
    """The trained network; activations saturate above what the training events reach."""
    lines = [f'network "{name}"',
             f'layer "x" = input shape [{UNITS[0]}] as s{INPUT_BITS}.{INPUT_FRAC_BITS} RND_CONV SAT']
    before, layers = "x", classifier.forward(x)
    for k, weights in enumerate(classifier.weights):
        on_weight_grid = on_grid(weights, classifier.weight_bits[k])
        frac_bits = int(max(0, classifier.weight_bits[k].max()))
        mantissas = np.rint(on_weight_grid * 2.0 ** frac_bits).astype(int).ravel()
        bias = np.rint(classifier.biases[k] * 2.0 ** MOST_FRAC_BITS).astype(int)
        lines.append(f'layer "dense_{k}" = dense "{before}" inputs {weights.shape[0]} units {weights.shape[1]} '
                     f'weights {frac_bits} [{",".join(map(str, mantissas))}] '
                     f'bias {MOST_FRAC_BITS} [{",".join(map(str, bias))}]')
        before = f"dense_{k}"
        if k == len(classifier.weights) - 1:
            break
        formats = []
        for unit in range(weights.shape[1]):
            frac = int(classifier.activation_bits[k][unit])
            largest = max(layers[k + 1][:, unit].max(), 2.0 ** -frac)
            formats.append(f"u{int(np.ceil(np.log2(largest + 2.0 ** -frac))) + frac}.{frac} RND SAT")
        lines.append(f'layer "relu_{k}" = quantize "{before}" as {", ".join(formats)}')
        before = f"relu_{k}"
    return "\n".join([*lines, f'output "{before}"']) + "\n"


def main():
    folder = Path(sys.argv[1])
    random = np.random.default_rng(1)
    x, labels = generated_events(random)
    train, test = slice(0, EVENTS * 3 // 4), slice(EVENTS * 3 // 4, EVENTS)
    for number, price in enumerate(PRICES, 1):
        classifier = Classifier(np.random.default_rng(2))
        classifier.train(x[train], labels[train], STEPS)
        for _ in range(3):
            classifier.choose_bits(x[train], labels[train], price)
            classifier.train(x[train], labels[train], STEPS // 3)
        zeros = np.mean([np.mean(on_grid(w, b) == 0) for w, b in zip(classifier.weights, classifier.weight_bits)])
        (folder / f"jet_{number}.txt").write_text(text_of(classifier, x[train], f"jet_{number}"))
        print(f"jet_{number}: accuracy {classifier.accuracy(x[test], labels[test]):.3f}, {zeros:.0%} of weights are 0")


if __name__ == "__main__":
    main()
