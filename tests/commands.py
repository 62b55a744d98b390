"""The command, run in the tests' own process."""

from __future__ import annotations

import pytest

from ganexp import cli


def ganexp(*words: str) -> int:
    """The exit status of `ganexp` with these arguments."""
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    return int(ended.value.code or 0)
