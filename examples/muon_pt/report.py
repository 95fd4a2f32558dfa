"""The report of the demonstration: one HTML page with every picture inside."""
import base64
import html
import pathlib

import quantisation
from plots import BASELINE, CARD, NETWORK

TITLE = "Muon momentum on the emulated card"


def table(header, rows, kind=""):
    head = "".join(f"<th>{html.escape(str(cell))}</th>" for cell in header)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="table {kind}"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def paragraph(text, kind=""):
    return f"<p{f' class={kind!r}' if kind else ''}>{html.escape(text)}</p>"


def picture(path, caption):
    """The SVG inside of the page, where the file exists."""
    path = pathlib.Path(path)
    if not path.exists():
        return ""
    data = base64.b64encode(path.read_bytes()).decode()
    return (f'<figure><img alt="{html.escape(caption)}" src="data:image/svg+xml;base64,{data}">'
            f"<figcaption>{html.escape(caption)}</figcaption></figure>")


STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222;
  background: #fff; }
h1 { line-height: 1.2; } h2 { margin-top: 2.5rem; border-bottom: 2px solid #ddd; }
.table { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: .9rem; }
th, td { text-align: left; padding: .25rem .6rem; border-bottom: 1px solid #ddd; white-space: nowrap;
  font-variant-numeric: tabular-nums; }
td:first-child, .words td { white-space: normal; min-width: 6rem; }
img { width: 100%; max-width: 46rem; height: auto; } figure { margin: 1.5rem 0; }
figcaption { color: #444; font-size: .9rem; max-width: 46rem; }
.note { background: #f4f4f0; padding: .5rem 1rem; border-left: 4px solid #999; }
nav { display: flex; flex-wrap: wrap; gap: .25rem 1rem; }
@media (max-width: 40rem) { body { font-size: 15px; margin: 1rem auto; } th, td { padding: .2rem .45rem; } }
@media print {
  body { font-size: 10pt; max-width: none; margin: 0; } nav { display: none; }
  h2, h3 { break-after: avoid; } figure, tr { break-inside: avoid; } img { max-width: 15cm; }
  .table { overflow: visible; } table { font-size: 8pt; } th { white-space: normal; } th, td { padding: .1rem .35rem; }
}
"""


def plus_minus(value, error, digits=4, sign="-"):
    return f"{value:{sign}.{digits}f} ± {error:.{digits}f}"


def percent(value, digits=1):
    return f"{100 * value:.{digits}f} %"


def findings(report):
    """What the report shows, in one line each, from its own numbers."""
    study = report["study"]
    rows = study["resolution"]["slices"]["3-200"]
    lines = [f"Half-width of the residuals over 3 to 200 GeV: "
             + ", ".join(f"{name} {plus_minus(rows[name]['hw68'], rows[name]['errors']['hw68'])}"
                         for name in (BASELINE, NETWORK))]
    at_20 = next((e for e in study["trigger"]["thresholds"] if e["threshold_gev"] == 20), None)
    if at_20:
        reduction = at_20["aligned"]["rate_reduction"]
        lines.append(f"Rate at 20 GeV, both at 90 % efficiency: the network's is {percent(reduction['value'])} ± "
                     f"{percent(reduction['error'])} lower")
    card = study["resolution"]["card_and_cpu"]
    lines.append(f"Card against CPU: {card['identical']:,} of {card['n']:,} outputs bit-identical")
    variants = study["quantisation"]["variants"]
    for name in (quantisation.EXACT, quantisation.DEFAULT):
        shift = variants[name]["against_float"]["ratio_median"] - 1
        lines.append(f"{name}: median pT shift {100 * shift:+.2f} % against float, half-width "
                     f"{variants[name]['hw68']:.4f}, {percent(variants[name]['beyond_5_percent'], 2)} of muons off "
                     "by more than 5 %")
    return lines


def kernel_section(report, folder):
    manifest, estimate = report["manifest"], report["estimate"]
    latency_ns = manifest["latency_cycles"] * 1000.0 / manifest["clock_mhz"]
    return [table(("", ""), [
        ("model", manifest["source"]["file"]),
        ("core latency", f"{manifest['latency_cycles']} cycles = {latency_ns:.1f} ns at {manifest['clock_mhz']:g} MHz"),
        ("initiation interval", f"{manifest['initiation_interval_cycles']} cycle"),
        ("estimated area", f"{estimate['total']['lut']} LUT, {estimate['total']['ff']} FF"),
        ("input event", f"{manifest['input']['event_bytes']} bytes, format {manifest['input']['format']}"),
        ("output event", f"{manifest['output']['event_bytes']} bytes, format {manifest['output']['format']}")])]


def agreement_section(report, folder):
    return [table(("engine", "compared with", "events", "differing"),
                  [(row["engine"], "interpreter", row["events"], row["differing"])
                   for row in report["verify"]["engines"]]
                  + [(f"{row['host']} on the card, {row['mode']}", "SIMD engine", row["events"], row["differing"])
                     for row in report["card"]])]


LATENCY_MODES = {"hw_emu": "the Verilated kernel", "sw_emu": "the SIMD engine in the card's place",
                 "noop": "XRT's shim that does nothing: what XRT and the host cost"}
LATENCY_PROGRAMS = {"xrt": "XRT by hand", "opencl": "OpenCL", "sluice": "Sluice's runtime"}


def latency_row(mode, program, row):
    ratio = row.get("over_xrt")
    over = f"{ratio['ratio']:.4g} [{ratio['low']:.4g}, {ratio['high']:.4g}]" if ratio else "1"
    spans = [f"{row[span]:.3g}" for span in ("injection_us", "inference_us", "extraction_us", "total_us")]
    return (LATENCY_PROGRAMS[program], mode, *spans, f"{row['total_p99_us']:.3g}", over)


def latency_section(report, folder):
    latency = report["latency"]
    rows = [latency_row(mode, program, row) for mode, by_program in latency["modes"].items()
            for program, row in by_program.items()]
    pictures = [picture(folder / "latency" / f"latency_{mode}.svg",
                        f"Figure 1, {mode} ({LATENCY_MODES[mode]}). Time per call of one event, by span. Emulation, "
                        "not card latency.") for mode in latency["modes"]]
    return [paragraph(f"{latency['calls']:,} calls of each program, in turn. Injection: mantissas to the card; "
                      "inference: start to done; extraction: back to the host. Ratio: medians over XRT by hand, with "
                      "a 95 % bootstrap interval."),
            table(("program", "mode", "injection, median us", "inference", "extraction", "total", "total 99 %",
                   "over XRT by hand"), rows), *pictures]


def resolution_section(report, folder):
    study = report["study"]["resolution"]
    rows, tails = [], []
    for name, by_method in study["slices"].items():
        for method, row in by_method.items():
            if method == CARD and name != "3-200":
                continue
            errors = row["errors"]
            rows.append((name, method, f"{row['n']:,}", plus_minus(row["median"], errors["median"], sign="+"),
                         plus_minus(row["rms"], errors["rms"]), plus_minus(row["hw68"], errors["hw68"]),
                         f"{row['hw68_aligned']:.4f}"))
            tails.append((name, method, plus_minus(row["rms_all"], errors["rms_all"], 3),
                          plus_minus(row["fwhm"], errors["fwhm"], 2), f"{row['inverse']['median']:+.4f}",
                          f"{row['inverse']['hw68']:.4f}", percent(row["outlier_fraction"], 2), row["n_nonfinite"]))
    pictures = folder / "study"
    return [
        paragraph("r = (pT estimated - pT true) / pT true. The L1-like look-up is on a scale on which 90 % of the "
                  "muons at a threshold pass it, and ends at 140 GeV: hence its positive median, its second peak "
                  "over 3 to 200 GeV, and its seemingly better width above 100 GeV. Part of the network's gain is "
                  "scale, not precision: the columns with the median moved to 0 and the trigger section take that "
                  "out."),
        picture(pictures / "resolution_3_200_GeV.svg", "Figure 2a. Relative residual over 3 to 200 GeV, muons flat "
                "in pT. The card ran the first muons of the same sample."),
        picture(pictures / "ratio_card_to_cpu.svg", "Figure 2b. pT on the emulated card over pT on the CPU, with "
                "the number of bit-identical outputs."),
        picture(pictures / "resolution_3_40_GeV.svg", "Relative residual, 3 to 40 GeV."),
        picture(pictures / "resolution_40_120_GeV.svg", "Relative residual, 40 to 120 GeV: below the end of the "
                "look-up's scale."),
        picture(pictures / "resolution_against_pt.svg", "Half-width, median and the ratio of half-widths by slices "
                "of pT. Open markers: each slice's median moved to 0."),
        table(("pT, GeV", "method", "n", "median", "RMS, |r| < 2", "half-width 68 %", "median moved to 0"), rows),
        table(("pT, GeV", "method", "RMS, all", "FWHM", "1/pT: median", "half-width", "|r| >= 2", "not finite"),
              tails),
        paragraph(f"Errors: bootstrap, {study['bootstrap_replicas']} replicas, fixed seed. FWHM is read off "
                  "0.02-wide bins, moves in steps of 0.02, and is fragile. 1/pT: (1/pT estimated - 1/pT true) "
                  "pT true.")]


def trigger_section(report, folder):
    study = report["study"]["trigger"]
    rates, efficiencies = [], []
    for entry in study["thresholds"]:
        for kind in ("aligned", "unaligned"):
            for method in (BASELINE, NETWORK):
                head = (f"{entry['threshold_gev']:g}", kind, method)
                row = entry[kind][method]
                change = entry[kind]["rate_reduction"]
                rates.append((*head, f"{row['scale']:.3f}", f"{row['rate'][0]:.3e} ± {row['rate'][1]:.0e}",
                              f"-{percent(change['value'])} ± {percent(change['error'])}" if method == NETWORK else "",
                              "-" if row["width_gev"] is None else f"{row['width_gev']:.2f}"))
                efficiencies.append((*head, *(binomial(row[key]) for key in (
                    "at_threshold", "plateau", "misassigned", "misassigned_5_15"))))
    pictures = folder / "study"
    return [
        paragraph("Compare algorithms on the aligned scale: the network's pT is multiplied by the factor that lets "
                  "90 % of the muons at the threshold pass. Unaligned numbers are beside it; there the network "
                  "seems much better only because it accepts fewer good muons."),
        picture(pictures / "turn_on.svg", "Turn-on at 10, 20, 22 and 25 GeV on the aligned scale. Dotted: 90 %."),
        picture(pictures / "low_pt_muons.svg", "The same at 22 GeV on a logarithmic scale: muons of low pT that "
                "pass make up the rate. Errors of the ratio neglect that the muons are the same, and are too large."),
        picture(pictures / "rate.svg", f"Rate against threshold, {study['spectrum']}."),
        table(("T, GeV", "scale", "method", "factor", "relative rate", "against the look-up", "width 20-80 %, GeV"),
              rates),
        table(("T, GeV", "scale", "method", "efficiency at T", "plateau, pT > 1.5 T", "3 < pT < T/2 passing",
               "5 < pT < 15 passing"), efficiencies),
        paragraph(f"{study['n']:,} muons, dN/dpT ~ pT^-{study['density_power']:g}, weighted to the assumed spectrum: "
                  f"{study['spectrum']}. Efficiencies: Clopper-Pearson, 68.27 %; rates: sums of weights; reductions: "
                  "paired bootstrap on the same muons.")]


def binomial(part):
    if part["value"] is None:
        return "-"
    return f"{part['value']:.4f} +{part['high'] - part['value']:.4f} -{part['value'] - part['low']:.4f}"


def quantisation_section(report, folder):
    study = report["study"]["quantisation"]
    rows = []
    for name, row in study["variants"].items():
        against = row["against_float"]
        rows.append((name, plus_minus(row["median"], row["errors"]["median"], sign="+"),
                     plus_minus(row["hw68"], row["errors"]["hw68"]), f"{row['rms']:.4f}", f"{row['rms_all']:.3f}",
                     f"{100 * (against['ratio_median'] - 1):+.3f} %", f"{100 * against['ratio_hw68']:.3f} %",
                     percent(row["beyond_5_percent"], 2)))
    at_10 = next(row for row in study["scan"] if row["frac_bits"] == 10)
    pictures = folder / "formats"
    parts = [
        paragraph("The same muons through a network trained in float, through the quantised network with exact sums, "
                  "and through the arithmetic of an hls4ml project. Shifts are against the same weights in float: they "
                  "are what the formats do, and no difference of trainings is in them. hls4ml's default accumulator ap_fixed<16,6> cuts "
                  "every product to 2^-10, always downwards, and wraps at 32. The cut products shift the output: to "
                  f"first order by {at_10['predicted_mean_shift']:+.5f} on average (the bits cut away times the "
                  f"network's gradient), seen {at_10['mean_shift']:+.5f}; the sign follows the network's gradient "
                  "and changes with pT. That is a small bias without a worse resolution. The worse resolution comes "
                  "from sums beyond 32 that wrap where the model's own activation saturates. Exact sums have "
                  "neither."),
        picture(pictures / "quantisation.svg", "pT in each number format over pT of the same weights in float."),
        picture(pictures / "quantisation_bias.svg", "Left: shift of pT by cut products against true pT. Right: mean "
                "loss against the accumulator's fractional bits. Lines: predicted from the bits cut away."),
        picture(pictures / "quantisation_residuals.svg", "Relative residuals in each number format; sums that wrap "
                "make the tails. \"Outside\": beyond the axis."),
        table(("variant", "median r", "half-width 68 %", "RMS, |r| < 2", "RMS, all", "median shift against float",
               "half-width of the shift", "off by more than 5 %"), rows),
        table(("variant", "what it is"), study["explanation"].items(), "words")]
    if study["identical_exact_and_card"] is not None:
        parts.append(paragraph(f"Card and exact sums agree in {study['identical_exact_and_card']:,} of "
                               f"{study['n']:,} outputs, bit for bit."))
    return parts


def samples_section(report, folder):
    rows = [(name, f"{row['events']:,}", f"{row['spectrum']}, {row['pt_range_gev'][0]:g} to "
             f"{row['pt_range_gev'][1]:g} GeV", row["seed"], f"{row['simulation_seconds']:.2f} s",
             f"{row['features_seconds']:.2f} s", f"{row['inference_seconds']:.2f} s")
            for name, row in report["samples"].items()]
    return [table(("sample", "muons", "spectrum in pT", "seed", "simulation", "features", "SIMD engine"), rows),
            paragraph("A seed gives the same muons and the same numbers on any number of threads. Every picture lies "
                      "beside this page as PNG and SVG, every number in report.json.")]


SECTIONS = (("kernel", "Kernel", kernel_section), ("agreement", "Agreement, as integers", agreement_section),
            ("latency", "Time per call of one event (emulation)", latency_section),
            ("resolution", "Resolution", resolution_section),
            ("trigger", "Trigger efficiency and rate", trigger_section),
            ("formats", "What number formats cost", quantisation_section),
            ("samples", "Samples", samples_section))


def write_html(report, folder):
    """FOLDER/report.html: opens without a network; pictures are inside."""
    parts = [f"<h1>{TITLE}</h1>",
             paragraph("CMS-like simulation, calibrated against public CMS constants; not endorsed by CMS. Times on "
                       "the emulated card are the cost of the emulation, never the latency of a card; cycles are "
                       "exact.", "note"),
             "<ul>" + "".join(f"<li>{html.escape(line)}</li>" for line in findings(report)) + "</ul>",
             "<nav>" + "".join(f'<a href="#{name}">{html.escape(title)}</a>' for name, title, _ in SECTIONS) + "</nav>"]
    for name, title, section in SECTIONS:
        parts += [f'<section id="{name}"><h2>{html.escape(title)}</h2>', *section(report, folder), "</section>"]
    page = ('<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f'<link rel="icon" href="data:,"><title>{TITLE}</title><style>{STYLE}</style></head>'
            f"<body>{''.join(parts)}</body></html>\n")
    (folder / "report.html").write_text(page)
