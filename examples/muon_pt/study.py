#!/usr/bin/env python3
"""pT resolution of the L1-like baseline, the network on the CPU and the network on the card.

usage: study.py --truth events.npz --network y.npy --card y_card.npy --output FOLDER
events.npz is what muon_pt_generate writes; the two .npy hold the network's outputs as real numbers,
log2(pT / 1 GeV) - 5. Writes resolution.json and pictures. Needs Debian's python3-numpy and
python3-matplotlib.
"""
import argparse
import json
import pathlib
import sys

import matplotlib
import numpy as np

import metrics

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

SLICES_GEV = [(3, 200), (3, 8), (8, 15), (15, 25), (25, 40), (40, 60), (60, 80), (80, 100),
              (100, 150), (150, 200), (3, 120)]
RESIDUAL_BINS = np.linspace(-1, 2, 151)
RATIO_BINS = np.linspace(0.9, 1.1, 201)
BASELINE, CPU, CARD = "L1-like", "network on CPU", "network on card"
STYLE = {BASELINE: {"color": "#c0392b"}, CPU: {"color": "#1f4e9c"},
         CARD: {"color": "#111111", "linestyle": (0, (2, 2))}}
LABEL = "CMS-like simulation"


def slice_name(low, high):
    return f"{low}-{high}"


def histogram(values, bins):
    counts, _ = np.histogram(values, bins)
    return {"low": float(bins[0]), "high": float(bins[-1]), "counts": counts.tolist(),
            "underflow": int((values < bins[0]).sum()), "overflow": int((values > bins[-1]).sum())}


def study_slice(estimates, pt_true, low, high):
    inside = (pt_true >= low) & (pt_true < high)
    result = {}
    for method, pt_est in estimates.items():
        r = metrics.residual(pt_est[inside], pt_true[inside])
        row = metrics.summary(r)
        if row["n"] == row["n_nonfinite"]:
            continue
        row["errors"] = metrics.bootstrap_errors(r)
        row["histogram"] = histogram(r, RESIDUAL_BINS)
        result[method] = row
    return result


def compare_card(network, card):
    ratio = metrics.pt_from_output(card) / metrics.pt_from_output(network)
    return {"n": int(ratio.size), "identical": int((network == card).sum()),
            "identical_fraction": float(np.mean(network == card)), "ratio_mean": float(ratio.mean()),
            "ratio_std": metrics.rms(ratio), "ratio_hw68": metrics.hw68(ratio),
            "largest_deviation": float(np.abs(ratio - 1).max()),
            "histogram": histogram(ratio, RATIO_BINS)}


def step(axes, hist, **style):
    axes.stairs(hist["counts"], np.linspace(hist["low"], hist["high"], len(hist["counts"]) + 1),
                linewidth=1.5, **style)


def finish(figure, axes, path, note=""):
    axes.tick_params(which="both", direction="in", top=True, right=True)
    axes.minorticks_on()
    axes.set_title(LABEL, loc="left", fontweight="bold", fontsize=12)
    axes.set_title(note, loc="right", fontsize=11)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def plot_residuals(rows, low, high, path):
    figure, axes = plt.subplots(figsize=(7.5, 5.5))
    for method, row in rows.items():
        step(axes, row["histogram"], **STYLE[method],
             label=f"{method}\n  median {row['median']:+.3f}, RMS {row['rms']:.3f}, "
                   f"half-width {row['hw68']:.3f}")
    axes.set_xlim(-1, 2)
    axes.set_ylim(0, 1.15 * max(max(row["histogram"]["counts"]) for row in rows.values()))
    axes.set_xlabel(r"$(p_\mathrm{T}^\mathrm{est} - p_\mathrm{T}^\mathrm{true})"
                    r"\,/\,p_\mathrm{T}^\mathrm{true}$")
    axes.set_ylabel("Muons / 0.02")
    axes.legend(frameon=False, fontsize=9.5)
    n = next(iter(rows.values()))["n"]
    finish(figure, axes, path, f"{low} < $p_\\mathrm{{T}}$ < {high} GeV, {n:,} muons")


