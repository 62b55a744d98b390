"""From what is typed to the composed config."""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig, OmegaConf

from ganexp.config.schema import register
from ganexp.types import PLAYERS

ROOT = "config"
OPTIMIZER_COMMON = {"clip_norm": None, "clip_value": None, "weight_bound": None}


def conf_dir() -> Path:
    """The folder of the options: inside the installed package, or beside it in the repository."""
    here = Path(__file__).resolve().parent.parent
    inside = here / "conf"
    return inside if inside.is_dir() else here.parent / "conf"


def options(group: str) -> dict[str, str]:
    """Every option of a group with the first line of its file, which describes it."""
    # A player's optimizers are those of `optimizer`.
    folder = conf_dir() / ("optimizer" if group.endswith("_optimizer") else group)
    return {path.stem: first_line(path) for path in sorted(folder.glob("*.yaml"))}


def first_line(path: Path) -> str:
    """The first comment line of a config file that is not Hydra's `# @package`, without its comment sign."""
    with path.open() as lines:
        return next((line[1:].strip() for line in lines if line.startswith("#") and not line.startswith("# @")), "")


def groups() -> tuple[str, ...]:
    """The groups a person can choose from, nested ones as `model/generator`."""
    folders = sorted(path.parent.relative_to(conf_dir()).as_posix() for path in conf_dir().rglob("*.yaml"))
    found = [group for group in dict.fromkeys(folders) if group not in (".", "hydra") and not group.startswith("hydra/")]
    return tuple(sorted([*found, *(f"{player}_optimizer" for player in PLAYERS)]))


@functools.cache
def prepare() -> None:
    """Put the schemas, and each player's optimizers, into Hydra's store; once per process."""
    register()
    store = ConfigStore.instance()
    store.store(group="schema", name="optimizer", node=OPTIMIZER_COMMON)
    OmegaConf.register_new_resolver("slug", slug, replace=True)
    for path in sorted((conf_dir() / "optimizer").glob("*.yaml")):
        content = yaml.load(path.read_text(), Loader=_Loader)
        del content["defaults"]
        values = {**OPTIMIZER_COMMON, **content}
        for player in PLAYERS:
            store.store(group=f"{player}_optimizer", name=path.stem, node=_inherit(values))


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML 1.1 with numbers such as 1e-3, which PyYAML alone takes for strings."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$"), list("-+0123456789.")
)


def _inherit(values: dict[str, Any]) -> dict[str, Any]:
    # A player's optimizer takes from `optimizer` every setting of the same name, unless the player's own is given.
    def reference(name: str) -> str:
        default = {None: "null", True: "true", False: "false"}.get(values[name], values[name])
        return f"${{oc.select:optimizer.{name},{default}}}"

    return {name: value if name == "name" else reference(name) for name, value in values.items()}


def slug(text: str, limit: int = 120) -> str:
    """`text` as a part of a folder's name: letters, digits and `=._,-`, at most `limit` characters."""
    return re.sub(r"[^A-Za-z0-9=._,-]+", "-", text).strip("-.")[:limit].rstrip("-.,=") or "default"


@contextlib.contextmanager
def _hydra() -> Iterator[None]:
    prepare()
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_dir()), version_base="1.3", job_name="ganexp"):
        yield


def compose(overrides: Sequence[str]) -> DictConfig:
    """The config of one run; raises what Hydra and OmegaConf raise (see `mistakes`)."""
    with _hydra():
        return hydra_compose(ROOT, list(overrides))
