"""Draw the generator's loss and the quality of its images over the epochs, for some sweeps side by side.

    python benchmarks/loss_and_quality.py PICTURE SWEEP_FOLDER ...

A sweep's runs are grouped by their model; each run is a line. Beside each model stands Spearman's rank correlation of the
loss with `mnist_fid` over the evaluations of each run: 1 where a falling loss always meant better images.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import spearmanr

from ganexp.records.table import read_table

LOSS, QUALITY = "loss/generator", "mnist_fid"
SMOOTHED = 5  # records of the loss around an evaluation
COLORS = ("#7b3294", "#008837", "#447ce4")


def curves(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Every run of a sweep by its discriminator: the steps of its evaluations, the losses around them, and the quality."""
    found = defaultdict(list)
    for path in sorted(folder.glob("*/run.json")):
        run, table = json.loads(path.read_text()), read_table(path.parent / "metrics.csv")
        at = np.flatnonzero(np.isfinite(table[QUALITY]) & (table["step"] > 0))
        losses = [np.nanmean(table[LOSS][max(0, place - SMOOTHED) : place + SMOOTHED + 1]) for place in at]
        found[run["settings"]["model.discriminator"]].append(
            {"steps": table["step"][at], "loss": np.array(losses), "quality": table[QUALITY][at], "run": run}
        )
    return found


def main() -> None:
    """Draw the picture, and print the correlations."""
    picture, *folders = sys.argv[1:]
    models = {name: runs for folder in folders for name, runs in curves(Path(folder)).items()}
    figure = Figure((7.2, 3.2), dpi=110, layout="constrained")
    for axes, (name, runs) in zip(figure.subplots(1, len(models), squeeze=False)[0], models.items(), strict=True):
        right = axes.twinx()
        for run in runs:
            axes.plot(run["steps"], run["loss"], color=COLORS[0], linewidth=1.2)
            right.plot(run["steps"], run["quality"], color=COLORS[1], linewidth=1.2)
        correlations = [float(spearmanr(run["loss"], run["quality"]).statistic) for run in runs]
        text = ", ".join(f"{value:.2f}" for value in correlations)
        axes.set_title(f"{name} (rank correlation {text})", fontsize=9)
        axes.set_xlabel("step", fontsize=8)
        axes.set_ylabel("generator's loss", fontsize=8, color=COLORS[0])
        right.set_yscale("log")
        right.set_ylabel(QUALITY, fontsize=8, color=COLORS[1])
        for side in (axes, right):
            side.tick_params(labelsize=7)
        for run, value in zip(runs, correlations, strict=True):
            final = run["run"]["final"]
            print(f"{name} seed {run['run']['seed']}: correlation {value:.2f}, "
                  f"final loss {final[LOSS]:.3f}, {QUALITY} {final[QUALITY]:.1f}")  # fmt: skip
    figure.savefig(picture)


if __name__ == "__main__":
    main()
