"""The experiment: the root component, which holds all that changes the trained numbers, and the checks that span parts."""

from __future__ import annotations

import enum
import functools
from fractions import Fraction
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, Key

from ganexp.component import Component, SettingError, component, numbers, option_name, setting, with_number
from ganexp.conditioning import CONDITIONINGS, NONE
from ganexp.optimizers import Optimizer
from ganexp.parts import Average, Input
from ganexp.spelling import nearest
from ganexp.types import (
    DISCRIMINATOR,
    GENERATOR,
    PLAYERS,
    Architecture,
    Batch,
    Dataset,
    Loss,
    Net,
    Output,
    Penalty,
    Prior,
    Schedule,
    Updates,
)


class Stream(enum.IntEnum):
    """The kinds of randomness. Each is a stream of its own, a function of the seed and the step alone: nothing that one merely
    looks at (evaluations, pictures, the length of a chunk) can shift another's numbers."""

    INITIALIZATION = 0
    TRAINING = 1
    EVALUATION = 2
    PICTURES = 3
    ORDER = 4


AVERAGE = "average"  # What `average` remembers, in a state's memory.
ADVERSARIAL = "adversarial"  # The term of a loss that makes it a game's; the others are penalties.


class Networks(NamedTuple):
    """Both players' networks, and nothing of their parameters."""

    generator: Net
    discriminator: Net


@component
class Model(Component):
    """Both players' architectures, and how they are told labels."""

    generator: Architecture
    discriminator: Architecture
    conditioning: str = setting(NONE, options=CONDITIONINGS, unrecorded=True)


