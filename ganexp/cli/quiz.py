"""`ganexp quiz`: spot the fake, with the images of a run."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import numpy as np

from ganexp.cli import reopen, workspace
from ganexp.cli.exit_codes import FINISHED
from ganexp.config.usage_errors import UsageError
from ganexp.experiment import Experiment, Stream
from ganexp.game import draw_noise, sample
from ganexp.records.atomic import write_atomically
from ganexp.records.pictures import png_bytes
from ganexp.types import TrainState
from ganexp.views.quiz import CELLS, questions, quiz_page, quiz_pictures

LARGEST = 2**32 - 1


def command(words: Sequence[str]) -> int:
    """Write the quiz of the run in the folder named first; the exit status."""
    if not words:
        raise UsageError("quiz needs the folder of a run: ganexp quiz FOLDER [seed=N]")
    folder, seed = workspace.begun(words[0]), _seed(words[1:])
    job = reopen.job_of(folder, reopen.summary(folder))
    if not job.experiment.dataset.images:
        raise UsageError(f"{folder}: this run generates points, and a quiz needs images")
    checkpoint = reopen.newest(folder, job)
    if checkpoint is None:
        raise UsageError(f"{folder}: has no checkpoint yet, and so no generator to ask")
    workspace.load_data(job)
    real, fake = pools(job.experiment, jax.device_put(checkpoint.state), seed)
    asked = questions(seed, real, fake)
    average = "" if job.experiment.average is None else ", averaged weights"
    title = f"Spot the fake: step {int(checkpoint.state.step):,}{average}"
    picture, answers = quiz_pictures(asked, title)
    place = folder / "quiz"
    workspace.make(place)
    for name, content in {
        f"quiz_{seed}.html": quiz_page(asked, title, seed, folder.resolve().name).encode(),
        f"quiz_{seed}.png": png_bytes(picture),
        f"quiz_{seed}_answers.png": png_bytes(answers),
    }.items():
        write_atomically(place / name, content, durable=False)
    print(f"open   {place / f'quiz_{seed}.html'} in a browser; the picture and its answers lie beside it")
    return FINISHED


def _seed(words: Sequence[str]) -> int:
    seed = 0
    for word in words:
        name, _, value = word.partition("=")
        if name != "seed":
            raise UsageError(f"{word}: quiz takes one setting, seed=N")
        if not value.isdecimal() or int(value) > LARGEST:
            raise UsageError(f"seed: {value!r} is out of range; it must be a whole number from 0 to {LARGEST}")
        seed = int(value)
    return seed


def pools(experiment: Experiment, state: TrainState, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """As many real and as many generated images as there are cells, in [0, 1]; what is 0 or 1 in the data is so here too."""
    key = jax.random.fold_in(experiment.key(Stream.PICTURES), np.uint32(seed))
    points, noise = jax.random.split(jax.random.fold_in(key, 2))
    data, experiment = experiment.dataset.load(), experiment.at(state.step)
    real = experiment.dataset.reference(data, points, CELLS).x
    fake = sample(experiment, state, draw_noise(experiment, data, noise, CELLS), key).x
    shown = [np.clip(np.nan_to_num(experiment.dataset.denormalize(np.asarray(side))), 0, 1) for side in (real, fake)]
    if experiment.dataset.binary:
        # As in the tutorial: gray pixels would give the fakes away.
        shown[1] = (shown[1] > 0.5).astype(np.float32)
    return shown[0], shown[1]
