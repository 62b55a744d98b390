"""Time the GANs on images here and in plain PyTorch, and print the ratio beside its aim.

Two GANs on the 60,000 binarized digits, held as bytes: the tutorial's (batch 200, 28 - 500 tanh - 784 sigmoid against
784 - 500 tanh - 2 tanh - softmax, Adam) and DCGAN at 28 x 28 (batch 64, width 64, batch normalization, Adam). One update of the
discriminator and then one of the generator, on one shuffled minibatch. Images per second are real images learned from. Every
figure comes from a fresh process, and the sides take turns. Compiling and warming up count on neither side.
"""

from __future__ import annotations

import functools
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import machine

AIMS = {"tutorial": 1.5, "dcgan": 0.7}
BATCHES = {"tutorial": 200, "dcgan": 64}
NOISE = {"tutorial": 28, "dcgan": 64}
ADAM = {"tutorial": (1e-3, (0.9, 0.999)), "dcgan": (2e-4, (0.5, 0.999))}
STEPS_PER_CALL = {"tutorial": 40, "dcgan": 4}
EPSILON = 1e-8


def ganexp_advance(gan: str) -> tuple[Callable[[int], None], float]:
    """A function that trains the next steps with ganexp, and the floating-point operations of a step."""
    import jax
    import numpy as np

    from ganexp.component import arrays
    from ganexp.config.build import load
    from ganexp.training import chunk, draw, init, initial_health, train_step

    recipe = {"tutorial": "binarized_mnist_tutorial", "dcgan": "dcgan_mnist"}[gan]
    rate, (b1, b2) = ADAM[gan]
    # All that decides the work is said here, so that another default changes no figure.
    words = [
        f"experiment={recipe}", "output=soft", f"batch_size={BATCHES[gan]}", f"prior.dimension={NOISE[gan]}",
        "updates.minibatch=same", "penalty=[]", "schedule=[]", "loss=non_saturating", "optimizer=adam",
        f"optimizer.learning_rate={rate}", f"optimizer.b1={b1}", f"optimizer.b2={b2}", f"optimizer.eps={EPSILON}",
    ]  # fmt: skip
    _, job = load(words)
    experiment = jax.device_put(arrays(job.experiment))
    data = jax.device_put(job.experiment.dataset.load())
    now = [jax.jit(init)(experiment), initial_health(experiment)]

    def one(experiment: Any, data: Any, state: Any) -> Any:
        return train_step(experiment, state, draw(experiment, data, state.step))[0]

    cost = jax.jit(one).lower(experiment, data, now[0]).compile().cost_analysis()

    def advance(steps: int) -> None:
        now[:] = jax.block_until_ready(chunk(experiment, data, *now, np.int32(int(now[0].step) + steps)))

    return advance, float(cost["flops"])


def torch_advance(gan: str, threads: int) -> Callable[[int], None]:
    """A function that trains the next steps with PyTorch, eagerly."""
    import torch
    from torch import nn
    from torch.nn.functional import logsigmoid, softplus

    from ganexp.datasets import BinarizedMnist

    torch.set_num_threads(threads)
    images = torch.from_numpy((BinarizedMnist().load().train > 127).astype("uint8"))
    shape = (-1, 784) if gan == "tutorial" else (-1, 1, 28, 28)
    images = images.reshape(shape)
    generator, discriminator = _torch_nets(nn, gan)
    rate, betas = ADAM[gan]
    optimizers = [torch.optim.Adam(net.parameters(), rate, betas, EPSILON) for net in (discriminator, generator)]
    generator_weights = list(generator.parameters())
    batch, order = BATCHES[gan], [torch.randperm(len(images)), 0]

    def logits(x: Any) -> Any:
        found = discriminator(x)
        # The first number of a softmax of two is the sigmoid of their difference.
        return found[:, 0] - found[:, 1] if gan == "tutorial" else found[:, 0]

    def advance(steps: int) -> None:
        for _ in range(steps):
            if order[1] + batch > len(images):
                order[:] = torch.randperm(len(images)), 0
            real = images[order[0][order[1] : order[1] + batch]].float()
            order[1] += batch
            noise = torch.randn(batch, NOISE[gan])
            with torch.no_grad():
                fake = generator(noise)
            loss = softplus(-logits(real)).mean() + softplus(logits(fake)).mean()
            optimizers[0].zero_grad(set_to_none=True)
            loss.backward()
            optimizers[0].step()
            loss = -logsigmoid(logits(generator(noise))).mean()
            optimizers[1].zero_grad(set_to_none=True)
            loss.backward(inputs=generator_weights)
            optimizers[1].step()

    return advance


