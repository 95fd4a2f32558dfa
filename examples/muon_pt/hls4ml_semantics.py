"""What an hls4ml project (Vivado and Vitis back ends, io_parallel, Latency strategy) computes, as integers.

A value is mantissa * 2^-frac_bits in an int64 array. The rules, those of `nnet_dense_latency.h` and
`nnet_activation.h` in hls4ml 1.1.0:
  - dense: each product in full width, cast to accum_t; the bias cast to accum_t; sums in accum_t; one
    cast to the result type.
  - relu, linear: one cast to the result type.
  - a cast rounds and overflows as the target's ap_fixed says: by default it drops bits (towards minus
    infinity) and wraps.
"""
import dataclasses
import json
import re

import h5py
import numpy as np

CHUNK_EVENTS = 4096


@dataclasses.dataclass(frozen=True)
class Format:
    """ap_fixed<width, integer, rounding, overflow>, or ap_ufixed; `integer` counts the sign."""
    width: int
    integer: int
    signed: bool = True
    rounding: str = "TRN"
    overflow: str = "WRAP"

    @property
    def frac_bits(self):
        return self.width - self.integer

    @property
    def limits(self):
        """Smallest and largest mantissa."""
        if self.signed:
            return -(1 << (self.width - 1)), (1 << (self.width - 1)) - 1
        return 0, (1 << self.width) - 1


def parse_format(text):
    """`ap_fixed<16,6>`, `ufixed<15,5,RND_CONV,SAT,0>`, `ap_ufixed<8,8,AP_RND,AP_SAT>` ..."""
    match = re.fullmatch(r"(?:ap_)?(u?)fixed<(\d+),(-?\d+)(?:,(?:AP_)?(\w+),(?:AP_)?(\w+)(?:,0)?)?>",
                         text.replace(" ", ""))
    if not match:
        raise ValueError(f"{text!r} is no ap_fixed type that is known here")
    unsigned, width, integer, rounding, overflow = match.groups()
    result = Format(int(width), int(integer), not unsigned, rounding or "TRN", overflow or "WRAP")
    if result.rounding not in ("TRN", "RND", "RND_CONV") or result.overflow not in ("WRAP", "SAT"):
        raise ValueError(f"{text!r}: the mode {result.rounding}, {result.overflow} is not known here")
    return result


def _round(mantissa, dropped_bits, rounding):
    if dropped_bits <= 0:
        return mantissa << -dropped_bits
    if rounding == "TRN":
        return mantissa >> dropped_bits
    half = np.int64(1) << (dropped_bits - 1)
    if rounding == "RND":  # halves towards plus infinity
        return (mantissa + half) >> dropped_bits
    odd = (mantissa >> dropped_bits) & 1  # RND_CONV: halves to the even neighbour
    return (mantissa + half - 1 + odd) >> dropped_bits


def cast(mantissa, frac_bits, target):
    """Mantissas of `target` from mantissas with `frac_bits` fractional bits."""
    mantissa = _round(mantissa, frac_bits - target.frac_bits, target.rounding)
    low, high = target.limits
    if target.overflow == "SAT":
        return np.clip(mantissa, low, high)
    return ((mantissa - low) & ((1 << target.width) - 1)) + low


@dataclasses.dataclass(frozen=True)
class Dense:
    name: str
    weights: np.ndarray  # mantissas [inputs, units]
    bias: np.ndarray     # mantissas [units]
    frac_bits: int       # of weights and bias
    accum: Format
    result: Format

    def run(self, mantissa, frac_bits):
        if self.accum.overflow != "WRAP":
            raise ValueError(f"{self.name}: the order of sums matters in a saturating accumulator; not known here")
        product_bits = frac_bits + self.frac_bits
        bias = cast(self.bias, self.frac_bits, self.accum)
        result = np.empty((len(mantissa), len(bias)), np.int64)
        for unit, column in enumerate(self.weights.T):
            used = np.flatnonzero(column)  # a product that is 0 adds 0 in any accum_t
            products = cast(mantissa[:, used] * column[used], product_bits, self.accum)
            result[:, unit] = products.sum(axis=1) + bias[unit]
        # Wrapping once after the sum is wrapping at each addition: both are sums modulo 2^width.
        return cast(cast(result, self.accum.frac_bits, self.accum), self.accum.frac_bits, self.result)


@dataclasses.dataclass(frozen=True)
class Activation:
    name: str
    function: str  # relu or linear
    result: Format

    def run(self, mantissa, frac_bits):
        if self.function == "relu":
            mantissa = np.maximum(mantissa, 0)
        return cast(mantissa, frac_bits, self.result)


