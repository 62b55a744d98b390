"""What is wrong with what was typed, in one sentence: what, where, what is allowed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ganexp.config.code import refuse_word
from ganexp.config.files import File
from ganexp.config.files import UsageError as UsageError
from ganexp.config.option_file import LISTS as LISTS
from ganexp.config.option_file import OPTIONAL as OPTIONAL
from ganexp.config.options import file_of, options
from ganexp.config.reasons import plain
from ganexp.spelling import did_you_mean

LONGEST = 20_000  # letters of a setting: Hydra's parser takes seconds for as many


class SeveralValuesError(UsageError):
    """Several values where one run is meant; `bracketed` are the same words with those values as a list."""

    def __init__(self, text: str, key: str, bracketed: Sequence[str]):
        super().__init__(f"{text} is a sweep over several values; add -m to run each")
        self.key, self.bracketed = key, bracketed


def parse(overrides: Sequence[str], parser: OverridesParser, sweeps: bool) -> list[Override]:
    """The overrides, parsed; refuses what is not Hydra's grammar, code, a key given twice, and a sweep where one run is meant."""
    parsed = [_parse(text, parser) for text in overrides]
    seen: dict[str, str] = {}
    for number, (text, override) in enumerate(zip(overrides, parsed, strict=True)):
        refuse_word(override)
        key = override.get_key_element().lstrip("+~")
        if key in seen:
            raise UsageError(f"{key} is given twice, as {seen[key]} and as {text}; give it once")
        seen[key] = text
        if override.is_sweep_override() and not sweeps:
            name, _, values = text.partition("=")
            raise SeveralValuesError(text, key, [*overrides[:number], f"{name}=[{values}]", *overrides[number + 1 :]])
    return parsed


def _parse(text: str, parser: OverridesParser) -> Override:
    if len(text) > LONGEST:
        raise UsageError(f"{text} has {len(text):,} letters; a setting has {LONGEST:,} at most")
    if not re.match(r"[~+]*[\w/.]", text) or ("=" not in text and not text.startswith("~")):
        raise UsageError(
            f"{text} is neither a command nor a setting; settings are typed NAME=VALUE (see ganexp --help)"
        )
    try:
        (parsed,) = parser.parse_overrides([text])
    except Exception as error:
        # Mostly OverrideParseException, but Python's own where it is Python that cannot read a number.
        raise UsageError(
            f"{text} is not in Hydra's grammar{_place(str(error))}; quote values with special characters: NAME='\"VALUE\"'"
        ) from None
    return parsed


def _place(error: str) -> str:
    """Where Hydra's parser stopped, in parentheses; nothing where it does not say."""
    if found := re.search(r"Unknown function '(\w+)'", error):
        return f" (there is no function {found[1]})"
    if re.search(r"'<EOF>' expecting|digits\) for integer", error):
        return " (it ends too early)" if "<EOF>" in error else " (its number is too long)"
    found = re.search(r"(?:input|at:?|evaluating) '(.*?)'(?: expecting|:|$)", error, re.MULTILINE)
    return f" (at {found[1]})" if found else ""


def check_option(group: str, value: object, options: Iterable[str], text: str) -> None:
    """Refuse a choice that the group does not have; raises UsageError with the options."""
    options = tuple(options)
    allowed = f"it is one of {', '.join(options)}"
    if isinstance(value, list):
        if group not in LISTS:
            raise UsageError(f"{text}: {group} takes one option, not a list; {allowed}")
        for item in value:
            if isinstance(item, list):
                raise UsageError(f"{text}: {group} takes a list of options, not of lists; {allowed}")
            check_option(group, item, options, text)
    elif value is None:
        advice = f"write {group}=[] for none" if group in LISTS else f"{group} cannot be empty; {allowed}"
        raise UsageError(f"{text}: {'leave it out for none' if group in OPTIONAL else advice}")
    elif str(value) not in options:
        raise UsageError(f"{text}: there is no {group} {value!r}; {allowed}{did_you_mean(str(value), options)}")


def keys(config: DictConfig, prefix: str = "") -> list[str]:
    """Every dotted key of a composed config."""
    found = []
    for key in config:
        path = f"{prefix}{key!s}"
        found.append(path)
        if not OmegaConf.is_missing(config, key):
            node = config._get_node(key)
            if isinstance(node, DictConfig) and not node._is_none() and not node._is_interpolation():
                found += keys(node, f"{path}.")
    return found


