"""Where things lie that outlast a run."""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path | None:
    """The user's home, or None: a container's user may have none."""
    found = os.path.expanduser("~")
    # Of an empty variable the root of the disk would be made.
    return Path(found) if os.path.isabs(found) and os.environ.get("HOME") != "" else None


def cache_home() -> Path | None:
    """ganexp's folder in the user's cache; None where the user has no home."""
    # A relative folder is none, says the specification of the variable: it would be another one wherever one stands.
    named = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(named):
        return Path(named) / "ganexp"
    place = home()
    return None if place is None else place / ".cache" / "ganexp"
