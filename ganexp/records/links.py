"""Links in a folder that may be somebody else's."""

from __future__ import annotations

from pathlib import Path

from ganexp.component import SettingError
from ganexp.records.documents import leads_out


def refuse_links(folder: Path) -> None:
    """Refuse a folder in which a link leads out of it, where something would be written; raises SettingError."""
    for entry in (*folder.glob("*"), *folder.glob("*/*"), *folder.glob("programs/*/*")):
        if entry.is_symlink() and leads_out(entry, folder):
            raise SettingError(
                "", f"{entry}: is a link that leads out of {folder}, where nothing is written; remove it"
            )
