"""How large a network is, by arithmetic: however large, nothing is made. Every architecture has `size(inputs, outputs)`."""

from __future__ import annotations

from typing import NamedTuple


class Size(NamedTuple):
    """How many parameters a network has, and how many numbers one point leaves in all of its layers and in the widest."""

    parameters: int
    units: int
    widest: int
