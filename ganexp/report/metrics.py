"""Which metrics there are to compare runs by, in which order, and which way is better."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ganexp.spelling import nearest

FLOOR = "/floor"
DEFAULT_COUNT = 4

# In the order in which they are shown; the first that a run has is its main one. True: lower is better. What is not here
# is best at neither end: a discriminator's accuracy, a gradient's norm, a loss.
LOWER_IS_BETTER = {
    "mnist_fid": True,
    "mnist_precision": False,
    "mnist_recall": False,
    "mnist_score": False,
    "curve/distance": True,
    "curve/coverage": False,
    "grid/js": True,
    "modes/covered": False,
    "modes/high_quality": False,
    "sliced_wasserstein": True,
    "modes/kl": True,
    "grid/kl": True,
    "mnist_kid": True,
    "mnist_density": False,
    "mnist_coverage": False,
    "classes/kl": True,
    "classes/entropy": False,
    "classes/confidence": False,
    "leak/accuracy": True,
    "parzen/log_likelihood": False,
}


def lower_is_better(tag: str) -> bool:
    """Whether the best value of the metric `tag` is its lowest; ValueError for one whose best value is at neither end."""
    if tag not in LOWER_IS_BETTER:
        raise ValueError(
            f"{tag}: neither its lowest nor its highest value is the best; metrics with a best end are "
            f"{', '.join(LOWER_IS_BETTER)}{nearest(tag, LOWER_IS_BETTER)}"
        )
    return LOWER_IS_BETTER[tag]


def main_metric(final: Mapping[str, float]) -> str | None:
    """The metric that a run with these final ones is judged by; None where it has none that could be."""
    return next((tag for tag in LOWER_IS_BETTER if tag in final), None)


def default_metrics(tags: Iterable[str]) -> tuple[str, ...]:
    """The first four metrics, in the order of this module, that are among `tags`."""
    known = set(tags)
    return tuple(tag for tag in LOWER_IS_BETTER if tag in known)[:DEFAULT_COUNT]


def headline(tags: Iterable[str], chosen: str | None) -> list[str]:
    """The few metrics that stand for a run: the one `chosen`, and then the default ones that are among `tags`."""
    first = [] if chosen is None else [chosen]
    return list(dict.fromkeys([*first, *default_metrics(tags)]))


def penalty(tag: str) -> float:
    """What a diverged run scores when settings are ranked: the worst value there is."""
    return float("inf") if lower_is_better(tag) else float("-inf")


def way(tag: str) -> str:
    """Which end of a metric is best, in words."""
    if tag not in LOWER_IS_BETTER:
        return "neither end is best"
    return "lower is better" if LOWER_IS_BETTER[tag] else "higher is better"
