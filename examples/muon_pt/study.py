#!/usr/bin/env python3
"""The muon studies: resolution, trigger efficiency and rate, and what number formats cost.

Outputs that exist already (columns.npz is what muon_pt_study writes: pt, l1_pt, y):
    study.py --columns columns.npz [--card y_card.npy] [--trigger rate.npz] --output FOLDER
A file of your own (.csv with the columns of events.py, .npz, .h5, .npy), through a compiled network:
    study.py --events muons.csv --package PACKAGE --sluice build/release/bin/sluice --output FOLDER
What number formats cost (the file holds x):
    study.py --quantisation events.npz [--card y_card.npy] --output FOLDER

Writes study.json, and every picture as PNG and SVG. Needs Debian's python3-numpy, -scipy, -matplotlib, and
-h5py for .h5 files.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import events as event_files  # noqa: E402
import metrics  # noqa: E402
import plots  # noqa: E402
import quantisation  # noqa: E402
import trigger  # noqa: E402
from plots import BASELINE, CARD, NETWORK  # noqa: E402

SLICES_GEV = [(3, 200), (3, 8), (8, 15), (15, 25), (25, 40), (40, 60), (60, 80), (80, 100), (100, 150), (150, 200),
              (3, 120), (3, 40), (40, 120)]
FEWEST_NEAR_THRESHOLD = 100  # muons within 3 % of it, of which the lowest 10 % fix the scale
DISJOINT_GEV = SLICES_GEV[1:10]
PLOTTED_GEV = [(3, 200), (3, 40), (40, 120)]
RATE_THRESHOLDS_GEV = list(np.arange(4.0, 51.0, 2.0))
SAMPLE = "CMS-like simulation, calibrated against public CMS constants; not endorsed by CMS"


def slice_name(low, high):
    return f"{low}-{high}"


def study_slice(estimates, pt_true, low, high):
    """Figures of each estimate over low <= pT < high; `high` belongs to it where the sample ends there."""
    result = {}
    for method, pt_est in estimates.items():
        truth = pt_true[:len(pt_est)]  # the card may have seen the first muons only
        chosen = (truth >= low) & ((truth < high) | ((truth == high) & (high == SLICES_GEV[0][1])))
        r = metrics.residual(pt_est[chosen], truth[chosen])
        row = metrics.summary(r)
        if row["n"] == row["n_nonfinite"]:
            continue
        inverse = metrics.summary(metrics.inverse_residual(pt_est[chosen], truth[chosen]))
        row["inverse"] = {key: inverse[key] for key in ("median", "rms", "hw68")}
        row["errors"] = metrics.bootstrap_errors(r)
        row["histogram"] = metrics.histogram(r[np.isfinite(r)], metrics.RESIDUAL_BINS)
        result[method] = row
    return result


def estimates_of(sample):
    result = {}
    if "l1_pt" in sample.columns:
        result[BASELINE] = sample.columns["l1_pt"]
    if "y" in sample.columns:
        result[NETWORK] = metrics.pt_from_output(sample.columns["y"])
    return result


def resolution(sample, card, album):
    """Slices with figures and errors, and the card against the CPU; pictures of both."""
    estimates = estimates_of(sample)
    if card is not None:
        estimates[CARD] = metrics.pt_from_output(card)
    slices = {r: study_slice(estimates, sample.pt, *r) for r in SLICES_GEV}
    slices = {r: rows for r, rows in slices.items() if rows}
    for low, high in PLOTTED_GEV:
        if (low, high) in slices:
            plots.residuals(slices[low, high], low, high, album, f"resolution_{low}_{high}_GeV")
    disjoint = {r: slices[r] for r in DISJOINT_GEV if r in slices}
    if disjoint:
        plots.against_pt(disjoint, album, "resolution_against_pt")
    result = {"slices": {slice_name(*r): rows for r, rows in slices.items()},
              "bootstrap_replicas": metrics.BOOTSTRAP_REPLICAS}
    if card is not None:
        result["card_and_cpu"] = metrics.compare_outputs(card, sample.columns["y"][:len(card)])
        plots.ratio_of_outputs(result["card_and_cpu"], album, "ratio_card_to_cpu")
    return result


def trigger_study(sample, density_power, album):
    """Thresholds and rate of a sample whose generated spectrum is known."""
    estimates = estimates_of(sample)

    def filled(thresholds):
        return [t for t in thresholds if np.count_nonzero(trigger.near(sample.pt, t)) >= FEWEST_NEAR_THRESHOLD]

    usable, scanned = filled(trigger.THRESHOLDS_GEV), filled(RATE_THRESHOLDS_GEV)
    result = {"spectrum": trigger.RATE_SPECTRUM, "density_power": density_power, "n": len(sample.pt),
              "thresholds_left_out_gev": [t for t in trigger.THRESHOLDS_GEV if t not in usable],
              "thresholds": [trigger.study_threshold(estimates, sample.pt, t, density_power, BASELINE, NETWORK)
                             for t in usable]}
    if usable:
        plots.turn_ons(result["thresholds"], album, "turn_on")
        plots.low_pt(next((e for e in result["thresholds"] if e["threshold_gev"] == 22), result["thresholds"][-1]),
                     album, "low_pt_muons")
    if len(scanned) > 1:
        result["rates"] = trigger.rate_curve(estimates, sample.pt, density_power, scanned, BASELINE, NETWORK)
        plots.rates(result["rates"], trigger.RATE_POWER, trigger.RATE_RANGE_GEV, album, "rate")
    return result


def quantisation_study(sample, options, card, album):
    if sample.x is None:
        raise event_files.InputError("the quantisation study needs the network's inputs x")
    if card is not None and len(card) != len(sample.pt):
        raise event_files.InputError(f"{len(card)} outputs of the card for {len(sample.pt)} muons")
    result = quantisation.study(options.model, sample.x, sample.pt, card, float_path=options.float_model)
    plots.quantisation_ratios(result, album, "quantisation")
    plots.quantisation_residuals(result, album, "quantisation_residuals")
    plots.quantisation_bias(result, album, "quantisation_bias")
    return result


def load_output(path, most_events):
    y = np.load(path)
    if not np.issubdtype(y.dtype, np.floating):
        raise event_files.InputError(f"{path} holds {y.dtype}: give the outputs as real numbers")
    if y.size > most_events:
        raise event_files.InputError(f"{path} holds {y.size} outputs for {most_events} events")
    return y.reshape(-1).astype(np.float64)


def run_network(sample, package, sluice, device):
    """Adds the outputs of the compiled network to the sample."""
    if sample.x is None:
        raise event_files.InputError("the network needs inputs: the file holds no x")
    with tempfile.TemporaryDirectory() as folder:
        x, y = pathlib.Path(folder) / "x.npy", pathlib.Path(folder) / "y.npy"
        np.save(x, sample.x)
        done = subprocess.run([sluice, "run", package, "--input", x, "--output", y, "--device", device],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise event_files.InputError(f"sluice run: {done.stderr.strip()}")
        sample.columns["y"] = np.load(y).reshape(-1).astype(np.float64)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--columns", type=pathlib.Path, help=".npz with pt, l1_pt and y")
    parser.add_argument("--events", type=pathlib.Path, help=".csv, .npz, .h5 or .npy of muons, see events.py")
    parser.add_argument("--pt", type=pathlib.Path, help="true pT for an .npy of inputs")
    parser.add_argument("--package", type=pathlib.Path, help="compiled network, with --events")
    parser.add_argument("--sluice", type=pathlib.Path, default="sluice", help="the sluice program")
    parser.add_argument("--label", help="over each picture (default with --events: the file's name)")
    parser.add_argument("--device", default="engine", help="of sluice run")
    parser.add_argument("--density-power", type=float,
                        help="k of the generated dN/dpT ~ pT^-k, where the file does not say it: 0 is flat")
    parser.add_argument("--card", type=pathlib.Path, help=".npy: outputs of the card, of the first muons")
    parser.add_argument("--trigger", type=pathlib.Path, help="columns of a second sample for thresholds and rates")
    parser.add_argument("--quantisation", type=pathlib.Path, help="muons with x for the study of number formats")
    parser.add_argument("--model", type=pathlib.Path, default=HERE / "model" / "muon_pt.h5")
    parser.add_argument("--float-model", type=pathlib.Path, default=HERE / "model" / "muon_pt_float.h5",
                        help="the network trained without quantisers (default: the committed ones)")
    parser.add_argument("--output", type=pathlib.Path, required=True, help="folder")
    options = parser.parse_args()
    if not (options.columns or options.events or options.trigger or options.quantisation):
        parser.error("give --columns, --events, --trigger or --quantisation")
    if options.events and not options.package:
        parser.error("--events needs --package")
    return options


def study(options):
    options.output.mkdir(parents=True, exist_ok=True)
    album = plots.Album(options.output)
    if options.events or options.label:
        album = plots.Album(options.output, options.label or options.events.name, "")
    result = {"sample": SAMPLE if not options.events else str(options.events)}
    if options.columns or options.events:
        sample = event_files.read(options.columns or options.events, options.pt)
        if options.events:
            run_network(sample, options.package, options.sluice, options.device)
            result["left_out"] = sample.left_out
        card = None if not options.card else load_output(options.card, len(sample.pt))
        result["resolution"] = resolution(sample, card, album)
        power = options.density_power if options.density_power is not None else sample.density_power
        if options.events and power is not None:
            result["trigger"] = trigger_study(sample, power, album)
    if options.trigger:
        sample = event_files.read(options.trigger)
        power = options.density_power if options.density_power is not None else sample.density_power
        if power is None:
            raise event_files.InputError(f"{options.trigger} does not say its spectrum: give --density-power")
        result["trigger"] = trigger_study(sample, power, album)
    if options.quantisation:
        sample = event_files.read(options.quantisation, options.pt)
        card = None if not options.card else load_output(options.card, len(sample.pt))
        result["quantisation"] = quantisation_study(sample, options, card, album)
    (options.output / "study.json").write_text(json.dumps(result, indent=1) + "\n")


def main():
    options = parse_arguments()
    try:
        study(options)
    except (event_files.InputError, OSError) as error:
        print(f"study.py: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
