"""What number formats cost: the network in float, in exact fixed point and as hls4ml computes it."""
import numpy as np

import hls4ml_semantics as hls
import metrics

INPUT_FRAC_BITS = 10
WIDE_INTEGER_BITS = 20  # no sum of the network reaches 2^19: nothing wraps
PT_EDGES_GEV = (3, 5, 8, 12, 15, 20, 25, 32, 40, 50, 60, 70, 80, 90, 100, 120, 140, 160, 180, 200)
SCAN_FRAC_BITS = (6, 7, 8, 9, 10, 11, 12, 14)

FLOAT_TRAINED = "float network"
ROUNDED = "float network, rounded after"
FLOAT = "quantised weights in float"
EXACT = "quantised, exact sums"
DEFAULT = "hls4ml, ap_fixed<16,6>"
TRUNCATED = "products cut to 2^-10, no wrap"
WRAPPED = "wrap at 32, exact products"
AUTO = "hls4ml, auto types"
CARD = "emulated card"
EXPLANATION = {
    FLOAT_TRAINED: "trained by the same script without any quantiser; float weights, sums and activations",
    ROUNDED: "its weights and activations rounded to ap_fixed<16,6> after the training, sums exact",
    FLOAT: "the compiled network's weights, which were trained with quantisers; sums and activations in float64",
    EXACT: "the compiled network: its own quantisers, every sum exact: what Sluice computes",
    DEFAULT: "hls4ml's default: every product cut to ap_fixed<16,6>, sums and activations wrap at 32",
    TRUNCATED: "hls4ml's cutting of products alone, in accumulators wide enough to hold every sum",
    WRAPPED: "hls4ml's wrapping alone, no bit of a product cut",
    AUTO: "hls4ml with types per layer: exact sums, but the output's quantiser is lost",
    CARD: "Verilated kernel behind XRT",
}


def float_network(layers, x):
    """Outputs in float64 of the network without any quantiser, and the hidden activations by layer."""
    hidden = [np.asarray(x, np.float64)]
    for index, (_, weights, bias) in enumerate(layers):
        value = hidden[-1] @ weights + bias
        hidden.append(np.maximum(value, 0) if index + 1 < len(layers) else value)
    return hidden[-1][:, 0], hidden


def in_real_numbers(layers):
    return [(name, np.ldexp(weights, -INPUT_FRAC_BITS), np.ldexp(bias, -INPUT_FRAC_BITS))
            for name, weights, bias in layers]


def predicted_shift(layers, x, frac_bits):
    """Shift of each output when each product is cut to 2^-frac_bits, to first order: the bits that the
    cuts take away from each sum, carried to the output by the network's own gradient."""
    _, hidden = float_network(in_real_numbers(layers), x)
    gradient = np.ones((len(x), 1))
    shift = np.zeros(len(x))
    cut_bits = 2 * INPUT_FRAC_BITS - frac_bits
    for index in range(len(layers) - 1, -1, -1):
        weights = layers[index][1]
        mantissa = np.rint(np.ldexp(hidden[index], INPUT_FRAC_BITS)).astype(np.int64)
        for unit, column in enumerate(weights.T):
            used = np.flatnonzero(column)
            lost = ((mantissa[:, used] * column[used]) & ((1 << cut_bits) - 1)).sum(axis=1)
            shift -= gradient[:, unit] * np.ldexp(lost.astype(np.float64), -2 * INPUT_FRAC_BITS)
        gradient = (gradient @ np.ldexp(weights.T, -INPUT_FRAC_BITS)) * (hidden[index] > 0)
    return shift


def wide(frac_bits):
    return hls.Format(WIDE_INTEGER_BITS + frac_bits, WIDE_INTEGER_BITS)


def truncating(layers, frac_bits):
    """Products cut to 2^-frac_bits in accumulators that hold every sum, then the model's quantisers."""
    project = hls.default_project(layers, wide(frac_bits), wide(frac_bits), hls.QKERAS_RELU)
    return hls.Project(project.input, (*project.layers,
                                       hls.Activation("quantize_output", "linear", hls.QKERAS_RESULT)))


