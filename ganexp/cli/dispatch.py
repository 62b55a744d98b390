"""The command. Only what a command needs is imported for it: help comes at once."""

from __future__ import annotations

import argparse
import gc
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NoReturn

from ganexp.cli import environment, streams
from ganexp.cli.exit_codes import FAILED, FINISHED, INTERRUPTED, USAGE_ERROR
from ganexp.cli.sentences import say
from ganexp.version import __version__

# Each command with the flags it takes; `report` and `view` have parsers of their own.
COMMANDS = {
    "train": ("multirun", "cfg", "dry_run"),
    "resume": ("cfg", "dry_run"),
    "extend": ("dry_run",),
    "report": (),
    "view": (),
    "quiz": (),
    "classifier": (),
    "list": ("markdown",),
}
OWN = {
    "report": "--by, --metric, --where, --format and --out behind its name",
    "view": "--step, --view and --out behind its name",
}
FLAGS = {"multirun": "-m", "cfg": "--cfg", "dry_run": "--dry-run", "markdown": "--markdown"}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        say(f"{message} (see ganexp --help)")
        sys.exit(USAGE_ERROR)


def _parser() -> _Parser:
    parser = _Parser(prog="ganexp", add_help=False, allow_abbrev=False)
    parser.add_argument("-h", "--help", action="store_true")
    parser.add_argument("--version", action="store_true")
    parser.add_argument("-m", "--multirun", action="store_true")
    parser.add_argument("--cfg", choices=("job", "hydra", "all"))
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("-sc", "--shell-completion", metavar="WHAT=SHELL")
    parser.add_argument("words", nargs="*")
    return parser


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command that was typed, and exit with its status."""
    # Importing and tracing make a million objects that stay: looking for garbage among them is a tenth of the start.
    # Collection goes on once the device is busy.
    gc.disable()
    heard = _hear_interrupts()
    with streams.steady() as lost:
        try:
            status = _main(list(sys.argv[1:] if arguments is None else arguments))
        except KeyboardInterrupt:
            status = INTERRUPTED
        except Exception:
            # A library whose import Ctrl-C broke off says so in an error of its own.
            if not heard:
                raise
            status = INTERRUPTED
        sys.stdout.flush()
        if error := lost():
            print(f"ganexp: what it printed could not be written ({error.strerror})", file=sys.stderr)
            status = status or FAILED
    gc.enable()
    sys.exit(status)


def _hear_interrupts() -> list[int]:
    """Have Ctrl-C raise KeyboardInterrupt, as it does, and be noted in the list returned."""
    heard: list[int] = []

    def hear(number: int, frame: Any) -> NoReturn:
        heard.append(number)
        raise KeyboardInterrupt

    # What is ignored stays so, and what a notebook has set.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        with suppress(ValueError):
            signal.signal(signal.SIGINT, hear)
    return heard


def _report(arguments: list[str]) -> int:
    # It has options of its own, and needs neither JAX nor Hydra.
    if (refused := environment.refusal_of_pictures()) is not None:
        return _refuse(refused)
    environment.settle()
    from ganexp.cli import report
    from ganexp.cli.guard import guarded

    return guarded(lambda: report.command(arguments))


def _view(arguments: list[str], notes: list[str]) -> int:
    for note in notes:
        print(f"ganexp: note: {note}", file=sys.stderr)
    if (refused := environment.refusal(device=True)) is not None:
        return _refuse(refused)
    environment.settle()
    from ganexp.cli import view
    from ganexp.cli.guard import guarded

    return guarded(lambda: view.command(arguments))


def _refuse(sentence: str) -> int:
    say(sentence)
    return USAGE_ERROR


def _main(arguments: list[str]) -> int:
    if sys.platform == "win32":
        return _refuse("runs on Linux and macOS; on Windows install and start it inside WSL")
    if (word := next(filter(environment.unreadable, arguments), None)) is not None:
        return _refuse(f"{word}: has characters that this locale cannot read; set LC_ALL=C.UTF-8, or type others")
    notes = environment.pin()
    if arguments[:1] == ["report"] and not {"-h", "--help"} & {*arguments}:
        return _report(arguments[1:])
    if arguments[:1] == ["view"] and not {"-h", "--help"} & {*arguments}:
        return _view(arguments[1:], notes)
    typed = _parser().parse_intermixed_args(arguments)
    command, words = (
        (typed.words[0], typed.words[1:]) if typed.words[:1] and typed.words[0] in COMMANDS else ("train", typed.words)
    )
    if typed.version:
        print(f"ganexp {__version__}")
        return FINISHED
    if typed.help:
        from ganexp.cli import help as page

        print(page.text())
        return FINISHED
    if (unfit := _unfit(command, typed)) is not None:
        return _refuse(unfit)
    if command == "list":
        from ganexp.cli import help as page

        return page.show_options(words, typed.markdown)
    if typed.shell_completion:
        from ganexp.cli import completion
        from ganexp.cli.guard import guarded

        return guarded(lambda: completion.complete(typed.shell_completion))
    for note in notes:
        print(f"ganexp: note: {note}", file=sys.stderr)
    if (refused := environment.refusal(device=typed.cfg is None)) is not None:
        return _refuse(refused)
    environment.settle()
    from ganexp.cli.guard import guarded

    return guarded(lambda: _dispatch(command, words, typed))


def _unfit(command: str, typed: argparse.Namespace) -> str | None:
    """What is wrong with the flags that were typed with a command."""
    for flag, text in FLAGS.items():
        if getattr(typed, flag) and flag not in COMMANDS[command]:
            known = OWN.get(command) or " and ".join(FLAGS[name] for name in COMMANDS[command])
            return f"{command} takes no {text}; {f'it takes {known}' if known else 'it takes no flags'}"
    if typed.multirun and typed.cfg:
        return "--cfg prints the config of one run; leave out -m"
    return None


def _dispatch(command: str, words: list[str], typed: argparse.Namespace) -> int:
    from ganexp.cli.workspace import as_they_stand

    words = as_they_stand(words)
    if command == "resume":
        from ganexp.cli import resume

        return resume.command(words, typed)
    if command == "extend":
        from ganexp.cli import sweep

        return sweep.extend(words, typed.dry_run)
    if command == "quiz":
        from ganexp.cli import quiz

        return quiz.command(words)
    if command == "classifier":
        from ganexp.cli import classifier

        return classifier.command(words)
    if typed.multirun:
        from ganexp.cli import sweep

        return sweep.command(words, typed.dry_run)
    from ganexp.cli import train

    return train.command(words, typed)
