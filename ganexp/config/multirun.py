"""What is Hydra's of the runs of a sweep: the names of their folders, its part of their configs, and its launchers and sweepers."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig, OmegaConf

from ganexp.config.build import job
from ganexp.config.compose import ROOT, hydra, literal, offer, parsed, prepare, slug
from ganexp.config.grid import PARAMS, constants, own
from ganexp.config.many import ComposedRun
from ganexp.config.overlay import complete
from ganexp.job import Job

# The sweeper that hands a launcher runs that are known (`hydra_plugin`), by its name among Hydra's.
RUNS = "runs"


def folder_name(number: int, overrides: Sequence[str], excluded: Collection[str]) -> str:
    """The name of a run's folder in that of its sweep: `hydra.sweep.subdir` of conf/config.yaml, without composing; `excluded` are
    the keys that are not in it."""
    return f"{number}_{slug(_dirname(overrides, excluded, ',', '='))}"


def _dirname(overrides: Sequence[str], exclude_keys: Collection[str], item_sep: str, kv_sep: str) -> str:
    """Hydra's `hydra.job.override_dirname`."""
    texts = [text for text in _of_job(overrides) if parsed(text).key_or_group not in exclude_keys]
    return item_sep.join(sorted(texts)).replace("=", kv_sep)


def swept_of(runs: Sequence[Sequence[str]]) -> list[dict[str, Any]]:
    """Each run's own settings by name, from the overrides of all: those that are not the same for all."""
    typed = [{parsed(text).get_key_element().lstrip("+"): text for text in run} for run in runs]
    texts: dict[str, set[str]] = {}
    for run in typed:
        for key, text in run.items():
            texts.setdefault(key, set()).add(text)
    differing = [key for key, found in texts.items() if len(found) > 1 or any(key not in run for run in typed)]
    return [{key: parsed(run[key]).value() for key in differing if key in run} for run in typed]


class HydraConfigs:
    """Hydra's part of the configs of a sweep's runs, as its own launchers get it from `loader` and leave it in .hydra/."""

    def __init__(self, loader: ConfigLoader, master: DictConfig):
        self._loader, self._master = loader, master
        self._loaded = functools.cache(self._load)
        self._written = functools.cache(self._write)

    def text(self, run: ComposedRun, number: int, folder: Path) -> str:
        """Hydra's part of the config of a run that lies in `folder`, in YAML: the content of .hydra/hydra.yaml."""
        differing = {**self._differing(run, number), "runtime": {"output_dir": os.path.abspath(folder)}}
        written = dict(self._written(_of_job(run.choices)))
        for place, settings in differing.items():
            written[place] = written[place] | _entries(place, settings)
        return "hydra:\n" + "".join(text for entries in written.values() for text in entries.values())

    def _differing(self, run: ComposedRun, number: int) -> dict[str, dict[str, Any]]:
        """What no other run of the same choices has, by its place in Hydra's part."""
        names = self._loaded(_of_job(run.choices)).hydra.job.config.override_dirname
        own = _of_job(run.overrides)
        dirname = _dirname(own, **names)
        return {
            "overrides": {"task": list(own)},
            "job": {"override_dirname": dirname, "id": str(number), "num": number},
        }

    def _load(self, choices: tuple[str, ...]) -> DictConfig:
        return self._loader.load_sweep_config(self._master, list(choices))

    def _write(self, choices: tuple[str, ...]) -> dict[str, dict[str, str]]:
        content: Any = OmegaConf.to_container(self._loaded(choices).hydra)
        return {place: _entries(place, settings) for place, settings in content.items()}


