"""The schemas: every component class under the name of its option, so that Hydra checks keys and types."""

from __future__ import annotations

import dataclasses
import typing
from typing import Any

from hydra.core.config_store import ConfigStore

# Imported for their classes: a component in one of these modules is an option's schema by being there.
from ganexp import (  # noqa: F401
    averages,
    datasets,
    gradients,
    inputs,
    losses,
    metrics,
    nets,
    outputs,
    penalties,
    priors,
    schedules,
    updates,
)
from ganexp.component import option_name
from ganexp.experiment import Experiment, Model
from ganexp.job import Job
from ganexp.observe.metric import Metric
from ganexp.observe.view import View
from ganexp.parts import Architecture, Average, Gradient, Input, Output, Penalty, Prior, Schedule, Updates
from ganexp.types import Dataset, Loss
from ganexp.views import components  # noqa: F401

BASES = {
    "average": Average,
    "dataset": Dataset,
    "prior": Prior,
    "net": Architecture,
    "output": Output,
    "input": Input,
    "gradient": Gradient,
    "loss": Loss,
    "penalty": Penalty,
    "schedule": Schedule,
    "updates": Updates,
    "metric": Metric,
    "view": View,
}
JOB_FIELDS = tuple(field.name for field in dataclasses.fields(Job) if field.name != "experiment")
EXPERIMENT_FIELDS = tuple(field.name for field in dataclasses.fields(Experiment))


def classes(base: Any) -> dict[str, type]:
    """Every component below `base`, by option name."""
    found: dict[str, type] = {}
    for cls in base.__subclasses__():
        found |= {option_name(cls): cls} | classes(cls)
    return {name: cls for name, cls in found.items() if not name.startswith("_")}


def root() -> type:
    """The composed config's schema: the fields of the experiment and of the job side by side, and `optimizer`, from which
    all players' optimizers take what is not said of them, and `grid`, what a recipe sweeps over."""
    # Optimizers carry the settings of their Optax function, which no schema here knows: they are checked when built.
    own = [name for name in EXPERIMENT_FIELDS if name.endswith("_optimizer")]
    optimizers = [(name, Any, None) for name in ("optimizer", *own)]
    taken = {name for name, *_ in optimizers}
    fields = []
    for cls, names in ((Experiment, EXPERIMENT_FIELDS), (Job, JOB_FIELDS)):
        hints = typing.get_type_hints(cls)
        by_name = {field.name: field for field in dataclasses.fields(cls)}
        for name in names:
            if name not in taken:
                fields.append((name, hints[name], _default(by_name[name], hints[name])))
    return dataclasses.make_dataclass("Settings", [*optimizers, *fields, ("grid", Any, None)])


def _default(field: dataclasses.Field[Any], hint: Any) -> Any:
    if field.default is not dataclasses.MISSING:
        return dataclasses.field(default=field.default)
    return (
        dataclasses.field(default_factory=dict) if typing.get_origin(hint) is dict else dataclasses.field(default="???")
    )


def register() -> None:
    """Put every schema into Hydra's store, under `schema/`."""
    store = ConfigStore.instance()
    store.store(group="schema", name="settings", node=root())
    store.store(group="schema", name="model", node=Model)
    for group, base in BASES.items():
        for name, cls in classes(base).items():
            store.store(group=f"schema/{group}", name=name, node=cls)
