"""What a search would be: its spaces, every end of which is composed and built, and its settings of Hydra's sweeper."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, IntervalSweep, Override, QuotedString, RangeSweep, Transformer
from hydra.errors import OverrideParseException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from ganexp.cli import sweep_plan
from ganexp.cli.sweep_end import metric_of
from ganexp.component import SettingError
from ganexp.config.build import load
from ganexp.config.compose import ROOT, check, option, parsed
from ganexp.config.grid import unfixed
from ganexp.config.mistakes import ERRORS, Mistake, explain, keys, parse
from ganexp.job import Job
from ganexp.report.metrics import lower_is_better, way

SWEEPER = "optuna"
RESOLVED = "search"  # The name of this search's own sweeper among Hydra's.
CODE = ("search_space", "custom_search_space")
EXAMPLE = "'optimizer.learning_rate=tag(log,interval(1e-5,1e-2))'"


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
    def direction(self) -> str:
        """Which end of the metric Optuna looks for."""
        return "minimize" if lower_is_better(self.metric) else "maximize"


def planned(words: Sequence[str], launcher: str) -> Search:
    """The search that was typed, with every end of every space composed and built; raises Mistake and SettingError."""
    name = option(words, "hydra/sweeper", SWEEPER)
    if name in sweep_plan.GRIDS:
        raise Mistake(f"hydra/sweeper={name}: makes every combination; leave it out to search")
    sweep_plan.refuse_absent("hydra/sweeper", name)
    sweep_plan.refuse_absent("hydra/sweeper/sampler", option(words, "hydra/sweeper/sampler", "tpe"))
    if name != SWEEPER:
        raise Mistake(f"hydra/sweeper={name}: searches go through hydra/sweeper={SWEEPER} here")
    typed = parse([word for word in words if sweep_plan.own([word])], OverridesParser.create(), sweeps=True)
    check([override for override in typed if not override.is_sweep_override()])
    node = _sweeper(typed)
    spaces, constants = _spaces(typed, node)
    jobs = _ends(spaces, [*constants, *(word for word in words if not sweep_plan.own([word]))], launcher)
    search = Search(
        words=[*constants, f"hydra/sweeper={RESOLVED}", *(word for word in words if word.startswith("hydra/launcher="))]
        + [word for word in words if word.startswith("hydra.launcher.")],
        spaces=spaces,
        jobs=jobs,
        trials=node.n_trials,
        batch=min(node.n_jobs, node.n_trials),
        sampler=str(node.sampler._target_).rpartition(".")[2],
        metric=metric_of(jobs[0]),
    )
    _direct(search, node, typed)
    node.params = spaces
    ConfigStore.instance().store(group="hydra/sweeper", name=RESOLVED, node=OmegaConf.to_container(node))
    return search


def _sweeper(typed: Sequence[Override]) -> DictConfig:
    """Hydra's settings of the sweeper, those of `search=NAME` and what was typed of them put in; with a seed."""
    words = [str(override.input_line) for override in typed if _of_search(override)]
    for override in typed:
        text, key = override.input_line, override.get_key_element().lstrip("+~")
        if _of_search(override) and override.is_sweep_override():
            raise Mistake(f"{text}: a search has one value of it; type a command for each search")
        if key.startswith("hydra.sweeper.params"):
            raise Mistake(f"{text}: type a space as the setting itself, as in {EXAMPLE}")
        if key.removeprefix("hydra.sweeper.") in CODE:
            raise Mistake(f"{text}: cannot be checked before it runs; type spaces as settings, as in {EXAMPLE}")
    chosen = [word for word in words if not word.startswith("hydra.sweeper.")]
    try:
        node = _composed(words)
    except ERRORS as error:
        raise explain(error, [f"hydra.sweeper.{key}" for key in keys(_composed(chosen))]) from None
    for name in ("n_trials", "n_jobs"):
        if node[name] < 1:
            raise Mistake(f"hydra.sweeper.{name}: {node[name]} is out of range; it must be at least 1")
    if node.storage is not None:
        raise Mistake(
            f"hydra.sweeper.storage={node.storage}: the folder of a search holds what it goes on from; leave it out"
        )
    if node.sampler._target_.endswith("GridSampler"):
        raise Mistake("hydra/sweeper/sampler=grid: every combination is what -m runs; leave out hydra/sweeper=optuna")
    if "seed" in node.sampler and node.sampler.seed is None:
        # A search that cannot be repeated cannot be gone on with.
        node.sampler.seed = 0
    return node


