"""Whatever happened to a file of a run or of a sweep: a command goes on as if nothing had, or says in one sentence why not."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from campaign import LONG, bounded, changed, contents, debris, form, seeded
from commands import DIGITS, ganexp
from damages import ways

from ganexp import checkpoints
from ganexp.cli import display, display_sweep

LOOKS = ("log_every=4", "eval_every=8", "image_every=8", "checkpoint_every=4", "final_samples=50", "eval_samples=50")
NETS = tuple(f"model.{player}.{size}" for player in ("generator", "discriminator") for size in ("width=4", "depth=1"))
RING = (*NETS, *LOOKS, "batch_size=8", "steps=20")
SWEPT = ("seed=0,1", "loss=minimax,non_saturating")
IMAGES = (*DIGITS[:-1], *NETS, *LOOKS[:-1], "eval_samples=100", "steps=8")
LONGER = "steps=24"
FIRST, SECOND = "0_loss=minimax,seed=0", "1_loss=non_saturating,seed=0"

RUN = (
    "run.json",
    "metrics.csv",
    "events.out.tfevents.*",
    "images/samples_0000000008.png",
    "images/modes_0000000008.png",
    ".hydra/config.yaml",
    ".hydra/hydra.yaml",
    ".hydra/overrides.yaml",
    "images",
    "checkpoints",
    ".hydra",
    "frames.bin",
)
# What is damaged in each folder: the short form leaves out what another one has too.
TARGETS = {
    "interrupted": (*RUN, *(f"checkpoints/{step:010d}.ckpt" for step in (4, 8, 12))),
    "finished": (*RUN, *(f"checkpoints/{step:010d}.ckpt" for step in (12, 16, 20))),
    "digits": ("run.json", "frames.bin", *(f"checkpoints/{step:010d}.ckpt" for step in (4, 8))),
    "sweep": (
        "sweep.json",
        "events.out.tfevents.*",
        "programs",
        "programs/0",
        "programs/0/checkpoints/*8.ckpt",
        "programs/0/checkpoints/*4.ckpt",
        FIRST,
        *(f"{FIRST}/{name}" for name in (*RUN[:3], *RUN[5:9], ".hydra")),
    ),
    "swept": (
        "sweep.json",
        FIRST,
        f"{FIRST}/run.json",
        f"{FIRST}/metrics.csv",
        f"{SECOND}/run.json",
        f"{SECOND}/checkpoints/0000000020.ckpt",
    ),
}
EXHAUSTIVE = ("run.json", "sweep.json", "metrics.csv", ".ckpt")
# A sweep takes seconds to go on.
COUNTS = {
    "interrupted": form(3, 16),
    "finished": form(1, 12),
    "digits": form(1, 12),
    "sweep": form(1, 12),
    "swept": form(1, 12),
}


def cases() -> list[tuple[str, str, str]]:
    """The folder, file and way of each damage that this form of the campaign makes."""
    found = []
    for home, names in TARGETS.items():
        for name in names:
            kinds = list(ways(name))
            most = 40 if LONG and home == "interrupted" and name.endswith(EXHAUSTIVE) else COUNTS[home]
            found += [(home, name, way) for way in seeded(home, name).sample(kinds, min(most, len(kinds)))]
    return found


@contextlib.contextmanager
def interrupted_at(step: int) -> Iterator[None]:
    """Runs and sweeps that begin in the body hear a signal at a step."""
    shown = display_sweep.SweepDisplay.progress

    @contextlib.contextmanager
    def progress(*arguments: object) -> Iterator[Callable[[Any], None]]:
        yield lambda told: os.kill(os.getpid(), signal.SIGINT) if told.step >= step else None

    def sweep_progress(self: Any, number: int, told: Any) -> None:
        shown(self, number, told)
        if told.step >= step:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(display, "progress", progress)
        patched.setattr(display_sweep.SweepDisplay, "progress", sweep_progress)
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Callable[[str], Path]:
    """The folder of a name, as it was before any damage, made once; and under `longer` and `through` what going on leads to."""
    made: dict[str, Path] = {}

    def make(name: str) -> Path:
        if name in made:
            return made[name]
        folder = tmp_path_factory.mktemp("whole") / name
        ring = tuple(word for word in RING if not word.startswith("steps="))
        if name == "interrupted":
            with interrupted_at(12):
                assert ganexp(*RING, f"out={folder}") == 130
        elif name == "finished":
            assert ganexp(*RING, f"out={folder}") == 0
        elif name == "longer":
            assert ganexp(*ring, LONGER, f"out={folder}") == 0
        elif name == "digits":
            assert ganexp(*IMAGES, f"out={folder}") == 0
        elif name == "sweep":
            with interrupted_at(8):
                assert ganexp("-m", *RING, *SWEPT, f"out={folder}") == 130
        else:
            assert ganexp("-m", *RING, *SWEPT, f"out={folder}") == 0
        made[name] = folder
        return folder

    return make


def words_of(home: str) -> tuple[str, ...]:
    return {"digits": IMAGES, "sweep": ("-m", *RING, *SWEPT), "swept": ("-m", *RING, *SWEPT)}.get(home, RING)


def asked(home: str, folder: Path, chance: Any) -> list[tuple[str, ...]]:
    """The commands that a damaged folder is asked, the last of which may train."""
    place, again = str(folder), (*words_of(home), f"out={folder}")
    cheap = [
        ("resume", place, "--dry-run"),
        chance.choice((("resume", place, LONGER, "--dry-run"), ("report", place), ("quiz", place), ("view", place))),
    ]
    if home in ("sweep", "swept"):
        cheap.append(chance.choice((("extend", place, "seed=range(0,3)", "--dry-run"), (*again, "--dry-run"))))
        return [*cheap, chance.choice((("resume", place), again))]
    if home == "digits":
        return [*cheap, ("quiz", place, "seed=3")]
    cheap.append(chance.choice((("resume", place, "--cfg", "job"), ("extend", place, "seed=2"), (*again, "--dry-run"))))
    goes_on = [("resume", place), again] if home == "interrupted" else []
    return [*cheap, chance.choice([*goes_on, ("resume", place, LONGER)])]


@pytest.mark.slow  # Some seconds for each of the folders, and one for each damage.
@pytest.mark.usefixtures("one_cache")
@pytest.mark.parametrize(("home", "name", "way"), cases(), ids=lambda part: part.replace("/", "-"))
def test_a_damage_is_overcome_or_told_in_a_sentence(home, name, way, whole, tmp_path, monkeypatch, capsys):
    (tmp_path / "outside").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for number, words in enumerate(asked(home, tmp_path / "damaged" / "folder", seeded("asked", home, name, way))):
        folder = tmp_path / str(number) / "folder"
        words = tuple(word.replace(str(tmp_path / "damaged" / "folder"), str(folder)) for word in words)
        shutil.rmtree(tmp_path / "outside")
        (tmp_path / "outside").mkdir()
        shutil.copytree(whole(home), folder)
        (target,) = folder.glob(name)
        original = target.read_bytes() if target.is_file() else b""
        ways(name)[way](target, seeded("damage", home, name, way))
        same_asked = asks_for_the_same(original, target)
        seen = f"{home}: {target.relative_to(folder)}: {way}: ganexp {' '.join(words)}"
        before, beside = contents(folder), (contents(tmp_path / "outside"), contents(tmp_path / "here"))
        capsys.readouterr()
        try:
            with bounded(seen):
                status = ganexp(*words)
        except Exception as error:
            raise AssertionError(f"{seen}\nraised {type(error).__name__}: {str(error)[:500]!a}") from error
        out, said = capsys.readouterr()
        seen += f"\nstatus {status}, stdout {out[-600:]!a}, stderr {said[-1500:]!a}"
        assert beside == (contents(tmp_path / "outside"), contents(tmp_path / "here")), f"written elsewhere: {seen}"
        assert status in (0, 1, 2, 3), seen
        # What the disk refused while a run trained is told with the name of its error; what was known before is not.
        words_of_libraries = (
            debris(said + out) if status != 1 else debris(said.replace("Error:", "")) + known_before(said + out)
        )
        assert not words_of_libraries, f"{words_of_libraries} in {seen}"
        if status == 2:
            assert out == "", seen
            assert said.splitlines()[-1].startswith("ganexp: "), seen
            assert not changed(before, contents(folder)), f"{changed(before, contents(folder))} changed by {seen}"
        if status == 0 and trains(words) and same_asked:
            for one, other in pairs(home, folder, words, whole):
                assert not differing(one, other, target), f"{differing(one, other, target)} differ: {seen}"


def known_before(text: str) -> list[str]:
    """The names of errors about a folder's content, which are sentences already or should be."""
    return [name for name in ("SettingError", "DocumentError", "ValueError", "KeyError", "TypeError") if name in text]


