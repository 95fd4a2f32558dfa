#!/usr/bin/env python3
"""Distributions of latency, one colour per program: injection, inference, extraction and their sum.

usage: latency_plot.py SAMPLES.json [SAMPLES.json ...] --output FIGURE.png|.svg|.pdf

Sample files are those of `sluice bench --samples-out`; docs/reference/latency.md has their schema.
Needs Debian's python3-numpy and python3-matplotlib.
"""
import argparse
import json
import pathlib

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

SPANS = ("injection", "inference", "extraction")
BINS_PER_DECADE = 30


def load(path):
    run = json.loads(pathlib.Path(path).read_text())
    times = {span: np.asarray(run["samples"][f"{span}_us"], float) for span in SPANS}
    times["total"] = sum(times[span] for span in SPANS)
    return run, times


def label(run):
    where = run["device"]["emulation"] or run["device"].get("name", "card")
    return f"{run['program']}, {where}"


def caveat(runs):
    labels = {"CPU" if run["device"]["emulation"] == "engine" else "emulation" for run in runs if run["emulated"]}
    return f"  ({max(labels)}, not card latency)" if labels else ""


def bins_of(columns):
    """Logarithmic bins from the least time to the 99.9 % point, the same for every program."""
    positive = np.concatenate([column[column > 0] for column in columns])
    if positive.size == 0:
        return np.geomspace(0.1, 1, BINS_PER_DECADE)
    low = np.log10(positive.min()) - 0.05
    high = max(np.log10(np.quantile(column, 0.999)) for column in columns if column.max() > 0) + 0.1
    return np.logspace(low, high, max(10, round((high - low) * BINS_PER_DECADE)))


def plot(runs):
    figure, axes = plt.subplots(2, 2, figsize=(9.5, 6.8))
    for axis, span in zip(axes.flat, (*SPANS, "total")):
        columns = [times[span] for _, times in runs]
        bins = bins_of(columns)
        for index, (column, (run, _)) in enumerate(zip(columns, runs)):
            weights = np.full(len(column), 1 / len(column))
            # Calls beyond the axis stay in sight, in the last bin.
            axis.hist(np.clip(column, bins[0], bins[-1]), bins=bins, weights=weights, histtype="step",
                      linewidth=1.4, color=f"C{index}",
                      label=f"{label(run)}: {np.median(column):.3g} us")
            axis.axvline(np.median(column), color=f"C{index}", linestyle=":", linewidth=1)
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.set_title(span, loc="left", fontsize=11)
        axis.legend(title="median", title_fontsize=8, fontsize=8, frameon=False, loc="upper right")
        axis.set_ylim(top=50)  # room for the legend above the fractions
        axis.set_ylabel("fraction of calls / bin")
    what = "time per call [us]" + caveat(run for run, _ in runs)
    for axis in axes[1]:
        axis.set_xlabel(what)
    batches = sorted({run["batch_events"] for run, _ in runs})
    events = " or ".join(str(batch) for batch in batches)
    calls = min(len(times["total"]) for _, times in runs)
    figure.suptitle(f"Kernel {runs[0][0]['kernel']}, {events} event{'s' * (batches != [1])} per call, "
                    f"{calls} calls or more each", fontsize=11)
    figure.tight_layout()
    return figure


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("samples", nargs="+")
    parser.add_argument("--output", required=True)
    arguments = parser.parse_args()
    plot([load(path) for path in arguments.samples]).savefig(arguments.output, dpi=130)


if __name__ == "__main__":
    main()
