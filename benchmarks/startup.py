"""Time the start of a run against `import jax`, and the share of a run that metrics, pictures and records take.

Start: from the start of the process to the end of the first training step, with compiled programs kept by an earlier
run; the step is seen by a wrapper around `SingleRun.advance` that waits for the device. Beside it stand the whole process
of a run of one step, which also evaluates, draws and saves, and `python -c "import jax"`. They take turns.

Share: what `run.json` counts as metrics and records; and, apart from that, the time of the default run against that of
the same run that looks at nothing but its start and its end. There whole processes are timed.
"""

from __future__ import annotations

import functools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import machine

AIM_START, AIM_SHARE = 3.0, 0.15
STEPS = 20_000
QUIET = ("eval_every=0", "image_every=0", "checkpoint_every=0", "log_every=0")
FIRST_STEP = "first step done"
COMMAND = "from ganexp.cli import main; main()"
WATCHED = f"""
import sys
import ganexp.cli, ganexp.cache
ganexp.cache.enable()
import jax
from ganexp.runner.device import SingleRun
advance = SingleRun.advance
def watched(*arguments):
    trained = jax.block_until_ready(advance(*arguments))
    print({FIRST_STEP!r}, file=sys.stderr, flush=True)
    return trained
SingleRun.advance = watched
ganexp.cli.main()
"""


def process(program: str, words: tuple[str, ...], environment: dict[str, str]) -> dict[str, float]:
    """Run a Python program; the seconds to its end and, where it tells, to its first training step."""
    seen: dict[str, float] = {}
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-c", program, *words],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stderr is not None
        told = []
        for line in running.stderr:
            told.append(line)
            if line.startswith(FIRST_STEP):
                seen.setdefault("step", time.perf_counter() - began)
    seen["end"] = time.perf_counter() - began
    if running.returncode:
        raise SystemExit(f"the measured process failed:\n{''.join(told)}")
    return seen


def train(words: tuple[str, ...], environment: dict[str, str], program: str = COMMAND) -> dict[str, float]:
    """Run ganexp into a folder that is then forgotten; the seconds by what they were spent on, and of the process."""
    with tempfile.TemporaryDirectory() as folder:
        seen = process(program, (*words, f"out={folder}/run"), environment)
        return {**json.loads((Path(folder) / "run" / "run.json").read_text())["wall_seconds"], **seen}


def start(rounds: int, environment: dict[str, str]) -> dict[str, Any]:
    """The time to the first step, and its ratio to importing JAX; printed."""
    one = ("steps=1", *QUIET)
    measures = {
        "import jax": functools.partial(process, "import jax", (), environment),
        "first step": functools.partial(train, one, environment, WATCHED),
        "whole run": functools.partial(train, one, environment),
    }
    seen = machine.interleaved(measures, rounds)
    seconds = {name: [figure["step" if name == "first step" else "end"] for figure in seen[name]] for name in seen}
    ratio = statistics.median(seconds["first step"]) / statistics.median(seconds["import jax"])
    print(f"\nstart, on kept programs: seconds, median (min to max) of {rounds} processes")
    print(f'  python -c "import jax"               {machine.spread(seconds["import jax"], 2)}')
    print(f"  ganexp, to the end of the first step {machine.spread(seconds['first step'], 2)}")
    print(f"  ganexp steps=1, whole process        {machine.spread(seconds['whole run'], 2)}")
    print(f"  first step / import jax: {ratio:.2f}; aim at most {AIM_START:g}", flush=True)
    return {"seen": seen, "ratio": ratio, "aim": AIM_START}


def share(rounds: int, steps: int, environment: dict[str, str]) -> dict[str, Any]:
    """The share of a default run that looking at it takes, counted in two ways; printed."""
    words = (f"steps={steps}",)
    measures = {
        "default": functools.partial(train, words, environment),
        "quiet": functools.partial(train, (*words, *QUIET), environment),
    }
    seen = machine.interleaved(measures, rounds)
    counted = [(run["metrics"] + run["records"]) / run["total"] for run in seen["default"]]
    ends = {name: [run["end"] for run in seen[name]] for name in seen}
    timed = [1 - quiet / default for default, quiet in zip(ends["default"], ends["quiet"], strict=True)]
    print(f"\nrecords of a run of {steps:,} steps: median (min to max) of {rounds} runs")
    for name, label in (("default", "default run, seconds            "), ("quiet", "without looking, seconds        ")):
        print(f"  {label}{machine.spread(ends[name], 2)}")
    for kind in ("start", "compile", "train", "metrics", "records"):
        print(f"    default run, {kind:19}{machine.spread([run[kind] for run in seen['default']], 2)}")
    aim = f"aim below {100 * AIM_SHARE:g} %"
    print(f"  share by run.json, %            {machine.spread([100 * part for part in counted], 1)}; {aim}")
    print(f"  share by the two runs, %        {machine.spread([100 * part for part in timed], 1)}; {aim}", flush=True)
    return {"seen": seen, "counted": counted, "timed": timed, "aim": AIM_SHARE}


def main() -> None:
    """Measure both, or one."""
    parser = machine.arguments(__doc__)
    parser.add_argument(
        "--steps", type=int, default=STEPS, help=f"steps of the runs whose share is taken (default {STEPS})"
    )
    parser.add_argument("--only", choices=("start", "share"), help="measure only this")
    typed = parser.parse_args()
    found: dict[str, Any] = {"machine": machine.describe("ganexp", "jax")}
    machine.print_machine(found["machine"])
    with tempfile.TemporaryDirectory() as cache:
        # A cache of its own: what is kept is then what these runs keep, whoever ran before.
        environment = {name: value for name, value in os.environ.items() if name != "JAX_COMPILATION_CACHE_DIR"}
        environment["XDG_CACHE_HOME"] = cache
        train(("steps=1", *QUIET), environment)
        if typed.only != "share":
            found["start"] = start(typed.rounds, environment)
        if typed.only != "start":
            found["share"] = share(typed.rounds, typed.steps, environment)
    machine.save(typed.json, found)


if __name__ == "__main__":
    main()
