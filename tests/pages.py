"""Pages as a browser takes them: their elements, what their policy allows, and what their script does."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

from commands import ganexp

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
OPTIONS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-sync", "--disable-component-update", "--dump-dom",
]  # fmt: skip
UNCLOSED = ("meta", "link", "img", "wbr", "br")


class Page(HTMLParser):
    """What a page consists of, and whether what it opens is closed."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.words, self.open = [], [], []
        self.blocks = {"style": [], "script": []}
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in UNCLOSED:
            self.open.append(tag)
        if tag in self.blocks:
            self.blocks[tag].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        inside = self.open[-1] if self.open else ""
        if inside in self.blocks:
            self.blocks[inside][-1] += data
        else:
            self.words.append(data.strip())

    def kinds(self):
        """Every kind of element: its name and the names of its attributes."""
        return {(tag, *sorted(attributes)) for tag, attributes in self.tags}

    def policy(self):
        """What the one policy of the page allows, by directive."""
        (stated,) = (attributes["content"] for tag, attributes in self.tags if "http-equiv" in attributes)
        return dict(directive.split(" ", 1) for directive in stated.split("; "))


def digest(text):
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


# Every element of the pages, and every attribute.
ELEMENTS = {
    "html", "head", "body", "meta", "link", "title", "style", "script", "noscript", "h1", "h2", "p", "ul",
    "li", "div", "span", "table", "thead", "tbody", "tfoot", "tr", "th", "td", "button", "wbr", "small",
    "details", "summary", "figure", "figcaption", "img", "svg", "g", "defs", "path", "use", "text",
    "clippath", "rect", "image",
}  # fmt: skip
ATTRIBUTES = {
    "lang", "charset", "name", "content", "http-equiv", "rel", "href", "class", "scope", "type", "colspan",
    "data-value", "data-key", "data-name", "id", "hidden", "role", "aria-label", "aria-hidden", "alt",
    "title", "src", "xlink:href", "viewbox", "transform", "clip-path", "d", "x", "y", "width", "height",
    "fill", "fill-opacity", "font-size", "text-anchor", "opacity", "stroke", "stroke-dasharray",
    "stroke-dashoffset", "stroke-linecap", "stroke-linejoin", "stroke-opacity", "stroke-width",
}  # fmt: skip


def assert_strict(page):
    """The page runs its own script and style only, loads nothing, and has nothing that its policy forbids or a file brought in."""
    assert page.open == [] and [len(blocks) for blocks in page.blocks.values()] == [1, 1]
    assert page.policy() == {
        "default-src": "'none'",
        "img-src": "data:",
        "style-src": digest(page.blocks["style"][0]),
        "script-src": digest(page.blocks["script"][0]),
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    for tag, attributes in page.tags:
        assert tag in ELEMENTS and set(attributes) <= ATTRIBUTES, (tag, attributes)
        assert tag != "img" or set(attributes) in ({"alt", "src"}, {"alt", "title", "src"})
        for name, value in attributes.items():
            assert name not in ("src", "href", "xlink:href") or value.startswith(("data:", "#"))


def played(text, script, folder):
    """What `script` says in the browser once the page is there: the object that it puts into `said`."""
    script = f"const said = {{}};\n{script}\ndocument.title = JSON.stringify(said);"
    own = Page(text).policy()["script-src"]
    # The page's policy would not let anything else run.
    text = text.replace(f"script-src {html.escape(own, quote=False)}", f"script-src {own} {digest(script)}")
    file = folder / "played.html"
    file.write_text(text.replace("</body>", f"<script>{script}</script></body>"), "utf-8")
    command = [BROWSER, *OPTIONS, f"--user-data-dir={folder / 'profile'}", file.as_uri()]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    return json.loads(html.unescape(re.search(r"<title>(.*?)</title>", shown, re.DOTALL)[1]))


def reported(sweep, capsys, *words):
    """What the command printed and left, which is a page that runs and loads nothing of the folder's."""
    status = ganexp("report", str(sweep), *words)
    told = capsys.readouterr()
    assert status == 0, told.err
    text = (sweep / "report" / "report.html").read_text()
    assert_strict(Page(text))
    assert "\x1b" not in told.out and not re.search(r"<(img src=x|script>alert|b>)", text)
    return told.out, text
