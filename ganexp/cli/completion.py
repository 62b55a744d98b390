"""Shell completion, which is Hydra's own."""

from __future__ import annotations

import os
import re
import sys

from ganexp.config.compose import shell_completion
from ganexp.config.usage_errors import UsageError


def complete(what: str) -> int:
    """Install, uninstall or answer a shell's query, as `what` says; the exit status. Raises UsageError."""
    asked = re.fullmatch(r"(install|uninstall|query)=(bash|fish|zsh)", what)
    if asked is None:
        raise UsageError(f"-sc {what}: it is install=SHELL or uninstall=SHELL, for bash, fish or zsh")
    if asked[1] == "query" and "COMP_LINE" not in os.environ:
        raise UsageError(f"-sc {what}: is what a shell asks by itself; to have it ask, type -sc install={asked[2]}")
    shell_completion(what)
    sys.stdout.flush()
    return 0
