"""Folders of runs and of sweeps as `ganexp` leaves them, without a run."""

from __future__ import annotations

import itertools
import json

import numpy as np

from ganexp.records.pictures import png_bytes, write_png
from ganexp.records.summary import write_summary
from ganexp.report.runs import read
from ganexp.report.settings import where
from ganexp.report.summary import summarize

# As the metrics of a run on points in the plane say.
BETTER = {"grid/js": "lower", "modes/covered": "higher", "sliced_wasserstein": "lower", "accuracy/real": "neither"}
LOSSES, RATES, SEEDS = ("hinge", "minimax"), (1e-4, 1e-3, 1e-2), range(6)
# What these runs measured, by loss, learning rate and seed.
SCORES = np.random.default_rng(1).uniform(0.1, 0.5, (2, 3, 6)) + np.array([0.3, 0.0, 0.2])[:, None]


def make(home, number, words, settings, final, **more):
    """A run's folder in `home` as `ganexp` leaves it, with the settings of both optimizers spelled out."""
    seed = next(int(word.removeprefix("seed=")) for word in words if word.startswith("seed="))
    rate = settings.pop("optimizer.learning_rate", 1e-3)
    shared = {f"{player}_optimizer.learning_rate": rate for player in ("generator", "discriminator")}
    settings = {"dataset": "ring", "dataset.n": 8, "loss": "minimax", **shared, **settings, "seed": seed}
    folder = home / f"{number}_{','.join(words)}"
    (folder / ".hydra").mkdir(parents=True)
    write_summary(
        folder,
        {
            "status": "finished",
            "seed": seed,
            "step": 300,
            "steps": 300,
            "versions": {"ganexp": "0.1.0"},
            "device": {"platform": "cpu", "kind": "cpu", "count": 1},
            "settings": settings,
            "final": final,
            "better": BETTER,
            **more,
        },
    )
    (folder / ".hydra" / "overrides.yaml").write_text("".join(f"- {word}\n" for word in words))
    (folder / "metrics.csv").write_text("step,grid/js\n300,0.5\n")
    return folder


def make_sweep(home):
    """36 runs of two losses and three learning rates; the hinge loss diverges at the highest for four of six seeds."""
    listed = []
    combinations = itertools.product(enumerate(LOSSES), enumerate(RATES), SEEDS)
    for number, ((i, loss), (j, rate), seed) in enumerate(combinations):
        words = [f"loss={loss}", f"optimizer.learning_rate={rate}", f"log_every={seed + 1}", f"seed={seed}"]
        settings = {"loss": loss, "optimizer.learning_rate": rate} | ({"loss.margin": 1.0} if loss == "hinge" else {})
        lost = (loss, rate) == ("hinge", 1e-2) and seed > 1
        score = float(SCORES[i, j, seed])
        final = {"grid/js": score, "grid/js/floor": 0.01, "modes/covered": 8.0, "accuracy/real": 0.5}
        more = {"status": "diverged", "reason": f"a loss was not finite at step {seed}"} if lost else {}
        folder = make(home, number, words, settings, final, **more)
        write_png(folder / "images" / "samples_0000000300.png", png_bytes(np.full((20, 30, 3), number * 7, np.uint8)))
        write_png(folder / "images" / "samples_0000000000.png", png_bytes(np.zeros((20, 30, 3), np.uint8)))
        listed.append({"name": folder.name, "overrides": words})
    (home / "sweep.json").write_text(json.dumps({"words": [], "runs": listed}))


def section_of(folder, *, conditions=(), metrics=None, by=None):
    found = read([folder])
    summary = summarize(found._replace(runs=tuple(where(found.runs, conditions))), metrics, by)
    (section,) = summary.sections
    return section


def make_small_sweep(home):
    """Four runs of two losses and two seeds, each with a picture; the folder of the first."""
    listed = []
    for number, (loss, seed) in enumerate(itertools.product(LOSSES, range(2))):
        words = [f"loss={loss}", f"seed={seed}"]
        folder = make(home, number, words, {"loss": loss}, {"grid/js": 0.1 + number / 10, "accuracy/real": 0.5})
        write_png(folder / "images" / "samples_0000000300.png", png_bytes(np.full((20, 30, 3), number, np.uint8)))
        listed.append({"name": folder.name, "overrides": words})
    (home / "sweep.json").write_text(json.dumps({"words": [], "runs": listed}))
    return home / listed[0]["name"]