def _of_job(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(text for text in texts if not parsed(text).is_hydra_override())


def _entries(place: str, settings: Any) -> dict[str, str]:
    """One entry of Hydra's part in YAML, indented as it stands there: its head, and what is in it by key."""
    if not isinstance(settings, dict) or not settings:
        return {"": OmegaConf.to_yaml({"hydra": {place: settings}}).split("\n", 1)[1]}
    inside = {key: OmegaConf.to_yaml({"hydra": {place: {key: value}}}) for key, value in settings.items()}
    return {"": f"  {place}:\n", **{key: text.split("\n", 2)[2] for key, text in inside.items()}}


def launched(words: Sequence[str], folder: Path) -> HydraConfigs:
    """Hydra's part of the configs of the runs of a sweep in `folder`; raises what Hydra raises."""
    with hydra() as loader:
        return HydraConfigs(loader, loader.load_configuration(ROOT, typed_for_hydra(words, folder), RunMode.MULTIRUN))


def installed(group: str) -> list[str]:
    """The options of one of Hydra's own groups."""
    with hydra() as loader:
        return loader.get_group_options(group)


def typed_for_hydra(words: Sequence[str], folder: Path) -> list[str]:
    """What Hydra is told: the names of the runs' folders have what differs."""
    excluded = ",".join(["out", *sorted(constants(words))])
    return [
        *(word for word in own(words) if PARAMS not in word.partition("=")[0]),
        f"hydra.sweep.dir={literal(str(folder))}",
        f"hydra.job.config.override_dirname.exclude_keys=[{excluded}]",
    ]


class Each:
    """The task of Hydra's launchers for one run: `train(job, folder, words, number)` says how good it is."""

    def __init__(self, train: Callable[[Job, Path, list[str], int], float]):
        self.train = train

    def __call__(self, config: DictConfig) -> float:
        # Perhaps in another process.
        prepare()
        known = HydraConfig.get()
        complete(config, known.runtime.choices)
        return self.train(job(config), Path(known.runtime.output_dir), [*map(str, known.overrides.task)], known.job.num)


class Batches:
    """The task of Hydra's launcher `jax`, all runs of a batch at once: `train(launched, constants, runs, first)` says how good each is."""

    def __init__(self, train: Callable[[HydraConfigs, list[str], Sequence[Sequence[str]], int], list[float]]):
        self.train = train

    def together(
        self, context: HydraContext, config: DictConfig, runs: Sequence[Sequence[str]], first: int
    ) -> list[JobReturn]:
        """What Hydra wants to know of each run, the first of which is the sweep's `first`-th."""
        constant = list(config.hydra.job.config.override_dirname.exclude_keys)
        values = self.train(HydraConfigs(context.config_loader, config), constant, runs, first)
        return [
            JobReturn(overrides=run, status=JobStatus.COMPLETED, _return_value=value)
            for run, value in zip(runs, values, strict=True)
        ]


class Runs(NamedTuple):
    """What the sweeper `runs` hands to a launcher: a task, and the overrides of each run that it is for."""

    task: Each
    runs: list[list[str]]


def multirun(words: Sequence[str], folder: Path, task: Each | Batches | Runs) -> None:
    """Have the sweeper and the launcher that `words` name do a task for every run, in folders inside of `folder`."""
    with hydra():
        driver: Any = GlobalHydra.instance().hydra
        driver.multirun(ROOT, task, typed_for_hydra(words, folder), with_log_configuration=False)


def launch(words: Sequence[str], folder: Path, task: Each, runs: Sequence[tuple[str, Sequence[str]]]) -> None:
    """Have the launcher that `words` name do a task for runs that are known, each with the name of its folder and its overrides."""
    node = {"_target_": "hydra_plugins.ganexp.sweeper.RunsSweeper", "max_batch_size": None}
    offer("hydra/sweeper", RUNS, node)
    constant = [word for word in words if word.partition("=")[0].lstrip("+") != "hydra/sweeper"]
    # Each run's folder is said: what Hydra would name it need not be the same.
    asked = [[*overrides, f"hydra.sweep.subdir={literal(name)}"] for name, overrides in runs]
    multirun([*constant, f"hydra/sweeper={RUNS}"], folder, Runs(task, asked))
