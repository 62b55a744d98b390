"""What the README says is so."""

import re
from pathlib import Path
from typing import Any

import contracts
import jax
import numpy as np
import pytest
import yaml

from ganexp import losses
from ganexp.config.build import load
from ganexp.config.options import groups, options

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def commands():
    lines = [line for block in blocks("") for line in block.splitlines() if line.startswith("ganexp ")]
    cells = re.findall(r"\| `(ganexp [^`]+)` \|", README)
    return sorted({line.partition("  #")[0].strip() for line in [*lines, *cells]})


@pytest.mark.parametrize(
    "command",
    [
        command
        for command in commands()
        if not re.search(r" (-m|resume|extend|report|quiz|classifier|--|list)", command)
    ],
)
def test_every_command_in_the_readme_composes(command):
    load(command.split()[1:])


def test_the_hinge_loss_as_it_stands_is_a_loss():
    _, code = blocks("python")
    names = {**vars(losses), "Any": Any}
    exec(code, names)
    hinge = names["Hinge"](margin=2.0)
    real, fake = np.array([3.0, 1.0], np.float32), np.array([-1.0, -5.0], np.float32)
    scores = contracts.scores(jax.numpy.asarray(real), jax.numpy.asarray(fake))
    assert float(hinge.discriminator(scores)) == pytest.approx(
        np.maximum(0, 2 - real).mean() + np.maximum(0, 2 + fake).mean()
    )
    assert float(hinge.generator(scores)) == pytest.approx(3.0)


def test_the_hinge_loss_has_a_file_of_the_usual_form():
    _, text = blocks("yaml")
    assert yaml.safe_load(text) == {"defaults": ["/schema/loss/hinge@_here_"]}


def test_the_sweep_in_a_file_is_the_one_that_ships():
    text, _ = blocks("yaml")
    shipped = yaml.safe_load((ROOT / "conf" / "experiment" / "learning_rate_grid.yaml").read_text())
    assert yaml.safe_load(text) == shipped


def test_the_table_of_what_exists_names_every_option():
    table = README.partition("## What exists")[2].partition("\n## ")[0]
    missing = [
        f"{group}={option}"
        for group in groups()
        if not group.endswith("_optimizer")
        for option in options(group)
        if not re.search(rf"\b{option}\b", table)
    ]
    assert not missing


def test_pictures_in_the_repository_exist_and_are_small():
    pictures = re.findall(r"!\[[^]]*\]\(([^)]+)\)", README)
    assert pictures
    for picture in pictures:
        assert (ROOT / picture).stat().st_size < 300_000
