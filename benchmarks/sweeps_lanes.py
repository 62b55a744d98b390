"""The lanes of `sweeps.py`: GAN-steps per second against how many runs share a program, and the curve of them."""

from __future__ import annotations

import argparse
import functools
import json
import math
import re
import statistics
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import machine

LANES = (1, 4, 16, 64, 256)
COMPARED = 64  # lanes, with one
GANLAB = "GAN Lab's size"
AIMS = {(GANLAB, "map"): 1.7}
STEPS_PER_CALL = 100  # The runner's own, because losses are recorded as often.
MODES = ("map", "vmap")
COLORS = ("#7b3294", "#008837")
SHAPE = re.compile(r"(%[\w.-]+) = f32\[([\d,]*)\]")
PRODUCT = re.compile(r"(%[\w.-]+) = f32\S* dot\((%[\w.-]+), [^)]*\), .*?lhs_contracting_dims=\{([\d,]*)\}")


def beside(ratio: float, aim: float | None) -> str:
    """A ratio in words, with its aim and whether it is missed."""
    if aim is None:
        return f"{ratio:.2f}"
    return f"{ratio:.2f}; aim {aim:g}{'' if ratio >= aim else '   <- MISSED'}"


def work(side: dict[str, Any], seconds: float) -> None:
    """Measure one side in this process, and print its figures: GAN-steps per second and the operations of a step's products."""
    if side["name"] == "peak":
        print(json.dumps({"figure": machine.matrix_product_peak(seconds)}))
        return
    import jax

    jax.config.update("jax_num_cpu_devices", min(side["lanes"], machine.cores()))
    import numpy as np

    from ganexp.config.build import load
    from ganexp.runner.lanes import Lanes

    experiments = [load([*side["words"], f"seed={seed}"])[1].experiment for seed in range(side["lanes"])]
    lanes = Lanes(experiments, experiments[0].dataset.load(), side["mode"])
    now = [*lanes.start()]

    def advance() -> None:
        now[:] = jax.block_until_ready(lanes.advance(*now, np.asarray(now[0].step) + np.int32(STEPS_PER_CALL)))

    # The state that `start` leaves may lie elsewhere than one that was trained: the second call can compile once more.
    advance()
    advance()
    calls, began = 0, time.perf_counter()
    while (taken := time.perf_counter() - began) < seconds:
        advance()
        calls += 1
    print(json.dumps({"figure": calls * STEPS_PER_CALL * side["lanes"] / taken, "flops": products(experiments[0])}))


def products(experiment: Any) -> int:
    """The floating-point operations of the matrix products in one step of one run, as XLA compiles it."""
    import jax

    from ganexp.component import arrays
    from ganexp.training import draw, init, train_step

    def one(experiment: Any, data: Any, state: Any) -> Any:
        return train_step(experiment, state, draw(experiment, data, state.step))[0]

    numbers, data = arrays(experiment), experiment.dataset.load()
    text = jax.jit(one).lower(numbers, data, jax.eval_shape(init, numbers)).compile().as_text()
    # A name stands for one instruction of the whole program.
    shapes = {name: _sizes(shape) for name, shape in SHAPE.findall(text)}
    return sum(
        2 * math.prod(shapes[name]) * math.prod(shapes[left][axis] for axis in _sizes(summed))
        for name, left, summed in PRODUCT.findall(text)
    )


def _sizes(text: str) -> list[int]:
    return [int(size) for size in text.split(",") if size]


def measure(side: dict[str, Any], typed: argparse.Namespace) -> dict[str, float]:
    """The figures of one side in a fresh process."""
    command = [typed.ganexp_python, __file__, "--seconds", str(typed.seconds), "--side", json.dumps(side)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def curve(name: str, words: tuple[str, ...], typed: argparse.Namespace) -> dict[str, Any]:
    """The steps per second of one size by lanes, printed beside the share of the machine's matrix products."""
    print(f"\n{name}: GAN-steps per second by lanes, median (min to max) of {typed.rounds} processes", flush=True)
    sides = {
        f"{mode} {lanes}": {"name": "lanes", "words": words, "mode": mode, "lanes": lanes}
        for lanes in LANES
        for mode in MODES
        if lanes <= typed.most_lanes
    }
    measures: dict[str, Any] = {
        side: functools.partial(measure, about, typed) for side, about in {**sides, "peak": {"name": "peak"}}.items()
    }
    seen: dict[str, Any] = machine.interleaved(measures, typed.rounds)
    peak = statistics.median(found["figure"] for found in seen.pop("peak"))
    flops = seen[next(iter(sides))][0]["flops"]
    paces = {side: [found["figure"] for found in seen[side]] for side in sides}
    for side, figures in paces.items():
        share = statistics.median(figures) * flops / peak
        print(f"  {side:10} {machine.spread(figures):30} {share:.1%} of the machine's {peak / 1e9:.0f} GFLOP/s")
    ratios = {}
    for mode in MODES:
        first, last = paces[f"{mode} {LANES[0]}"], paces.get(f"{mode} {COMPARED}")
        if last is not None:
            ratios[mode] = statistics.median(last) / statistics.median(first)
            print(f"  {mode}: {COMPARED} lanes over one: {beside(ratios[mode], AIMS.get((name, mode)))}", flush=True)
    return {"size": name, "seen": paces, "flops_per_step": flops, "peak": peak, "ratios": ratios}


def draw(sizes: Sequence[dict[str, Any]], picture: Path) -> None:
    """The curves of all sizes as a picture: lanes against steps per second, both on log axes."""
    from matplotlib.figure import Figure

    figure = Figure((7.2, 3.0), dpi=110, layout="constrained")
    for axes, size in zip(figure.subplots(1, len(sizes), squeeze=False)[0], sizes, strict=True):
        for mode, color in zip(MODES, COLORS, strict=True):
            figures = {int(side.split()[1]): seen for side, seen in size["seen"].items() if side.startswith(f"{mode} ")}
            middle = [statistics.median(seen) for seen in figures.values()]
            axes.plot(
                list(figures), middle, "o-", color=color, linewidth=1.4, markersize=4, label=f"sweep.lanes={mode}"
            )
            low, high = ([end(seen) for seen in figures.values()] for end in (min, max))
            axes.fill_between(list(figures), low, high, color=color, alpha=0.18, linewidth=0)
        axes.set_xscale("log", base=2)
        axes.set_xticks(list(figures), [str(lanes) for lanes in figures])
        axes.set_ylim(bottom=0)
        axes.yaxis.set_major_formatter("{x:,.0f}")
        axes.set_title(size["size"], fontsize=9)
        axes.set_xlabel("lanes", fontsize=8)
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[0].set_ylabel("GAN-steps per second", fontsize=8)
    figure.axes[0].legend(frameon=False, fontsize=8)
    figure.savefig(picture)


def main() -> None:
    """Measure one side for another process."""
    typed = machine.sides(__doc__, seconds=4.0).parse_args()
    work(typed.side, typed.seconds)


if __name__ == "__main__":
    main()