def _torch_nets(nn: Any, gan: str) -> tuple[Any, Any]:
    if gan == "tutorial":
        generator = nn.Sequential(nn.Linear(28, 500), nn.Tanh(), nn.Linear(500, 784), nn.Sigmoid())
        return generator, nn.Sequential(nn.Linear(784, 500), nn.Tanh(), nn.Linear(500, 2), nn.Tanh())
    width = 64
    generator = nn.Sequential(
        nn.Linear(NOISE[gan], 7 * 7 * 2 * width, bias=False),
        nn.Unflatten(1, (2 * width, 7, 7)),
        nn.BatchNorm2d(2 * width),
        nn.ReLU(),
        nn.ConvTranspose2d(2 * width, width, 4, 2, 1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.ConvTranspose2d(width, 1, 4, 2, 1),
        nn.Sigmoid(),
    )
    discriminator = nn.Sequential(
        nn.Conv2d(1, width, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(width, 2 * width, 4, 2, 1, bias=False),
        nn.BatchNorm2d(2 * width),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(7 * 7 * 2 * width, 1),
    )
    return generator, discriminator


def pace(advance: Callable[[int], None], steps: int, seconds: float) -> float:
    """Steps per second over at least `seconds`, after a warm-up."""
    advance(steps)
    done, began = 0, time.perf_counter()
    while (taken := time.perf_counter() - began) < seconds:
        advance(steps)
        done += steps
    return done / taken


def work(side: dict[str, Any], seconds: float) -> None:
    """Measure one side in this process, and print its figure: images per second, or the machine's operations per second."""
    name, gan = side.pop("name"), side.get("gan", "")
    if name == "peak":
        print(json.dumps({"figure": machine.matrix_product_peak(seconds)}))
        return
    flops = 0.0
    if name == "ganexp":
        advance, flops = ganexp_advance(**side)
    else:
        advance = torch_advance(**side)
    print(json.dumps({"figure": BATCHES[gan] * pace(advance, STEPS_PER_CALL[gan], seconds), "flops": flops}))


def measure(side: dict[str, Any], seconds: float, flops: dict[str, float]) -> float:
    """The figure of one side in a fresh process; notes the operations of its step in `flops`."""
    command = [sys.executable, __file__, "--seconds", str(seconds), "--side", json.dumps(side)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    if side["name"] == "ganexp":
        flops[side["gan"]] = found["flops"]
    return float(found["figure"])


def compare(gan: str, rounds: int, seconds: float) -> dict[str, Any]:
    """The figures of one GAN, printed as they are found, the ratio to the faster PyTorch, and the share of the machine's peak."""
    print(f"\n{gan}, batch {BATCHES[gan]}: images per second, median (min to max) of {rounds} processes", flush=True)
    sides = {"ganexp": {"name": "ganexp", "gan": gan}}
    for threads in sorted({1, machine.cores()}):
        sides[f"PyTorch, {threads} thread{'s' * (threads > 1)}"] = {"name": "torch", "gan": gan, "threads": threads}
    sides["matrix products"] = {"name": "peak"}
    flops: dict[str, float] = {}
    measures = {name: functools.partial(measure, side, seconds, flops) for name, side in sides.items()}
    seen = machine.interleaved(measures, rounds)
    peaks = seen.pop("matrix products")
    best = max((name for name in seen if name != "ganexp"), key=lambda name: statistics.median(seen[name]))
    for name, figures in seen.items():
        print(f"  {name:20} {machine.spread(figures)}{'   <- faster PyTorch' if name == best else ''}")
    ratios = [ours / theirs for ours, theirs in zip(seen["ganexp"], seen[best], strict=True)]
    ratio = statistics.median(seen["ganexp"]) / statistics.median(seen[best])
    print(f"  ratio {ratio:.2f} (by round {min(ratios):.2f} to {max(ratios):.2f}); aim {AIMS[gan]:g}")
    done = statistics.median(seen["ganexp"]) / BATCHES[gan] * flops[gan]
    peak = statistics.median(peaks)
    print(
        f"  {done / 1e9:.0f} of the machine's {peak / 1e9:.0f} GFLOP/s in matrix products: {done / peak:.0%}",
        flush=True,
    )
    return {"gan": gan, "seen": seen, "fastest": best, "ratio": ratio, "ratios": ratios, "aim": AIMS[gan],
            "flops_per_step": flops[gan], "peak": peaks}  # fmt: skip


def main() -> None:
    """Compare both GANs, or measure one side for another process."""
    parser = machine.sides(__doc__, seconds=8.0)
    parser.add_argument("--gan", choices=list(AIMS), help="only this one")
    typed = parser.parse_args()
    if typed.side:
        work(typed.side, typed.seconds)
        return
    about = machine.describe("ganexp", "jax", "torch")
    machine.print_machine(about)
    found = [compare(gan, typed.rounds, typed.seconds) for gan in AIMS if typed.gan in (None, gan)]
    machine.save(typed.json, {"machine": about, "gans": found})


if __name__ == "__main__":
    main()
