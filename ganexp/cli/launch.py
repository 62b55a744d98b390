"""The runs of a sweep, each by itself, through another of Hydra's launchers."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from hydra._internal.callbacks import Callbacks
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig

from ganexp import cli
from ganexp.cli import single
from ganexp.cli.sweep_end import judged
from ganexp.cli.sweep_plan import Planned, hydra, typed_for_hydra
from ganexp.config.build import job as build_job
from ganexp.config.compose import ROOT, literal, prepare
from ganexp.config.overlay import complete
from ganexp.provenance import refuse_changes
from ganexp.sweep import folder as records


def each_alone(words: Sequence[str], folder: Path, runs: Sequence[Planned]) -> int:
    """Have the launcher that was typed train the runs; the number of the signal that ended it, or 0."""
    own_hydra, constant = hydra(), [word for word in words if word.partition("=")[0].lstrip("+") != "hydra/sweeper"]
    master = own_hydra.compose_config(
        ROOT, typed_for_hydra(constant, folder), run_mode=RunMode.MULTIRUN, with_log_configuration=False
    )
    task = Alone(len(runs))
    launcher = Plugins.instance().instantiate_launcher(
        hydra_context=HydraContext(config_loader=own_hydra.config_loader, callbacks=Callbacks(master)),
        task_function=task,
        config=master,
    )
    batch = master.hydra.sweeper.get("max_batch_size") or len(runs)
    try:
        for first in range(0, len(runs), batch):
            # Each run's folder is said: what Hydra would name it need not be the same.
            asked = [[*run.overrides, f"hydra.sweep.subdir={literal(run.name)}"] for run in runs[first : first + batch]]
            launcher.launch(asked, initial_job_idx=first)
    except KeyboardInterrupt:
        return task.signal
    return 0


class Alone:
    """The task of Hydra's other launchers: one run of `count`, from its composed config, in its folder; how good it is.

    Once a signal has ended one, the others do not begin: raises KeyboardInterrupt.
    """

    def __init__(self, count: int):
        self.count, self.signal = count, int(signal.SIGINT)

    def __call__(self, config: DictConfig) -> float:
        prepare()
        own_hydra = HydraConfig.get()
        complete(config, own_hydra.runtime.choices)
        job = build_job(config)
        place, words = Path(own_hydra.runtime.output_dir), [str(word) for word in own_hydra.overrides.task]
        print(f"run {own_hydra.job.num + 1} of {self.count}: {place.name}", file=sys.stderr)
        try:
            # The launcher composed it anew, perhaps elsewhere, and later.
            known = records.read(place.parent)
            for run in known.runs if known is not None else ():
                if run.name == place.name:
                    refuse_changes(place, records.job_of(place.parent, run).settings(), job.settings())
            status = single.train(job, place, words, started=None)
        except Exception as error:
            print(f"ganexp: {place.name}: failed: {type(error).__name__}: {error}", file=sys.stderr)
            status = cli.FAILED
        if status > single.SIGNALED:
            self.signal = status - single.SIGNALED
            raise KeyboardInterrupt
        return judged(job, records.summary(place))
