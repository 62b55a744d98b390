"""Config files as YAML with lines: every refusal names the file and the line. No Hydra, no JAX, so that lists come at once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, ClassVar

import yaml

# What makes Hydra call a function: a config is data.
CODE = ("_target_", "_partial_", "_args_", "_recursive_", "_convert_")
MOST_NODES = 100_000


class UsageError(ValueError):
    """Something typed, or written in a config file, that cannot be used; its text is one sentence."""


class _Yaml:
    """YAML 1.1 as OmegaConf reads it: with numbers such as 1e-3, which PyYAML alone takes for strings, and without dates."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {
        first: [(tag, pattern) for tag, pattern in known if not tag.endswith(":timestamp")]
        for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


class _Strict(_Yaml, yaml.SafeLoader):  # type: ignore[misc]
    pass


class _Fast(_Yaml, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    pass


for _loader in (_Strict, _Fast):
    _loader.add_implicit_resolver(
        "tag:yaml.org,2002:float", re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$"), list("-+0123456789.")
    )


class File:
    """A config file: its text and, with lines, what it holds; raises UsageError where it is no text or no YAML."""

    def __init__(self, path: Path):
        self.path = path
        self.text = self._text()
        try:
            # They part over tabs alone, where the strict one is OmegaConf's.
            self._loader = (_Strict if "\t" in self.text else _Fast)(self.text)
            self.node: yaml.Node | None = self._loader.get_single_node()
        except yaml.YAMLError as error:
            raise self._not_yaml(error) from None
        except RecursionError:
            raise self.mistake(1, "is nested too deeply") from None

    def mistake(self, place: Any, problem: str) -> UsageError:
        """The sentence about a line of the file: its number, or a node that begins there."""
        line = place if isinstance(place, int) else line_of(place)
        return UsageError(f"{self.path}, line {line}: {problem}")

    def content(self) -> dict[str, Any]:
        """The settings as plain values."""
        content: dict[str, Any] = {} if self.node is None else self._loader.construct_document(self.node)
        return content

    def pairs(self) -> list[tuple[Any, Any]]:
        """The nodes of the outermost keys, each with that of its value; raises UsageError where the file holds no settings."""
        if self.node is None:
            return []
        if not isinstance(self.node, yaml.MappingNode):
            raise self.mistake(self.node, "holds no settings; they are written NAME: VALUE")
        return list(self.node.value)

    def check(self, code: bool = False) -> None:
        """Refuse keys that are there twice or are no names, and kinds of values that no config has; but for `code`, what names code."""
        try:
            if self.node is not None:
                self._check(self.node, (), {}, code)
        except RecursionError:
            raise self.mistake(1, "is nested too deeply") from None

    def _check(self, node: yaml.Node, around: tuple[int, ...], sizes: dict[int, int], code: bool) -> int:
        """How many values there are, counting what is repeated as often as it is."""
        if id(node) in around:
            raise self.mistake(node, "holds itself")
        if id(node) in sizes:
            return sizes[id(node)]
        if not re.fullmatch(r"tag:yaml\.org,2002:(str|int|float|bool|null|seq|map)", node.tag):
            raise self.mistake(node, f"{node.tag} is no kind of value that a config has; leave it out")
        inside = node.value if isinstance(node, yaml.SequenceNode) else []
        if isinstance(node, yaml.MappingNode):
            self._check_keys(node, code)
            inside = [value for _, value in node.value]
        sizes[id(node)] = 1 + sum(self._check(item, (*around, id(node)), sizes, code) for item in inside)
        if sizes[id(node)] > MOST_NODES:
            raise self.mistake(node, f"holds more than {MOST_NODES:,} values, with those that are repeated")
        return sizes[id(node)]

    def _check_keys(self, node: yaml.MappingNode, code: bool) -> None:
        keys: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag.rpartition(":")[2] not in ("str", "merge"):
                name = key.value if isinstance(key, yaml.ScalarNode) else "a list or a mapping"
                raise self.mistake(key, f"{name} is not the name of a setting")
            if key.value in keys:
                raise self.mistake(key, f"{key.value} is there twice; leave one")
            if key.value in CODE and not code:
                raise self.mistake(key, f"{key.value} names code, and a config holds data alone; leave it out")
            keys.add(key.value)

    def _text(self) -> str:
        try:
            data = self.path.read_bytes()
        except OSError as error:
            raise UsageError(f"{self.path}: cannot be read ({error.strerror})") from None
        if data.startswith(b"\xef\xbb\xbf"):
            # Hydra would not see `# @package` behind it.
            raise self.mistake(1, "begins with a byte order mark; save it as UTF-8 without one")
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise self.mistake(data.count(b"\n", 0, error.start) + 1, "is not UTF-8; save it as UTF-8") from None

    def _not_yaml(self, error: yaml.YAMLError) -> UsageError:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        if mark is None:
            line = self.text.count("\n", 0, getattr(error, "position", 0)) + 1
            return self.mistake(line, "has a character that no text has; save it as UTF-8")
        lines = self.text.splitlines()
        if mark.line < len(lines) and "\t" in lines[mark.line]:
            return self.mistake(mark.line + 1, "has a tab; YAML is indented with spaces")
        return self.mistake(mark.line + 1, f"is not YAML ({getattr(error, 'problem', None) or 'it ends too early'})")

    def line(self, key: str) -> int | None:
        """The line that sets what becomes the dotted `key`; None where none does."""
        parts = key.split(".")
        # A file whose settings belong below some key does not repeat it.
        return next((line for first in range(len(parts)) if (line := _line(self.node, parts[first:]))), None)


def line_of(node: yaml.Node) -> int:
    """The line at which a node begins, counted from 1."""
    return int(node.start_mark.line) + 1


def _line(node: yaml.Node | None, parts: list[str]) -> int | None:
    for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
        if key.value == parts[0]:
            return (_line(value, parts[1:]) if parts[1:] else None) or line_of(key)
    return None
