"""The pictures of the muon studies, each as PNG and SVG. Nothing is computed here but ratios."""
import dataclasses
import pathlib

import matplotlib
import numpy as np

import quantisation

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator  # noqa: E402

BASELINE, NETWORK, CARD = "L1-like", "network", "network on card"
FEWEST_MUONS = 20  # of a bin that is drawn in a turn-on
BASELINE_LARGEST_GEV = 140
COLOR = {BASELINE: "#c0392b", NETWORK: "#1f4e9c", CARD: "#111111", "ideal": "#777777"}
MARKER = {BASELINE: "s", NETWORK: "o"}
PT_TRUE = r"$p_\mathrm{T}^\mathrm{true}$ [GeV]"
RESIDUAL = r"$(p_\mathrm{T}^\mathrm{est} - p_\mathrm{T}^\mathrm{true})\,/\,p_\mathrm{T}^\mathrm{true}$"
STYLE = {"font.size": 12, "axes.labelsize": 13, "xtick.direction": "in", "ytick.direction": "in",
         "xtick.top": True, "ytick.right": True, "xtick.minor.visible": True, "ytick.minor.visible": True,
         "legend.frameon": False, "legend.fontsize": 11, "lines.linewidth": 1.6, "svg.hashsalt": "muon_pt",
         "figure.dpi": 100, "savefig.dpi": 130}
RATIO_PANEL = {"height_ratios": [2.6, 1], "hspace": 0.06}


@dataclasses.dataclass(frozen=True)
class Album:
    """Where pictures go, and the label over each: what the muons are, and what is not claimed."""
    folder: pathlib.Path
    title: str = "CMS-like simulation"
    remark: str = "not endorsed by CMS"

    def label(self, axes, note=""):
        text = axes.text(0, 1.015, self.title, transform=axes.transAxes, fontweight="bold", fontsize=12, ha="left",
                         va="bottom")
        axes.annotate(f"  {self.remark}", xy=(1, 0), xycoords=text, fontsize=9, style="italic", va="bottom")
        axes.text(1, 1.015, note, transform=axes.transAxes, fontsize=10.5, ha="right", va="bottom")

    def save(self, figure, name):
        """Writes NAME.png and NAME.svg; the same figures give the same bytes."""
        figure.savefig(self.folder / f"{name}.png", bbox_inches="tight", metadata={"Software": None})
        figure.savefig(self.folder / f"{name}.svg", bbox_inches="tight", metadata={"Date": None, "Creator": None})
        plt.close(figure)


def edges(histogram):
    return np.linspace(histogram["low"], histogram["high"], len(histogram["counts"]) + 1)


def density_step(axes, histogram, n, **style):
    """Share of the muons per bin with the statistical error as a band."""
    counts = np.asarray(histogram["counts"])
    axes.stairs(counts / n, edges(histogram), linewidth=1.6, **style)
    if "linestyle" not in style:
        low, high = (np.maximum(counts + sign * np.sqrt(counts), 0) / n for sign in (-1, 1))
        axes.stairs(high, edges(histogram), baseline=low, fill=True, alpha=0.3, color=style["color"])


def figures(row):
    return (f"{row['n']:,} muons\nmedian {row['median']:+.4f}, RMS {row['rms']:.4f},\n"
            f"half-width {row['hw68']:.4f} $\\pm$ {row['errors']['hw68']:.4f}")


def draw_residuals(axes, rows):
    peak = 0
    for method, row in rows.items():
        dashes = {"linestyle": (0, (2, 2))} if method == CARD else {}
        density_step(axes, row["histogram"], row["n"], color=COLOR[method],
                     label=f"{method}: {figures(row)}", **dashes)
        peak = max(peak, max(row["histogram"]["counts"]) / row["n"])
    axes.set(xlim=(-1, 2), ylim=(0, 1.18 * peak), xlabel=RESIDUAL)


def pt_range(low, high):
    return f"${low:g} < p_\\mathrm{{T}}^\\mathrm{{true}} < {high:g}$ GeV"


def residuals(rows, low, high, album, name):
    """Figure 2a: distribution of the relative residual."""
    figure, axes = plt.subplots(figsize=(8, 5.6))
    draw_residuals(axes, rows)
    axes.set_ylabel("Share of muons / 0.02")
    axes.legend(loc="upper left", bbox_to_anchor=(0.5, 1), labelspacing=0.8, fontsize=10.5)
    album.label(axes, pt_range(low, high))
    album.save(figure, name)


