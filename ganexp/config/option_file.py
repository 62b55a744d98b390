"""What the file of an option must be beyond YAML: settings of its own group, on top of a schema. No Hydra, no JAX."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from ganexp.config.files import File, line_of
from ganexp.config.options import NETWORKS, PLAYER_OPTIMIZERS, file_of, folder_of, groups, options
from ganexp.spelling import did_you_mean

LISTS = ("input", "penalty", "gradient", "schedule", "metric", "view")
# Those that may be left empty: there is no game without two players.
NEEDED = ("model/generator", "model/discriminator")
OPTIONAL = ("average", "experiment", "debug", "search", *(group for group in NETWORKS if group not in NEEDED))
# Of each group, where the schemas of its options lie; "" where all options have one, of the group's name.
SCHEMAS = {
    **{group: group for group in ("dataset", "prior", "output", "loss", "updates", "average", *LISTS)},
    **dict.fromkeys(NETWORKS, "net"),
    **dict.fromkeys(("model", "optimizer"), ""),
}
# Of the groups whose options do not lie in the group itself, where they do.
PACKAGES = {
    **{group: f"{group}.NAME" for group in LISTS},
    **dict.fromkeys(("experiment", "debug"), "_global_"),
    "search": "hydra.sweeper",
}


class _Default(NamedTuple):
    """An item of `defaults`: options of a group, or, without a name for its place (`@`), one by its path alone."""

    group: str
    names: list[str]
    place: str
    override: bool
    node: Any

    @property
    def paths(self) -> list[str]:
        """The options, as paths."""
        return [f"{self.group}/{name}".lstrip("/") for name in self.names]


def read(path: Path, group: str, schemas: Collection[str] | None = None) -> dict[str, Any]:
    """What the file of an option of `group` says; raises UsageError. `schemas` are those of the group, where they are known."""
    file = File(path)
    pairs = file.pairs()
    file.check(code=group.startswith("hydra/"))
    package = _package(file, group)
    if group and not group.startswith("hydra"):
        _check_hydra(file, package, pairs)
    if package == "_global_":
        _check_choices(file, pairs)
    if group == "optimizer":
        _check_optimizer(file, pairs)
    defaults = _defaults(file, group, pairs)
    for default in defaults:
        _check_default(file, group, default)
    if group in SCHEMAS:
        _check_schema(file, group, defaults, schemas)
    return file.content()


def _package(file: File, group: str) -> str:
    """Where the settings belong, from the first lines; "" where those do not say."""
    found, wanted = "", PACKAGES.get(group, "").replace("NAME", file.path.stem)
    for number, line in enumerate(map(str.strip, file.text.splitlines()), start=1):
        if line and not re.match(r"#\s*@", line):
            break
        if line:
            header = re.fullmatch(r"#\s*@package\s+([\w.]+)", line)
            if header is None or header[1] == "_group_":
                raise file.mistake(number, f"must be # @package {wanted or 'NAME'}")
            found = header[1]
    if wanted and not (found.startswith(f"{group}.") if group in LISTS else found):
        raise file.mistake(1, f"must be # @package {wanted}")
    return found


def _check_hydra(file: File, package: str, pairs: list[tuple[Any, Any]]) -> None:
    """Refuse settings of Hydra's own, but for those of a search: they say, among others, what code is called."""
    if re.match(r"hydra\b(?!\.sweeper\b)", package):
        raise file.mistake(1, _not_here(package))
    for key, value in pairs if package in ("", "_global_") else []:
        if key.value == "hydra":
            inside = [inner for inner, _ in value.value] if isinstance(value, yaml.MappingNode) else []
            for inner in inside or [key]:
                if inner.value != "sweeper":
                    raise file.mistake(inner, _not_here(f"hydra.{inner.value}" if inside else "hydra"))


def _not_here(key: str) -> str:
    return f"{key} is no part of an option; of Hydra's own settings a file holds hydra.sweeper alone"


def _check_choices(file: File, pairs: list[tuple[Any, Any]]) -> None:
    for key, value in pairs:
        if key.value in (*SCHEMAS, *PLAYER_OPTIMIZERS) and isinstance(value, yaml.ScalarNode):
            example = f"- override /{key.value}: {'[NAME]' if key.value in LISTS else 'NAME'}"
            raise file.mistake(key, f"{key.value} has options, of which defaults choose one, as in {example}")


