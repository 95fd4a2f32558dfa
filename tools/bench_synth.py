#!/usr/bin/python3
"""Measures the adder-graph optimiser on one set of networks, beside alkaid where PyPI can be reached.

usage: bench_synth.py BUILD OUTPUT [--full] [--only WORD] [--models FOLDER] [--largest-for-yosys LUT] [--events N] [--jobs N]

The networks: random matrices, six jet classifiers of different prices of a bit (benchmarks/networks), the committed muon
network without and with DSP48E2, and the jet and TFC models of --models where they are. Each optimised circuit is
compared with its network on a million random events.

Writes OUTPUT/synth.md, synth.json and synth.png. LUT are LUT1 to LUT6 and LUT6_2 of Yosys (`synth_xilinx -family xcup`), for
both programs. Yosys builds a three-operand expression at twice its price, so both programs' three-operand adders are
hw/sluice_ternary_adder.v, one LUT6_2 per bit; alkaid's own model of its netlist stands beside that. Random matrices take 8-bit inputs; their weights are uniform between plus and minus 2^(bits-1) - 1, or, marked
`+`, of one sign between 2^(bits-1) + 1 and 2^bits - 1 as in published tables.
"""
import argparse
import json
import math
import os
import re
import statistics
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import bench_alkaid
from bench_networks import ROOT, jets, machine, number, random_matrix, run

TERNARY_ADDER = ROOT / "hw/sluice_ternary_adder.v"
ALKAID_TERNARY_ADDER = ROOT / "tools/alkaid_ternary_adder.v"
MUON = ROOT / "examples/muon_pt/model/muon_pt.h5"
MODELS = ROOT.parent / "shared/models"
MODEL_FILES = ("hgq_jet_classifier.h5", "qkeras_jettagging.onnx", "TFC_1W1A.onnx")
INPUT_CONFIGS = {"qkeras_jettagging.onnx": {"LayerName": {"global_in": {"Precision": "ap_fixed<18,8>"}}}}
MULTIPLIER = ROOT / "hw/sluice_multiply_add.v"
MOST_DSPS = 1_000_000
YOSYS = "read_verilog -I. {files}; synth_xilinx -family xcup -flatten -noiopad -noclkbuf -top {top}; tee -o {stat} stat"
REPETITIONS = 3
TOLERANCE = 0.05
GROWTH_SIZES = (16, 32, 64, 128, 256)


def matrices(full):
    shapes = [(8, 4), (8, 8), (8, 16), (16, 4), (16, 8), (16, 16), (32, 4), (32, 8), (64, 4)]
    if full:
        shapes += [(32, 16), (64, 8), (64, 16), (128, 4), (128, 8), (128, 16)]
    for size, bits in shapes:
        yield f"{size} x {size}, {bits} bits", random_matrix(size, bits, False)
    yield "16 x 16, 8 bits +", random_matrix(16, 8, True)


def models(build, folder, models_folder):
    """Networks of model files that this build imports; says which it does not."""
    files = [MUON, *(path for name in MODEL_FILES for path in sorted(models_folder.rglob(name)))]
    for path in files:
        package = folder / f"package_{path.stem}"
        words = [build / "bin/sluice", "-q", "compile", path, "-o", package, "--no-simulator"]
        if path.name in INPUT_CONFIGS:
            config = folder / f"config_{path.stem}.json"
            config.write_text(json.dumps(INPUT_CONFIGS[path.name]))
            words += ["--config", config]
        finished = run(words)
        if finished.returncode == 0:
            yield path.stem, (package / "network.txt").read_text()
        else:
            print(f"SKIP: {path.stem}: {finished.stderr.strip().splitlines()[:1]}", file=sys.stderr)


def differing_events(build, network, dsps, events):
    finished = run([build / "benchmarks/synth_vectors", network, "--events", events, "--dsp", dsps])
    return json.loads(finished.stdout)["differing"] if finished.stdout else None


