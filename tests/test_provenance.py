"""What a run's folder says of what made it is all that it takes to make it again."""

from __future__ import annotations

import json
from pathlib import Path

import jax
import pytest
from contracts import BESIDE

from ganexp.component import SettingError
from ganexp.config.build import load
from ganexp.config.options import options
from ganexp.description import describe, rebuild
from ganexp.job import Job
from ganexp.provenance import changes, differing, record, refuse_changes, restore
from ganexp.sweeps import folder

SOURCE = Path("run.json")
DIGITS = ("dataset=binarized_mnist", "dataset.source=bundled")
CHOICES = [
    (),
    ("dataset.weights=[1,2,3,4,5,6,7,8]", "penalty=[weight_clipping,r1]", "penalty.r1.weight=0.3"),
    ("schedule=[stepwise,linear]", "schedule.linear.setting=penalty.r1.weight"),
    ("discriminator_optimizer=rmsprop", "optimizer.clip_norm=2", "epochs=null"),
    (*DIGITS, "epochs=1.5", "batch_size=100", "output=gumbel_sigmoid"),
    ("model.conditioning=concat",),
    *((f"experiment={name}",) for name in options("experiment")),
    *((f"optimizer={name}",) for name in options("optimizer")),
    *((word, *BESIDE.get(word, ())) for word in (f"loss={name}" for name in options("loss"))),
    *((f"prior={name}",) for name in options("prior")),
    *((f"dataset={name}",) for name in options("dataset")),
    *((f"updates={name}",) for name in options("updates")),
]


@pytest.mark.parametrize("words", CHOICES, ids=" ".join)
def test_a_job_comes_back_from_what_is_recorded_of_it(words):
    job = load(words)[1]
    job.out = None
    again = restore(json.loads(json.dumps(record(job))), SOURCE)
    assert describe(again) == describe(job)
    assert jax.tree.structure(again) == jax.tree.structure(job)
    assert jax.tree.leaves(again) == jax.tree.leaves(job)
    assert again.steps == job.steps


def recorded(**changed: object) -> dict:
    found = json.loads(json.dumps(record(load([])[1])))
    found["settings"] |= changed
    return found


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        ({}, "does not hold the settings of a run"),
        ({"settings": [], "job": {}}, "does not hold the settings of a run"),
        ({"settings": None, "job": None}, "does not hold the settings of a run"),
        (recorded(dataset="rings"), r"there is no 'rings'; did you mean ring\?"),
        (recorded(dataset=["ring"]), "does not hold the settings of a run"),
        (recorded(seed=-1), "experiment.seed: -1 is out of range"),
        (recorded(seed=1.5), "experiment.seed"),
        (recorded(seed="3"), "experiment.seed"),
        (recorded(batch_size=None), "experiment.batch_size"),
        (recorded(**{"dataset.raduis": 2.0}), "dataset.raduis"),
        (recorded(**{"loss.scale": True}), "loss.scale"),
        (recorded(**{"generator_optimizer.name": "eval"}), "generator_optimizer.name"),
        (recorded(**{"penalty.r1": "os.system"}), "there is no 'os.system'"),
    ],
)
def test_what_is_not_a_run_is_refused_in_a_sentence(found, sentence):
    with pytest.raises(SettingError, match=sentence) as refused:
        restore(found, SOURCE)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("missing", ["seed", "dataset.radius", "loss", "generator_optimizer.learning_rate"])
def test_what_lacks_a_setting_is_refused(missing):
    found = recorded()
    del found["settings"][missing]
    with pytest.raises(SettingError, match="was it made by another version of ganexp"):
        restore(found, SOURCE)


def test_a_place_decides_no_number(tmp_path):
    job, moved = (load(["dataset=mnist", f"dataset.files={tmp_path / place}"])[1] for place in "ab")
    assert job.settings() == moved.settings()
    assert record(job)["settings"]["dataset.files"] == str(tmp_path / "a")
    # A folder that is gone is done without: the cache may have what was in it.
    assert restore(record(job), SOURCE).experiment.dataset.files is None
    (tmp_path / "a").mkdir()
    assert restore(record(job), SOURCE).experiment.dataset.files == str(tmp_path / "a")


def test_what_differs_is_named():
    before, now = load([])[1].settings(), load(["seed=7", "loss=minimax", "dataset.radius=1"])[1].settings()
    assert differing(before, now) == ["dataset.radius", "loss", "seed"]
    assert changes(before, now) == "dataset.radius (2.0 -> 1.0), loss (non_saturating -> minimax), seed (0 -> 7)"
    with pytest.raises(SettingError, match=r"^run: a run is continued only with the settings that made it: dataset"):
        refuse_changes(Path("run"), before, now)
    refuse_changes(Path("run"), before, dict(before))


def test_a_number_is_not_a_truth_value():
    assert differing({"a": 1, "b": [1.0]}, {"a": True, "b": [1]}) == ["a", "b"]
    assert differing({"a": None}, {}) == ["a"]


def test_a_part_without_the_job_comes_back_too():
    job = load([])[1]
    assert describe(rebuild(type(job.experiment), describe(job.experiment))) == describe(job.experiment)
    with pytest.raises(SettingError, match="steps: is not set"):
        rebuild(Job, {f"experiment.{key}": value for key, value in describe(job.experiment).items()})


def of(word: str) -> Job:
    return load([word])[1]


def test_the_order_of_a_list_of_parts_is_a_setting(tmp_path):
    one, other = (of(f"penalty=[{names}]") for names in ("r1,lecam", "lecam,r1"))
    assert differing(record(one)["settings"], record(other)["settings"]) == ["penalty"]
    assert changes(record(one)["settings"], record(other)["settings"]) == 'penalty (["r1", "lecam"] -> ["lecam", "r1"])'
    for job in (one, other):
        assert [*restore(record(job), tmp_path).experiment.penalty] == [*job.experiment.penalty]
    assert differing(record(one)["settings"], record(of("penalty=[r1]"))["settings"])[-1] != "penalty"


def test_runs_of_a_sweep_keep_the_order_of_their_parts(tmp_path):
    lists = ("lecam,r1", "r1", "r1,lecam", "weight_clipping,r1")
    jobs = [of(f"penalty=[{names}]") for names in lists]
    runs = [folder.Listed(f"run_{number}", [], record(job)) for number, job in enumerate(jobs)]
    folder.write(tmp_path, folder.SweepManifest([], runs, [0], []))
    found = folder.read(tmp_path)
    assert [",".join(folder.job_of(tmp_path, run).experiment.penalty) for run in found.runs] == [*lists]
