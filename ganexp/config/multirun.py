"""What is Hydra's of the runs of a sweep: the names of their folders, and its part of their configs."""

from __future__ import annotations

import functools
import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from hydra.core.config_loader import ConfigLoader
from omegaconf import DictConfig, OmegaConf

from ganexp.config.compose import parsed, read_once, slug
from ganexp.config.many import Composed


def folder_name(number: int, overrides: Sequence[str], excluded: Collection[str]) -> str:
    """The name of a run's folder in that of its sweep: `hydra.sweep.subdir` of conf/config.yaml, without composing; `excluded` are
    the keys that are not in it."""
    return f"{number}_{slug(_dirname(overrides, excluded, ',', '='))}"


def _dirname(overrides: Sequence[str], exclude_keys: Collection[str], item_sep: str, kv_sep: str) -> str:
    """Hydra's `hydra.job.override_dirname`."""
    texts = [text for text in _own(overrides) if parsed(text).key_or_group not in exclude_keys]
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


class Launched:
    """Hydra's part of the configs of a sweep's runs, as its own launchers get it from `loader` and leave it in .hydra/."""

    def __init__(self, loader: ConfigLoader, master: DictConfig):
        read_once(loader)
        self._loader, self._master = loader, master
        self._loaded = functools.cache(self._load)
        self._written = functools.cache(self._write)

    def text(self, run: Composed, number: int, folder: Path) -> str:
        """Hydra's part of the config of a run that lies in `folder`, in YAML: the content of .hydra/hydra.yaml."""
        differing = {**self._differing(run, number), "runtime": {"output_dir": os.path.abspath(folder)}}
        written = dict(self._written(_own(run.choices)))
        for place, settings in differing.items():
            written[place] = written[place] | _entries(place, settings)
        return "hydra:\n" + "".join(text for entries in written.values() for text in entries.values())

    def _differing(self, run: Composed, number: int) -> dict[str, dict[str, Any]]:
        """What no other run of the same choices has, by its place in Hydra's part."""
        names = self._loaded(_own(run.choices)).hydra.job.config.override_dirname
        own = _own(run.overrides)
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


def _own(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(text for text in texts if not parsed(text).is_hydra_override())


def _entries(place: str, settings: Any) -> dict[str, str]:
    """One entry of Hydra's part in YAML, indented as it stands there: its head, and what is in it by key."""
    if not isinstance(settings, dict) or not settings:
        return {"": OmegaConf.to_yaml({"hydra": {place: settings}}).split("\n", 1)[1]}
    inside = {key: OmegaConf.to_yaml({"hydra": {place: {key: value}}}) for key, value in settings.items()}
    return {"": f"  {place}:\n", **{key: text.split("\n", 2)[2] for key, text in inside.items()}}
