"""The runs of a sweep, from what is typed and from what a recipe holds under `grid`."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, QuotedString
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ganexp.config.compose import check, compose, hydra, literal, parsed
from ganexp.config.usage_errors import UsageError, explain, parse

GRID = "grid"
PARAMS = "hydra.sweeper.params"  # Where Hydra's own sweepers look for one.


def held(config: DictConfig) -> dict[str, Any]:
    """What a composed config says is swept, by setting: its `grid`, and what it has for Hydra's own sweeper; raises UsageError."""
    sweeper = OmegaConf.select(config, "hydra.sweeper")
    # Optuna's are spaces, which a search draws from.
    params = sweeper.get("params") if sweeper and "max_batch_size" in sweeper else None
    found: dict[str, Any] = {}
    try:
        for home, node in ((GRID, config[GRID]), (PARAMS, params)):
            content = OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node
            for key, value in _flat(home, content or {}).items():
                if key in found:
                    raise UsageError(f"{key} is given twice, by {GRID} and by {PARAMS}; leave out one")
                found[key] = value
    except OmegaConfBaseException as error:
        raise explain(error, []) from None
    return found


def _flat(where: str, content: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(content, Mapping):
        raise UsageError(f"{where}: it must hold a list of values for each setting, as in {where}: {{seed: [0, 1, 2]}}")
    found: dict[str, Any] = {}
    for key, value in content.items():
        path = f"{prefix}{key}"
        found |= _flat(where, value, f"{path}.") if isinstance(value, Mapping) else {path: value}
    return found


def word(setting: str, values: Any) -> str:
    """What is typed to sweep a setting over values: a list of them, or one text in Hydra's grammar; raises UsageError."""
    if isinstance(values, str):
        return f"{setting}={values}"
    if not isinstance(values, list):
        return f"{setting}={_value(values)}"
    if not values:
        raise UsageError(f"{GRID}.{setting}: it has no values, so that there are no runs")
    # `choice` takes no null, and a comma takes two to part.
    return f"{setting}={','.join(map(_value, values))}" if values[1:] else f"{setting}=choice({_value(values[0])})"


def _value(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list):
        return f"[{','.join(map(_value, value))}]"
    if not isinstance(value, str):
        return repr(value)
    # In quotes where it could be read as something else: quotes would be in the names of folders.
    return value if re.fullmatch(r"(?!(?i:true|false|null|nan|inf)$)[A-Za-z_]\w*", value) else literal(value)


def completed(words: Sequence[str]) -> list[str]:
    """The words of a sweep, with what its recipe sweeps over as if it had been typed; raises UsageError."""
    typed = parse(words, OverridesParser.create(), sweeps=True)
    _refuse_sweeps([override for override in typed if override.is_sweep_override()])
    params = [override for override in typed if _key(override).startswith(PARAMS)]
    own = [(text, override) for text, override in zip(words, typed, strict=True) if override not in params]
    config = compose([text for text, override in own if not override.is_sweep_override()])
    known = {_key(override) for override in typed}
    # What is typed takes the place of what the recipe says of the same setting.
    swept = {**held(config), **_params(params)}
    added = [word(key, values) for key, values in swept.items() if key not in known]
    _refuse_sweeps([override for override in map(parsed, added) if override.is_sweep_override()])
    return [*(text for text, override in own if _key(override).partition(".")[0] != GRID), *added]


def constants(words: Sequence[str]) -> dict[str, str]:
    """What is typed once for all runs of a sweep, by its key."""
    typed = {word: parsed(word) for word in words}
    return {override.get_key_element(): word for word, override in typed.items() if not override.is_sweep_override()}


def own(words: Sequence[str]) -> list[str]:
    """What was typed of the sweep itself, without where it lies."""
    return [word for word in words if word.partition("=")[0].lstrip("+") != "out"]


def _params(typed: Sequence[Override]) -> dict[str, Any]:
    """What is typed of the place that Hydra's own sweeper has for a grid."""
    found: dict[str, Any] = {}
    for override in typed:
        value, inside = override.value(), _key(override).removeprefix(PARAMS).lstrip(".")
        found |= _flat(PARAMS, {inside: _plain(value)} if inside else _plain(value) or {})
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, QuotedString):
        return value.text
    if isinstance(value, dict):
        return {str(_plain(key)): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _key(override: Override) -> str:
    return override.get_key_element().lstrip("+~")


def refuse_of_sweeps(words: Sequence[str]) -> None:
    """Refuse what says how the runs of a sweep are made, of one run; raises UsageError."""
    for text in words:
        if re.match(r"[+~]*hydra\b", text):
            raise UsageError(f"{text}: says how the runs of a sweep are made; add -m, or leave it out")


def unfixed(config: DictConfig, words: Sequence[str]) -> list[str]:
    """What a composed config sweeps over that `words` give no value of."""
    typed = {text.partition("=")[0].lstrip("+~") for text in words}
    return [key for key in held(config) if key not in typed]


def refuse_single(config: DictConfig, words: Sequence[str]) -> None:
    """Refuse one run where the config sweeps over what was not typed; raises UsageError."""
    open_ = unfixed(config, words)
    if open_:
        raise UsageError(
            f"the recipe sweeps over {', '.join(open_)}; add -m to run each, or give one value, as in {open_[0]}=VALUE"
        )


def expand(words: Sequence[str], one: bool = False) -> list[list[str]]:
    """The overrides of each run of a sweep, as Hydra's own sweeper orders them, from `completed` words; raises UsageError.

    `one` run alone is no sweep, but may join one.
    """
    with hydra() as loader:
        typed = parse(words, OverridesParser.create(config_loader=loader), sweeps=True)
        swept = [override for override in typed if override.is_sweep_override()]
        _refuse_sweeps(swept)
        check([override for override in typed if not override.is_sweep_override()])
        if not swept and not one:
            raise UsageError("-m: nothing is swept; give a setting several values, as in seed=0,1,2, or leave out -m")
        runs = [list(run) for run in itertools.product(*map(_each, typed))]
        if not runs:
            raise UsageError(f"{' '.join(words)}: a setting has no values, so that there are no runs")
        for run in runs:
            check([parsed(text) for text in run])
        return runs


def _each(override: Override) -> list[str]:
    """An override with each of its values."""
    values = override.sweep_string_iterator() if override.is_sweep_override() else [override.get_value_element_as_str()]
    return [f"{override.get_key_element()}={value}" for value in values]


def _refuse_sweeps(swept: Sequence[Override]) -> None:
    for override in swept:
        key = _key(override)
        if key == "out":
            raise UsageError("out: a sweep has one folder, with a folder for each run in it; give one name")
        if key in (GRID, PARAMS) or key.startswith((f"{GRID}.", f"{PARAMS}.")):
            raise UsageError(f"{override.input_line}: sweep over the setting itself, as in seed=0,1,2")
        if override.is_interval_sweep():
            raise UsageError(
                f"{override.input_line}: every value of an interval cannot be run; give the values, as in {key}=A,B,C, "
                "or search it: add hydra/sweeper=optuna"
            )
