"""The help page and the lists of options, from the names and first lines of the config files."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable, Iterator, Sequence

from ganexp.cli.sentences import say
from ganexp.config.files import UsageError
from ganexp.config.option_file import read
from ganexp.config.options import PLAYER_OPTIMIZERS, file_of, folder_of, groups, job_settings, options
from ganexp.spelling import did_you_mean

PAGE = """\
ganexp trains a GAN and records it for TensorBoard.

  ganexp [train] [SETTING=VALUE ...]     train; with nothing typed: eight Gaussians on a ring
  ganexp resume FOLDER [steps=N ...]     go on with a run or a sweep where it stopped, bit for bit, or longer
  ganexp extend FOLDER SETTING=VALUES    add runs to a sweep: ganexp extend FOLDER seed='range(8,16)'
  ganexp report FOLDER ...               what many runs say together: a table, figures and a page
  ganexp view FOLDER [--step N] [--view NAME,NAME] [--out FOLDER]
                                         draw a run's pictures again, or others of its last checkpoint
  ganexp quiz FOLDER [seed=N]            spot the fake: a page with a run's digits among real ones
  ganexp classifier [dataset=mnist]      train the digit classifier that the metrics of images use
  ganexp list [GROUP]                    every option of a group with a line about it

  --dry-run      say what would run, and how long it takes once that is known
  --cfg job      print the composed config (also: hydra, all)
  -m             one run for each combination, side by side: ganexp -m seed=0,1,2 loss=minimax,non_saturating
  --markdown     of list: tables with the paper and the source file of each option
  -sc            shell completion: eval "$(ganexp -sc install=bash)"  (or zsh, fish)
  --help, --version

What can be chosen, as GROUP=OPTION (the settings of a choice: GROUP.NAME=VALUE):

{groups}

Settings:

{settings}

Examples:

  ganexp seed=1 steps=5000
  ganexp dataset=grid optimizer=adam optimizer.learning_rate=5e-4
  ganexp dataset=curve discriminator_optimizer=rmsprop penalty=[r1] penalty.r1.weight=0.1
  ganexp updates.d_steps=5 discriminator_optimizer.learning_rate=4e-4
  ganexp dataset=binarized_mnist dataset.source=bundled epochs=20
  ganexp schedule=[learning_rate_decay] schedule.learning_rate_decay.length=10000

Exit status: 0 finished, 1 failed, 2 a mistake in what was typed, 3 diverged, 129, 130 or 143 interrupted."""


def text() -> str:
    """The help page."""
    width = min(110, shutil.get_terminal_size().columns)
    rows = [
        (group, ", ".join(options(group)) if group not in PLAYER_OPTIMIZERS else "as optimizer, for one player")
        for group in groups()
    ]
    settings = [(f"{name}={default}", about) for name, (default, about) in job_settings().items()]
    return PAGE.format(groups=_table(rows, width), settings=_table(settings, width))


def _table(rows: Iterable[tuple[str, str]], width: int) -> str:
    rows = list(rows)
    indent = 4 + max(len(name) for name, _ in rows)
    lines = []
    for name, about in rows:
        first, *others = textwrap.wrap(about, max(20, width - indent)) or [""]
        lines += [f"  {name:<{indent - 2}}{first}", *(" " * indent + line for line in others)]
    return "\n".join(lines)


def show_options(words: Sequence[str], markdown: bool) -> int:
    """Print the options of the groups named, or of all, as text or as Markdown; the exit status."""
    known = groups()
    for word in words:
        if word not in known:
            say(f"list {word}: there is no such group; there are {', '.join(known)}{did_you_mean(word, known)}")
            return 2
    if markdown:
        from ganexp.cli import catalogue

        print(catalogue.text(words))
        return 0
    for group in words or known:
        print(f"{group}:")
        print(_table(_described(group), 110))
    return 0


def _described(group: str) -> Iterator[tuple[str, str]]:
    """Every option of a group with a line about it or, where it cannot be chosen, why."""
    for name, line in options(group).items():
        path = file_of(group, name)
        try:
            read(path, folder_of(group))
        except UsageError as error:
            yield name, f"cannot be chosen: {str(error).removeprefix(str(path)).lstrip(',: ')}"
        else:
            yield name, line
