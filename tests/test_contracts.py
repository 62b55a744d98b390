"""Every option keeps its group's contract: a new YAML file under conf/ is tested by being there."""

from __future__ import annotations

from pathlib import Path

import contracts
import contracts_observed
import contracts_players
import jax
import pytest

from ganexp.component import SettingError, option_name
from ganexp.config.build import load
from ganexp.config.compose import conf_dir
from ganexp.config.schema import classes
from ganexp.observe.metric import Metric
from ganexp.observe.view import View

CONF = Path(__file__).resolve().parent.parent / "conf"
# Recipes and intentions are made of the options tested here.
WITHOUT = {"experiment", "debug", "search", "hydra"}
GROUPS = (
    "average", "dataset", "gradient", "input", "loss", "metric", "model", "model/discriminator", "model/generator", "model/reconstructor", "optimizer", "output", "penalty",
    "prior",
    "schedule", "updates", "view",
)  # fmt: skip
SMALL = ("batch_size=8", "generator_optimizer=sgd", "discriminator_optimizer=sgd")
TINY_NETS = tuple(
    f"model.{player}.{size}" for player in ("generator", "discriminator") for size in ("width=4", "depth=1")
)


def net_option(composed, player, name):
    """The architecture that `model/PLAYER=NAME` is by itself; digits are points that every network can be for."""
    return getattr(composed("dataset=binarized_mnist", "model=mlp", f"model/{player}={name}").model, player)


def check_net(player, architecture):
    """The contract on points in the plane, or on small images where the network is for images only."""

    def shapes(point):
        return {"generator": ((3,), point), "discriminator": (point, ()), "reconstructor": (point, (3,))}[player]

    try:
        architecture.net(*shapes((2,)))
    except SettingError:
        contracts_players.check_net(architecture, *shapes((8, 4, 3)))
    else:
        contracts_players.check_net(architecture, *shapes((2,)))


def options(group, slow=""):
    """The options of a group; one whose programs take ten seconds to compile is marked as slow."""
    names = [path.stem for path in sorted((CONF / group).glob("*.yaml"))]
    return [pytest.param(name, marks=pytest.mark.slow) if name == slow else name for name in names]


def test_every_group_has_a_contract():
    folders = {path.parent.relative_to(CONF).as_posix() for path in CONF.rglob("*.yaml")} - {"."}
    assert conf_dir() == CONF
    assert {folder for folder in folders if folder.split("/")[0] not in WITHOUT} == set(GROUPS)


@pytest.mark.parametrize("name", options("dataset", slow="stacked_mnist"))
def test_datasets_keep_their_contract(composed, gray_cache, name):
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
    word = f"loss={name}"
    contracts.check_loss(composed(word, *contracts.BESIDE.get(word, ())).loss, exponential=name == "maximum_likelihood")


@pytest.mark.parametrize("name", options("penalty"))
def test_penalties_keep_their_contract(composed, name):
    (penalty,) = composed(f"penalty=[{name}]").penalty.values()
    contracts.check_penalty(penalty)


# A data set that brings the metric, which need not be the one that it was made for; other metrics are of points on a ring.
MEASURED = {
    "curve_distance": ("dataset=curve",),
    "dirac_parameters": ("dataset=dirac",),
    "parzen": ("dataset=mnist", "model=mlp"),
    "stacked_coverage": ("dataset=stacked_mnist", "model=mlp"),
} | dict.fromkeys(
    ("fid", "kid", "prdc", "classifier_score", "memorization", "leak", "minibatch_accuracy"),
    ("dataset=binarized_mnist", "dataset.source=bundled", "model=mlp"),
)  # fmt: skip
ELSEWHERE = {"curve_distance": "dataset=ring", "mode_coverage": "dataset=curve", "grid_divergence": "dataset=dirac"}


@pytest.mark.parametrize("name", options("metric"))
def test_metrics_keep_their_contract(gray_cache, name):
    words = (*MEASURED.get(name, ()), f"metric=[{name}]", "batch_size=8", "eval_samples=40")
    job = load([*words, *(() if "dataset=dirac" in words else TINY_NETS)])[1]
    contracts_observed.check_metric(job, name)
    if name in ELSEWHERE or name in MEASURED:
        with pytest.raises(SettingError, match=rf"^metric\.{name}: .*; leave {name} out of metric="):
            load([f"metric=[{name}]", ELSEWHERE.get(name, "dataset=ring")])


@pytest.mark.parametrize("name", [path.stem for path in sorted((CONF / "dataset").glob("*.yaml"))])
def test_data_sets_bring_every_metric_that_fits(name):
    source = ("dataset.source=bundled",) if name == "binarized_mnist" else ()
    job = load([f"dataset={name}", *source])[1]
    fitting = {option for option, cls in classes(Metric).items() if cls().fits(job.experiment) is None}
    assert {*job.metric} == fitting


