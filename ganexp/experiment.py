"""The experiment: the root component, which holds all that changes the trained numbers, and the checks that span parts."""

from __future__ import annotations

import enum
import functools
import math
from fractions import Fraction
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, Key

from ganexp.component import Component, SettingError, component, kinds, numbers, option_name, setting, with_number
from ganexp.conditioning import CONDITIONINGS, NONE
from ganexp.description import below
from ganexp.optimizers import Optimizer
from ganexp.parts import Architecture, Average, Gradient, Input, Output, Penalty, Prior, Schedule, Updates
from ganexp.spelling import did_you_mean
from ganexp.types import DISCRIMINATOR, GENERATOR, RECONSTRUCTOR, Batch, Dataset, Loss, Net


class Stream(enum.IntEnum):
    """The kinds of randomness. Each is a stream of its own, a function of the seed and the step alone: nothing that one merely
    looks at (evaluations, pictures, the length of a chunk) can shift another's numbers."""

    INITIALIZATION = 0
    TRAINING = 1
    EVALUATION = 2
    PICTURES = 3
    ORDER = 4


AVERAGE = "average"  # What `average` remembers, in a state's memory.
PENALTY, GRADIENT = "penalty.", "gradient."  # The same of a penalty and of a rule of gradients, before its own name.
ADVERSARIAL = "adversarial"  # The term of a loss that makes it a game's; the others are penalties.


@component
class Model(Component):
    """Each player's architecture, by its name, and how the networks are told labels; those that may be None are brought by some models only."""

    generator: Architecture
    discriminator: Architecture
    reconstructor: Architecture | None = setting(None, unrecorded=True)
    conditioning: str = setting(NONE, options=CONDITIONINGS, unrecorded=True)


# What a player can be, in the order of their streams.
ROLES = tuple(name for name, kind in kinds(Model).items() if kind == "child")


