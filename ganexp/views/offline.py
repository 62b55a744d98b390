"""Pages that load nothing: a template, the head that all of them have, and what stands in for its `{{names}}`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import resources
from typing import Any


def filled(package: str, template: str, parts: Mapping[str, Any]) -> str:
    """The file `template` of `package`, with the head for `{{head}}`, and each `{{name}}` replaced by that one of `parts`."""
    head, page = (
        resources.files(home).joinpath(name).read_text("utf-8")
        for home, name in ((__package__, "head.html"), (package, template))
    )
    page = page.replace("{{head}}\n", head, 1)
    return re.sub(r"\{\{(\w+)\}\}", lambda name: str(parts[name[1]]), page)
