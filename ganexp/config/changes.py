"""What is typed when a run goes on: its length and what is recorded of it may change, what made its numbers may not."""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, QuotedString
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from ganexp.config.build import load, part
from ganexp.config.compose import check, compose
from ganexp.config.schema import JOB_FIELDS
from ganexp.config.usage_errors import UsageError, explain, parse
from ganexp.job import Job
from ganexp.provenance import located, record, refuse_changes, restore

LENGTHS = ("steps", "epochs")  # Each takes the other's place.
INTENTIONS = "debug"  # A group whose options set what is the job's.
PARTS = ("metric", "view")  # What is chosen for the job: which parts there are depends on the data set.


def merged(before: Sequence[str], words: Sequence[str]) -> list[str]:
    """What was typed before, with `words` in the places of those that they change, or at the end."""
    changed = {_place(word): word for word in words}
    found = [changed.pop(_place(word), None) if _place(word) in {*map(_place, words)} else word for word in before]
    return [*(word for word in found if word is not None), *changed.values()]


def _place(word: str) -> str:
    return LENGTHS[0] if _key(word) in LENGTHS else _key(word)


def _key(word: str) -> str:
    return word.partition("=")[0].lstrip("+~")


def continued(folder: Path, job: Job, before: Sequence[str], words: Sequence[str]) -> Job:
    """The job of a run that was begun with the words `before`, as it goes on in `folder` with `words`.

    Raises UsageError, and SettingError for what would change its numbers.
    """
    if not words:
        return job
    typed = parse(words, OverridesParser.create(), sweeps=False)
    check(typed)
    places = {
        override.get_key_element(): override for override in typed if _key(str(override.input_line)) in located(job)
    }
    own = [override for override in typed if _is_job(override)]
    if len(places) + len(own) < len(typed):
        new = load(merged(before, words))[1]
    else:
        new = dataclasses.replace(job, **_values(own))
    refuse_changes(folder, job.settings(), new.settings())
    return _moved(new, places)


def _is_job(override: Override) -> bool:
    key = override.get_key_element()
    if key == "out":
        raise UsageError(f"{override.input_line}: a run goes on in its own folder; leave it out")
    name = key.partition(".")[0]
    return key == INTENTIONS or (name in JOB_FIELDS and name not in PARTS)


def _values(own: Sequence[Override]) -> dict[str, Any]:
    """The fields of the job that the overrides set, checked and built as for a new run."""
    config, usual = compose([str(override.input_line) for override in own]), compose([])
    typed = {override.get_key_element().partition(".")[0] for override in own} - {INTENTIONS}
    try:
        with warnings.catch_warnings():
            # What a resolver only warns of is a mistake too.
            warnings.simplefilter("error", UserWarning)
            return _differing(config, usual, typed)
    except OmegaConfBaseException as error:
        raise explain(error, []) from None


def _differing(config: DictConfig, usual: DictConfig, typed: set[str]) -> dict[str, Any]:
    """The job's fields that were `typed`, or that an intention sets."""
    typed = typed | {name for name in JOB_FIELDS if config[name] != usual[name]} - {*PARTS}
    if typed.intersection(LENGTHS):
        typed |= {*LENGTHS}
    return {name: part(config, name) for name in JOB_FIELDS if name in typed}


def _text(override: Override) -> str:
    value = override.value()
    return value.text if isinstance(value, QuotedString) else str(value)


def _moved(job: Job, places: Mapping[str, Override]) -> Job:
    recorded = record(job)
    for path, override in places.items():
        place = Path(os.path.expanduser(_text(override)))
        if not place.exists():
            raise UsageError(f"{override.input_line}: there is no such place")
        recorded["settings"][path] = str(place.absolute())
    return restore(recorded, Path(str(job.out)))