def ratio_of_outputs(comparison, album, name):
    """Figure 2b: pT on the card over pT on the CPU."""
    figure, axes = plt.subplots(figsize=(8, 5))
    axes.stairs(comparison["histogram"]["counts"], edges(comparison["histogram"]), color=COLOR[NETWORK],
                fill=True, alpha=0.85, linewidth=1.6)
    axes.set(yscale="log", ylim=(0.5, 30 * comparison["n"]), xlim=(0.9, 1.1), ylabel="Muons / 0.001",
             xlabel=r"$p_\mathrm{T}$ on the emulated card / $p_\mathrm{T}$ on the CPU")
    axes.text(0.04, 0.95, f"{comparison['identical']:,} of {comparison['n']:,} outputs bit-identical\n"
                          f"mean {comparison['ratio_mean']:.6f}, std {comparison['ratio_std']:.2g}\n"
                          f"largest |ratio $-$ 1|: {comparison['largest_deviation']:.2g}",
              transform=axes.transAxes, va="top", fontsize=11)
    album.label(axes, f"{comparison['n']:,} muons")
    album.save(figure, name)


def against_pt(slices, album, name):
    """Half-width and median by slices of true pT, and the ratio of the half-widths."""
    methods = [method for method in (BASELINE, NETWORK) if all(method in rows for rows in slices.values())]
    panels = [2, 1.4, 1.2][:1 + len(methods)]  # the ratio needs both
    figure, (width, bias, *ratio) = plt.subplots(len(panels), 1, figsize=(8, 8.4 if len(methods) == 2 else 6.5),
                                                 sharex=True, gridspec_kw={"height_ratios": panels, "hspace": 0.08})
    centre = np.array([(low + high) / 2 for low, high in slices])
    half = np.array([(high - low) / 2 for low, high in slices])
    for method in methods:
        rows = [by_method[method] for by_method in slices.values()]
        style = {"xerr": half, "linestyle": "none", "marker": MARKER[method], "color": COLOR[method],
                 "markersize": 6, "linewidth": 1.3}
        width.errorbar(centre, [row["hw68"] for row in rows], yerr=[row["errors"]["hw68"] for row in rows],
                       label=method, **style)
        width.plot(centre, [row["hw68_aligned"] for row in rows], MARKER[method], color=COLOR[method],
                   markerfacecolor="none", markersize=10, label=f"{method}, median moved to 0")
        bias.errorbar(centre, [row["median"] for row in rows], yerr=[row["errors"]["median"] for row in rows],
                      **style)
    if ratio:
        draw_width_ratio(ratio[0], centre, half, slices)
        ratio[0].set_ylabel(f"{NETWORK} /\n{BASELINE}")
    width.set(ylabel="Half-width of central 68 %", ylim=(0, None))
    width.legend(ncol=2, loc="upper left", fontsize=10)
    width.set_ylim(0, 1.35 * width.get_ylim()[1])
    if BASELINE in methods:
        for axes in (width, bias, *ratio):
            axes.axvline(BASELINE_LARGEST_GEV, color="0.5", linewidth=0.8, linestyle=":")
        width.text(BASELINE_LARGEST_GEV + 2, 0.02, f"{BASELINE} ends at {BASELINE_LARGEST_GEV} GeV:\n"
                   "all above is one value", fontsize=9, color="0.35")
    bias.axhline(0, color="0.6", linewidth=0.8)
    bias.set_ylabel("Median")
    figure.axes[-1].set(xlabel=PT_TRUE, xlim=(0, 200))
    album.label(width, "bars: bootstrap errors")
    album.save(figure, name)


def draw_width_ratio(axes, centre, half, slices):
    for key, face in (("hw68", COLOR[NETWORK]), ("hw68_aligned", "none")):
        value, error = [], []
        for rows in slices.values():
            a, b = rows[NETWORK], rows[BASELINE]
            value.append(a[key] / b[key])
            error.append(value[-1] * np.hypot(a["errors"]["hw68"] / a["hw68"], b["errors"]["hw68"] / b["hw68"]))
        axes.errorbar(centre, value, xerr=half if key == "hw68" else None, yerr=error, linestyle="none",
                      marker="o", color=COLOR[NETWORK], markerfacecolor=face, linewidth=1.3,
                      markersize=6 if key == "hw68" else 10)
    axes.axhline(1, color="0.6", linewidth=0.8)