def yosys_cells(folder, top, more=()):
    files = [path for path in sorted(folder.rglob("*.v")) if path.name != "ternary_adder.v"]
    files = " ".join(str(path) for path in [*files, TERNARY_ADDER, MULTIPLIER, *more])
    stat = folder / "stat.txt"
    finished = run(["yosys", "-q", "-p", YOSYS.format(files=files, top=top, stat=stat)])
    if finished.returncode != 0:
        print(f"yosys: {finished.stderr[-300:]}", file=sys.stderr)
        return {}
    cells = re.findall(r"\s(LUT[1-6](?:_2)?|FD\w+|DSP48E2)\s+(\d+)\n", stat.read_text())
    return {"dsp_yosys": sum(int(n) for cell, n in cells if cell == "DSP48E2"),
            "lut": sum(int(n) for cell, n in cells if cell.startswith("LUT")),
            "ff": sum(int(n) for cell, n in cells if cell.startswith("FD"))}


def sluice(build, network, effort, folder, repetitions=REPETITIONS, dsps=0):
    folder.mkdir(parents=True)
    finished = run([build / "benchmarks/synth_bench", network, "--effort", effort, "--dsp", dsps,
                    "--repetitions", repetitions, "--few-registers", "--verilog", folder / "bench.v"])
    if finished.returncode != 0:
        sys.exit(finished.stderr)
    return json.loads(finished.stdout)


def alkaid_cells(result, folder, full):
    """What Yosys makes of both netlists; of the two-operand one with `full` alone, as it is no rival's best."""
    cells = yosys_cells(folder / "binary" / "src", "bench") if full else {}
    ternary = yosys_cells(folder / "ternary" / "src", "bench", [ALKAID_TERNARY_ADDER])
    cells |= {f"{cell}_ternary": count for cell, count in ternary.items()}
    for ff in cells.keys() & {"ff", "ff_ternary"}:
        cells[ff] -= result["input_bits"]  # alkaid registers its inputs, Sluice leaves that to whoever drives them
    return cells


def timed(build, folder, size, bits):
    path = folder / f"timed_{size}_{bits}.txt"
    path.write_text(random_matrix(size, bits, False))
    repetitions = REPETITIONS if size < 256 else 1
    return sluice(build, path, "normal", folder / f"timed_{size}_{bits}", repetitions)


def growth(build, folder):
    """Seconds by size for 4-bit weights, and the exponent of a least-squares fit of their logarithms."""
    points = []
    for size in GROWTH_SIZES:
        result = timed(build, folder, size, 4)
        points.append((size, result["optimise_s"], result["peak_memory_kib"]))
    xs, ys = [math.log(p[0]) for p in points], [math.log(p[1]) for p in points]
    return points, statistics.linear_regression(xs, ys).slope


def table(rows):
    lines = ["| network | effort | adders | depth | LUT estimated | LUT Yosys | FF estimated | FF Yosys | cycles | s "
             "| alkaid adders | depth | LUT Yosys | LUT its model | FF Yosys | s | LUT, ours by its |",
             "|---|" + "---|" * 16]
    for row in rows:
        other = row.get("alkaid") or {}
        lines.append("| " + " | ".join([
            row["network"], row["effort"], number(row["adders"]), number(row["adder_depth"]),
            number(row["lut_estimated"]), number(row.get("lut")), number(row["ff_estimated"]), number(row.get("ff")),
            number(row["latency_cycles"]), number(row["optimise_s"], 3), number(other.get("adders")),
            number(other.get("adder_depth")), number(other.get("lut_ternary")), number(other.get("lut_model_ternary")),
            number(other.get("ff_ternary")), number(other.get("optimise_s"), 3),
            number(row["lut"] / other["lut_ternary"], 3) if row.get("lut") and other.get("lut_ternary") else ""]) + " |")
    return lines


def mean_ratio(rows, ours, theirs):
    ratios = [row[ours] / row["alkaid"][theirs] for row in rows
              if row.get("alkaid") and row.get(ours) and row["alkaid"].get(theirs)]
    return statistics.geometric_mean(ratios) if ratios else None