def trains(words: tuple[str, ...]) -> bool:
    """Whether a command goes on with what is in a folder."""
    return words[0] not in ("report", "quiz", "view") and not {"--dry-run", "--cfg"}.intersection(words)


def asks_for_the_same(original: bytes, damaged: Path) -> bool:
    """Whether a record that was damaged, if it is one, still says the same of what is to be trained."""
    if not damaged.is_file():
        return True
    try:
        before, now = json.loads(original), json.loads(damaged.read_bytes())
        return all(
            before.get(part) == now.get(part) for part in ("settings", "job", "words", "batches", "shared", "runs")
        )
    except (OSError, ValueError, AttributeError, RecursionError):
        return True


def pairs(home: str, folder: Path, words: tuple[str, ...], whole: Callable[[str], Path]) -> list[tuple[Path, Path]]:
    """The runs of a folder that went on, each with the undamaged one."""
    if home in ("sweep", "swept"):
        return [(folder / run.parent.name, run.parent) for run in whole("swept").glob("*/run.json")]
    return [(folder, whole("longer" if LONGER in words else "finished"))]


def differing(one: Path, other: Path, damaged: Path) -> list[str]:
    """What is recorded of two runs and is not the same, but for what was damaged in the first, and is a record itself."""
    names = ["metrics.csv", "frames.bin", *(f"images/{path.name}" for path in (other / "images").glob("*.png"))]
    names += [f"checkpoints/{checkpoints.paths(other)[0].name}"]
    recorded = [name for name in names if damaged not in (one / name, *(one / name).parents)]
    found = [name for name in recorded if not _same(one / name, other / name)]
    finals = [_final(folder / "run.json") for folder in (one, other)]
    return found if finals[0] == finals[1] else [*found, "final"]


def _same(one: Path, other: Path) -> bool:
    return one.is_file() and one.read_bytes() == other.read_bytes()


def _final(path: Path) -> Any:
    summary = json.loads(path.read_text()) if path.is_file() else {}
    return {name: summary.get(name) for name in ("status", "step", "final")}


@pytest.mark.slow  # Trains a run or a sweep for each of the folders.
@pytest.mark.usefixtures("one_cache")
def test_every_file_is_damaged(whole):
    for home in ("interrupted", "finished", "sweep", "swept", "digits"):
        assert all(any(whole(home).glob(name)) for name in TARGETS[home]), home
    for home in ("interrupted", "finished"):
        left = {str(path.relative_to(whole(home))) for path in whole(home).rglob("*")}
        known = {str(path.relative_to(whole(home))) for name in TARGETS[home] for path in whole(home).glob(name)}
        kinds = {name.rpartition("_")[0] or name for name in left - known}
        assert kinds <= {"images/samples", "images/modes"}, kinds
