"""The command. Only what a command needs is imported for it: help comes at once."""

from __future__ import annotations

import argparse
import gc
import os
import sys
import time
from collections.abc import Sequence
from typing import NoReturn

import ganexp

STARTED = time.perf_counter()

FINISHED, FAILED, MISTAKE, DIVERGED = 0, 1, 2, 3
COMMANDS = ("train", "resume", "report", "quiz", "classifier", "list")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        print(f"ganexp: {message} (see ganexp --help)", file=sys.stderr)
        sys.exit(MISTAKE)


def _parser() -> _Parser:
    parser = _Parser(prog="ganexp", add_help=False, allow_abbrev=False)
    parser.add_argument("-h", "--help", action="store_true")
    parser.add_argument("--version", action="store_true")
    parser.add_argument("-m", "--multirun", action="store_true")
    parser.add_argument("--cfg", choices=("job", "hydra", "all"))
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("-sc", "--shell-completion", metavar="WHAT=SHELL")
    parser.add_argument("words", nargs="*")
    return parser


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command that was typed, and exit with its status."""
    # Importing and tracing make a million objects that stay: looking for garbage among them is a tenth of the start.
    # Collection goes on once the device is busy.
    gc.disable()
    try:
        status = _main(list(sys.argv[1:] if arguments is None else arguments))
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader (head, less) went away: nothing is wrong, and the interpreter must not write again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = FINISHED
    except KeyboardInterrupt:
        status = 130
    gc.enable()
    sys.exit(status)


def _report(arguments: list[str]) -> int:
    # It has options of its own, and needs neither JAX nor Hydra.
    from ganexp.cli import report
    from ganexp.cli.guard import guarded

    return guarded(lambda: report.command(arguments))


def _main(arguments: list[str]) -> int:
    if arguments[:1] == ["report"] and not {"-h", "--help"} & {*arguments}:
        return _report(arguments[1:])
    typed = _parser().parse_intermixed_args(arguments)
    command, words = (
        (typed.words[0], typed.words[1:]) if typed.words[:1] and typed.words[0] in COMMANDS else ("train", typed.words)
    )
    if typed.version:
        print(f"ganexp {ganexp.__version__}")
        return FINISHED
    if typed.help:
        from ganexp.cli import help as page

        print(page.text())
        return FINISHED
    if command == "list":
        from ganexp.cli import help as page

        return page.show_options(words)
    if typed.shell_completion:
        from ganexp.cli import completion

        return completion.complete(typed.shell_completion)
    from ganexp.cli import train
    from ganexp.cli.guard import guarded

    return guarded(lambda: train.command(command, words, typed))