def plain_log_axis(axes, ticks):
    axes.set_xscale("log")
    axes.set_xticks(ticks)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def draw_turn_on(axes, curve, **style):
    bins = np.asarray(curve["bins_gev"])
    n = np.asarray(curve["muons"], np.float64)
    with np.errstate(invalid="ignore"):
        value = np.where(n >= FEWEST_MUONS, np.asarray(curve["accepted"]) / n, np.nan)
    axes.stairs(value, bins, linewidth=1.6, baseline=None, **style)
    low, high = (np.where(n >= FEWEST_MUONS, np.asarray(curve[key], np.float64), np.nan) for key in ("low", "high"))
    if "linestyle" not in style:
        axes.fill_between(bins, np.append(low, low[-1]), np.append(high, high[-1]), step="post",
                          color=style["color"], alpha=0.3, linewidth=0)


def turn_ons(thresholds, album, name):
    """Efficiency against true pT at each threshold, both on the 90 % scale."""
    figure, grid = plt.subplots(2, 2, figsize=(11, 8), sharex=True, sharey=True,
                                gridspec_kw={"hspace": 0.16, "wspace": 0.04})
    for axes, entry in zip(grid.flat, thresholds):
        for method in (BASELINE, NETWORK):
            if method in entry["aligned"]:
                draw_turn_on(axes, entry["aligned"][method]["turn_on"], color=COLOR[method],
                             label=f"{method}, scale {entry['aligned'][method]['scale']:.3f}")
        axes.axvline(entry["threshold_gev"], color="0.6", linewidth=0.8)
        axes.axhline(0.9, color="0.6", linewidth=0.8, linestyle=":")
        plain_log_axis(axes, [2, 5, 10, 20, 50, 100])
        axes.set(xlim=(2, 120), ylim=(0, 1.08))
        axes.legend(loc="center right" if entry["threshold_gev"] < 15 else "center left",
                    title=f"threshold {entry['threshold_gev']:g} GeV", title_fontproperties={"weight": "bold"})
    for axes in grid[-1]:
        axes.set_xlabel(PT_TRUE)
    for axes in grid[:, 0]:
        axes.set_ylabel("Efficiency")
    album.label(grid[0, 0])
    grid[0, 1].text(1, 1.015, "bands: Clopper-Pearson, 68 %", transform=grid[0, 1].transAxes, ha="right",
                    va="bottom", fontsize=10.5)
    album.save(figure, name)


def low_pt(entry, album, name):
    """The turn-on of one threshold on a logarithmic scale: low-pT muons that pass are the rate."""
    figure, (axes, ratio) = plt.subplots(2, 1, figsize=(8, 6.6), sharex=True, gridspec_kw=RATIO_PANEL)
    for method in (BASELINE, NETWORK):
        if method in entry["aligned"]:
            draw_turn_on(axes, entry["aligned"][method]["turn_on"], color=COLOR[method], label=f"{method}, 90 % scale")
    if NETWORK in entry["unaligned"]:
        draw_turn_on(axes, entry["unaligned"][NETWORK]["turn_on"], color=COLOR[NETWORK], linestyle=":",
                     label=f"{NETWORK}, as assigned")
    draw_efficiency_ratio(ratio, entry["aligned"])
    axes.axvline(entry["threshold_gev"], color="0.6", linewidth=0.8)
    axes.set(yscale="log", ylim=(2e-4, 2.5), xlim=(2, 120), ylabel="Efficiency")
    axes.legend(loc="lower right")
    plain_log_axis(ratio, [2, 5, 10, 20, 50, 100])
    ratio.set(xlabel=PT_TRUE, ylabel=f"{NETWORK} /\n{BASELINE}", ylim=(0, 1.6))
    album.label(axes, f"threshold {entry['threshold_gev']:g} GeV")
    album.save(figure, name)


