"""What cannot fit in this machine's memory is refused before anything is made, and the setting to blame is named."""

from __future__ import annotations

import dataclasses
import math
import time

import jax
import pytest

from ganexp import size
from ganexp.component import SettingError
from ganexp.config.build import load
from ganexp.config.schema import classes
from ganexp.metrics.wasserstein import DIRECTIONS
from ganexp.observe.samples import BLOCK
from ganexp.optimizers import Optimizer, functions
from ganexp.parts import Architecture
from ganexp.size import bytes_of, refuse

SHAPES = [((3,), (2,)), ((2,), ()), ((5,), (28, 28, 1)), ((28, 28, 1), ()), ((7,), (8, 4, 3)), ((8, 4, 3), ())]
CHANGES = [
    {}, {"depth": 0}, {"depth": 3, "width": 7}, {"pieces": 2, "depth": 1}, {"features": 3}, {"spectral_norm": True},
    {"normalization": "none"}, {"normalization": "batch"}, {"normalization": "layer"},
]  # fmt: skip


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    """A machine with 16 GiB."""
    monkeypatch.setattr(size, "memory", lambda: 16 * 2**30)


@pytest.mark.parametrize("name", classes(Architecture))
def test_parameters_are_counted_by_arithmetic(name):
    cls = classes(Architecture)[name]
    known = {field.name for field in dataclasses.fields(cls)}
    counted = 0
    for change in CHANGES:
        if not known.issuperset(change):
            continue
        part = cls(**({"width": 5} if "width" in known else {}) | change)
        for shapes in SHAPES:
            try:
                net = part.net(*shapes)
            except SettingError:
                continue
            params, _ = jax.eval_shape(net.init, jax.eval_shape(lambda: jax.random.key(0)))
            found = part.size(*shapes)
            assert found.parameters == sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(params)), (change, shapes)
            assert 0 < found.widest <= found.units
            counted += 1
    assert counted


@pytest.mark.parametrize(
    ("words", "blamed"),
    [
        (["model.discriminator.width=1000000000"], "model.discriminator.width"),
        (["model.generator.width=300000"], "model.generator.width"),
        (["model.generator.width=300000", "model.generator.depth=1000"], "model.generator.width"),
        (["model.generator.depth=1000", "model.generator.width=3000"], "model.generator.width"),
        (["model.generator.features=100000000"], "model.generator.features"),
        (["model/discriminator=maxout", "model.discriminator.pieces=100000000"], "model.discriminator.pieces"),
        (["loss=veegan", "model/reconstructor=mlp", "model.reconstructor.width=300000"], "model.reconstructor.width"),
        (["batch_size=1000000000"], "batch_size"),
        (["eval_samples=1000000000"], "eval_samples"),
        (["eval_samples=1000000", "model.generator.width=10000"], "model.generator.width"),
        (["prior.dimension=1000000000"], "prior.dimension"),
        (["updates.d_steps=10000", "batch_size=300000"], "batch_size"),
        (["dataset=binarized_mnist", "updates.d_steps=10000", "batch_size=1000"], "updates.d_steps"),
        (["gradient=[unrolled]", "gradient.unrolled.steps=1000", "batch_size=20000"], "batch_size"),
        (["batch_size=9223372036854775807", "model.generator.width=9223372036854775807"], "model.generator.width"),
    ],
    ids=str,
)
def test_what_is_too_large_is_refused_at_once_and_named(words, blamed):
    started = time.perf_counter()
    with pytest.raises(
        SettingError, match=r"is too large: the run takes at least .* and this machine has 16 GiB$"
    ) as error:
        load(words)
    assert error.value.setting == blamed
    value = next(int(word.partition("=")[2]) for word in words if word.startswith(f"{blamed}="))
    assert error.value.problem.startswith(f"{value:,} is too large")
    assert time.perf_counter() - started < 10


