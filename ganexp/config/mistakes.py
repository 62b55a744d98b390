"""What is wrong with what was typed, in one sentence: what, where, what is allowed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ganexp.spelling import nearest

LISTS = ("penalty", "schedule")
OPTIONAL = ("experiment", "debug", "search")
KINDS = {"Integer": "a whole number, such as 10000", "Float": "a number", "Boolean": "true or false"}


REASONS = {
    "is not Optional": "it cannot be null",
    "valid bool": "it must be true or false",
    "ListConfig": "it must be a list, such as [1,2]",
    "to string": "it must be a text",
    "not in 'Settings'": "a setting cannot be removed; leave it out, or set another value",
    "KeyError raised while resolving": "what it refers to does not exist",
    "does not support deletion": "a setting cannot be removed; leave it out, or set another value",
    "Missing mandatory value": "it is not set",
}


class Mistake(ValueError):
    """Something typed that cannot be used; its text is one sentence for the person who typed it."""


def parse(overrides: Sequence[str], parser: OverridesParser, sweeps: bool) -> list[Override]:
    """The overrides, parsed; refuses what is not Hydra's grammar, a key given twice, and a sweep where one run is meant."""
    parsed = [_parse(text, parser) for text in overrides]
    seen: dict[str, str] = {}
    for text, override in zip(overrides, parsed, strict=True):
        key = override.get_key_element().lstrip("+~")
        if key in seen:
            raise Mistake(f"{key} is given twice, as {seen[key]} and as {text}; give it once")
        seen[key] = text
        if override.is_sweep_override() and not sweeps:
            raise Mistake(
                f"{text} is a sweep over several values; add -m to run each, or brackets for a list: {key}=[...]"
            )
    return parsed


def _parse(text: str, parser: OverridesParser) -> Override:
    if not re.match(r"[~+]*[\w@/.]", text) or ("=" not in text and not text.startswith("~")):
        raise Mistake(f"{text} is neither a command nor a setting; settings are typed NAME=VALUE (see ganexp --help)")
    try:
        (parsed,) = parser.parse_overrides([text])
    except OverrideParseException as error:
        why = next((line for line in str(error).splitlines() if "Error parsing" not in line), "")
        raise Mistake(
            f"{text} is not in Hydra's grammar ({why}); quote values with special characters: NAME='\"VALUE\"'"
        ) from None
    return parsed


def check_option(group: str, value: object, options: Iterable[str], text: str) -> None:
    """Refuse a choice that the group does not have; raises Mistake with the options."""
    options = tuple(options)
    if value is None and group in OPTIONAL:
        return
    if isinstance(value, list):
        if group not in LISTS:
            raise Mistake(f"{text}: {group} takes one option, not a list; it is one of {', '.join(options)}")
        for item in value:
            check_option(group, item, options, text)
    elif group in LISTS and value is None:
        raise Mistake(f"{text}: write {group}=[] for none")
    elif value is None or str(value) not in options:
        raise Mistake(
            f"{text}: there is no {group} {value!r}; it is one of {', '.join(options)}{nearest(str(value), options)}"
            if value is not None
            else f"{text}: {group} cannot be empty; it is one of {', '.join(options)}"
        )


def keys(config: DictConfig, prefix: str = "") -> list[str]:
    """Every dotted key of a composed config."""
    found = []
    for key in map(str, config):
        path = f"{prefix}{key}"
        found.append(path)
        if not OmegaConf.is_missing(config, key):
            node = config._get_node(key)
            if isinstance(node, DictConfig) and not node._is_none() and not node._is_interpolation():
                found += keys(node, f"{path}.")
    return found


def explain(error: Exception, known: Sequence[str]) -> Mistake:
    """The sentence for what Hydra or OmegaConf raised; `known` are the dotted keys there are."""
    text = str(error)
    if found := re.search(r"Could not (?:override|delete from config)[^']*'([^']+)", text):
        return unknown_key(found[1], known)
    if found := re.search(r"An item is already at '([^']+)'", text):
        return Mistake(f"{found[1]} is there already; leave out the +")
    if found := re.search(r"In '([^']+)': .*raised while composing config:\n(.+)", text):
        return Mistake(f"{found[1]} does not go with what else is chosen: {found[2]}")
    cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
    why = _plain(str(cause).splitlines()[0])
    if found := re.search(r"Error merging override (.+)", text):
        return Mistake(f"{found[1]}: {why}")
    where = getattr(cause, "full_key", None)
    return Mistake(f"{where}: {why}" if where else why)


def _plain(why: str) -> str:
    """OmegaConf's reason in the words of someone who sets a value."""
    if wanted := re.search(r"could not be converted to (\w+)", why):
        return f"it must be {KINDS.get(wanted[1], wanted[1])}"
    for part, plain in REASONS.items():
        if part in why:
            return plain
    return why


def unknown_key(key: str, known: Sequence[str]) -> Mistake:
    """The sentence for a key that the config does not have: the nearest beside it, or all of those, or the nearest at all."""
    where, _, last = key.rpartition(".")
    beside = [name.rpartition(".")[2] for name in known if name.rpartition(".")[0] == where]
    near = nearest(last, beside)
    group, _, rest = key.partition(".")
    if group in LISTS and rest and f"{group}.{rest.partition('.')[0]}" not in known:
        name = rest.partition(".")[0]
        return Mistake(f"{key}: {name} is not chosen; add {group}=[{name}], or leave this out")
    if not beside and where not in known:
        where, beside = "", [name for name in known if "." not in name]
    if where in known and not beside:
        return Mistake(f"{key}: there is no such setting; {where} has none")
    if beside and (where.endswith("optimizer") or (where and not near)):
        near += f"; {where} has {', '.join(beside)}"
    elif not near:
        near = nearest(key, known) or f"; there are {', '.join(beside)}"
    return Mistake(f"{key}: there is no such setting{near}")


ERRORS = (HydraException, OmegaConfBaseException, ValueError)