@dataclasses.dataclass(frozen=True)
class Project:
    input: Format
    layers: tuple

    @property
    def output(self):
        return self.layers[-1].result

    def run(self, mantissa, frac_bits):
        """Output mantissas (of `output`) of input mantissas [events, inputs]."""
        mantissa = np.asarray(mantissa)
        units = [len(layer.bias) for layer in self.layers if isinstance(layer, Dense)]
        result = np.empty((len(mantissa), units[-1]), np.int64)
        for first in range(0, len(mantissa), CHUNK_EVENTS):
            value = cast(mantissa[first:first + CHUNK_EVENTS].astype(np.int64), frac_bits, self.input)
            bits = self.input.frac_bits
            for layer in self.layers:
                value, bits = layer.run(value, bits), layer.result.frac_bits
            result[first:first + CHUNK_EVENTS] = value
        return result


QKERAS_RESULT = parse_format("ap_fixed<16,6,RND_CONV,SAT>")
QKERAS_RELU = parse_format("ap_ufixed<15,5,RND_CONV,SAT>")
DEFAULT = parse_format("ap_fixed<16,6>")


def read_dense_weights(path):
    """[(name, weights, biases)] of a chain of QDense layers in float64, as the file holds them."""
    layers = []
    with h5py.File(path, "r") as file:
        for layer in json.loads(file.attrs["model_config"])["config"]["layers"]:
            if layer["class_name"] != "QDense":
                continue
            name = layer["config"]["name"]
            tensors = {}
            file["model_weights"][name].visititems(
                lambda key, item: tensors.update({key.split("/")[-1].split(":")[0]: item[()]})
                if isinstance(item, h5py.Dataset) else None)
            layers.append((name, *(tensors[key].astype(np.float64) for key in ("kernel", "bias"))))
    return layers


def read_dense_layers(path, frac_bits=10):
    """[(name, weight mantissas, bias mantissas)] of the same layers, all on the grid of 2^-frac_bits."""
    layers = []
    for name, *tensors in read_dense_weights(path):
        scaled = [np.ldexp(values, frac_bits) for values in tensors]
        if any((values != np.rint(values)).any() for values in scaled):
            raise ValueError(f"{path}: weights of {name} are not on the grid of 2^-{frac_bits}")
        layers.append((name, *(values.astype(np.int64) for values in scaled)))
    return layers


def rounded_layers(path, target=QKERAS_RESULT):
    """The same, rounded to `target` where they are not on its grid."""
    return [(name, *(cast(np.rint(np.ldexp(values, 40)).astype(np.int64), 40, target) for values in tensors))
            for name, *tensors in read_dense_weights(path)]


def _project(dense, accums, results, relu_result, first=()):
    layers = list(first)
    for index, (name, weights, bias) in enumerate(dense):
        layers.append(Dense(name, weights, bias, 10, accums[index], results[index]))
        if index + 1 < len(dense):
            layers.append(Activation(f"relu_{index + 1}", "relu", relu_result))
    return Project(DEFAULT, tuple(layers))


def default_project(dense, accum=DEFAULT, result=DEFAULT, relu_result=DEFAULT):
    """hls4ml's default configuration (granularity 'model'): ap_fixed<16,6> for everything, which also
    replaces the quantisers of QKeras after each activation."""
    return _project(dense, [accum] * len(dense), [result] * len(dense), relu_result)


def exact_project(dense):
    """The model's own quantisers around these layers and nothing else: what Sluice computes."""
    project = auto_project(dense)
    return Project(project.input, (*project.layers, Activation("quantize_output", "linear", QKERAS_RESULT)))


def auto_project(dense):
    """hls4ml's granularity 'name': accumulators and results of dense layers are 'auto', so that no sum
    loses a bit, and the quantisers of QKeras act after each activation, but for the last one.

    hls4ml merges the final linear activation into the dense layer before it, whose type is still open,
    and carries the type over only where the activation has a `quantizer` attribute, which QKeras layers
    do not get. The output therefore keeps all 20 fractional bits of the sum, up to 2^-11 from the model's
    own output."""
    accums = []
    for index, (_, weights, _) in enumerate(dense):
        # 16 and 16 bits, or 15 after a ReLU; one bit per doubling of the terms, and one for the bias.
        width = (32 if index == 0 else 31) + int(np.ceil(np.log2(len(weights)))) + 1
        accums.append(Format(width, width - 20))
    return _project(dense, accums, accums, QKERAS_RELU,
                    [Activation("quantize_input", "linear", QKERAS_RESULT)])
