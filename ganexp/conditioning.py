"""How both networks are told labels."""

from __future__ import annotations

from ganexp.parts import Conditioning

NONE = "none"
CONDITIONINGS: dict[str, Conditioning | None] = {NONE: None}
