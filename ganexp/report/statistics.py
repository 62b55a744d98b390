"""The few statistics of a report: medians over seeds, bootstrap intervals, the best of some settings, and what matters."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

# The range of n values covers their median with probability 1 - 2^(1 - n): below six, no interval can with 95 %.
LEAST_SEEDS = 6
RESAMPLES = 10_000
LEVEL = 95

Values = Float[np.ndarray, " n"]


class Spread(NamedTuple):
    """The median and the quartiles of `n` values."""

    n: int
    median: float
    low: float
    high: float


class Interval(NamedTuple):
    """A difference of two medians with its 95 % percentile interval."""

    difference: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread | None:
    """Median and quartiles, with linear interpolation; None for no values."""
    if not values:
        return None
    low, median, high = quartiles(np.asarray(values, float))
    return Spread(len(values), median, low, high)


def quartiles(values: Values) -> tuple[float, float, float]:
    """Lower quartile, median and upper quartile, interpolated; infinite values count as such, NaN as the highest."""
    ordered = np.sort(values)
    places = np.array([0.25, 0.5, 0.75]) * (len(values) - 1)
    below, above = ordered[np.floor(places).astype(int)], ordered[np.ceil(places).astype(int)]
    share = places % 1
    with np.errstate(invalid="ignore"):
        between = below + np.where(share > 0, above - below, 0) * share
    low, median, high = (float(value) for value in np.where(below == above, below, between))
    return low, median, high


def resampled_medians(values: Values, stream: int) -> Float[np.ndarray, " resamples"]:
    """Medians of 10,000 resamples with replacement (Efron 1979); `stream` names the random numbers."""
    random = np.random.default_rng([0, stream])
    return np.median(values[random.integers(len(values), size=(RESAMPLES, len(values)))], axis=1)


def difference(
    first: Float[np.ndarray, " first"],
    second: Float[np.ndarray, " second"],
    first_medians: Float[np.ndarray, " resamples"],
    second_medians: Float[np.ndarray, " resamples"],
) -> Interval:
    """median(first) - median(second), with the 95 % percentile interval of that of their resampled medians."""
    ends = (100 - LEVEL) / 2, (100 + LEVEL) / 2
    low, high = np.percentile(first_medians - second_medians, ends)
    return Interval(float(np.median(first) - np.median(second)), float(low), float(high))


def best_of(values: Values, lower_is_better: bool) -> Float[np.ndarray, "n 3"]:
    """Mean and quartiles of the best of k = 1..n of n values drawn without replacement (Lucic et al. 2018, Dodge et al. 2019).

    P(the best is the i-th best) = C(n - i, k - 1) / C(n, k); columns: mean, lower and upper quartile.
    """
    n = len(values)
    ordered = np.sort(values) if lower_is_better else np.sort(values)[::-1]
    result = np.empty((n, 3))
    for k in range(1, n + 1):
        # That none of the i best is among the k, for i = 1..n.
        none = np.cumprod(np.maximum(n - k - np.arange(n), 0) / (n - np.arange(n)))
        chance = -np.diff(none, prepend=1.0)
        reached = np.cumsum(chance)
        quarters = ordered[[int(np.searchsorted(reached, share - 1e-12)) for share in (0.25, 0.75)]]
        result[k - 1] = chance @ ordered, quarters.min(), quarters.max()
    return result


def ranks(values: Values) -> Values:
    """1 for the lowest value; equal ones share the mean of their ranks, and NaN comes last."""
    _, index, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - (counts - 1) / 2)[index]


def explained(values: Values, groups: Sequence[Hashable]) -> float:
    """The share of the ranks' variance that lies between groups, adjusted for their number: 1 - (1 - eta^2)(n - 1)/(n - groups)."""
    ranked = ranks(values)
    members: dict[Hashable, list[float]] = {}
    for group, rank in zip(groups, ranked, strict=True):
        members.setdefault(group, []).append(rank)
    if len(members) <= 1:
        return 0.0
    total = float(((ranked - ranked.mean()) ** 2).sum())
    if total == 0 or len(members) == len(ranked):
        return 0.0
    within = sum(float(((np.array(some) - np.mean(some)) ** 2).sum()) for some in members.values())
    return max(0.0, 1 - within / total * (len(ranked) - 1) / (len(ranked) - len(members)))
