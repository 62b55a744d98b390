"""A figure as a part of the page: its drawing with the page's colors, without styles of its own, and with names of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from xml.etree import ElementTree

from ganexp.report.drawing import FAINT, INK, PAPER, QUIET, SERIES

VARIABLES = {INK: "--ink", QUIET: "--quiet", FAINT: "--faint", PAPER: "--page"} | {
    color: f"--series-{index}" for index, color in enumerate(SERIES)
}
# What matplotlib puts into styles, which the page's policy forbids, and SVG knows as attributes too. Fonts are the page's.
ATTRIBUTES = {
    "fill", "fill-opacity", "font-size", "font-style", "font-weight", "opacity", "stroke", "stroke-dasharray",
    "stroke-dashoffset", "stroke-linecap", "stroke-linejoin", "stroke-miterlimit", "stroke-opacity", "stroke-width",
    "text-anchor",
}  # fmt: skip
LINK = "xlink:href"


def inlined(svg: str, label: str, prefix: str) -> str:
    """The markup of a drawing that stands in a page; `label` says what it shows, `prefix` is put before its parts' names.

    It is written anew from the parsed drawing, so that a text in it stays a text.
    """
    drawn = ElementTree.fromstring(svg)
    for parent in drawn.iter():
        for child in list(parent):
            if _bare(child.tag) in ("metadata", "style"):
                parent.remove(child)
    referred = {
        value.partition("#")[2].rstrip(")") for part in drawn.iter() for value in part.attrib.values() if "#" in value
    }
    for part in drawn.iter():
        part.tag = _bare(part.tag)
        attributes = _attributes(part.attrib, referred, prefix)
        part.attrib.clear()
        part.attrib.update(attributes)
        part.text = part.text if part.tag == "text" else None
        part.tail = None
    for size in ("width", "height"):
        del drawn.attrib[size]
    drawn.attrib.update({"role": "img", "aria-label": label})
    return ElementTree.tostring(drawn, "unicode")


def _bare(name: str) -> str:
    """The name without the address of its vocabulary, which is known where it stands in HTML."""
    return name.rpartition("}")[2]


def _attributes(given: Mapping[str, str], referred: set[str], prefix: str) -> dict[str, str]:
    attributes: dict[str, str] = {}
    for key, value in given.items():
        name = _bare(key)
        if name == "style":
            attributes |= _styled(value)
        elif name == "href":
            attributes[LINK] = f"#{prefix}{value[1:]}" if value.startswith("#") else "".join(value.split())
        elif name == "id":
            if value in referred:
                attributes[name] = prefix + value
        elif name not in ("type", "version"):
            attributes[name] = " ".join(value.replace("url(#", f"url(#{prefix}").split())
    return attributes


def _styled(style: str) -> dict[str, str]:
    pairs = (declaration.partition(":") for declaration in style.split(";"))
    stated = {name.strip(): value.strip() for name, _, value in pairs}
    # Some releases of matplotlib write a font as one.
    size = re.search(r"([\d.]+px)", stated.pop("font", ""))
    if size:
        stated["font-size"] = size[1]
    return {name: _colored(value) for name, value in stated.items() if name in ATTRIBUTES}


def _colored(value: str) -> str:
    return f"var({VARIABLES[value]})" if value in VARIABLES else value
