"""A finite set of points in the plane, which has a size and epochs and no images: it is trained, evaluated and drawn as points are."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from commands import NETS

from ganexp.component import component, setting
from ganexp.config.build import load
from ganexp.records.table import read_table
from ganexp.runner.recorders import Lane
from ganexp.runner.run import run
from ganexp.sweeps.plan import plan
from ganexp.sweeps.together import Display, train_sweep
from ganexp.types import Batch, Dataset
from ganexp.views.render_charts import LinePicture

pytestmark = pytest.mark.usefixtures("one_cache")


# Not offered as an option: its name begins with an underscore.
@component
class _Handful(Dataset):
    """As many points as `size` says, on a spiral."""

    count: int = setting(100, least=1)

    @property
    def size(self):
        return self.count

    @property
    def extent(self):
        return (-1.5, 1.5), (-1.5, 1.5)

    def load(self, show=print):
        turn = np.linspace(0, 1, self.count, dtype=np.float32)
        return (turn * np.stack([np.cos(6 * turn), np.sin(6 * turn)])).T

    def sample(self, data, key, n):
        return Batch(jnp.asarray(data)[jax.random.randint(key, (n,), 0, len(data))])


@pytest.fixture(scope="module")
def job():
    words = (
        "metric=[grid_divergence,sliced_wasserstein,discriminator_output,gradient_norm]",
        "view=[samples]",
        *NETS,
        "batch_size=32",
        "steps=20",
        "eval_samples=50",
        "final_samples=200",
        "eval_every=10",
        "image_every=10",
        "log_every=5",
    )
    made = load(words)[1]
    return dataclasses.replace(made, experiment=dataclasses.replace(made.experiment, dataset=_Handful()))


def test_a_run_on_it_is_evaluated_and_drawn(job, tmp_path):
    outcome = run(job, tmp_path / "run")
    assert outcome.status == "finished"
    table = read_table(tmp_path / "run" / "metrics.csv")
    for tag in ("grid/js", "sliced_wasserstein", "grid/js/floor", "accuracy/real"):
        assert np.isfinite(table[tag][-1])
    assert {path.name for path in (tmp_path / "run" / "images").iterdir()} == {
        f"samples_{step:010d}.png" for step in (0, 10, 20)
    }


def test_its_epochs_are_counted(job):
    whole = dataclasses.replace(job, epochs=2)
    assert whole.steps == 7, "two passes over 100 points in batches of 32"


def test_runs_on_it_are_lanes_too(job, tmp_path):
    jobs = [dataclasses.replace(job, experiment=dataclasses.replace(job.experiment, seed=seed)) for seed in (0, 1)]
    lanes = {number: Lane(one, tmp_path / f"{number}", (), lambda: None, {}, "") for number, one in enumerate(jobs)}
    ended = {}
    display = Display(lambda program, progress: None, lambda number, outcome: ended.setdefault(number, outcome.status))
    train_sweep(lanes, plan(dict(enumerate(jobs))), tmp_path, display, lambda: 0)
    assert ended == {0: "finished", 1: "finished"}
    run(jobs[1], tmp_path / "alone")
    for name in ("metrics.csv", "images/samples_0000000020.png"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "alone" / name).read_bytes()


def test_the_height_of_a_line_picture_is_that_of_its_own_points():
    random = np.random.default_rng(0)
    places, heat = np.linspace(-1, 1, 20), np.full(20, 0.5)
    wide, narrow = random.uniform(-1, 1, 500), random.normal(0, 0.05, 500)
    drawn = LinePicture((-1.0, 1.0))
    for real in (wide, narrow, wide):
        alone = LinePicture((-1.0, 1.0)).draw(real, wide, places, heat, "step 0")
        np.testing.assert_array_equal(drawn.draw(real, wide, places, heat, "step 0"), alone)