def dsp_lines(rows):
    """LUT of a network with multipliers against the same without."""
    without = {row["network"]: row for row in rows if row["effort"] == "normal"}
    for row in rows:
        if row["effort"] == "normal, DSP":
            count = "lut" if row.get("lut") and without[row["network"]].get("lut") else "lut_estimated"
            yield (f"- {row['network']} with {row['dsp']:,} DSP48E2: {row[count] / without[row['network']][count]:.3f}x the LUT "
                   f"({'Yosys' if count == 'lut' else 'estimated'}), {row['latency_cycles']} cycles")


def summary(rows, points, exponent, wide_s):
    lines = []
    for effort in ("normal", "max"):
        some = [row for row in rows if row["effort"] == effort]
        for what, ours, theirs in (("LUT by Yosys against ternary alkaid", "lut", "lut_ternary"),
                                   ("LUT estimated against ternary alkaid by its model", "lut_estimated",
                                    "lut_model_ternary"), ("FF by Yosys against ternary alkaid", "ff", "ff_ternary"),
                                   ("time", "optimise_s", "optimise_s")):
            ratio = mean_ratio(some, ours, theirs)
            if ratio is not None:
                lines.append(f"- `{effort}`, {what}: {ratio:.3f}x in the geometric mean")
        compared = [row for row in some if row.get("lut") and (row.get("alkaid") or {}).get("lut_ternary")]
        worst = max(compared, key=lambda row: row["lut"] / row["alkaid"]["lut_ternary"], default=None)
        if worst:
            shallow = sum(row["adder_depth"] <= row["alkaid"]["adder_depth"] for row in compared)
            lines.append(f"- `{effort}`: at most {worst['lut'] / worst['alkaid']['lut_ternary']:.3f}x the LUT ({worst['network']}); "
                         f"{shallow} of {len(compared)} at no more depth")
    for ours, by_yosys in (("lut_estimated", "lut"), ("ff_estimated", "ff")):
        errors = [row[ours] / row[by_yosys] - 1 for row in rows if row.get(by_yosys)]
        if errors:
            within = sum(abs(error) <= TOLERANCE for error in errors)
            lines.append(f"- {ours} against Yosys: {min(errors):+.1%} to {max(errors):+.1%}, "
                         f"{within} of {len(errors)} within {TOLERANCE:.0%}")
    lines += dsp_lines(rows)
    compared = [row for row in rows if row.get("differing") is not None]
    lines.append(f"- {sum(row['differing'] for row in compared):,} of {sum(row['events'] for row in compared):,} events differ "
                 f"between {len(compared)} optimised circuits and their networks")
    lines.append(f"- growth: n^{exponent:.2f} for 4-bit n x n, " +
                 ", ".join(f"{size}: {seconds:.3f} s" for size, seconds, _ in points) +
                 f"; {points[-1][2] / 1024:.0f} MiB at {points[-1][0]}")
    lines.append(f"- 64 x 64, 8 bits: {wide_s:.3f} s")
    return lines


