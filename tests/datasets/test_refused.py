"""What does not go together with images is refused in a sentence."""

from __future__ import annotations
