"""What a pT threshold does: efficiency, rate and low-pT muons that pass. pT in GeV.

Algorithms are compared on the scale on which 90 % of the muons with a true pT at the threshold pass it.
The L1-like look-up is on that scale by construction, in steps of 0.5 GeV: its factor is 1.
"""
import numpy as np
from scipy import special

import metrics

THRESHOLDS_GEV = (10.0, 20.0, 22.0, 25.0)
TURN_ON_BINS_GEV = np.geomspace(2, 120, 46)
LEVEL = 0.6827  # of the binomial intervals
RATE_POWER = 5.0
RATE_RANGE_GEV = (2.0, 120.0)
RATE_SPECTRUM = (f"relative, for dN/dpT ~ pT^-{RATE_POWER:g} between {RATE_RANGE_GEV[0]:g} and "
                 f"{RATE_RANGE_GEV[1]:g} GeV; assumed, no absolute rate follows")


def clopper_pearson(k, n, level=LEVEL):
    """Limits of the efficiency of k of n, exact; NaN where n = 0."""
    k, n = np.broadcast_arrays(np.asarray(k, np.float64), np.asarray(n, np.float64))
    tail = (1 - level) / 2
    with np.errstate(invalid="ignore"):
        low = np.where(k > 0, special.betaincinv(np.maximum(k, 1), n - k + 1, tail), 0.0)
        high = np.where(k < n, special.betaincinv(k + 1, np.maximum(n - k, 1), 1 - tail), 1.0)
    return np.where(n > 0, low, np.nan), np.where(n > 0, high, np.nan)


def scale_at_90(pt_est, pt_true, threshold_gev):
    """Factor that lets 90 % of the muons within 3 % of the threshold pass it."""
    chosen = near(pt_true, threshold_gev)
    if not chosen.any():
        raise ValueError(f"no muon has a true pT within 3 % of {threshold_gev:g} GeV")
    return threshold_gev / float(np.quantile(pt_est[chosen], 0.10))


def near(pt_true, threshold_gev):
    return np.abs(pt_true / threshold_gev - 1.0) < 0.03


def scales(estimates, pt_true, threshold_gev, on_scale):
    """scale_at_90 by name; 1 for the names in `on_scale`."""
    return {name: 1.0 if name in on_scale else scale_at_90(pt_est, pt_true, threshold_gev)
            for name, pt_est in estimates.items()}


def turn_on(accepted, pt_true, bins=TURN_ON_BINS_GEV):
    """Accepted and all muons by true pT, with the efficiency's limits; every muon counts once, since the
    efficiency is conditional on the true pT."""
    n, _ = np.histogram(pt_true, bins)
    k, _ = np.histogram(pt_true[accepted], bins)
    low, high = clopper_pearson(k, n)
    return {"bins_gev": bins, "accepted": k, "muons": n, "low": low, "high": high}


def crossing(curve, efficiency):
    """True pT where the turn-on first reaches `efficiency`: between the (geometric) centres of two bins,
    linearly in log(pT). None where it does not."""
    bins = curve["bins_gev"]
    used = curve["muons"] > 0
    centre = np.log(np.sqrt(bins[1:] * bins[:-1]))[used]
    value = curve["accepted"][used] / curve["muons"][used]
    above = np.flatnonzero(value >= efficiency)
    if not above.size or above[0] == 0:
        return None
    k = above[0]
    part = (efficiency - value[k - 1]) / (value[k] - value[k - 1])
    return float(np.exp(centre[k - 1] + part * (centre[k] - centre[k - 1])))


def fraction(accepted, chosen):
    """{k, n, value, low, high} of the chosen muons."""
    k, n = int(np.count_nonzero(accepted & chosen)), int(np.count_nonzero(chosen))
    low, high = clopper_pearson(k, n)
    return {"k": k, "n": n, "value": k / n if n else None, "low": float(low), "high": float(high)}


def rate_weights(pt_true, density_power):
    """Weights that turn muons generated as dN/dpT ~ pT^-density_power into the assumed spectrum."""
    pt_true = np.asarray(pt_true, np.float64)
    inside = (pt_true >= RATE_RANGE_GEV[0]) & (pt_true <= RATE_RANGE_GEV[1])
    return np.where(inside, pt_true ** (density_power - RATE_POWER), 0.0)


def relative_rate(accepted, weight):
    """Accepted share of the weights, and its error."""
    total = weight.sum()
    return (float(weight[accepted].sum() / total),
            float(np.sqrt((weight[accepted] ** 2).sum()) / total))