def draw_efficiency_ratio(axes, aligned):
    """Error: both binomial errors in quadrature, which is too large, since the muons are the same."""
    axes.axhline(1, color="0.6", linewidth=0.8)
    if not (BASELINE in aligned and NETWORK in aligned):
        return
    a, b = (aligned[method]["turn_on"] for method in (NETWORK, BASELINE))
    bins = np.asarray(a["bins_gev"])
    k, m = (np.asarray(curve["accepted"], np.float64) for curve in (a, b))
    used = (k > 5) & (m > 5)
    n = np.asarray(a["muons"])[used]
    error = k[used] / m[used] * np.sqrt((1 - k[used] / n) / k[used] + (1 - m[used] / n) / m[used])
    axes.errorbar(np.sqrt(bins[1:] * bins[:-1])[used], k[used] / m[used], yerr=error, linestyle="none",
                  marker="o", markersize=4, color=COLOR[NETWORK], linewidth=1.2)


def rates(curve, power, range_gev, album, name):
    """Rate against threshold and its ratio; relative, for an assumed spectrum."""
    figure, (axes, ratio) = plt.subplots(2, 1, figsize=(8, 6.8), sharex=True, gridspec_kw=RATIO_PANEL)
    thresholds = np.asarray(curve["thresholds_gev"])

    def draw(values, **style):
        values = np.asarray(values)
        axes.plot(thresholds, values[:, 0], **style)
        axes.fill_between(thresholds, values[:, 0] - values[:, 1], values[:, 0] + values[:, 1],
                          color=style["color"], alpha=0.25, linewidth=0)

    for method in (BASELINE, NETWORK):
        if method in curve["aligned"]:
            draw(curve["aligned"][method], color=COLOR[method], marker=MARKER[method], markersize=4,
                 label=f"{method}, 90 % scale")
    if NETWORK in curve["unaligned"]:
        draw(curve["unaligned"][NETWORK], color=COLOR[NETWORK], linestyle=":", label=f"{NETWORK}, as assigned")
    draw(curve["ideal"], color=COLOR["ideal"], linestyle="--", label=r"true $p_\mathrm{T}$")
    ratio.axhline(1, color="0.6", linewidth=0.8)
    if curve["ratio"]:
        values = np.asarray(curve["ratio"])
        ratio.errorbar(thresholds, values[:, 0], yerr=values[:, 1], color=COLOR[NETWORK], marker="o",
                       markersize=4, linewidth=1.2)
    axes.set(yscale="log", ylabel="Relative rate")
    axes.legend(loc="upper right")
    axes.text(0.03, 0.05, "assumed: $\\mathrm{d}N/\\mathrm{d}p_\\mathrm{T} \\propto p_\\mathrm{T}^{-%g}$, "
              "%g to %g GeV\nrelative: no absolute rate follows" % (power, *range_gev), transform=axes.transAxes,
              fontsize=9.5)
    ratio.set(xlabel="Threshold [GeV]", ylabel=f"{NETWORK} /\n{BASELINE}", ylim=(0.5, 1.3))
    album.label(axes, "bands and bars: statistical, 68 %")
    album.save(figure, name)


QUANTISATION_COLOR = {quantisation.EXACT: "#1f4e9c", quantisation.TRUNCATED: "#d98e04",
                      quantisation.WRAPPED: "#7d3c98", quantisation.DEFAULT: "#c0392b",
                      quantisation.AUTO: "#2e8b57"}


def variant_name(variant):
    return variant.replace("2^-10", "$2^{-10}$")


def quantisation_ratios(study, album, name):
    """pT of each variant over that of the same weights in float."""
    figure, axes = plt.subplots(figsize=(8, 5.6))
    for variant in (quantisation.EXACT, quantisation.TRUNCATED, quantisation.DEFAULT):
        row = study["variants"][variant]
        comparison = row["against_float"]
        dashes = {"linestyle": (0, (2, 1.5))} if variant == quantisation.DEFAULT else {}
        axes.stairs(np.asarray(comparison["histogram"]["counts"]) / comparison["n"], edges(comparison["histogram"]),
                    color=QUANTISATION_COLOR[variant], linewidth=1.6, **dashes,
                    label=f"{variant_name(variant)}: {100 * (comparison['ratio_median'] - 1):+.2f} %, "
                          f"{100 * row['beyond_5_percent']:.2f} %")
    axes.axvline(1, ymax=0.7, color="0.6", linewidth=0.8)
    axes.set(yscale="log", xlim=(0.95, 1.05), ylim=(3e-6, 3e2), ylabel="Share of muons / 0.001",
             xlabel=r"$p_\mathrm{T}$ in the number format / $p_\mathrm{T}$ of the same weights in float")
    axes.legend(loc="upper left", fontsize=10.5, title="median shift, share of muons off by more than 5 %",
                title_fontsize=10.5, alignment="left")
    album.label(axes, f"{study['n']:,} muons")
    album.save(figure, name)


