"""A short run by a command, and what it leaves."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

LOOKS = (
    "steps=60",
    "log_every=10",
    "eval_every=20",
    "image_every=30",
    "checkpoint_every=20",
    "eval_samples=500",
    "final_samples=1000",
)


def command(*words: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """The command as a person types it."""
    program = Path(sys.executable).with_name("ganexp")
    return subprocess.run([program, *words], capture_output=True, text=True, timeout=120, check=False, **options)


def summary(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "run.json").read_text())


def columns(folder: Path) -> list[str]:
    return (folder / "metrics.csv").read_text().partition("\n")[0].split(",")
