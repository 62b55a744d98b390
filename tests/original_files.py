"""Where the four original files of MNIST are: what tests of them need, and skip without."""

from __future__ import annotations

import os
from pathlib import Path

MNIST = Path(os.environ.get("GANEXP_MNIST_FILES") or Path(__file__).parents[2] / "shared/data/mnist")
