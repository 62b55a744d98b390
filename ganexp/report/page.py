"""The folder `report/`: the table, the figures and the wall as files, and one page with all of it that loads nothing."""

from __future__ import annotations

import errno
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from ganexp.records.atomic import write_atomically
from ganexp.records.documents import LONGEST_PATH, leads_out, printable
from ganexp.records.pictures import png_bytes
from ganexp.report import intervals, table
from ganexp.report.contents import contents
from ganexp.report.drawing import SERIES
from ganexp.report.figures import figures
from ganexp.report.reading import name_of
from ganexp.report.summary import Summary, count
from ganexp.report.wall import Wall, sheet, small, wall
from ganexp.views import offline

PAGE_NAME = "report.html"
DARK = ("#56b4e9", "#f0945a", "#35c79b", "#dc9bc8", "#d8c95a", "#9fd4f2", "#c99a6b", "#aeaed0")
LONGEST_FILE = 120


def write(summary: Summary, folder: Path) -> Path:
    """Leave the report in `folder`, where files of the same names are replaced; the path of its page. Raises OSError."""
    _prepare(folder, summary)
    files: dict[str, bytes] = {
        "table.csv": table.comma_separated(summary).encode(),
        "table.md": table.markdown(summary).encode(),
    }
    sections, notes = [], list(summary.notes)
    for number, section in enumerate(summary.sections):
        prefix = f"{section.dataset or 'unknown'}_" if len(summary.sections) > 1 else ""
        compared = intervals.compare(section)
        drawn = figures(section, compared)
        hung = wall(section)
        pictures = _pictures(hung) if hung else {}
        for figure in drawn:
            files[_name(f"{prefix}{figure.name}", ".png", files)] = figure.png
        if compared:
            files[_name(f"{prefix}intervals", ".csv", files)] = intervals.comma_separated(section, compared).encode()
        if hung and pictures:
            files[_name(f"{prefix}wall", ".png", files)] = png_bytes(sheet(hung, pictures))
        notes += _unread(hung, pictures) if hung else []
        sections.append(contents(section, drawn, compared, hung, pictures, f"figure_{number}_"))
    files[PAGE_NAME] = offline.page("report/page.html", _parts(summary, sections, notes)).encode()
    for name, content in files.items():
        # A link that lay where the file is begun would have its target overwritten.
        (folder / f"{name}.partial").unlink(missing_ok=True)
        write_atomically(folder / name, content, durable=False)
    return folder / PAGE_NAME


def _prepare(folder: Path, summary: Summary) -> None:
    """Make the folder, where it is not a link that the runs' own folder brought along."""
    if leads_out(folder, folder.parent) and any(not leads_out(runs, folder.parent) for runs in summary.folders):
        raise OSError(errno.ELOOP, "it is a link that leads out of the folder", str(folder))
    folder.mkdir(parents=True, exist_ok=True)


def _name(text: str, ending: str, taken: Collection[str]) -> str:
    """A file's name of letters and digits that none of those taken has."""
    stem = re.sub(r"[^A-Za-z0-9_.-]+", "_", text).lstrip(".")[:LONGEST_FILE]
    name, number = f"{stem}{ending}", 1
    while name in taken:
        number += 1
        name = f"{stem}_{number}{ending}"
    return name


def _pictures(hung: Wall) -> dict[Path, bytes]:
    paths = {cell.picture for cell in hung.cells.values() if cell.picture is not None}
    return {path: png for path in sorted(paths) if (png := small(path)) is not None}


def _unread(hung: Wall, pictures: Collection[Path]) -> list[str]:
    """Which runs' pictures are damaged, in a sentence."""
    shown = [cell for cell in hung.cells.values() if cell.picture is not None and cell.picture not in pictures]
    names = [cell.run.name for cell in shown if cell.run is not None]
    return (
        [f"The last picture of {count(len(names), 'run')} cannot be read, such as that of {names[0]}."] if names else []
    )


def _parts(summary: Summary, sections: list[dict[str, Any]], notes: list[str]) -> dict[str, Any]:
    runs = [run for section in summary.sections for run in section.runs]
    versions, devices = ({getattr(run, name) for run in runs} - {""} for name in ("versions", "device"))
    return {
        "title": f"Report on {', '.join(map(name_of, summary.folders))}",
        "folders": ", ".join(printable(folder, LONGEST_PATH) for folder in summary.folders),
        "notes": notes,
        "sections": sections,
        "versions": "; ".join(sorted(versions)) or "not known",
        "devices": "; ".join(sorted(devices)) or "not known",
        "light": SERIES,
        "dark": DARK,
    }