def plot(rows, path):
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot
    figure, axes = pyplot.subplots(1, 2, figsize=(10, 4), sharey=True)
    for effort, mark in (("normal", "o"), ("max", "^")):
        some = [row for row in rows if row["effort"] == effort]
        luts = [row["lut_estimated"] for row in some]
        axes[0].scatter([row["adder_depth"] for row in some], luts, marker=mark, label=f"Sluice {effort}")
        axes[1].scatter([row["optimise_s"] for row in some], luts, marker=mark, label=f"Sluice {effort}")
    others = [row["alkaid"] for row in rows if row.get("alkaid") and row["effort"] == "normal"]
    for model, mark in (("lut_model_binary", "x"), ("lut_model_ternary", "+")):
        if others:
            axes[1].scatter([other["optimise_s"] for other in others], [other[model] for other in others], marker=mark,
                            label=f"alkaid, {model.removeprefix('lut_model_')}, its model")
    axes[0].set(xlabel="adders on the longest path", ylabel="LUT", yscale="log")
    axes[1].set(xlabel="time of the optimiser, s", xscale="log")
    axes[1].legend(fontsize="small")
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def measure(build, options, work, python):
    """The rows of all networks, optimised one after the other, and what is left to do for them: calls that return a
    row (or its `alkaid`) and what to add to it."""
    rows, calls = [], []
    networks = [(name, text) for name, text in [*matrices(options.full), *jets(), *models(build, work, options.models)]
                if options.only in name]
    for position, (name, text) in enumerate(networks):
        print(f"{name} ...", file=sys.stderr)
        network = work / f"network_{position}.txt"
        network.write_text(text)
        other, asked = None, False
        runs = [("normal", 0), ("max", 0)] + ([("normal", MOST_DSPS)] if name == MUON.stem else [])
        for effort, dsps in runs:
            folder = work / f"{position}_{effort}_{dsps}"
            row = sluice(build, network, effort, folder, REPETITIONS if effort == "normal" else 1, dsps)
            row |= {"network": name, "effort": f"{effort}, DSP" if dsps else effort}
            rows.append(row)
            with_yosys = row["lut_estimated"] <= options.largest_for_yosys
            if with_yosys:
                calls.append(lambda row=row, folder=folder: (row, yosys_cells(folder, "bench_core")))
            if options.events and effort == "normal":
                row["events"] = options.events
                calls.append(lambda row=row, network=network, dsps=dsps: (
                    row, {"differing": differing_events(build, network, dsps, options.events)}))
            if dsps or not python:
                continue
            if not asked:
                asked = True
                rival = work / f"{position}_alkaid"
                other = bench_alkaid.build(python, network, row["latency_cycles"], rival)
                if other and with_yosys:
                    calls.append(lambda other=other, rival=rival: (other, alkaid_cells(other, rival, options.full)))
            row["alkaid"] = other
    return rows, calls


def parse_arguments():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("build", type=Path)
    arguments.add_argument("output", type=Path)
    arguments.add_argument("--full", action="store_true",
                           help="matrices up to 128 x 128, 16 bits, and alkaid's two-operand netlists through Yosys")
    arguments.add_argument("--largest-for-yosys", type=int, default=100_000, metavar="LUT",
                           help="networks of more estimated LUT are not given to Yosys, which takes minutes for them")
    arguments.add_argument("--models", type=Path, default=MODELS, help="folder of further model files")
    arguments.add_argument("--only", default="", metavar="WORD", help="only networks with this in their name")
    arguments.add_argument("--events", type=int, default=1_000_000,
                           help="on which each optimised circuit is compared with its network; 0: none")
    arguments.add_argument("--jobs", type=int, default=os.cpu_count(),
                           help="of Yosys and comparisons at a time, once all has been timed")
    return arguments.parse_args()


def write_report(folder, machine, rows, points, exponent, wide_s):
    report = [f"Machine: {machine}. Times are medians of {REPETITIONS} (`max`, and 256 x 256: one run), "
              "CPU seconds of one thread.", "", *table(rows), "",
              *summary(rows, points, exponent, wide_s)]
    (folder / "synth.md").write_text("\n".join(report) + "\n")
    (folder / "synth.json").write_text(json.dumps(
        {"machine": machine, "rows": rows, "growth": points, "growth_exponent": exponent,
         "seconds_64_8_bits": wide_s}, indent=1) + "\n")
    return report


def main():
    options = parse_arguments()
    options.output.mkdir(parents=True, exist_ok=True)
    build = options.build.resolve()
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    machine = f"{cpu[1] if cpu else platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        points, exponent = growth(build, work)
        wide_s = timed(build, work, 64, 8)["optimise_s"]
        rows, calls = measure(build, options, work, bench_alkaid.alkaid_python())
        with ThreadPoolExecutor(options.jobs) as pool:
            for done, finished in enumerate(as_completed([pool.submit(call) for call in calls]), 1):
                row, more = finished.result()
                row |= more
                print(f"{done} of {len(calls)}: {row.get('network', 'alkaid')}: {more}", file=sys.stderr)
                write_report(options.output, machine, rows, points, exponent, wide_s)  # a long run may be ended early
    plot(rows, options.output / "synth.png")
    print("\n".join(write_report(options.output, machine, rows, points, exponent, wide_s)))


if __name__ == "__main__":
    main()