def quantisation_residuals(study, album, name):
    """Residuals in each number format, with the tails that wrapping makes."""
    figure, axes = plt.subplots(figsize=(8, 5.6))
    for variant in (quantisation.EXACT, quantisation.TRUNCATED, quantisation.DEFAULT):
        row = study["variants"][variant]
        outside = row["histogram"]["underflow"] + row["histogram"]["overflow"]
        dashes = {"linestyle": (0, (2, 1.5))} if variant == quantisation.TRUNCATED else {}
        density_step(axes, row["histogram"], row["n"], color=QUANTISATION_COLOR[variant],
                     label=f"{variant_name(variant)}: half-width {row['hw68']:.4f} $\\pm$ {row['errors']['hw68']:.4f}, "
                           f"{100 * outside / row['n']:.2f} % outside", **dashes)
    axes.set(yscale="log", xlim=(-1, 2), ylim=(5e-6, 3), xlabel=RESIDUAL, ylabel="Share of muons / 0.02")
    axes.legend(loc="upper left", fontsize=10)
    album.label(axes, f"{study['n']:,} muons")
    album.save(figure, name)


def quantisation_bias(study, album, name):
    """Where the bias comes from: by true pT, and against the accumulator's fractional bits."""
    figure, (by_pt, scan) = plt.subplots(1, 2, figsize=(12, 5), gridspec_kw={"wspace": 0.24})
    percent = 100 * np.log(2)  # of pT per unit of the output, to first order
    rows = study["shift_by_pt"]
    centre = [sum(row["pt_gev"]) / 2 for row in rows]
    half = [(row["pt_gev"][1] - row["pt_gev"][0]) / 2 for row in rows]
    for variant, marker in ((quantisation.DEFAULT, "s"), (quantisation.TRUNCATED, "o")):
        by_pt.errorbar(centre, [percent * row[variant] for row in rows], xerr=half, linestyle="none", marker=marker,
                       color=QUANTISATION_COLOR[variant], markersize=5, linewidth=1.2, label=variant_name(variant))
    by_pt.plot(centre, [percent * row["predicted"] for row in rows], color="0.3", linewidth=1.2, label="predicted")
    by_pt.axhline(0, color="0.6", linewidth=0.8)
    reach = 1.8 * percent * max(abs(row[quantisation.TRUNCATED]) for row in rows)
    outside = [row for row in rows if percent * abs(row[quantisation.DEFAULT]) > reach]
    if outside:
        by_pt.text(0.97, 0.1, "outside of the picture: " + ", ".join(
            f"{percent * row[quantisation.DEFAULT]:+.0f} % at {row['pt_gev'][0]} to {row['pt_gev'][1]} GeV, wrapped"
            for row in outside), transform=by_pt.transAxes, ha="right", fontsize=10,
            color=QUANTISATION_COLOR[quantisation.DEFAULT])
    by_pt.set(ylim=(-reach, reach), xlim=(0, 200), xlabel=PT_TRUE,
              ylabel=r"Median $p_\mathrm{T}$ shift against exact sums [%]")
    by_pt.legend(fontsize=10)
    album.label(by_pt)
    bits = [row["frac_bits"] for row in study["scan"]]
    scan.plot(bits, [-percent * row["mean_shift"] for row in study["scan"]], "o", markersize=7,
              color=QUANTISATION_COLOR[quantisation.TRUNCATED], label="products cut, no wrap")
    scan.plot(bits, [-percent * row["predicted_mean_shift"] for row in study["scan"]], color="0.3", linewidth=1.2,
              label="predicted")
    scan.axvline(10, color="0.6", linewidth=0.8, linestyle=":")
    scan.text(10.15, 0.9, "ap_fixed<16,6>", transform=scan.get_xaxis_transform(), fontsize=10, color="0.3")
    scan.set(yscale="log", xlabel="Fractional bits of the accumulator", ylabel=r"Mean $p_\mathrm{T}$ lost [%]")
    scan.xaxis.set_minor_locator(NullLocator())
    scan.legend(loc="lower left", fontsize=10)
    scan.text(1, 1.015, f"{study['scan_events']:,} muons", transform=scan.transAxes, ha="right", va="bottom",
              fontsize=10.5)
    album.save(figure, name)


plt.rcParams.update(STYLE)
