"""Errors as sentences: none of a command's mistakes shows a traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable

from ganexp import cli
from ganexp.component import SettingError
from ganexp.config.mistakes import Mistake


def guarded(command: Callable[[], int]) -> int:
    """The command's exit status; a mistake is one sentence and status 2."""
    try:
        return command()
    except (Mistake, SettingError) as error:
        print(f"ganexp: {error}", file=sys.stderr)
        return cli.MISTAKE
    except OSError as error:
        print(f"ganexp: {error.filename or 'a file'}: {error.strerror or error}", file=sys.stderr)
        return cli.FAILED
