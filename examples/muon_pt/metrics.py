"""Figures of merit of a pT assignment. r = (pT_est - pT_true) / pT_true; pT in GeV."""
import numpy as np

OUTLIER = 2.0  # |r| from which a muon is an outlier
PT_MIN_GEV, PT_MAX_GEV = 0.5, 400.0


def pt_from_output(y):
    """pT of the network's output y = log2(pT / 1 GeV) - 5, kept within 0.5 to 400 GeV."""
    return np.clip(np.exp2(np.asarray(y, np.float64) + 5.0), PT_MIN_GEV, PT_MAX_GEV)


def output_from_pt(pt):
    return np.log2(np.asarray(pt, np.float64)) - 5.0


def residual(pt_est, pt_true):
    pt_true = np.asarray(pt_true, np.float64)
    return (np.asarray(pt_est, np.float64) - pt_true) / pt_true


def hw68(values):
    """Half of the central 68 % interval; order statistics with linear interpolation."""
    low, high = np.quantile(values, [0.16, 0.84])
    return float(high - low) / 2


def rms(values):
    """Standard deviation about the mean, over all values."""
    return float(np.std(values))


def core(r):
    return r[np.abs(r) < OUTLIER]


def summary(r):
    """Counts, median, widths and outliers of residuals; those that are not finite are only counted.

    `mean` and `rms` are over |r| < 2, the others over all finite residuals."""
    r = np.asarray(r, np.float64)
    finite = r[np.isfinite(r)]
    result = {"n": int(r.size), "n_nonfinite": int(r.size - finite.size)}
    if finite.size:
        result.update(median=float(np.median(finite)), mean=float(core(finite).mean()),
                      rms=rms(core(finite)), rms_all=rms(finite), hw68=hw68(finite),
                      outlier_fraction=float(np.mean(np.abs(finite) >= OUTLIER)))
    return result


BOOTSTRAP_REPLICAS = 200
_RESAMPLED = {"median": np.median, "hw68": hw68, "rms": lambda r: rms(core(r)),
              "rms_all": rms}


def bootstrap_errors(r, replicas=BOOTSTRAP_REPLICAS, seed=1):
    """Standard errors by resampling: RMS / sqrt(2n) is wrong for a distribution with tails."""
    r = np.asarray(r, np.float64)
    r = r[np.isfinite(r)]
    if r.size == 0:
        return {}
    rng = np.random.default_rng(seed)
    values = {name: [] for name in _RESAMPLED}
    for _ in range(replicas):
        drawn = r[rng.integers(0, r.size, r.size)]
        for name, function in _RESAMPLED.items():
            values[name].append(function(drawn))
    return {name: float(np.std(v, ddof=1)) for name, v in values.items()}


def scale_at_90(pt_est, pt_true, threshold_gev):
    """Factor that lets 90 % of the muons within 3 % of the threshold pass it."""
    near = np.abs(pt_true / threshold_gev - 1.0) < 0.03
    return threshold_gev / float(np.quantile(pt_est[near], 0.10))


def relative_rate(accepted, pt_true):
    """Accepted fraction of a pT^-5 spectrum and its error, from muons generated flat in log(pT)."""
    weight = np.asarray(pt_true, np.float64) ** -4.0
    total = weight.sum()
    return (float(weight[accepted].sum() / total),
            float(np.sqrt((weight[accepted] ** 2).sum()) / total))
