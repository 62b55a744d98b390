"""Time the same GAN here and in plain PyTorch, and print the ratio beside its aim.

Both sides: two multi-layer perceptrons of 2 hidden ReLU layers, 2-D normal noise, a ring of 8 Gaussians drawn in the
loop, the non-saturating loss on logits, Adam, one update of the discriminator and then one of the generator on fresh
batches. Every figure comes from a fresh process, and the sides take turns. ganexp runs its own training path: the
composed config, and `ganexp.training.chunk` as `ganexp.runner` calls it. Compiling and warming up count on neither side.
"""

from __future__ import annotations

import functools
import json
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import machine

AIMS = {(16, 150): 13.0, (64, 256): 6.0, (128, 256): 2.5}
LEARNING_RATE, BETAS, EPSILON = 1e-3, (0.5, 0.999), 1e-8
MODES, RADIUS, STD = 8, 2.0, 0.1
# The runner's own: it cuts chunks to half a second.
SECONDS_PER_CHUNK, LEAST_STEPS = 0.5, 500


def ganexp_advance(width: int, batch: int) -> Callable[[int], None]:
    """A function that trains the next steps with ganexp."""
    import jax
    import numpy as np

    from ganexp.component import arrays
    from ganexp.config.build import load
    from ganexp.training import chunk, init, initial_health

    # All that decides the work is said here, so that another default changes no figure.
    words = [
        "dataset=ring", f"dataset.n={MODES}", f"dataset.radius={RADIUS}", f"dataset.std={STD}",
        "prior=normal", "prior.dimension=2", "model=mlp", "loss=non_saturating", "penalty=[]", "schedule=[]",
        *(f"model.{player}.{name}" for player in ("generator", "discriminator")
          for name in (f"width={width}", "depth=2", "activation=relu", "normalization=none", "dropout=null")),
        "optimizer=adam", f"optimizer.learning_rate={LEARNING_RATE}", f"optimizer.b1={BETAS[0]}",
        f"optimizer.b2={BETAS[1]}", f"optimizer.eps={EPSILON}", "updates=alternating", "updates.d_steps=1",
        "updates.g_steps=1", "updates.minibatch=fresh", f"batch_size={batch}",
    ]  # fmt: skip
    _, job = load(words)
    experiment = jax.device_put(arrays(job.experiment))
    data = job.experiment.dataset.load()
    now = [jax.jit(init)(experiment), initial_health(experiment)]

    def advance(steps: int) -> None:
        now[:] = jax.block_until_ready(chunk(experiment, data, *now, np.int32(int(now[0].step) + steps)))

    return advance