# A data set that brings the view, and one of data that it is not for.
DRAWN = {
    "phase": ("dataset=dirac",),
    "features": ("dataset=curve", "model.discriminator.width=2"),
} | dict.fromkeys(
    ("accuracy", "classes", "interpolation", "real", "strip"),
    ("dataset=binarized_mnist", "dataset.source=bundled", "dataset.examples=300", "model=mlp"),
)  # fmt: skip
UNDRAWN = {name: "dataset=ring" for name in DRAWN if name != "features"} | {"modes": "dataset=curve"}


@pytest.mark.parametrize("name", options("view"))
def test_views_keep_their_contract(name):
    words = (*DRAWN.get(name, ()), f"view=[{name}]", "batch_size=8", "eval_samples=40")
    nets = () if "dataset=dirac" in words else TINY_NETS
    job = load([*(word for word in nets if word.rpartition("=")[0] not in " ".join(words)), *words])[1]
    contracts_observed.check_view(job, name)
    if name in UNDRAWN:
        with pytest.raises(SettingError, match=rf"^view\.{name}: .*; leave {name} out of view="):
            load([f"view=[{name}]", UNDRAWN[name]])


@pytest.mark.parametrize("name", [path.stem for path in sorted((CONF / "dataset").glob("*.yaml"))])
def test_data_sets_bring_every_view_that_fits_but_for_the_losses_of_points(name):
    source = ("dataset.source=bundled",) if name == "binarized_mnist" else ()
    job = load([f"dataset={name}", *source])[1]
    fitting = {option for option, cls in classes(View).items() if cls().fits(job.experiment) is None}
    if name == "dirac":
        assert {*job.view} == {"phase"}
    else:
        assert {*job.view} == fitting - (set() if job.experiment.dataset.images else {"losses"})


@pytest.mark.parametrize("name", options("input"))
def test_inputs_keep_their_contract(composed, name):
    (part,) = composed(f"input=[{name}]").input.values()
    contracts.check_input(part)


@pytest.mark.parametrize("name", options("gradient"))
def test_rules_of_gradients_keep_their_contract(composed, name):
    contracts.check_gradient(composed(f"gradient=[{name}]", *SMALL, *TINY_NETS))


@pytest.mark.parametrize("name", options("average"))
def test_averages_keep_their_contract(composed, name):
    contracts.check_average(composed(f"average={name}").average)


@pytest.mark.parametrize("name", options("model", slow="residual"))
def test_models_keep_their_contract(composed, name):
    data = "dataset=dirac" if name == "dirac" else "dataset=binarized_mnist"
    model = composed(data, f"model={name}").model
    for player, architecture in (("generator", model.generator), ("discriminator", model.discriminator)):
        option = net_option(composed, player, option_name(type(architecture)))
        if jax.tree.structure(architecture) != jax.tree.structure(option):
            check_net(player, architecture)
        # Otherwise it is the option's own program with other numbers, and tested as that.


@pytest.mark.parametrize("name", options("model/generator", slow="residual"))
def test_generators_keep_their_contract(composed, name):
    check_net("generator", net_option(composed, "generator", name))


@pytest.mark.parametrize("name", options("model/discriminator", slow="residual"))
def test_discriminators_keep_their_contract(composed, name):
    check_net("discriminator", net_option(composed, "discriminator", name))


@pytest.mark.parametrize("name", options("model/reconstructor"))
def test_reconstructors_keep_their_contract(composed, name):
    check_net("reconstructor", composed("loss=veegan", f"model/reconstructor={name}").model.reconstructor)


@pytest.mark.parametrize("name", options("schedule"))
def test_schedules_keep_their_contract(composed, name):
    (schedule,) = composed(f"schedule=[{name}]").schedule.values()
    contracts_players.check_schedule(schedule)


@pytest.mark.parametrize("name", options("optimizer"))
def test_optimizers_keep_their_contract(composed, name):
    experiment = composed(f"optimizer={name}")
    contracts_players.check_optimizer(experiment.generator_optimizer)
    described = [vars(experiment.optimizer(player)) for player in ("generator", "discriminator")]
    assert described[0] == described[1]


@pytest.mark.parametrize("steps", [(1, 1), (3, 0)], ids=lambda steps: f"{steps[0]}-{steps[1]}")
@pytest.mark.parametrize("name", options("updates"))
def test_updates_keep_their_contract(composed, name, steps):
    counts = (f"updates.d_steps={steps[0]}", f"updates.g_steps={steps[1]}")
    contracts_players.check_updates(composed(f"updates={name}", *counts, *SMALL, *TINY_NETS), eager=steps == (1, 1))
