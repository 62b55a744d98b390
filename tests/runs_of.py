"""Runs compared, and configs read anew, for several tests."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from ganexp import checkpoints
from ganexp.config import compose, many


def assert_same_run(one: Path, other: Path) -> None:
    """Finished runs that are equal in every number and picture, and in the state at the end."""
    assert (one / "metrics.csv").read_bytes() == (other / "metrics.csv").read_bytes()
    told = [json.loads((folder / "run.json").read_text()) for folder in (one, other)]
    for name in ("status", "step", "steps", "seed", "settings", "final"):
        assert told[0].get(name) == told[1].get(name), name
    assert told[0]["final"]
    pictures = [{path.name: path.read_bytes() for path in (folder / "images").iterdir()} for folder in (one, other)]
    assert pictures[0] == pictures[1]
    frames = [path.read_bytes() if (path := folder / "frames.bin").exists() else b"" for folder in (one, other)]
    assert frames[0] == frames[1]
    newest = [checkpoints.paths(folder)[0] for folder in (one, other)]
    assert newest[0].name == newest[1].name
    assert newest[0].read_bytes() == newest[1].read_bytes()


def forget_configs() -> None:
    """Let option files be read anew, as another process does."""
    compose._Repository._read.clear()
    for cached in (compose._groups, compose._options, many._groups, many._family, many._sets_value):
        cached.cache_clear()


def recipe(folder: Path, name: str, **content: object) -> None:
    """Write a recipe into a folder of options, which is read anew."""
    text = yaml.safe_dump(content, sort_keys=False)
    (folder / f"{name}.yaml").write_text(f"# @package _global_\n# ganexp -m experiment={name}\n# Mine\n{text}")
    forget_configs()
