"""What the benchmarks share: the machine in words, and processes and figures told alike."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any


def cpu() -> str:
    """The CPU's name as the system tells it, or else its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def describe(*libraries: str) -> dict[str, str | int]:
    """The machine and the versions of `libraries`."""
    from importlib.metadata import version

    versions = {library: version(library) for library in libraries}
    return {"cpu": cpu(), "cores": cores(), "python": platform.python_version(), **versions}


def load() -> float | None:
    """The system's load of the last minute, where it tells: above 1 or so at the start, others disturb the figures."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def matrix_product_peak(seconds: float, size: int = 1024) -> float:
    """Floating-point operations per second of products of two `size` x `size` matrices in JAX, on all cores."""
    import jax
    import jax.numpy as jnp

    product = jax.jit(jnp.matmul)
    one = jnp.ones((size, size))
    product(one, one).block_until_ready()
    done, began = 0, time.perf_counter()
    while (taken := time.perf_counter() - began) < seconds:
        product(one, one).block_until_ready()
        done += 1
    return done * 2 * size**3 / taken


def print_machine(machine: dict[str, str | int]) -> None:
    """One line on the machine, and a warning where it is busy."""
    print(", ".join(f"{name} {value}" for name, value in machine.items()), flush=True)
    busy = load()
    if busy is not None and busy > 1:
        print(f"the machine is busy (load {busy:.1f}): the figures will be noisy", file=sys.stderr)


def arguments(description: str | None) -> argparse.ArgumentParser:
    """What every benchmark takes: how often, and where the figures go."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="processes of each kind (default 5)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every figure to FILE")
    return parser


def sides(description: str | None, seconds: float) -> argparse.ArgumentParser:
    """The same of a comparison whose sides are timed, each in a process that is told its side."""
    parser = arguments(description)
    parser.add_argument("--seconds", type=float, default=seconds, help=f"how long each is timed (default {seconds:g})")
    parser.add_argument("--side", type=json.loads, help=argparse.SUPPRESS)
    return parser


def save(path: Path | None, figures: dict[str, Any]) -> None:
    """Write every figure where that was asked for."""
    if path is not None:
        path.write_text(json.dumps(figures, indent=2) + "\n")


def interleaved(
    measures: dict[str, Callable[[], float | dict[str, float]]], rounds: int
) -> dict[str, list[float | dict[str, float]]]:
    """Every measure once a round, so that a slow minute of the machine is shared among them."""
    seen: dict[str, list[float | dict[str, float]]] = {name: [] for name in measures}
    for name in _turns(list(measures), rounds):
        seen[name].append(measures[name]())
    return seen


def _turns(names: list[str], rounds: int) -> Iterator[str]:
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
        yield from names


def spread(figures: Sequence[float], digits: int = 0) -> str:
    """`median (min to max)`."""
    low, middle, high = min(figures), statistics.median(figures), max(figures)
    return f"{middle:,.{digits}f} ({low:,.{digits}f} to {high:,.{digits}f})"
