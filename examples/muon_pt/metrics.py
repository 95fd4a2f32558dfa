"""Figures of merit of a pT assignment. r = (pT_est - pT_true) / pT_true; pT in GeV."""
import numpy as np

OUTLIER = 2.0  # |r| from which a muon is an outlier
PT_MIN_GEV, PT_MAX_GEV = 0.5, 400.0
RESIDUAL_BINS = np.linspace(-1, 2, 151)
BOOTSTRAP_REPLICAS = 200
ERROR_SEED = 1


def pt_from_output(y):
    """pT of the network's output y = log2(pT / 1 GeV) - 5, kept within 0.5 to 400 GeV."""
    return np.clip(np.exp2(np.asarray(y, np.float64) + 5.0), PT_MIN_GEV, PT_MAX_GEV)


def output_from_pt(pt):
    return np.log2(np.asarray(pt, np.float64)) - 5.0


def residual(pt_est, pt_true):
    pt_true = np.asarray(pt_true, np.float64)
    return (np.asarray(pt_est, np.float64) - pt_true) / pt_true


def inverse_residual(pt_est, pt_true):
    """(1/pT_est - 1/pT_true) pT_true, closer to a normal distribution: curvature is what is measured."""
    return np.asarray(pt_true, np.float64) / np.asarray(pt_est, np.float64) - 1.0


def hw68(values):
    """Half of the central 68 % interval; order statistics with linear interpolation."""
    low, high = np.quantile(values, [0.16, 0.84])
    return float(high - low) / 2


def rms(values):
    """Standard deviation about the mean, over all values."""
    return float(np.std(values))


def core(r):
    return r[np.abs(r) < OUTLIER]


def histogram(values, bins):
    counts, _ = np.histogram(values, bins)
    return {"low": float(bins[0]), "high": float(bins[-1]), "counts": counts.tolist(),
            "underflow": int((values < bins[0]).sum()), "overflow": int((values > bins[-1]).sum())}


def fwhm(counts, bin_width):
    """Right edge of the last less left edge of the first bin that holds at least half of the maximum.

    Fragile, since one bin's fluctuation moves an edge: to be read, never to be cut on."""
    counts = np.asarray(counts)
    high = np.flatnonzero(2 * counts >= counts.max())
    return float((high[-1] - high[0] + 1) * bin_width) if counts.max() > 0 else float("nan")


def residual_fwhm(r):
    return fwhm(np.histogram(r, RESIDUAL_BINS)[0], RESIDUAL_BINS[1] - RESIDUAL_BINS[0])


def summary(r):
    """Counts, median, widths and outliers of residuals; those that are not finite are only counted.

    `mean` and `rms` are over |r| < 2, the others over all finite residuals. `hw68_aligned` is the
    half-width after the scale that brings the median to 0: residuals of another scale are wider by it."""
    r = np.asarray(r, np.float64)
    finite = r[np.isfinite(r)]
    result = {"n": int(r.size), "n_nonfinite": int(r.size - finite.size)}
    if finite.size:
        median, half_width = float(np.median(finite)), hw68(finite)
        result.update(median=median, mean=float(core(finite).mean()) if core(finite).size else None,
                      rms=rms(core(finite)) if core(finite).size else None, rms_all=rms(finite),
                      hw68=half_width, hw68_aligned=half_width / (1 + median) if median > -1 else None,
                      fwhm=residual_fwhm(finite),
                      outlier_fraction=float(np.mean(np.abs(finite) >= OUTLIER)))
    return result


class Resampled:
    """Bootstrap replicas of a sample, each residual rounded to a cell of 0.001.

    Drawing n rounded residuals with replacement is one multinomial draw of their counts, so that the cost
    does not grow with n. Within a cell the distribution is taken as uniform. A width of 0.1 differs from
    the unrounded one by 1e-5 of itself, far below the 5 % to which 200 replicas know an error."""
    CELL = 0.001
    CELLS_PER_BIN = 20  # of the histogram of width 0.02

    def __init__(self, r, replicas, seed):
        r = np.asarray(r, np.float64)
        rounded = np.floor((r[np.isfinite(r)] + 1.0) / self.CELL).astype(np.int64)
        lowest = rounded.min()
        counts = np.bincount(rounded - lowest)
        cells = np.flatnonzero(counts) + lowest
        counts = counts[counts > 0]
        self.left = cells * self.CELL - 1.0
        n = len(rounded)
        self.counts = np.random.default_rng(seed).multinomial(n, counts / n, size=replicas)
        self.cumulative = np.cumsum(self.counts, axis=1)
        self.bins = cells // self.CELLS_PER_BIN

    def quantile(self, q):
        target = q * self.cumulative[0, -1]
        cell = np.array([np.searchsorted(row, target) for row in self.cumulative])
        rows = np.arange(len(self.counts))
        inside = self.counts[rows, cell]
        before = self.cumulative[rows, cell] - inside
        return self.left[cell] + self.CELL * (target - before) / inside

    def rms(self, most=np.inf):
        centre = self.left + self.CELL / 2
        used = np.abs(centre) < most
        weight, value = self.counts[:, used], centre[used]
        n = weight.sum(axis=1)
        mean = weight @ value / n
        return np.sqrt(np.maximum(weight @ value**2 / n - mean**2, 0))

    def fwhm(self):
        count = len(RESIDUAL_BINS) - 1
        inside = (self.bins >= 0) & (self.bins < count)
        first = np.flatnonzero(np.diff(self.bins[inside], prepend=-1))  # of each bin; cells are in order
        table = np.zeros((len(self.counts), count), np.int64)
        table[:, self.bins[inside][first]] = np.add.reduceat(self.counts[:, inside], first, axis=1)
        return np.array([fwhm(row, RESIDUAL_BINS[1] - RESIDUAL_BINS[0]) for row in table])


def bootstrap_errors(r, replicas=BOOTSTRAP_REPLICAS, seed=ERROR_SEED):
    """Standard errors by resampling: RMS / sqrt(2n) is wrong for a distribution with tails."""
    r = np.asarray(r, np.float64)
    if not np.isfinite(r).any():
        return {}
    sample = Resampled(r, replicas, seed)
    values = {"median": sample.quantile(0.5), "hw68": (sample.quantile(0.84) - sample.quantile(0.16)) / 2,
              "rms": sample.rms(OUTLIER), "rms_all": sample.rms(), "fwhm": sample.fwhm()}
    return {name: float(np.std(v, ddof=1)) for name, v in values.items()}


RATIO_BINS = np.linspace(0.9, 1.1, 201)


def compare_outputs(output, reference):
    """How the pT of one set of network outputs departs from that of another, muon by muon."""
    ratio = pt_from_output(output) / pt_from_output(reference)
    identical = np.asarray(output) == np.asarray(reference)
    return {"n": int(ratio.size), "identical": int(identical.sum()),
            "identical_fraction": float(np.mean(identical)), "ratio_mean": float(ratio.mean()),
            "ratio_median": float(np.median(ratio)), "ratio_std": rms(ratio), "ratio_hw68": hw68(ratio),
            "largest_deviation": float(np.abs(ratio - 1).max()), "histogram": histogram(ratio, RATIO_BINS)}
