"""What Optuna's sweeper is told: its settings, and the space of each setting that is searched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, IntervalSweep, Override, QuotedString, RangeSweep, Transformer
from hydra.errors import OverrideParseException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from ganexp.config.compose import ROOT, check, hydra, offer, parsed
from ganexp.config.usage_errors import ERRORS, UsageError, explain, keys, parse

SWEEPER = "optuna"
RESOLVED = "search"  # The name of this search's own sweeper among Hydra's.
CODE = ("search_space", "custom_search_space")
EXAMPLE = "'optimizer.learning_rate=tag(log,interval(1e-5,1e-2))'"


class Sweeper:
    """What `words` say of a search: the text of each space by its setting, `constants` that are typed once for all runs, and settings
    of the sweeper; raises UsageError."""

    def __init__(self, words: Sequence[str]):
        self._typed = parse(words, OverridesParser.create(), sweeps=True)
        check([override for override in self._typed if not override.is_sweep_override()])
        self._node = _sweeper(self._typed)
        self.spaces, self.constants = _spaces(self._typed, self._node)
        self.trials = int(self._node.n_trials)
        self.batch = min(int(self._node.n_jobs), self.trials)
        self.sampler = str(self._node.sampler._target_).rpartition(".")[2]

    def store(self, direction: str, why: str) -> None:
        """Put it, with the direction that Optuna takes, among Hydra's sweepers, as `search`.

        Raises UsageError, which says `why`, where another direction was typed.
        """
        for override in self._typed:
            # The schema's own direction is no choice of anyone's.
            if override.get_key_element() == "hydra.sweeper.direction" and str(override.value()) != direction:
                raise UsageError(f"{override.input_line}: {why}")
        content: Any = OmegaConf.to_container(self._node)
        offer("hydra/sweeper", RESOLVED, content | {"direction": direction, "params": self.spaces})


def _sweeper(typed: Sequence[Override]) -> DictConfig:
    """Hydra's settings of the sweeper, those of `search=NAME` and what was typed of them put in; with a seed."""
    words = [str(override.input_line) for override in typed if _of_search(override)]
    for override in typed:
        text, key = override.input_line, override.get_key_element().lstrip("+~")
        if _of_search(override) and override.is_sweep_override():
            raise UsageError(f"{text}: a search has one value of it; type a command for each search")
        if key.startswith("hydra.sweeper.params"):
            raise UsageError(f"{text}: type a space as the setting itself, as in {EXAMPLE}")
        if key.removeprefix("hydra.sweeper.") in CODE:
            raise UsageError(f"{text}: cannot be checked before it runs; type spaces as settings, as in {EXAMPLE}")
    chosen = [word for word in words if not word.startswith("hydra.sweeper.")]
    try:
        node = _composed(words)
    except ERRORS as error:
        raise explain(error, [f"hydra.sweeper.{key}" for key in keys(_composed(chosen))]) from None
    for name in ("n_trials", "n_jobs"):
        if node[name] < 1:
            raise UsageError(f"hydra.sweeper.{name}: {node[name]} is out of range; it must be at least 1")
    if node.storage is not None:
        raise UsageError(
            f"hydra.sweeper.storage={node.storage}: the folder of a search holds what it goes on from; leave it out"
        )
    if node.sampler._target_.endswith("GridSampler"):
        raise UsageError(
            "hydra/sweeper/sampler=grid: every combination is what -m runs; leave out hydra/sweeper=optuna"
        )
    if "seed" in node.sampler and node.sampler.seed is None:
        # A search that cannot be repeated cannot be gone on with.
        node.sampler.seed = 0
    return node


def _composed(words: Sequence[str]) -> DictConfig:
    words = [*(word for word in words if not word.startswith("hydra/sweeper=")), f"hydra/sweeper={SWEEPER}"]
    with hydra() as loader:
        node: DictConfig = loader.load_configuration(ROOT, words, RunMode.MULTIRUN).hydra.sweeper
    return node


def _of_search(override: Override) -> bool:
    key = override.get_key_element().lstrip("+~")
    return key == "search" or key.startswith(("hydra.sweeper.", "hydra/sweeper"))


def _spaces(typed: Sequence[Override], node: DictConfig) -> tuple[dict[str, str], list[str]]:
    """The text of each space by its setting, and what is typed once for all runs; raises UsageError."""
    spaces = {str(key): str(text) for key, text in (node.params or {}).items()}
    constants = []
    for override in typed:
        key, text = override.get_key_element().lstrip("+"), str(override.input_line)
        if _of_search(override) or override.is_hydra_override():
            continue
        if not override.is_sweep_override():
            # What is fixed is not searched.
            spaces.pop(key, None)
            constants.append(text)
        elif key in spaces:
            raise UsageError(f"{key} is given twice, as {key}={spaces[key]} by the search and as {text}; leave out one")
        else:
            spaces[key] = text.partition("=")[2]
    if not spaces:
        raise UsageError(f"hydra/sweeper={SWEEPER}: nothing has a space to be searched; give one, as in {EXAMPLE}")
    return spaces, constants


def ends(key: str, text: str) -> list[str]:
    """Both ends of a space, or all of its choices, as they are typed; raises UsageError for one that cannot be drawn from."""
    word = f"{key}={text}"
    try:
        override = parsed(word)
    except OverrideParseException:
        raise UsageError(f"{word}: is not a space in Hydra's grammar; one is {EXAMPLE}") from None
    value: Any = override.value()
    if isinstance(value, ChoiceSweep):
        return [str(choice) for choice in override.sweep_iterator(transformer=Transformer.encode)]
    low: Any
    high: Any
    if isinstance(value, IntervalSweep):
        low, high = value.start, value.end
    elif isinstance(value, RangeSweep):
        low, high = value.start, value.stop
    elif override.is_sweep_override():
        raise UsageError(f"{word}: Optuna draws from choice, range and interval; name the choices, as in {key}=A,B")
    else:
        return [value.text if isinstance(value, QuotedString) else str(override.get_value_element_as_str())]
    if not low < high:
        raise UsageError(f"{word}: its first end must be below its second")
    if "log" in value.tags and low <= 0:
        raise UsageError(f"{word}: a space with tag log begins above 0")
    return [str(low), str(high)]
