"""Two components of one base, to see what every component does."""

from __future__ import annotations

from typing import Any

from ganexp.component import (
    Component,
    component,
    setting,
)


@component
class Heat(Component):
    """A number above 0, one that may be absent, a list, a count and a mixed dict."""

    warmth: float = setting(1.0, above=0)
    share: float | None = setting(None, least=0, below=1)
    levels: list[float] = setting([1.0, 2.0])
    count: int = setting(3, least=1)
    mixed: dict[str, Any] = setting({})


@component
class Cold(Component):
    """As many numbers as `Heat`, under the same names."""

    warmth: float = setting(1.0, above=0)
    share: float | None = setting(None, least=0, below=1)
    levels: list[float] = setting([1.0, 2.0])
    count: int = setting(3, least=1)
    mixed: dict[str, Any] = setting({})