@pytest.mark.parametrize(
    "words",
    [
        [], ["experiment=dirac"], ["experiment=goodfellow_2014_mnist"], ["experiment=dcgan_mnist"], ["optimizer=adan"],
        ["model.generator.width=10000"], ["batch_size=1000000"], ["eval_samples=1000000"], ["updates.d_steps=10000"],
        ["dataset=binarized_mnist", "model=residual"], ["gradient=[unrolled]", "gradient.unrolled.steps=50"],
        [
            "gradient=[unrolled]", "gradient.unrolled.steps=1000", "gradient.unrolled.differentiate=false",
            "model.discriminator.width=1000",
        ],
    ],
    ids=str,
)  # fmt: skip
def test_what_fits_is_not(words):
    load(words)


@pytest.mark.parametrize("setting", ["model.generator.depth", "updates.d_steps", "updates.g_steps"])
def test_counts_that_python_or_the_compiler_would_go_through_have_bounds(setting):
    with pytest.raises(
        SettingError, match=rf"^{setting}: 1000000000 is out of range; it must be at least 0 and at most "
    ):
        load([f"{setting}=1000000000"])


def test_a_job_that_fits_costs_no_trace(composed, monkeypatch, tiny_job):
    monkeypatch.setattr(size, "_copies_of", lambda structure: pytest.fail("was traced"))
    refuse(tiny_job)


def test_where_nobody_says_how_much_there_is_nothing_is_refused(monkeypatch, tiny_job):
    monkeypatch.setattr(size, "memory", lambda: None)
    refuse(dataclasses.replace(tiny_job, eval_samples=10**12))


def test_no_optimizer_keeps_more_copies_of_the_weights():
    copies = {name: size._copies(Optimizer(name, 0.1)) for name in functions()}
    assert (copies["sgd"], copies["adam"], copies["amsgrad"]) == (0, 2, 3)
    assert max(copies.values()) == size.MOST_COPIES


def test_more_of_anything_takes_more(tiny_job):
    usual = bytes_of(tiny_job)
    for path, _ in size._sizes(tiny_job):
        assert bytes_of(size.with_number(tiny_job, path, lambda value: 1000 * value)) > usual, path


def test_each_update_that_is_differentiated_through_takes_as_much(composed, tiny_job):
    def needed(*words):
        return bytes_of(dataclasses.replace(tiny_job, experiment=composed("gradient=[unrolled]", *words)))

    plain = bytes_of(dataclasses.replace(tiny_job, experiment=composed()))
    one, two, nine = (needed(f"gradient.unrolled.steps={steps}") for steps in (1, 2, 9))
    assert plain < one
    assert two - one == one - plain == (nine - one) / 8
    # The discriminator's weights and Adam's moments, and what its units give on a minibatch.
    parameters, units = (2 * 64 + 64) + (64 * 64 + 64) + (64 + 1), 64 + 64 + 1
    assert one - plain == 4 * (3 * parameters + 256 * 3 * units)
    assert needed("gradient.unrolled.differentiate=false") == plain


def test_constants_are_those_of_the_metrics():
    assert (size.BLOCK, size.DIRECTIONS) == (BLOCK, DIRECTIONS)


@pytest.mark.parametrize(
    ("limit", "expected"), [("1073741824\n", 2**30), ("max\n", None), ("9223372036854771712\n", None), (None, None)]
)
def test_a_container_has_less_than_its_machine(limit, expected, monkeypatch, tmp_path):
    monkeypatch.undo()
    path = tmp_path / "memory.max"
    if limit is not None:
        path.write_text(limit, encoding="utf-8")
    monkeypatch.setattr(size, "LIMITS", (str(path), str(tmp_path / "nothing")))
    size.memory.cache_clear()
    try:
        machine = size.os.sysconf("SC_PAGE_SIZE") * size.os.sysconf("SC_PHYS_PAGES")
        assert size.memory() == (expected or machine)
    finally:
        size.memory.cache_clear()
