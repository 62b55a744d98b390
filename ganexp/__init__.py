"""ganexp: a config-driven runner of GAN experiments in JAX. What it offers to a notebook or a script is in `ganexp.api`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ganexp.version import __version__

if TYPE_CHECKING:
    from ganexp.api import Job, Run, SettingError, UsageError, compose, open_run, open_sweep, sweep, train

__all__ = [
    "Job",
    "Run",
    "SettingError",
    "UsageError",
    "__version__",
    "compose",
    "open_run",
    "open_sweep",
    "sweep",
    "train",
]


def __getattr__(name: str) -> Any:
    # JAX takes a second to import, and `ganexp --help` has no use for it.
    if name not in __all__:
        raise AttributeError(f"module 'ganexp' has no attribute {name!r}")
    return getattr(import_module("ganexp.api"), name)


def __dir__() -> list[str]:
    return [*__all__]