def explain(error: Exception, known: Sequence[str], words: Sequence[str] = ()) -> UsageError:
    """The sentence for what Hydra or OmegaConf raised; `known` are the dotted keys there are, `words` what was typed."""
    if isinstance(error, UsageError):
        return error
    text = str(error)
    if found := re.search(r"An item is already at '([^']+)'", text):
        return UsageError(f"{found[1]} is there already; leave out the +")
    if found := re.search(r"Could not (?:override|delete from config\.) '([^']+)'", text):
        return unknown_key(found[1], known)
    if found := re.search(r"Could not (?:find|load) '(\S+)/([^'/]+)'", text):
        return UsageError(f"{found[1]}={found[2]}: there is no {found[1]} {found[2]!r}")
    if found := re.search(r"In '([^']+)': .*raised while composing config:\n", text):
        if found[1].startswith("schema/"):
            return UsageError(f"{_word(words)}: it does not go with what else is chosen")
        return _in_file(found[1], text, known)
    cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
    why = f"{type(cause).__name__}: {cause}"
    merged = re.search(r"Error merging override (.+)", text, re.DOTALL)
    full = getattr(cause, "full_key", None) or ""
    if merged and _not_chosen(key := _key(merged[1]), known):
        return unknown_key(key, known)
    where = merged[1] if merged else full if re.fullmatch(r"\w+(\.\w+)*(\[\d+\])*", full) else _word(words)
    said = plain(why, known)
    if said is None and len(words) == 1 and (key := _key(words[0])) not in known:
        return unknown_key(key, known)
    return UsageError(f"{where}: {said or 'it cannot be set so; see ganexp --cfg job for what there is'}")


def _key(word: str) -> str:
    return word.partition("=")[0].lstrip("+~")


def _not_chosen(key: str, known: Sequence[str]) -> bool:
    """Whether a key stands below a part of a list that is not chosen."""
    group, _, rest = key.partition(".")
    return group in LISTS and rest != "" and f"{group}.{rest.partition('.')[0]}" not in known


def _word(words: Sequence[str]) -> str:
    """The word that is to blame most likely: one that refers to others, or says where an option belongs."""
    return next((word for word in words if "$" in word or "@" in word), " ".join(words) or "the config")


def _in_file(option: str, text: str, known: Sequence[str]) -> UsageError:
    """The sentence for what an option's file says that cannot be."""
    found = re.search(r"full_key: (\S+)", text)
    key = found[1] if found else ""
    path = file_of(*option.rpartition("/")[::2])
    line = File(path).line(key) if path.exists() and key else None
    place = f"{path}, line {line}" if line else str(path if path.exists() else option)
    if re.search(r"Key '.*' (?:not in|is not in struct)", text):
        return UsageError(f"{place}: {unknown_key(key, known)}")
    why = plain(text.partition("\n")[2], known) or "it does not go with what else is chosen"
    return UsageError(f"{place}: {key}: {why}" if key else f"{place}: {why}")


def unknown_key(key: str, known: Sequence[str]) -> UsageError:
    """The sentence for a key that the config does not have: the nearest beside it, or all of those, or the nearest at all."""
    where, _, last = key.rpartition(".")
    beside = [name.rpartition(".")[2] for name in known if name.rpartition(".")[0] == where]
    near = did_you_mean(last, beside)
    if _not_chosen(key, known):
        group, name, *_ = key.split(".")
        if name not in (there := options(group)):
            return UsageError(
                f"{key}: there is no {group} {name!r}; it is one of {', '.join(there)}{did_you_mean(name, there)}"
            )
        return UsageError(f"{key}: {name} is not chosen; add {group}=[{name}], or leave this out")
    if not beside and where not in known:
        where, beside = "", [name for name in known if "." not in name]
    group = where.replace(".", "/")
    if group in OPTIONAL and not beside:
        return UsageError(f"{key}: no {group} is chosen; add {group}={'|'.join(options(group))}, or leave this out")
    if where in known and not beside:
        return UsageError(f"{key}: there is no such setting; {where} has none")
    if beside and (where.endswith("optimizer") or (where and not near)):
        near += f"; {where} has {', '.join(beside)}"
    elif not near:
        near = did_you_mean(key, known) or f"; there are {', '.join(beside)}"
    return UsageError(f"{key}: there is no such setting{near}")


ERRORS = (HydraException, OmegaConfBaseException, ValueError)