@component
class Experiment(Component):
    """One GAN: what it learns, from which noise, with which networks, losses and updates, and from which seed.

    `penalty`, `gradient`, `input` and `schedule` hold any number of parts by name; `average` is one, or None. `batch_size` points and noise vectors make one update.
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
    gradient: dict[str, Gradient] = setting({})
    average: Average | None = None
    reconstructor_optimizer: Optimizer | None = setting(None, unrecorded=True)
    batch_size: int = setting(256, least=1)
    seed: int = setting(0, least=0, most=2**32 - 1, leaf=True)

    def check(self) -> None:
        if getattr(self.model.discriminator, "output", "linear") != "linear":
            raise SettingError(
                "model.discriminator.output", "must be linear: the losses read logits and apply the sigmoid themselves"
            )
        self._check_players()
        if self.conditional and self.dataset.classes is None:
            labeled = sorted(option_name(cls) for cls in below(Dataset) if cls.classes is not Dataset.classes)
            raise SettingError(
                "model.conditioning", f"{self.model.conditioning} needs labels, and dataset={option_name(type(self.dataset))} "
                f"has none; {', '.join(name for name in labeled if not name.startswith('_'))} have some"
            )  # fmt: skip
        self.networks()
        ends = getattr(self.model.generator, "output", None)
        beyond = self.dataset.unreachable_outputs
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
        for name, penalty in self.penalty.items():
            if penalty.player not in penalty.players:
                raise SettingError(
                    f"penalty.{name}.player", f"{option_name(type(penalty))} has no meaning for the {penalty.player}; "
                    f"it is a penalty of the {' or the '.join(penalty.players)}"
                )  # fmt: skip
        for name, rule in self.gradient.items():
            if reason := rule.fits({player: self.optimizer(player).name for player in self.players}):
                raise SettingError(f"gradient.{name}", reason)
        self.scheduled()

    def _check_players(self) -> None:
        loss, choose = option_name(type(self.loss)), "choose one with model/{}=NAME"
        for role in ROLES:
            there, optimizer = role in self.players, getattr(self, f"{role}_optimizer")
            if there and role not in self.loss.players:
                able = " or ".join(f"loss={option_name(cls)}" for cls in below(Loss) if role in cls.players)
                raise SettingError(
                    f"model.{role}", f"loss={loss} does not train a {role}; leave it out, or choose {able}"
                )
            if not there and role in self.loss.players:
                raise SettingError("loss", f"{loss} needs a {role}; {choose.format(role)}")
            if there and optimizer is None:
                raise SettingError(f"{role}_optimizer", "is not set")
            if not there and optimizer is not None:
                raise SettingError(f"{role}_optimizer", f"there is no {role}; {choose.format(role)}, or leave this out")

    @property
    def players(self) -> tuple[str, ...]:
        """The names of the players that the model has."""
        return tuple(role for role in ROLES if getattr(self.model, role) is not None)

    @property
    def others(self) -> tuple[str, ...]:
        """Those beside the generator and the discriminator: each reads points, real and generated."""
        return tuple(player for player in self.players if player not in (GENERATOR, DISCRIMINATOR))

    @property
    def steps_per_epoch(self) -> Fraction | None:
        """How many steps it takes until the discriminator has learned from every point once; None where they never end."""
        size = self.dataset.size
        return None if size is None else Fraction(size, self.updates.learned * self.batch_size)

    def epoch(self, step: int) -> int:
        """How many epochs are over at `step`; 0 where they never end."""
        length = self.steps_per_epoch
        return 0 if length is None else math.floor(step / length)

    def scheduled(self) -> dict[str, Schedule]:
        """The schedule of every number that has one, by the number's dotted path; raises SettingError."""
        known = {path for path in numbers(self) if path != "seed" and not path.startswith("schedule.")}
        found: dict[str, Schedule] = {}
        for name, schedule in self.schedule.items():
            try:
                paths = targets(schedule.setting, known, self.players)
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
        shape, noise = self.dataset.shape, (self.prior.dimension,)
        ends: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
            GENERATOR: (noise, shape),
            RECONSTRUCTOR: (shape, noise),
        }
        judged = shape
        if self.loss.paired is not None:
            # A pair is one row of numbers.
            judged = (math.prod(shape) + math.prod(ends[self.loss.paired][1]),)
        seen = functools.reduce(lambda shape, part: part.shape(shape), self.input.values(), judged)
        ends[DISCRIMINATOR] = (seen, ())
        return {player: (self._told_shape(player, ends[player][0]), ends[player][1]) for player in self.players}

    def _told_shape(self, player: str, inputs: tuple[int, ...]) -> tuple[int, ...]:
        classes, conditioning = self.dataset.classes, CONDITIONINGS[self.model.conditioning]
        if conditioning is None or classes is None:
            return inputs
        try:
            return conditioning.shape(getattr(self.model, player), inputs, classes)
        except SettingError as error:
            raise error.inside(f"model.{player}") from None

    def told(self, player: str, batch: Batch) -> Batch:
        """The batch as the player's network reads it: with the labels told to it, where it is to know them."""
        classes, conditioning = self.dataset.classes, CONDITIONINGS[self.model.conditioning]
        if conditioning is None or classes is None:
            return batch
        return conditioning.tell(batch, self.shapes()[player][0], classes)

    def networks(self) -> dict[str, Net]:
        """Each player's network, sized by the prior and the data, for `game` to apply; raises SettingError where one cannot have these sizes."""
        nets = {}
        for player, (inputs, outputs) in self.shapes().items():
            try:
                nets[player] = getattr(self.model, player).net(inputs, outputs)
            except SettingError as error:
                raise error.inside(f"model.{player}") from None
        return nets

    def penalties(self, player: str) -> dict[str, Penalty]:
        """The penalties of a player, by name."""
        return {name: penalty for name, penalty in self.penalty.items() if penalty.player == player}

    def losses(self) -> list[str]:
        """The name of each loss that is recorded: each player's, the sum of its terms, and the terms where it has several."""
        names = [DISCRIMINATOR, GENERATOR, *self.others]
        for player in names[:]:
            penalties = self.penalties(player).items()
            terms = [name for name, penalty in penalties if type(penalty).term is not Penalty.term]
            names += [f"{player}/{term}" for term in (ADVERSARIAL, *terms) if terms]
        return names

    def optimizer(self, player: str) -> Optimizer:
        """The player's optimizer."""
        found: Optimizer = getattr(self, f"{player}_optimizer")
        return found

    def at(self, step: Int[Array, ""]) -> Experiment:
        """This experiment with every scheduled number as it is at `step`."""
        new, now = self, jnp.asarray(step, jnp.float32)
        for path, schedule in self.scheduled().items():
            new = with_number(new, path, functools.partial(_value, schedule, now))
        return new


def _value(schedule: Schedule, step: Any, base: Any) -> Any:
    return schedule.value(base, step)


def targets(path: str, known: set[str], players: tuple[str, ...]) -> list[str]:
    """The numbers a schedule's `setting` names, among the dotted paths `known`; `optimizer.NAME` is that of all players.

    Raises SettingError where there is none.
    """
    head, _, rest = path.partition(".")
    heads = [f"{player}_optimizer" for player in players] if head == "optimizer" else [head]
    found = [
        candidate
        for head in heads
        for candidate in (f"{head}.{rest}", f"{head}.settings.{rest}")
        if candidate in known and not rest.rpartition(".")[2].isdigit()
    ]
    if not found:
        names = sorted(name.replace("_optimizer.settings.", "_optimizer.") for name in known)
        raise SettingError(
            "setting", f"{path!r} cannot be scheduled; only float settings can{did_you_mean(path, names)}"
        )
    return found