def plot_slices(slices, path):
    """Median and half-width against pT; bars are the slices and the bootstrap errors."""
    figure, (upper, lower) = plt.subplots(2, 1, figsize=(7.5, 6.5), sharex=True)
    ranges = [(low, high) for low, high in SLICES_GEV[1:-1] if slices[slice_name(low, high)]]
    markers = {BASELINE: "s", CPU: "o", CARD: "x"}
    for axes, key, label in ((upper, "hw68", "Half-width of central 68 %"),
                             (lower, "median", "Median")):
        for method in STYLE:
            rows = [slices[slice_name(*r)][method] for r in ranges]
            axes.errorbar([(low + high) / 2 for low, high in ranges], [row[key] for row in rows],
                          xerr=[(high - low) / 2 for low, high in ranges],
                          yerr=[row["errors"][key] for row in rows], linestyle="none",
                          marker=markers[method], color=STYLE[method]["color"], label=method,
                          markersize=6, linewidth=1.2)
        axes.set_ylabel(label)
        axes.tick_params(which="both", direction="in", top=True, right=True)
        axes.minorticks_on()
    upper.set_ylim(bottom=0)
    upper.legend(frameon=False)
    lower.axhline(0, color="0.6", linewidth=0.8)
    lower.set_xlabel(r"$p_\mathrm{T}^\mathrm{true}$ [GeV]")
    upper.set_title(LABEL, loc="left", fontweight="bold", fontsize=12)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def plot_ratio(comparison, path):
    figure, axes = plt.subplots(figsize=(7.5, 5))
    step(axes, comparison["histogram"], color=STYLE[CPU]["color"],
         label=f"{comparison['identical']:,} of {comparison['n']:,} bit-identical\n"
               f"largest |ratio - 1|: {comparison['largest_deviation']:.2g}")
    axes.set_yscale("log")
    axes.set_ylim(0.5, 30 * comparison["n"])
    axes.set_xlim(0.9, 1.1)
    axes.set_xlabel(r"$p_\mathrm{T}$ on card / $p_\mathrm{T}$ on CPU")
    axes.set_ylabel("Muons / 0.001")
    axes.legend(frameon=False, loc="upper left")
    finish(figure, axes, path, "emulated card")


def load_output(path, events):
    y = np.load(path)
    if not np.issubdtype(y.dtype, np.floating):
        raise SystemExit(f"study.py: {path} holds {y.dtype}: give the outputs as real numbers")
    if y.size != events:
        raise SystemExit(f"study.py: {path} holds {y.size} outputs for {events} events")
    return y.reshape(-1).astype(np.float64)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--truth", required=True, help="events.npz with pt and l1_pt")
    parser.add_argument("--network", required=True, help=".npy: outputs of the CPU")
    parser.add_argument("--card", required=True, help=".npy: outputs of the card")
    parser.add_argument("--output", type=pathlib.Path, required=True)
    options = parser.parse_args()

    with np.load(options.truth) as truth:
        pt_true, l1_pt = (truth[name].astype(np.float64) for name in ("pt", "l1_pt"))
    network = load_output(options.network, len(pt_true))
    card = load_output(options.card, len(pt_true))
    estimates = {BASELINE: l1_pt, CPU: metrics.pt_from_output(network),
                 CARD: metrics.pt_from_output(card)}
    slices = {slice_name(*r): study_slice(estimates, pt_true, *r) for r in SLICES_GEV}
    comparison = compare_card(network, card)

    options.output.mkdir(parents=True, exist_ok=True)
    for low, high in ((3, 200), (3, 40), (40, 120)):
        rows = slices.get(slice_name(low, high)) or study_slice(estimates, pt_true, low, high)
        if rows:
            plot_residuals(rows, low, high, options.output / f"resolution_{low}_{high}_GeV.png")
    plot_slices(slices, options.output / "resolution_against_pt.png")
    plot_ratio(comparison, options.output / "ratio_card_to_cpu.png")
    result = {"sample": LABEL + "; calibrated against public CMS constants, not endorsed by CMS",
              "bootstrap_replicas": metrics.BOOTSTRAP_REPLICAS,
              "slices": {name: rows for name, rows in slices.items() if rows},
              "card_and_cpu": comparison}
    (options.output / "resolution.json").write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
