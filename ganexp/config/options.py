"""The options there are, read from the folder of config files: no Hydra, no JAX, so that help comes at once."""

from __future__ import annotations

import re
from pathlib import Path


def conf_dir() -> Path:
    """The folder of the options: inside the installed package, or beside it in the repository."""
    here = Path(__file__).resolve().parent.parent
    inside = here / "conf"
    return inside if inside.is_dir() else here.parent / "conf"


# Of each player that a model can have, the group of its networks.
NETWORKS = tuple(sorted(f"model/{path.name}" for path in (conf_dir() / "model").glob("*") if path.is_dir()))
# Each has the options of `optimizer`.
PLAYER_OPTIMIZERS = tuple(f"{group.rpartition('/')[2]}_optimizer" for group in NETWORKS)


def file_of(group: str, name: str) -> Path:
    """Where an option of a group is written."""
    return conf_dir() / folder_of(group) / f"{name}.yaml"


def folder_of(group: str) -> str:
    """The group whose options a group has: its own, or those of `optimizer`."""
    return "optimizer" if group in PLAYER_OPTIMIZERS else group


def options(group: str) -> dict[str, str]:
    """Every option of a group with the first line of its file, which describes it."""
    return {path.stem: first_line(path) for path in sorted((conf_dir() / folder_of(group)).glob("*.yaml"))}


def first_line(path: Path) -> str:
    """What describes a config file: its first comment line that is neither Hydra's `# @package` nor the command that runs it."""
    try:
        # What is not UTF-8 is said where the option is chosen: the others keep their lines.
        with path.open(encoding="utf-8", errors="replace") as lines:
            comments = (line[1:].strip() for line in lines if line.startswith("#"))
            return next((comment for comment in comments if not comment.startswith(("@", "ganexp "))), "")
    except OSError:
        return ""


def groups() -> tuple[str, ...]:
    """The groups a person can choose from, nested ones as `model/generator`."""
    folders = sorted(path.parent.relative_to(conf_dir()).as_posix() for path in conf_dir().rglob("*.yaml"))
    found = [
        group for group in dict.fromkeys(folders) if group not in (".", "hydra") and not group.startswith("hydra/")
    ]
    return tuple(sorted({*found, *PLAYER_OPTIMIZERS}))


def job_settings() -> dict[str, tuple[str, str]]:
    """Every setting in the root config with its default and its description."""
    found: dict[str, tuple[str, str]] = {}
    parent = ""
    for line in (conf_dir() / "config.yaml").read_text(encoding="utf-8").partition("\nhydra:")[0].splitlines():
        if section := re.match(r"(\w+): #", line):
            parent = f"{section[1]}."
        elif setting := re.match(r"( *)(\w+): (\S+) # (.+)", line):
            found[(parent if setting[1] else "") + setting[2]] = (setting[3], setting[4])
    return found
