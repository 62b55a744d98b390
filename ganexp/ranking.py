"""Which way the metrics of runs are better, and which of them stand for a run. No JAX: reports read it from run folders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ganexp.spelling import did_you_mean

LOWER, HIGHER, NEITHER = "lower", "higher", "neither"
WAYS = (LOWER, HIGHER, NEITHER)
FLOOR = "/floor"
HEADLINES = 4


class Ranking:
    """The metrics that have a best end, by tag, the most telling first: the first that a run has is its main one."""

    def __init__(self, better: Mapping[str, str]):
        """`better` says for each tag whether it is best at its `lower` or its `higher` end, or at `neither`."""
        self._lower = {tag: way == LOWER for tag, way in better.items() if way != NEITHER}

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags that runs can be compared by."""
        return tuple(self._lower)

    def __contains__(self, tag: object) -> bool:
        return tag in self._lower

    def lower_is_better(self, tag: str) -> bool:
        """Whether the best value of a metric is its lowest; ValueError for one whose best value is at neither end."""
        if tag not in self._lower:
            raise ValueError(
                f"{tag}: neither its lowest nor its highest value is the best; metrics with a best end are "
                f"{', '.join(self._lower)}{did_you_mean(tag, self._lower)}"
            )
        return self._lower[tag]

    def main(self, tags: Iterable[str]) -> str | None:
        """The metric that a run with these tags is judged by; None where it has none that could be."""
        return next(iter(self._among(tags)), None)

    def headline(self, tags: Iterable[str], chosen: str | None = None) -> tuple[str, ...]:
        """The few metrics that stand for a run: the one `chosen`, and then the first four that are among `tags`."""
        first = [] if chosen is None else [chosen]
        return tuple(dict.fromkeys([*first, *self._among(tags)[:HEADLINES]]))

    def worst(self, tag: str) -> float:
        """What a diverged run scores when settings are ranked: the worst value there is."""
        return float("inf") if self.lower_is_better(tag) else float("-inf")

    def way(self, tag: str) -> str:
        """Which end of a metric is best, in words."""
        if tag not in self._lower:
            return "neither end is best"
        return "lower is better" if self._lower[tag] else "higher is better"

    def _among(self, tags: Iterable[str]) -> list[str]:
        known = set(tags)
        return [tag for tag in self._lower if tag in known]
