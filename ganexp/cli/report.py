"""`ganexp report`: what the runs of some folders say together."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from ganexp.cli.exit_codes import FINISHED
from ganexp.config.usage_errors import UsageError
from ganexp.report.runs import ReportError, read
from ganexp.report.settings import where
from ganexp.report.summary import summarize
from ganexp.report.table import FORMATS, console, print_summary

USAGE = "ganexp report FOLDER ... [--by KEY,KEY] [--metric TAG,TAG] [--where KEY=VALUE] [--format table] [--out FOLDER]"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"report: {message}; it is typed {USAGE}")


def _parser() -> _Parser:
    parser = _Parser(prog="ganexp report", add_help=False, allow_abbrev=False)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--by", type=_listed)
    parser.add_argument("--metric", type=_listed)
    parser.add_argument("--where", action="append", default=[])
    parser.add_argument("--format", choices=("table", *FORMATS), default="table")
    parser.add_argument("--out", type=Path)
    return parser


def _listed(text: str) -> list[str]:
    return [part for part in text.split(",") if part]


def command(words: Sequence[str]) -> int:
    """Print the table of the folders named, and leave the report with its figures beside them; the exit status."""
    typed = _parser().parse_intermixed_args(list(words))
    if not typed.folders:
        raise UsageError(f"report needs the folder of a run or of a sweep: {USAGE}")
    try:
        found = read(typed.folders)
        chosen = found._replace(runs=tuple(where(found.runs, typed.where)))
        summary = summarize(chosen, typed.metric, typed.by)
    except ReportError as error:
        raise UsageError(str(error)) from None
    if typed.format == "table":
        print_summary(summary, console())
    else:
        print(FORMATS[typed.format](summary), end="")
    place = typed.out or folder_of(typed.folders)
    from ganexp.report.page import write

    try:
        page = write(summary, place)
    except OSError as error:
        raise UsageError(f"{place}: cannot be written ({error.strerror}); choose another folder with --out") from None
    if typed.format == "table":
        print(f"figures, tables and a page to open in a browser: {page}")
    return FINISHED


def folder_of(folders: Sequence[Path]) -> Path:
    """`report` in the one folder, or in the nearest folder that holds all of them."""
    if len(folders) == 1:
        return folders[0] / "report"
    return Path(os.path.commonpath([folder.resolve() for folder in folders])) / "report"