def torch_advance(width: int, batch: int, threads: int, fused: bool) -> Callable[[int], None]:
    """A function that trains the next steps with PyTorch, eagerly."""
    import torch
    from torch import nn
    from torch.nn.functional import softplus

    torch.set_num_threads(threads)

    def network(outputs: int) -> nn.Sequential:
        hidden = [nn.Linear(2, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU()]
        return nn.Sequential(*hidden, nn.Linear(width, outputs))

    def adam(net: nn.Sequential) -> torch.optim.Adam:
        # None leaves the choice between a loop and `foreach` to PyTorch.
        return torch.optim.Adam(net.parameters(), LEARNING_RATE, BETAS, EPSILON, fused=fused or None)

    generator, discriminator = network(2), network(1)
    generator_optimizer, discriminator_optimizer = adam(generator), adam(discriminator)
    # Only these gradients are computed in the generator's update.
    generator_weights = list(generator.parameters())
    angles = torch.arange(MODES) * (2 * math.pi / MODES)
    centers = RADIUS * torch.stack([angles.cos(), angles.sin()], dim=1)

    def advance(steps: int) -> None:
        for _ in range(steps):
            real = centers[torch.randint(MODES, (batch,))] + STD * torch.randn(batch, 2)
            with torch.no_grad():
                fake = generator(torch.randn(batch, 2))
            real_logits, fake_logits = discriminator(torch.cat([real, fake])).split(batch)
            loss = softplus(-real_logits).mean() + softplus(fake_logits).mean()
            discriminator_optimizer.zero_grad(set_to_none=True)
            loss.backward()
            discriminator_optimizer.step()
            loss = softplus(-discriminator(generator(torch.randn(batch, 2)))).mean()
            generator_optimizer.zero_grad(set_to_none=True)
            loss.backward(inputs=generator_weights)
            generator_optimizer.step()

    return advance


def pace(advance: Callable[[int], None], seconds: float) -> float:
    """Steps per second over about `seconds`, after a warm-up."""
    advance(64)
    began = time.perf_counter()
    advance(LEAST_STEPS)
    guess = LEAST_STEPS / (time.perf_counter() - began)
    length, done = max(LEAST_STEPS, int(guess * SECONDS_PER_CHUNK)), 0
    began = time.perf_counter()
    while (taken := time.perf_counter() - began) < seconds:
        advance(length)
        done += length
    return done / taken


def work(side: dict[str, Any], seconds: float) -> None:
    """Measure one side in this process, and print its steps per second."""
    advance = (ganexp_advance if side.pop("name") == "ganexp" else torch_advance)(**side)
    print(pace(advance, seconds))


def measure(side: dict[str, Any], seconds: float) -> float:
    """The steps per second of one side in a fresh process."""
    command = [sys.executable, __file__, "--seconds", str(seconds), "--side", json.dumps(side)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout.split()[-1])


def sides(width: int, batch: int) -> dict[str, dict[str, Any]]:
    """The sides to compare: ganexp, and PyTorch with one thread and with all cores, with either Adam."""
    size = {"width": width, "batch": batch}
    found: dict[str, dict[str, Any]] = {"ganexp": {"name": "ganexp", **size}}
    for threads in sorted({1, machine.cores()}):
        for fused in (False, True):
            name = f"PyTorch, {threads} thread{'s' * (threads > 1)}, {'fused' if fused else 'default'} Adam"
            found[name] = {"name": "torch", **size, "threads": threads, "fused": fused}
    return found


def compare(width: int, batch: int, rounds: int, seconds: float) -> dict[str, Any]:
    """The figures of one size, printed as they are found, and the ratio to the fastest PyTorch."""
    print(f"\n{width} units, batch {batch}: steps per second, median (min to max) of {rounds} processes", flush=True)
    measures = {name: functools.partial(measure, side, seconds) for name, side in sides(width, batch).items()}
    seen = machine.interleaved(measures, rounds)
    best = max((name for name in seen if name != "ganexp"), key=lambda name: statistics.median(seen[name]))
    for name, figures in seen.items():
        print(f"  {name:36} {machine.spread(figures)}{'   <- fastest PyTorch' if name == best else ''}")
    ratios = [ours / theirs for ours, theirs in zip(seen["ganexp"], seen[best], strict=True)]
    ratio = statistics.median(seen["ganexp"]) / statistics.median(seen[best])
    aim = AIMS[width, batch]
    print(f"  ratio {ratio:.1f} (by round {min(ratios):.1f} to {max(ratios):.1f}); aim {aim:g}", flush=True)
    return {"width": width, "batch": batch, "seen": seen, "fastest": best, "ratio": ratio, "ratios": ratios, "aim": aim}


def main() -> None:
    """Compare all sizes, or measure one side for another process."""
    parser = machine.sides(__doc__, seconds=3.0)
    parser.add_argument("--width", type=int, choices=[width for width, _ in AIMS], help="only this size")
    typed = parser.parse_args()
    if typed.side:
        work(typed.side, typed.seconds)
        return
    about = machine.describe("ganexp", "jax", "torch")
    machine.print_machine(about)
    sizes = [size for size in AIMS if typed.width in (None, size[0])]
    found = [compare(*size, typed.rounds, typed.seconds) for size in sizes]
    machine.save(typed.json, {"machine": about, "sizes": found})


if __name__ == "__main__":
    main()
