"""Latency plot and the short HTML report of the demonstration."""
import base64
import html
import pathlib

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

SPANS = ("injection_us", "inference_us", "extraction_us")
SPAN_LABELS = {"injection_us": "injection", "inference_us": "inference", "extraction_us": "extraction"}


def plot_latency(runs, path):
    """Distributions of the three spans and of their sum, one row per way in; microseconds of emulation."""
    figure, axes = plt.subplots(len(runs), 1, figsize=(8, 2.1 * len(runs)), sharex=True, squeeze=False)
    sums = [np.sum([run["latency"][span] for span in SPANS], axis=0) for run in runs]
    low = min(max(1e-1, np.min(run["latency"][span])) for run in runs for span in SPANS)
    high = max(np.percentile(total, 99.9) for total in sums)
    bins = np.geomspace(low * 0.8, high * 1.5, 90)
    for axis, run, total in zip(axes[:, 0], runs, sums):
        for span in SPANS:
            axis.hist(run["latency"][span], bins=bins, histtype="step", label=SPAN_LABELS[span])
        axis.hist(total, bins=bins, histtype="step", color="black", linewidth=1.5, label="total")
        axis.axvline(np.median(total), color="black", linestyle=":", linewidth=1)
        axis.set_title(f"{run['host']}, {run['mode']}: median {np.median(total):.0f} us, "
                       f"99 % {np.percentile(total, 99):.0f} us", fontsize=9, loc="left")
        axis.set_ylabel("calls")
        axis.set_yscale("log")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, fontsize=9, ncol=4, loc="upper center", frameon=False)
    axes[-1, 0].set_xscale("log")
    axes[-1, 0].set_xlabel("time per call of one event [us]   (emulation, not card latency)")
    figure.tight_layout(rect=(0, 0, 1, 0.97))
    figure.savefig(path, dpi=130)
    plt.close(figure)


def resolution_line(resolution):
    rows = resolution["slices"]["3-200"]
    return "; ".join(f"{name} half-width {rows[name]['hw68']:.3f}" for name in rows)


def table(header, rows):
    head = "".join(f"<th>{html.escape(str(cell))}</th>" for cell in header)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def picture(path, caption):
    data = base64.b64encode(pathlib.Path(path).read_bytes()).decode()
    return (f'<figure><img alt="{html.escape(caption)}" src="data:image/png;base64,{data}">'
            f"<figcaption>{html.escape(caption)}</figcaption></figure>")


STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; margin: 1rem 0; display: block; overflow-x: auto; }
th, td { text-align: left; padding: .25rem .75rem; border-bottom: 1px solid #ddd; font-variant-numeric: tabular-nums; }
img { max-width: 100%; height: auto; } figure { margin: 1.5rem 0; } figcaption { color: #555; font-size: .9rem; }
.note { background: #f4f4f0; padding: .5rem 1rem; border-left: 4px solid #999; }
"""


def write_html(report, folder):
    manifest, estimate = report["manifest"], report["estimate"]
    period_ns = 1000.0 / manifest["clock_mhz"]
    latency_ns = manifest["latency_cycles"] * period_ns
    parts = [
        "<h1>Muon momentum on the emulated card</h1>",
        '<p class="note">CMS-like simulation, not endorsed by CMS. Times on the emulated card are the cost of the '
        "emulation, never the latency of a card; cycles are exact.</p>",
        "<h2>Kernel</h2>",
        table(("", ""), [
            ("model", manifest["source"]["file"]),
            ("core latency", f"{manifest['latency_cycles']} cycles = {latency_ns:.1f} ns at "
                             f"{manifest['clock_mhz']:g} MHz"),
            ("initiation interval", f"{manifest['initiation_interval_cycles']} cycle"),
            ("estimated area", f"{estimate['total']['lut']} LUT, {estimate['total']['ff']} FF"),
            ("input event", f"{manifest['input']['event_bytes']} bytes, format {manifest['input']['format']}"),
            ("output event", f"{manifest['output']['event_bytes']} bytes, format {manifest['output']['format']}"),
        ]),
        "<h2>Agreement, as integers</h2>",
        table(("engine", "compared with", "events", "differing"),
              [(row["engine"], "interpreter", row["events"], row["differing"])
               for row in report["verify"]["engines"]]
              + [(f"{row['host']} on the card, {row['mode']}", "SIMD engine", row["events"], row["differing"])
                 for row in report["card"]]),
        "<h2>Time per call of one event (emulation)</h2>",
        table(("host", "mode", "injection, median us", "inference", "extraction", "total", "total 99 %"),
              [latency_row(row) for row in report["card"]]),
        picture(folder / "latency.png", "Distribution of the time per call, by span. Emulation, not card latency."),
        "<h2>Resolution</h2>",
        resolution_table(report["resolution"]),
    ]
    for path in sorted((folder / "study").glob("*.png")):
        parts.append(picture(path, path.stem.replace("_", " ") + " (CMS-like simulation)"))
    page = ("<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">"
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>Muon momentum on the emulated card</title><style>{STYLE}</style></head>"
            f"<body>{''.join(parts)}</body></html>\n")
    (folder / "report.html").write_text(page)


def latency_row(run):
    spans = [np.asarray(run["latency"][span]) for span in SPANS]
    total = np.sum(spans, axis=0)
    medians = [f"{np.median(span):.1f}" for span in spans]
    return (run["host"], run["mode"], *medians, f"{np.median(total):.1f}", f"{np.percentile(total, 99):.1f}")


def resolution_table(resolution):
    rows = []
    for name, by_method in resolution["slices"].items():
        for method, figures in by_method.items():
            rows.append((name, method, figures["n"], f"{figures['median']:+.4f}", f"{figures['rms']:.4f}",
                         f"{figures['hw68']:.4f}"))
    return table(("pT, GeV", "method", "n", "median", "RMS (|r|<2)", "half-width 68 %"), rows)