class PairedRates:
    """Bootstrap of the ratio of two rates on the same muons.

    A replica draws muons with replacement. Muons of one cell of 1 % in pT count with their mean weight,
    which they differ from by at most 2.5 %, so that a replica is a multinomial draw of the four outcomes
    (passes one, the other, both, none) by cell."""
    CELL = 0.01

    def __init__(self, pt_true, weight):
        logarithm = np.log(pt_true)
        self.cell = ((logarithm - logarithm.min()) / self.CELL).astype(np.int64)
        self.cells = int(self.cell.max()) + 1
        sums = np.bincount(self.cell, weight, self.cells)
        self.weight = sums / np.maximum(np.bincount(self.cell, minlength=self.cells), 1)

    def ratio_error(self, numerator, denominator, replicas=metrics.BOOTSTRAP_REPLICAS,
                    seed=metrics.ERROR_SEED):
        outcome = self.cell * 4 + 2 * numerator + denominator
        counts = np.bincount(outcome, minlength=4 * self.cells)
        used = np.flatnonzero(counts)
        drawn = np.random.default_rng(seed).multinomial(len(outcome), counts[used] / len(outcome),
                                                        size=replicas)
        weighted = drawn * self.weight[used // 4]
        passes_numerator, passes_denominator = used % 4 >= 2, used % 2 == 1
        ratio = weighted[:, passes_numerator].sum(axis=1) / weighted[:, passes_denominator].sum(axis=1)
        return float(np.std(ratio, ddof=1))


def study_threshold(estimates, pt_true, threshold_gev, density_power, baseline, challenger):
    """Everything about one threshold, on the aligned scale and as the estimates come."""
    weight = rate_weights(pt_true, density_power)
    pairs = PairedRates(pt_true, weight)
    result = {"threshold_gev": threshold_gev, "ideal_rate": relative_rate(pt_true >= threshold_gev, weight)}
    for kind in ("aligned", "unaligned"):
        factors = scales(estimates, pt_true, threshold_gev,
                         {baseline} if kind == "aligned" else set(estimates))
        passed = {name: factors[name] * pt_est >= threshold_gev for name, pt_est in estimates.items()}
        result[kind] = {name: {"scale": factors[name], **describe(accepted, pt_true, threshold_gev, weight)}
                        for name, accepted in passed.items()}
        if baseline in estimates and challenger in estimates:
            rates = [result[kind][name]["rate"][0] for name in (challenger, baseline)]
            result[kind]["rate_reduction"] = {
                "value": 1 - rates[0] / rates[1],
                "error": pairs.ratio_error(passed[challenger], passed[baseline])}
    return result


def describe(accepted, pt_true, threshold_gev, weight):
    curve = turn_on(accepted, pt_true)
    at_20, at_80 = crossing(curve, 0.2), crossing(curve, 0.8)
    return {"rate": relative_rate(accepted, weight),
            "at_threshold": fraction(accepted, near(pt_true, threshold_gev)),
            "plateau": fraction(accepted, pt_true > 1.5 * threshold_gev),
            "misassigned": fraction(accepted, (pt_true > 3) & (pt_true < threshold_gev / 2)),
            "misassigned_5_15": fraction(accepted, (pt_true > 5) & (pt_true < 15)),
            "width_gev": at_80 - at_20 if at_20 and at_80 else None,
            "turn_on": {key: np.asarray(value).tolist() for key, value in curve.items()}}


def rate_curve(estimates, pt_true, density_power, thresholds_gev, baseline, challenger):
    """Rate against threshold: aligned and unaligned of every estimate, and of the true pT; and the ratio
    of the two aligned rates with its error."""
    weight = rate_weights(pt_true, density_power)
    pairs = PairedRates(pt_true, weight)
    curves = {"thresholds_gev": list(thresholds_gev), "ideal": [], "ratio": [],
              "aligned": {name: [] for name in estimates}, "unaligned": {name: [] for name in estimates}}
    for threshold in thresholds_gev:
        factors = scales(estimates, pt_true, threshold, {baseline})
        passed = {name: factors[name] * pt_est >= threshold for name, pt_est in estimates.items()}
        curves["ideal"].append(relative_rate(pt_true >= threshold, weight))
        for name, pt_est in estimates.items():
            curves["aligned"][name].append(relative_rate(passed[name], weight))
            curves["unaligned"][name].append(relative_rate(pt_est >= threshold, weight))
        if baseline in estimates and challenger in estimates:
            curves["ratio"].append(
                (curves["aligned"][challenger][-1][0] / curves["aligned"][baseline][-1][0],
                 pairs.ratio_error(passed[challenger], passed[baseline])))
    return curves
