"""The records of one run in its folder: TensorBoard event files, `metrics.csv`, `run.json` and pictures.

A run may be killed at any moment. Files that are replaced are replaced whole; files that grow are torn in their last
entry at most, and the next start copes with that. A start from step s forgets what was recorded at steps >= s.
"""

from ganexp.records.events import EventFile
from ganexp.records.pictures import png_bytes, write_png
from ganexp.records.summary import SUMMARY_NAME, read_summary, write_summary
from ganexp.records.table import TABLE_NAME, Table, read_table

__all__ = [
    "SUMMARY_NAME",
    "TABLE_NAME",
    "EventFile",
    "Table",
    "png_bytes",
    "read_summary",
    "read_table",
    "write_png",
    "write_summary",
]
