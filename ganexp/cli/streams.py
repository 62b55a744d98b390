"""Standard output and standard error as streams that never fail: what cannot be shown is escaped, what nobody reads is dropped."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

# The reader (head, less) left, or the terminal was closed: there is nobody to whom something is lost.
NOBODY = (errno.EPIPE, errno.EIO)


class Steady:
    """A text stream over `stream` whose writes never raise; `lost` is the error after which nothing is written any more, or None."""

    def __init__(self, stream: Any):
        self._stream = stream
        self.lost: OSError | None = None
        self._wait()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write `text`, with characters that the stream's encoding lacks as escapes; its length."""
        try:
            self._attempt(lambda: self._stream.write(text))
        except UnicodeEncodeError:
            self._attempt(lambda: self._stream.write(self._escaped(text)))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write each of `lines`."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Hand on what was written."""
        self._attempt(self._stream.flush)

    def isatty(self) -> bool:
        """Whether it is a terminal, and one whose lines can be drawn anew."""
        try:
            return bool(self._stream.isatty()) and os.environ.get("TERM") not in ("dumb", "unknown")
        except (OSError, ValueError):
            return False

    def _attempt(self, action: Callable[[], Any]) -> None:
        if self.lost is not None:
            return
        try:
            action()
        except UnicodeEncodeError:
            raise
        except BlockingIOError:
            self._wait()
        except OSError as error:
            self._lose(error)
        except ValueError as error:  # It is closed.
            self._lose(OSError(errno.EBADF, str(error)))

    def _wait(self) -> None:
        # Another program may have left the terminal or the pipe so that what does not fit at once is refused.
        with suppress(OSError, ValueError, AttributeError):
            os.set_blocking(self._stream.fileno(), True)

    def _lose(self, error: OSError) -> None:
        self.lost = error
        # What waits in the stream would fail again when the interpreter ends: it, and what libraries write, goes nowhere.
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            try:
                os.dup2(nowhere, self._stream.fileno())
            finally:
                os.close(nowhere)

    def _escaped(self, text: str) -> str:
        encoding = self._stream.encoding or "ascii"
        return "".join(_shown(character, encoding, self._stream.errors or "strict") for character in text)


def _shown(character: str, encoding: str, errors: str) -> str:
    try:
        character.encode(encoding, errors)
    except UnicodeEncodeError:
        return character.encode("ascii", "backslashreplace").decode()
    return character


@contextmanager
def steady() -> Iterator[Callable[[], OSError | None]]:
    """While the body runs, `sys.stdout` and `sys.stderr` never fail; yields what tells the error that lost some of the output."""
    _occupy()
    before: Any = sys.stdout, sys.stderr
    with ExitStack() as opened:
        # A stream that was closed before the start is None.
        streams = [
            Steady(opened.enter_context(open(os.devnull, "w", encoding="utf-8")) if stream is None else stream)
            for stream in before
        ]
        out, error = streams
        system: Any = sys
        system.stdout, system.stderr = out, error
        try:
            yield lambda: out.lost if out.lost is not None and out.lost.errno not in NOBODY else None
        finally:
            for stream in streams:
                stream.flush()
            sys.stdout, sys.stderr = before


def _occupy() -> None:
    # Where the caller closed one of the three, the next file to be opened would get its number, and with it what libraries
    # write to the standard streams.
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            with suppress(OSError):
                os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