def _composed(words: Sequence[str]) -> DictConfig:
    words = [*(word for word in words if not word.startswith("hydra/sweeper=")), f"hydra/sweeper={SWEEPER}"]
    config = sweep_plan.hydra().compose_config(ROOT, words, run_mode=RunMode.MULTIRUN, with_log_configuration=False)
    node: DictConfig = config.hydra.sweeper
    return node


def _of_search(override: Override) -> bool:
    key = override.get_key_element().lstrip("+~")
    return key == "search" or key.startswith(("hydra.sweeper.", "hydra/sweeper"))


def _spaces(typed: Sequence[Override], node: DictConfig) -> tuple[dict[str, str], list[str]]:
    """The text of each space by its setting, and what is typed once for all runs; raises Mistake."""
    spaces = {str(key): str(text) for key, text in (node.params or {}).items()}
    constants = []
    for override in typed:
        key, text = override.get_key_element().lstrip("+"), str(override.input_line)
        if _of_search(override) or override.is_hydra_override():
            continue
        if not override.is_sweep_override():
            # What is fixed is not searched.
            spaces.pop(key, None)
            constants.append(text)
        elif key in spaces:
            raise Mistake(f"{key} is given twice, as {key}={spaces[key]} by the search and as {text}; leave out one")
        else:
            spaces[key] = text.partition("=")[2]
    if not spaces:
        raise Mistake(f"hydra/sweeper={SWEEPER}: nothing has a space to be searched; give one, as in {EXAMPLE}")
    return spaces, constants


def _ends(spaces: dict[str, str], constants: Sequence[str], launcher: str) -> list[Job]:
    """The jobs at the ends, or choices, of each space, with the others at their first; raises Mistake and SettingError."""
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
            raise Mistake(
                f"the recipe sweeps over {', '.join(open_)}; a search draws from spaces: give it one of these"
            )
        return job
    except (Mistake, SettingError) as error:
        said = str(error)
        raise Mistake(said if said.startswith(where) else f"{where}: {said}") from None


def ends(key: str, text: str) -> list[str]:
    """Both ends of a space, or all of its choices, as they are typed; raises Mistake for one that cannot be drawn from."""
    word = f"{key}={text}"
    try:
        override = parsed(word)
    except OverrideParseException:
        raise Mistake(f"{word}: is not a space in Hydra's grammar; one is {EXAMPLE}") from None
    value: Any = override.value()
    if isinstance(value, ChoiceSweep):
        return [str(choice) for choice in override.sweep_iterator(transformer=Transformer.encode)]
    low: Any
    high: Any
    if isinstance(value, IntervalSweep):
        low, high = value.start, value.end
    elif isinstance(value, RangeSweep):
        low, high = value.start, value.stop
    elif override.is_sweep_override():
        raise Mistake(f"{word}: Optuna draws from choice, range and interval; name the choices, as in {key}=A,B")
    else:
        return [value.text if isinstance(value, QuotedString) else str(override.get_value_element_as_str())]
    if not low < high:
        raise Mistake(f"{word}: its first end must be below its second")
    if "log" in value.tags and low <= 0:
        raise Mistake(f"{word}: a space with tag log begins above 0")
    return [str(low), str(high)]


def _direct(search: Search, node: DictConfig, typed: Sequence[Override]) -> None:
    # The schema's own direction is no choice of anyone's.
    for override in typed:
        if override.get_key_element() == "hydra.sweeper.direction" and str(override.value()) != search.direction:
            raise Mistake(
                f"{override.input_line}: {search.metric} is what runs are compared by, and there {way(search.metric)}; "
                "leave it out, or choose another with sweep.metric=NAME"
            )
    node.direction = search.direction