@component
class Experiment(Component):
    """One GAN: what it learns, from which noise, with which networks, costs and updates, and from which seed.

    `penalty`, `input` and `schedule` hold any number of parts by name; `average` is one, or None. `batch_size` points and noise vectors make one update.
    """

    dataset: Dataset
    prior: Prior
    model: Model
    output: Output
    loss: Loss
    penalty: dict[str, Penalty]
    generator_optimizer: Optimizer
    discriminator_optimizer: Optimizer
    updates: Updates
    schedule: dict[str, Schedule]
    input: dict[str, Input] = setting({})
    average: Average | None = None
    batch_size: int = setting(256, least=1)
    seed: int = setting(0, least=0, most=2**32 - 1, leaf=True)

    def check(self) -> None:
        if getattr(self.model.discriminator, "output", "linear") != "linear":
            raise SettingError(
                "model.discriminator.output", "must be linear: the losses read logits and apply the sigmoid themselves"
            )
        if self.conditional and self.dataset.classes is None:
            raise SettingError(
                "model.conditioning", f"{self.model.conditioning} needs labels, and dataset={option_name(type(self.dataset))} "
                f"has none; {', '.join(_labelled(Dataset))} have some"
            )  # fmt: skip
        self.networks()
        ends = getattr(self.model.generator, "output", None)
        beyond = self.dataset.beyond
        if ends in beyond:
            raise SettingError(
                "model.generator.output", f"{ends} cannot reach all of the data as dataset.normalization leaves them; "
                f"use {' or '.join(sorted({'tanh', 'linear'} - set(beyond)))}"
            )  # fmt: skip
        if self.output.discrete and ends != "sigmoid":
            raise SettingError(
                "output", f"{option_name(type(self.output))} reads probabilities; give it a generator that ends in a "
                "sigmoid, as with model.generator.output=sigmoid"
            )  # fmt: skip
        size = self.dataset.size
        if size is not None and self.batch_size > size:
            raise SettingError("batch_size", f"{self.batch_size:,} is more than the {size:,} points of the data set")
        self.scheduled()

    @property
    def steps_per_epoch(self) -> Fraction | None:
        """How many steps it takes until the discriminator has learned from every point once; None where they never end."""
        size = self.dataset.size
        return None if size is None else Fraction(size, self.updates.learned * self.batch_size)

    def scheduled(self) -> dict[str, Schedule]:
        """The schedule of every number that has one, by the number's dotted path; raises SettingError."""
        known = {path for path in numbers(self) if path != "seed" and not path.startswith("schedule.")}
        found: dict[str, Schedule] = {}
        for name, schedule in self.schedule.items():
            try:
                paths = targets(schedule.setting, known)
            except SettingError as error:
                raise error.inside(f"schedule.{name}") from None
            for path in paths:
                if path in found:
                    raise SettingError(f"schedule.{name}.setting", f"{path} already follows another schedule")
                found[path] = schedule
        return found

    def key(self, stream: Stream) -> Key[Array, ""]:
        """The key of one kind of randomness."""
        return jax.random.fold_in(jax.random.key(self.seed), int(stream))

    @property
    def conditional(self) -> bool:
        """Whether the networks are told labels."""
        return self.model.conditioning != NONE

    def shapes(self) -> dict[str, tuple[tuple[int, ...], tuple[int, ...]]]:
        """Of each player, the shapes of one point that its network reads and of what it makes of it."""
        shape = self.dataset.shape
        seen = functools.reduce(lambda shape, part: part.shape(shape), self.input.values(), shape)
        ends: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
            GENERATOR: ((self.prior.dimension,), shape),
            DISCRIMINATOR: (seen, ()),
        }
        classes, conditioning = self.dataset.classes, CONDITIONINGS[self.model.conditioning]
        if conditioning is None or classes is None:
            return ends
        told = {}
        for player, (inputs, outputs) in ends.items():
            try:
                told[player] = conditioning.shape(getattr(self.model, player), inputs, classes), outputs
            except SettingError as error:
                raise error.inside(f"model.{player}") from None
        return told

    def told(self, player: str, batch: Batch) -> Batch:
        """The batch as the player's network reads it: with the labels told to it, where it is to know them."""
        classes, conditioning = self.dataset.classes, CONDITIONINGS[self.model.conditioning]
        if conditioning is None or classes is None:
            return batch
        return conditioning.tell(batch, self.shapes()[player][0], classes)

    def networks(self) -> Networks:
        """Both networks, sized by the prior and the data, for `game` to apply; raises SettingError where one cannot have these sizes."""
        nets = {}
        for player, (inputs, outputs) in self.shapes().items():
            try:
                nets[player] = getattr(self.model, player).net(inputs, outputs)
            except SettingError as error:
                raise error.inside(f"model.{player}") from None
        return Networks(nets[GENERATOR], nets[DISCRIMINATOR])

    def losses(self) -> list[str]:
        """The name of each loss that is recorded: each player's, the sum of its terms, and the terms where it has several."""
        terms = [
            ADVERSARIAL,
            *(name for name, penalty in self.penalty.items() if type(penalty).term is not Penalty.term),
        ]
        return [DISCRIMINATOR, GENERATOR, *(f"{DISCRIMINATOR}/{term}" for term in terms if len(terms) > 1)]

    def optimizer(self, player: str) -> Optimizer:
        """The player's optimizer."""
        return {GENERATOR: self.generator_optimizer, DISCRIMINATOR: self.discriminator_optimizer}[player]

    def at(self, step: Int[Array, ""]) -> Experiment:
        """This experiment with every scheduled number as it is at `step`."""
        new, now = self, jnp.asarray(step, jnp.float32)
        for path, schedule in self.scheduled().items():
            new = with_number(new, path, functools.partial(_value, schedule, now))
        return new


def _value(schedule: Schedule, step: Any, base: Any) -> Any:
    return schedule.value(base, step)


def _labelled(base: type[Dataset]) -> list[str]:
    """The names of the data sets whose points have labels."""
    found = []
    for cls in base.__subclasses__():
        name = option_name(cls)
        found += [name] if cls.classes is not Dataset.classes and not name.startswith("_") else []
        found += _labelled(cls)
    return sorted(found)


def targets(path: str, known: set[str]) -> list[str]:
    """The numbers a schedule's `setting` names, among the dotted paths `known`; `optimizer.NAME` is that of both players.

    Raises SettingError where there is none.
    """
    head, _, rest = path.partition(".")
    heads = [f"{player}_optimizer" for player in PLAYERS] if head == "optimizer" else [head]
    found = [
        candidate
        for head in heads
        for candidate in (f"{head}.{rest}", f"{head}.settings.{rest}")
        if candidate in known and not rest.rpartition(".")[2].isdigit()
    ]
    if not found:
        names = sorted(name.replace("_optimizer.settings.", "_optimizer.") for name in known)
        raise SettingError("setting", f"{path!r} is not a number of this experiment{nearest(path, names)}")
    return found
