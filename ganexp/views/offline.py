"""Pages that load nothing and run nothing but their own script: templates of Jinja, which takes every text for text."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any


def page(template: str, parts: Mapping[str, Any]) -> str:
    """The page that a template makes of its parts; `template` is named from the package's folder on, as in views/quiz.html.

    It extends views/head.html, whose policy lets a browser take the page's one script and one style, and images in it.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("ganexp", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["digest"] = _digest
    return environment.get_template(template).render(parts)


def picture(png: bytes) -> str:
    """The address of a picture that is in the page itself."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def markup(written: str) -> Any:
    """HTML that goes into a page as it is: for what a serializer wrote, which escapes every text."""
    from markupsafe import Markup

    return Markup(written)


def _digest(text: str) -> str:
    """What a Content-Security-Policy names a script or a style by that it allows."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