def _check_optimizer(file: File, pairs: list[tuple[Any, Any]]) -> None:
    # No schema knows the settings of Optax's functions.
    for key, value in pairs:
        kinds = ("int", "float", "bool", "null", *["str"] * (key.value == "name"))
        if key.value != "defaults" and value.tag.rpartition(":")[2] not in kinds:
            raise file.mistake(key, f"{key.value} must be a number, true, false or null")


def _defaults(file: File, group: str, pairs: list[tuple[Any, Any]]) -> list[_Default]:
    found = next((value for key, value in pairs if key.value == "defaults"), None)
    if found is None:
        return []
    if not isinstance(found, yaml.SequenceNode):
        example = _wanted(group) or "override /loss: minimax"
        raise file.mistake(found, f"defaults must be a list, with items such as - {example}")
    items = [_default(file, group, item) for item in found.value]
    own = [item for item in items if item.paths == ["_self_"]]
    if len(own) > 1:
        raise file.mistake(own[1].node, "_self_ is there twice; leave one")
    return items


def _default(file: File, group: str, item: Any) -> _Default:
    single = isinstance(item, yaml.MappingNode) and len(item.value) == 1
    key, value = item.value[0] if single else (item, None)
    listed = value.value if isinstance(value, yaml.SequenceNode) else None
    names = [] if value is None else [value] if listed is None else listed
    if any(not isinstance(node, yaml.ScalarNode) for node in (key, *names)) or not key.value.strip():
        raise file.mistake(item, "an item of defaults is one option, such as - GROUP: NAME")
    *said, text = key.value.split()
    path, _, place = text.partition("@")
    # As Hydra reads it: what does not begin with a slash lies where the file lies.
    path = path[1:] if path.startswith("/") else f"{group}/{path}".lstrip("/") if path != "_self_" else path
    if value is None:
        folder, _, name = path.rpartition("/")
        return _Default(folder, [name], place, "override" in said, item)
    chosen = [node.value for node in names if node.tag.rpartition(":")[2] != "null"]
    if not chosen and listed is None and "optional" not in said and path not in OPTIONAL:
        advice = f"write {path}: [] for none" if path in LISTS else f"{path} cannot be empty"
        raise file.mistake(item, advice)
    return _Default(path, chosen, place, "override" in said, item)


def _check_default(file: File, group: str, default: _Default) -> None:
    """Refuse an option that does not exist."""
    where = default.group
    if re.match(r"hydra\b", where):
        if group and not re.match(r"hydra/(launcher|sweeper)\b", where):
            raise file.mistake(default.node, _not_here(where))
        return
    if where.startswith("schema") or default.paths == ["_self_"]:
        return
    for name in default.names:
        if "${" not in name and not file_of(where, name).exists():
            raise file.mistake(default.node, _absent(group, where, name))
        if (folder_of(where), name) == (group, file.path.stem):
            raise file.mistake(default.node, "holds itself")


def _absent(group: str, where: str, name: str) -> str:
    known = groups()
    if where not in known:
        near = did_you_mean(where, known) or did_you_mean(where.removeprefix(f"{group}/"), known)
        return f"there is no group {where}; there are {', '.join(known)}{near}"
    there = options(where)
    return f"there is no {where} {name!r}; it is one of {', '.join(there)}{did_you_mean(name, there)}"


def _wanted(group: str) -> str:
    if group not in SCHEMAS:
        return ""
    return f"/schema/{SCHEMAS[group]}/NAME@_here_" if SCHEMAS[group] else f"/schema/{group}@_here_"


def _check_schema(file: File, group: str, defaults: list[_Default], schemas: Collection[str] | None) -> None:
    """Refuse an option whose keys nobody would check: `defaults` must have its schema, or another option of its group."""
    folder, wanted = f"schema/{SCHEMAS[group]}".rstrip("/"), _wanted(group)
    for default in defaults:
        (name,) = default.names if len(default.names) == 1 else [""]
        if default.group == group and not default.override:
            return
        if default.group == folder and (SCHEMAS[group] or name == group):
            if schemas is not None and name not in schemas:
                known = ", ".join(sorted(schemas))
                raise file.mistake(default.node, f"there is no schema {name!r}; {wanted} has for NAME one of {known}")
            if not default.place:
                raise file.mistake(default.node, f"must be - {wanted}")
            return
    line = 1 if file.node is None else line_of(file.node)
    raise file.mistake(line, f"nothing says which settings there are; defaults must have - {wanted}")