def projects(layers):
    uncut = hls.Format(26, 6)  # 20 fractional bits hold every product
    return {EXACT: hls.exact_project(layers), DEFAULT: hls.default_project(layers),
            TRUNCATED: truncating(layers, 10), WRAPPED: hls.default_project(layers, uncut, uncut, uncut),
            AUTO: hls.auto_project(layers)}


def row(output, reference, pt_true):
    r = metrics.residual(metrics.pt_from_output(output), pt_true)
    ratio = metrics.pt_from_output(output) / metrics.pt_from_output(reference)
    return {**metrics.summary(r), "errors": metrics.bootstrap_errors(r),
            "histogram": metrics.histogram(r[np.isfinite(r)], metrics.RESIDUAL_BINS),
            "against_float": metrics.compare_outputs(output, reference),
            "beyond_5_percent": float(np.mean(np.abs(ratio - 1) > 0.05))}


def run(project, mantissa):
    return np.ldexp(project.run(mantissa, INPUT_FRAC_BITS)[:, 0].astype(np.float64), -project.output.frac_bits)


def scan_accumulator(layers, x, mantissa, exact):
    """Shift of the output against the exact network by fractional bits of the accumulator."""
    rows = []
    for bits in SCAN_FRAC_BITS:
        difference = run(truncating(layers, bits), mantissa) - exact
        rows.append({"frac_bits": bits, "mean_shift": float(difference.mean()),
                     "median_shift": float(np.median(difference)), "shift_hw68": metrics.hw68(difference),
                     "predicted_mean_shift": float(predicted_shift(layers, x, bits).mean())})
    return rows


def shift_by_pt(outputs, predicted, pt_true):
    """Shift of the output against the exact network in slices of true pT; medians, since wrapped outputs
    are anywhere."""
    rows = []
    for low, high in zip(PT_EDGES_GEV[:-1], PT_EDGES_GEV[1:]):
        chosen = (pt_true >= low) & (pt_true < high)
        if chosen.any():
            rows.append({"pt_gev": [low, high], "n": int(chosen.sum()),
                         "predicted": float(np.median(predicted[chosen])),
                         **{name: float(np.median((outputs[name] - outputs[EXACT])[chosen]))
                            for name in (TRUNCATED, DEFAULT)}})
    return rows


def study(path, x, pt_true, card=None, scan_events=50_000, float_path=None):
    """Figures of every variant on the same muons, and where the bias comes from.

    x holds the network's inputs, exact multiples of 2^-10; `card` the outputs of the card, or None;
    `float_path` a file of the network that was trained in float, or None. Shifts "against float" are
    against the same weights in float, those of the float network against itself."""
    layers = hls.read_dense_layers(path)
    x = np.asarray(x, np.float64)
    mantissa = np.rint(np.ldexp(x, INPUT_FRAC_BITS)).astype(np.int64)
    outputs = {}
    if float_path is not None:
        outputs[FLOAT_TRAINED] = float_network(hls.read_dense_weights(float_path), x)[0]
        outputs[ROUNDED] = run(hls.exact_project(hls.rounded_layers(float_path)), mantissa)
    outputs[FLOAT] = float_network(in_real_numbers(layers), x)[0]
    outputs.update({name: run(project, mantissa) for name, project in projects(layers).items()})
    if card is not None:
        outputs[CARD] = card
    part = slice(0, scan_events)
    reference = {ROUNDED: FLOAT_TRAINED, FLOAT_TRAINED: FLOAT_TRAINED}
    return {"variants": {name: row(output, outputs[reference.get(name, FLOAT)], pt_true)
                         for name, output in outputs.items()},
            "explanation": {name: EXPLANATION[name] for name in outputs},
            "scan": scan_accumulator(layers, x[part], mantissa[part], outputs[EXACT][part]),
            "scan_events": min(scan_events, len(x)),
            "shift_by_pt": shift_by_pt(outputs, predicted_shift(layers, x, INPUT_FRAC_BITS), pt_true),
            "identical_exact_and_card": None if card is None else int((outputs[EXACT] == card).sum()),
            "n": len(pt_true)}
