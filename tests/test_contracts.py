"""Every option keeps its group's contract: a new YAML file under conf/ is tested by being there."""

from __future__ import annotations

from pathlib import Path

import contracts
import pytest

from ganexp.config.compose import conf_dir

CONF = Path(__file__).resolve().parent.parent / "conf"
# Recipes and intentions are made of the options tested here.
WITHOUT = {"experiment", "debug", "hydra"}
GROUPS = (
    "dataset", "loss", "model", "model/discriminator", "model/generator", "optimizer", "output", "penalty", "prior",
    "schedule", "updates",
)  # fmt: skip
SMALL = ("batch_size=8", "generator_optimizer=sgd", "discriminator_optimizer=sgd")
TINY_NETS = tuple(
    f"model.{player}.{size}" for player in ("generator", "discriminator") for size in ("width=4", "depth=1")
)


def options(group):
    return [path.stem for path in sorted((CONF / group).glob("*.yaml"))]


def test_every_group_has_a_contract():
    folders = {path.parent.relative_to(CONF).as_posix() for path in CONF.rglob("*.yaml")} - {"."}
    assert conf_dir() == CONF
    assert {folder for folder in folders if folder.split("/")[0] not in WITHOUT} == set(GROUPS)


@pytest.mark.parametrize("name", options("dataset"))
def test_datasets_keep_their_contract(composed, grey_cache, name):
    dataset = composed(f"dataset={name}").dataset
    if dataset.size is None:
        contracts.check_dataset(dataset)
    else:
        contracts.check_images(dataset)


@pytest.mark.parametrize("name", options("output"))
def test_outputs_keep_their_contract(composed, name):
    contracts.check_output(composed(f"output={name}", "model.generator.output=sigmoid").output)


@pytest.mark.parametrize("name", options("prior"))
def test_priors_keep_their_contract(composed, name):
    contracts.check_prior(composed(f"prior={name}").prior)


@pytest.mark.parametrize("name", options("loss"))
def test_losses_keep_their_contract(composed, name):
    contracts.check_loss(composed(f"loss={name}").loss, exponential=name == "maximum_likelihood")


@pytest.mark.parametrize("name", options("penalty"))
def test_penalties_keep_their_contract(composed, name):
    (penalty,) = composed(f"penalty=[{name}]").penalty.values()
    contracts.check_penalty(penalty)


@pytest.mark.parametrize("name", options("model"))
def test_models_keep_their_contract(composed, name):
    model = composed(f"model={name}").model
    shape = (1,) if name == "dirac" else (2,)
    contracts.check_net(model.generator, (2,), shape)
    contracts.check_net(model.discriminator, shape, ())


@pytest.mark.parametrize("name", options("model/generator"))
def test_generators_keep_their_contract(composed, name):
    contracts.check_net(composed(f"model/generator={name}").model.generator, (3,), (2,))


@pytest.mark.parametrize("name", options("model/discriminator"))
def test_discriminators_keep_their_contract(composed, name):
    contracts.check_net(composed(f"model/discriminator={name}").model.discriminator, (2,), ())


@pytest.mark.parametrize("name", options("schedule"))
def test_schedules_keep_their_contract(composed, name):
    (schedule,) = composed(f"schedule=[{name}]").schedule.values()
    contracts.check_schedule(schedule)


@pytest.mark.parametrize("name", options("optimizer"))
def test_optimizers_keep_their_contract(composed, name):
    experiment = composed(f"optimizer={name}")
    contracts.check_optimizer(experiment.generator_optimizer)
    described = [vars(experiment.optimizer(player)) for player in ("generator", "discriminator")]
    assert described[0] == described[1]


@pytest.mark.parametrize("steps", [(1, 1), (3, 0)], ids=lambda steps: f"{steps[0]}-{steps[1]}")
@pytest.mark.parametrize("name", options("updates"))
def test_updates_keep_their_contract(composed, name, steps):
    counts = (f"updates.d_steps={steps[0]}", f"updates.g_steps={steps[1]}")
    contracts.check_updates(composed(f"updates={name}", *counts, *SMALL, *TINY_NETS), eager=steps == (1, 1))
