"""Many runs at once: to the letter what each gives when it is composed alone."""

from __future__ import annotations

import re
from typing import Any

import jaxtyping
import pytest
from hydra.types import RunMode
from omegaconf import Container, DictConfig, OmegaConf, open_dict

from ganexp.component import SettingError
from ganexp.config import many
from ganexp.config.build import load
from ganexp.config.compose import ROOT, hydra
from ganexp.config.grid import expand
from ganexp.config.many import load_many
from ganexp.config.multirun import HydraConfigs, folder_name
from ganexp.config.option_file import read
from ganexp.config.options import conf_dir, options
from ganexp.config.usage_errors import UsageError
from ganexp.description import describe

DIGITS = ("dataset=binarized_mnist", "dataset.source=bundled")
RUNS = [
    (),
    *(
        (f"experiment={name}", "seed=3", "optimizer.learning_rate=0.003", "eval_every=50")
        for name in options("experiment")
    ),
    # Both players inherit a number, one has its own, one follows another's by name.
    ("optimizer.learning_rate=3e-4",),
    ("discriminator_optimizer.learning_rate=4e-4", "optimizer=rmsprop", "optimizer.learning_rate=1e-3"),
    ("generator_optimizer.learning_rate=${optimizer.b1}", "optimizer.b1=0.25"),
    ("optimizer=sgd", "discriminator_optimizer=adam", "optimizer.clip_norm=2"),
    ("optimizer.learning_rate=${.b1}", "optimizer.b1=0.25", "generator_optimizer.b1=0.75"),
    ("~generator_optimizer.b2", "optimizer.b2=0.5"),
    ("prior.dimension=${seed}", "seed=4"),
    ("prior.dimension=${seed}", "seed=5"),
    ("eval_every=${oc.select:steps,7}", "steps=50"),
    # Nested keys, lists and dictionaries.
    ("dataset.weights=[1,2,3,4,5,6,7,8]", "dataset.radius=1.5"),
    ("model.generator={width: 8, depth: 1}", "model/discriminator=bounded_mlp"),
    ("model/generator=residual", "model.generator.width=16", "dataset=mnist"),
    ("optimizer=momentum", "optimizer.momentum=0.25", "generator_optimizer=adam"),
    # A third player, whose optimizer is its own in some, and nothing without it.
    ("loss=veegan", "model/reconstructor=mlp", "model.reconstructor.width=8", "optimizer.learning_rate=3e-4"),
    (
        "loss=veegan",
        "model/reconstructor=mlp",
        "reconstructor_optimizer=rmsprop",
        "reconstructor_optimizer.clip_norm=1",
    ),
    # Added, and removed.
    ("++seed=5", "++optimizer.b2=0.9"),
    ("~optimizer.b2", "loss=least_squares", "loss.scale=2"),
    ("penalty=[weight_clipping,r1]", "penalty.r1.weight=0.3", "penalty.weight_clipping.bound=0.02"),
    ("schedule=[linear]", "schedule.linear.setting=penalty.r1.weight", "schedule.linear.final=0.1"),
    ("penalty=[r1]", "penalty.r1={weight: 0.4}"),
    # Words of their own.
    (*DIGITS, "epochs=1.5", "batch_size=100"),
    ("out='a b,c'", "debug=smoke", 'model.generator.activation="tanh"'),
    ("hydra/launcher=basic", "seed=16"),
]
REFERENCES = ("prior.dimension=${seed}", "generator_optimizer.b2=${optimizer.b1}", "prior.dimension=3")
MISTAKES = [
    ("stpes=10",),
    ("dataset=dirac", "dataset.radius=1"),
    ("~seed",),
    ("steps=many",),
    ("optimizer.learning_rate=fast",),
    ("seed=${nothing}",),
    ("penalty=[]", "penalty.r1.weight=1"),
    ("+penalty.weight_clipping.bound=1",),
    ("loss={scale: 2}",),
    ("seed=1", "++seed=1"),
    ("seed=1,2",),
    ("steps=5", "epochs=1"),
    ("dataset.weights=[1,2]",),
    ("schedule=[linear,cosine]",),
    ("loss=veegan",),
    ("model/reconstructor=mlp",),
    ("reconstructor_optimizer.learning_rate=1",),
    ("seed=[1",),
]


def alone(run: tuple[str, ...]) -> tuple[DictConfig, Any]:
    config, job = load(run)
    with open_dict(config):
        del config["hydra"]
    return config, job


def same(one: Any, other: Any) -> bool:
    """Whether two nodes are equal in content, order, types and flags, all the way down."""
    if type(one) is not type(other):
        return False
    if not isinstance(one, Container):
        return one._metadata == other._metadata and repr(one._value()) == repr(other._value())
    about = [{**vars(node._metadata), "resolver_cache": None} for node in (one, other)]
    inside = [node.__dict__["_content"] for node in (one, other)]
    if about[0] != about[1] or type(inside[0]) is not type(inside[1]) or not isinstance(inside[0], (dict, list)):
        return about[0] == about[1] and inside[0] == inside[1]
    if isinstance(inside[0], dict):
        if [*inside[0]] != [*inside[1]]:
            return False
        inside = [list(content.values()) for content in inside]
    return len(inside[0]) == len(inside[1]) and all(map(same, *inside))


@pytest.fixture
def unchecked_types():
    """Types are checked in tests only (conftest.py), and before the sentence about a wrong type could be said."""
    before = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", before)


@pytest.fixture
def compositions(monkeypatch):
    """How often something is composed, from nothing known on."""
    seen: list[Any] = []
    compose = many.overlaid

    def counted(choices: Any) -> DictConfig:
        seen.append(choices)
        return compose(choices)

    monkeypatch.setattr(many, "overlaid", counted)
    many._family.cache_clear()
    yield seen
    many._family.cache_clear()


