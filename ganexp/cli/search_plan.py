"""What a search would be: its spaces, every end of which is composed and built, and its settings of Hydra's sweeper."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from ganexp.cli import sweep_plan
from ganexp.cli.sweep_end import metric_of
from ganexp.component import SettingError
from ganexp.config.build import load
from ganexp.config.compose import option
from ganexp.config.grid import own, unfixed
from ganexp.config.search import RESOLVED, SWEEPER, Sweeper, ends
from ganexp.config.usage_errors import UsageError
from ganexp.job import Job
from ganexp.observe.metric import ranking
from ganexp.ranking import Ranking


@dataclasses.dataclass(frozen=True)
class Search:
    """What is to be searched: `words` for Hydra, the text of each space by its setting, and a job at each of their ends."""

    words: list[str]
    spaces: dict[str, str]
    jobs: list[Job]
    trials: int
    batch: int
    sampler: str
    metric: str

    @property
    def ranking(self) -> Ranking:
        """Which way the metrics of its runs are better."""
        return ranking(self.jobs[0].metric.values())

    @property
    def direction(self) -> str:
        """Which end of the metric Optuna looks for."""
        return "minimize" if self.ranking.lower_is_better(self.metric) else "maximize"


def planned(words: Sequence[str], launcher: str) -> Search:
    """The search that was typed, with every end of every space composed and built; raises UsageError and SettingError."""
    name = option(words, "hydra/sweeper", SWEEPER)
    if name in sweep_plan.GRIDS:
        raise UsageError(f"hydra/sweeper={name}: makes every combination; leave it out to search")
    sweep_plan.refuse_absent("hydra/sweeper", name)
    sweep_plan.refuse_absent("hydra/sweeper/sampler", option(words, "hydra/sweeper/sampler", "tpe"))
    if name != SWEEPER:
        raise UsageError(f"hydra/sweeper={name}: searches go through hydra/sweeper={SWEEPER} here")
    sweeper = Sweeper(own(words))
    jobs = _ends(sweeper.spaces, [*sweeper.constants, *(word for word in words if not own([word]))], launcher)
    launching = [word for word in words if word.startswith(("hydra/launcher=", "hydra.launcher."))]
    typed = [*sweeper.constants, f"hydra/sweeper={RESOLVED}", *launching]
    search = Search(typed, sweeper.spaces, jobs, sweeper.trials, sweeper.batch, sweeper.sampler, metric_of(jobs[0]))
    why = (
        f"{search.metric} is what runs are compared by, and there {search.ranking.way(search.metric)}; "
        "leave it out, or choose another with sweep.metric=NAME"
    )
    sweeper.store(search.direction, why)
    return search


def _ends(spaces: dict[str, str], constants: Sequence[str], launcher: str) -> list[Job]:
    """The jobs at the ends, or choices, of each space, with the others at their first; raises UsageError and SettingError."""
    values = {key: ends(key, text) for key, text in spaces.items()}
    first = {key: found[0] for key, found in values.items()}
    jobs = [_job(" ".join(f"{key}={text}" for key, text in first.items()), first, constants)]
    for key, found in values.items():
        jobs += [_job(f"{key}={spaces[key]}: at {value}", {**first, key: value}, constants) for value in found[1:]]
    for job in jobs:
        sweep_plan.refuse(job, launcher)
    return jobs


def _job(where: str, values: dict[str, str], constants: Sequence[str]) -> Job:
    words = [*(f"{key}={value}" for key, value in values.items()), *constants]
    try:
        config, job = load(words)
        if open_ := unfixed(config, words):
            raise UsageError(
                f"the recipe sweeps over {', '.join(open_)}; a search draws from spaces: give it one of these"
            )
        return job
    except (UsageError, SettingError) as error:
        said = str(error)
        raise UsageError(said if said.startswith(where) else f"{where}: {said}") from None
