"""Commands in processes of their own."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ganexp import cli


def here(*words: str) -> int:
    """The exit status of the command, in this process."""
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    return int(ended.value.code or 0)


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