def test_each_of_many_is_what_it_is_alone():
    for run, composed in zip(RUNS, load_many(RUNS), strict=True):
        config, job = alone(run)
        assert composed.overrides == run
        assert repr(composed.job) == repr(job), run
        assert describe(composed.job) == describe(job), run
        assert same(composed.config(), config), run
        assert composed.text() == OmegaConf.to_yaml(config), run


def test_the_comparison_sees_a_difference():
    (one,) = load_many([("seed=1",)])
    for path, value in (("seed", 2), ("dataset.weights", [1.0] * 8), ("optimizer.learning_rate", 1)):
        other = one.config()
        OmegaConf.update(other, path, value)
        assert not same(one.config(), other)
    assert same(one.config(), one.config())


@pytest.mark.usefixtures("compositions")
def test_the_order_of_the_runs_has_no_effect():
    runs = [
        (f"seed={seed}", f"optimizer.b1={b1}", reference)
        for seed in (4, 5)
        for b1 in (0.1, 0.2)
        for reference in REFERENCES
    ]
    there = load_many(runs)
    many._family.cache_clear()
    back = load_many(runs[::-1])[::-1]
    assert [repr(run.job) for run in there] == [repr(run.job) for run in back]
    assert [run.text() for run in there] == [run.text() for run in back]


@pytest.mark.usefixtures("unchecked_types")
@pytest.mark.parametrize("run", MISTAKES, ids=" ".join)
def test_a_mistake_is_the_one_that_the_run_alone_makes(run):
    with pytest.raises((UsageError, SettingError)) as said:
        load(run)
    with pytest.raises(UsageError, match=re.escape(f"run 1 ({' '.join(run)}): {said.value}")):
        load_many([("seed=1",), run])


def test_checks_that_span_parts_see_the_parts_of_their_own_run():
    good, bad = (*DIGITS, "batch_size=5000"), (*DIGITS, "batch_size=5001")
    with pytest.raises(UsageError, match=r"run 2 .*batch_size: 5,001 is more than the 5,000 points"):
        load_many([good, ("batch_size=5001",), bad])
    named = ("schedule.learning_rate_decay.setting=penalty.r1.weight",)
    with pytest.raises(UsageError, match=r"run 1 .*'penalty\.r1\.weight' cannot be scheduled; only float settings can"):
        load_many([named, ("penalty=[]", *named)])


@pytest.mark.parametrize("name", ["adam", "adadelta", "adafactor"])
def test_a_player_with_another_optimizer_keeps_the_numbers_that_the_other_has_not(name):
    (run,) = load_many([("optimizer=sgd", "optimizer.learning_rate=0.3", f"discriminator_optimizer={name}")])
    typed = read(conf_dir() / "optimizer" / f"{name}.yaml", "optimizer")
    optimizer = run.job.experiment.discriminator_optimizer
    own = {
        key: value for key, value in typed.items() if key in optimizer.settings and key not in ("momentum", "nesterov")
    }
    assert own
    assert {key: optimizer.settings[key] for key in own} == own
    assert optimizer.learning_rate == 0.3


def test_a_composition_serves_all_runs_that_choose_the_same(compositions):
    runs = expand(["loss=minimax,least_squares", "optimizer.learning_rate=0.1,0.2,0.3", "seed=range(4)"])
    jobs = [run.job for run in load_many(runs)]
    assert len(jobs) == 24
    assert len(compositions) == 2
    # What is alike is one object; what differs is not.
    assert len({id(job.experiment.model) for job in jobs}) == 2
    assert len({id(job.experiment.generator_optimizer) for job in jobs}) == 6
    assert [job.experiment.seed for job in jobs] == [0, 1, 2, 3] * 6
    assert len({id(job.experiment) for job in jobs}) == 24


def test_a_copy_of_a_config_is_the_askers_own():
    one, other = load_many([("seed=1",), ("seed=2",)])
    config = one.config()
    config.dataset.radius = 17.0
    assert [run.config().dataset.radius for run in (one, other)] == [2.0, 2.0]
    assert "17" not in one.text()


@pytest.fixture(scope="module")
def sweep():
    """A sweep's own config and what composes its runs, as Hydra's sweepers hand them to a launcher."""
    words = ["seed=1,2", "hydra.sweep.dir=somewhere"]
    with hydra() as loader:
        return loader, loader.load_configuration(ROOT, words, RunMode.MULTIRUN)


LAUNCHED = [
    (),
    ("seed=2", "loss=minimax", "optimizer.learning_rate=1e-3", "out=a/b"),
    ("penalty=[r1,weight_clipping]", "dataset.weights=[1,2,3,4,5,6,7,8]", "~optimizer.b2", "++optimizer.b1=0.3"),
    ("model.generator={width: 8}", "experiment=ganlab", "out='${hydra.job.name} x'"),
]


def test_what_is_written_of_hydra_is_what_a_launcher_gets(sweep, tmp_path):
    loader, master = sweep
    whole = [loader.load_sweep_config(master, list(run)) for run in LAUNCHED]
    launched = HydraConfigs(loader, master)
    for number, (composed, expected) in enumerate(zip(load_many(LAUNCHED), whole, strict=True)):
        with open_dict(expected):
            expected.hydra.job.id = str(number)
            expected.hydra.job.num = number
        assert folder_name(number, composed.overrides, ["out"]) == expected.hydra.sweep.subdir
        with open_dict(expected):
            expected.hydra.runtime.output_dir = str(tmp_path / "a folder")
        written = launched.text(composed, number, tmp_path / "a folder")
        assert written == OmegaConf.to_yaml(OmegaConf.masked_copy(expected, "hydra"))
