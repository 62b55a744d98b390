"""Time sweeps: `ganexp -m` against one run after the other and against PyTorch, and what it takes by lanes, memory and start.

    python benchmarks/sweeps.py --torch-python PYTHON --ganexp-python PYTHON --json FILE --picture PNG

Sweeps: 8 learning rates by 8 seeds of the default GAN, and of the same at GAN Lab's size (16 units, batch 150); all on one
machine, in turns, by whole processes: import, composition, evaluation, pictures and records count. Compiled programs were kept
by an earlier run. The sides are `ganexp -m`; the same with `hydra/launcher=basic`, one run after the other in one process; with
`hydra/launcher=joblib` (the extra of that name), in two; and eager PyTorch loops in two processes of one thread each, of which
training alone counts.

Lanes: GAN-steps per second against the lanes of a program, warm and training alone; see `sweeps_lanes.py`. Memory: the largest
that a sweep of 256 lanes has in memory, compiling included. Start: from the start of the process to the first progress of a
sweep of 1,000 runs in four programs.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import machine
import sweeps_lanes
from sweeps_lanes import GANLAB, beside

SIZES = {"the default GAN": (), GANLAB: ("model.generator.width=16", "model.discriminator.width=16", "batch_size=150")}
# By how much one program is to be faster than each of the other sides.
AIMS = {
    "the default GAN": {"basic": 1.7, "joblib": 1.3, "PyTorch": 4.0},
    GANLAB: {"basic": 3.0, "joblib": 2.0, "PyTorch": 8.0},
}
AIM_MEMORY, AIM_START = 2e9, 30.0  # bytes, seconds
RATES = (1e-4, 2e-4, 5e-4, 1e-3, 1.5e-3, 2e-3, 3e-3, 5e-3)
TOGETHER = "ganexp -m"
LAUNCHERS = {
    TOGETHER: (),
    "basic": ("hydra/launcher=basic",),
    "joblib": ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2"),
}
TORCH, TORCH_PROCESSES = "PyTorch", 2
WARM_STEPS = 20
COMMAND = "from ganexp.cli import main; main()"
# What the loops of `sweeps_torch.py` are: another default needs other loops.
WRITTEN = {
    "dataset": "ring", "dataset.weights": None, "prior": "normal", "prior.dimension": 2, "prior.mean": 0.0, "prior.std": 1.0,
    "loss": "non_saturating", "loss.scale": 1.0, "loss.real_weight": 1.0, "generator_optimizer.name": "adam",
    "discriminator_optimizer.name": "adam", "updates": "alternating", "updates.d_steps": 1, "updates.g_steps": 1,
    "updates.minibatch": "fresh", "updates.first": "discriminator", "penalty.r1": "r1",
    "schedule.learning_rate_decay": "exponential", "schedule.learning_rate_decay.setting": "optimizer.learning_rate",
    "model.generator": "mlp", "model.generator.depth": 2, "model.generator.activation": "relu",
    "model.generator.normalization": "none", "model.generator.output": "linear", "model.discriminator": "mlp",
    "model.discriminator.depth": 2, "model.discriminator.activation": "relu", "model.discriminator.normalization": "none",
}  # fmt: skip


class Ended(NamedTuple):
    """What a process took: seconds, and bytes in memory at most."""

    seconds: float
    memory: float


def ended(command: Sequence[str], environment: Mapping[str, str]) -> Ended:
    """Run a process to its end."""
    with tempfile.TemporaryFile("w+") as told:
        began = time.perf_counter()
        running = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=told)
        _, status, usage = os.wait4(running.pid, 0)
        seconds = time.perf_counter() - began
        running.returncode = os.waitstatus_to_exitcode(status)
        if running.returncode:
            told.seek(0)
            raise SystemExit(f"the measured process failed:\n{told.read()}")
    return Ended(seconds, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024))


def sweep(python: str, words: Sequence[str], environment: Mapping[str, str]) -> tuple[Ended, dict[str, Any]]:
    """A sweep into a folder that is then forgotten; and the settings of its first run."""
    with tempfile.TemporaryDirectory() as folder:
        found = ended([python, "-c", COMMAND, "-m", *words, f"out={folder}/sweep"], environment)
        settings: dict[str, Any] = json.loads(min(Path(folder).glob("sweep/0_*/run.json")).read_text())["settings"]
        return found, settings


def loops(python: str, share: Mapping[str, Any], environment: Mapping[str, str]) -> float:
    """The seconds that the slower of two processes of PyTorch trains its half of the runs."""
    command = [python, str(Path(__file__).with_name("sweeps_torch.py"))]
    halves = [share["runs"][first::TORCH_PROCESSES] for first in range(TORCH_PROCESSES)]
    running = [
        subprocess.Popen(
            [*command, json.dumps({**share, "runs": half})], env=environment, stdout=subprocess.PIPE, text=True
        )
        for half in halves
        if half
    ]
    told = [process.communicate()[0] for process in running]
    if any(process.returncode for process in running):
        raise SystemExit("a process of PyTorch failed")
    return max(float(text.split()[-1]) for text in told)


def compare(name: str, typed: argparse.Namespace, environment: dict[str, str]) -> dict[str, Any]:
    """The seconds of each side at one size, printed with the ratios to one program and their aims."""
    rates, seeds = RATES[: typed.rates], range(typed.seeds)
    count = len(rates) * len(seeds)
    swept = f"optimizer.learning_rate={','.join(map(str, rates))}", f"seed=range({len(seeds)})"
    few = f"optimizer.learning_rate={rates[0]}", "seed=range(2)"
    python, sides = typed.ganexp_python, [side for side in LAUNCHERS if side in typed.sides]
    settings: dict[str, Any] = {}
    for side in sides:
        print(f"warming up: {name}, {side}", file=sys.stderr, flush=True)
        words = *(swept if side == TOGETHER else few), *SIZES[name], *LAUNCHERS[side], f"steps={WARM_STEPS}"
        settings = sweep(python, words, environment)[1]
    measures: dict[str, Any] = {
        side: functools.partial(
            lambda words: sweep(python, words, environment)[0].seconds,
            (*swept, *SIZES[name], *LAUNCHERS[side], f"steps={typed.steps}"),
        )
        for side in sides
    }
    if TORCH in typed.sides:
        other = {path: settings.get(path) for path, value in WRITTEN.items() if settings.get(path) != value}
        if other:
            raise SystemExit(f"sweeps_torch.py was not written for {other}")
        runs = [(rate, seed) for rate in rates for seed in seeds]
        share = {"runs": runs, "settings": settings, "steps": typed.steps}
        measures[TORCH] = functools.partial(loops, typed.torch_python, share, environment | {"OMP_NUM_THREADS": "1"})
    seen: dict[str, Any] = machine.interleaved(measures, typed.rounds)
    print(f"\n{name}, {count} runs of {typed.steps:,} steps: seconds, median (min to max) of {typed.rounds}")
    ratios = {}
    for side, figures in seen.items():
        text = ""
        if side != TOGETHER:
            ratios[side] = statistics.median(figures) / statistics.median(seen[TOGETHER])
            text = f"  {TOGETHER} is faster by {beside(ratios[side], AIMS[name][side])}"
        print(f"  {side:10} {machine.spread(figures, 1):28}{text}", flush=True)
    return {"size": name, "runs": count, "steps": typed.steps, "seen": seen, "ratios": ratios, "aims": AIMS[name]}


def memory(typed: argparse.Namespace, environment: dict[str, str]) -> dict[str, Any]:
    """The most memory of a sweep of 256 lanes, on a compile cache that knows it and on one that does not."""
    words = ("seed=range(256)", "steps=200")
    found = [sweep(typed.ganexp_python, words, environment)[0].memory for _ in range(2)]
    print(f"\n256 lanes of the default GAN, bytes in memory at most: {found[0] / 1e9:.2f} GB with compiling, "
          f"{found[1] / 1e9:.2f} GB on kept programs; aim below {AIM_MEMORY / 1e9:g} GB"
          f"{'' if max(found) < AIM_MEMORY else '   <- MISSED'}", flush=True)  # fmt: skip
    return {"bytes": found, "aim": AIM_MEMORY}


def start(typed: argparse.Namespace, environment: dict[str, str]) -> dict[str, Any]:
    """The seconds until the first of 1,000 runs train, at first and then on kept programs."""
    rates = ",".join(f"{1e-4 * 1.2**power:.3g}" for power in range(25))
    words = (f"optimizer.learning_rate={rates}", "loss=glob(*)", "seed=range(10)", "steps=1000")
    found = [_first_progress(typed.ganexp_python, words, environment) for _ in range(1 + typed.rounds)]
    middle = statistics.median(found[1:])
    print(f"\n1,000 runs in 4 programs, seconds until the first train: {found[0]:.1f} at first, then "
          f"{machine.spread(found[1:], 1)}; aim below {AIM_START:g}{'' if middle < AIM_START else '   <- MISSED'}",
          flush=True)  # fmt: skip
    return {"first": found[0], "seen": found[1:], "aim": AIM_START}


def _first_progress(python: str, words: Sequence[str], environment: Mapping[str, str]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        command = [python, "-c", COMMAND, "-m", *words, f"out={folder}/sweep"]
        told = []
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        ) as running:
            assert running.stderr is not None
            for line in running.stderr:
                told.append(line)
                if line.startswith("program 1 of") and " step " in line:
                    taken = time.perf_counter() - began
                    running.kill()
                    return taken
    raise SystemExit(f"the measured process ended before it trained:\n{''.join(told)}")


def main() -> None:
    """Measure all of it, or a part."""
    parser = machine.arguments(__doc__)
    parser.set_defaults(rounds=3)
    parts = ("sweeps", "lanes", "memory", "start")
    parser.add_argument("--only", choices=parts, action="append", help="measure only this; may be given again")
    parser.add_argument("--size", choices=list(SIZES), action="append", help="only this size; may be given again")
    parser.add_argument("--rates", type=int, default=len(RATES), help="learning rates of a sweep (default 8)")
    parser.add_argument("--seeds", type=int, default=8, help="seeds of a sweep (default 8)")
    parser.add_argument("--steps", type=int, default=2000, help="steps of each run (default 2000)")
    parser.add_argument("--sides", nargs="+", choices=[*LAUNCHERS, TORCH], default=[*LAUNCHERS, TORCH])
    parser.add_argument("--most-lanes", type=int, default=256, help="leave out more lanes than this (default 256)")
    parser.add_argument("--seconds", type=float, default=4.0, help="how long each number of lanes is timed (default 4)")
    parser.add_argument(
        "--ganexp-python", default=sys.executable, help="the interpreter that has ganexp and joblib's launcher"
    )
    parser.add_argument("--torch-python", default=sys.executable, help="the interpreter that has PyTorch")
    parser.add_argument("--picture", type=Path, metavar="PNG", help="draw the curves of the lanes")
    typed = parser.parse_args()
    if TOGETHER not in typed.sides:
        parser.error(f"--sides: all are compared with {TOGETHER!r}; add it")
    only, sizes = typed.only or parts, {size: SIZES[size] for size in typed.size or SIZES}
    found: dict[str, Any] = {"machine": machine.describe("ganexp", "jax")}
    machine.print_machine(found["machine"])
    with tempfile.TemporaryDirectory() as cache:
        # A cache of its own: what is kept is then what these runs keep, whoever ran before.
        environment = {name: value for name, value in os.environ.items() if name != "JAX_COMPILATION_CACHE_DIR"}
        environment["XDG_CACHE_HOME"] = cache
        if "sweeps" in only:
            found["sweeps"] = [compare(name, typed, environment) for name in sizes]
        if "memory" in only:
            found["memory"] = memory(typed, environment)
        if "start" in only:
            found["start"] = start(typed, environment)
    if "lanes" in only:
        found["lanes"] = [sweeps_lanes.curve(name, words, typed) for name, words in sizes.items()]
    machine.save(typed.json, found)
    if "lanes" in found and typed.picture is not None:
        sweeps_lanes.draw(found["lanes"], typed.picture)


if __name__ == "__main__":
    main()
