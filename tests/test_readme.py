"""What the README and the pages of docs/ say is so."""

import re
from pathlib import Path
from typing import Any

import contracts
import jax
import numpy as np
import pytest
import yaml
from commands import ganexp as command

from ganexp import losses
from ganexp.config.build import load
from ganexp.config.options import groups, options

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
README, *DOCS = [page.read_text() for page in PAGES]


def blocks(language):
    return [
        block for text in (README, *DOCS) for block in re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)
    ]


def commands():
    lines = [line for block in blocks("") for line in block.splitlines() if line.startswith("ganexp ")]
    return sorted({line.partition("  #")[0].strip() for line in lines})


@pytest.mark.parametrize(
    "command",
    [
        command
        for command in commands()
        if not re.search(r" (-m|resume|extend|report|view|quiz|classifier|--|list)", command)
    ],
)
def test_every_command_on_the_pages_composes(command):
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
    text, _ = blocks("yaml")
    assert yaml.safe_load(text) == {"defaults": ["/schema/loss/hinge@_here_"]}


def test_the_sweep_in_a_file_is_the_one_that_ships():
    _, text = blocks("yaml")
    shipped = yaml.safe_load((ROOT / "conf" / "experiment" / "learning_rate_grid.yaml").read_text())
    assert yaml.safe_load(text) == shipped


def test_the_catalogue_is_what_the_command_prints(capsys):
    assert command("list", "--markdown") == 0
    assert (ROOT / "docs" / "catalogue.md").read_text() == capsys.readouterr().out


def test_the_catalogue_names_every_option_its_paper_and_its_file():
    text = (ROOT / "docs" / "catalogue.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| .* \| (.*) \| `(.*)` \|$", text, re.MULTILINE)
    offered = [name for group in groups() if not group.endswith("_optimizer") for name in options(group)]
    assert [name for name, _, _ in rows] == offered
    assert all((ROOT / file).is_file() for _, _, file in rows)
    assert ("minimax", "Goodfellow et al. 2014", "ganexp/losses.py") in rows
    assert ("adam", "Kingma & Ba 2015; Radford et al. 2016", "ganexp/optimizers.py") in rows
    assert ("dirac", "Mescheder et al. 2018", "ganexp/datasets/dirac.py") in rows


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_and_pictures_are_small(page):
    found = re.findall(r"(!?)\[[^]]*\]\((?!https?://)([^)#]+)[^)]*\)", page.read_text())
    for picture, place in found:
        assert (page.parent / place).is_file(), place
        assert not picture or (page.parent / place).stat().st_size < 300_000, place
