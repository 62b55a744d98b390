"""Errors as sentences: none of a command's mistakes shows a traceback."""

from __future__ import annotations

from collections.abc import Callable

from ganexp.cli.exit_codes import FAILED, USAGE_ERROR
from ganexp.cli.sentences import say
from ganexp.config.files import UsageError
from ganexp.records.documents import DocumentError
from ganexp.values import SettingError


def guarded(command: Callable[[], int]) -> int:
    """The command's exit status; a mistake is one sentence and status 2."""
    try:
        return command()
    except (UsageError, SettingError, DocumentError) as error:
        say(str(error))
        return USAGE_ERROR
    except OSError as error:
        say(f"{error.filename or 'a file'}: {error.strerror or error}")
        return FAILED
