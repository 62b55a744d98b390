"""The exit statuses of the command."""

from __future__ import annotations

FINISHED, FAILED, USAGE_ERROR, DIVERGED, INTERRUPTED = 0, 1, 2, 3, 130
SIGNALED = 128  # What a signal ended exits with this and the signal's number.
# By how a run ended.
STATUSES = {"finished": FINISHED, "failed": FAILED, "diverged": DIVERGED}
