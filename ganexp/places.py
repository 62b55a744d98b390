"""Where things lie that outlast a run."""

from __future__ import annotations

import os
from pathlib import Path


def cache_home() -> Path:
    """ganexp's folder in the user's cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ganexp"
