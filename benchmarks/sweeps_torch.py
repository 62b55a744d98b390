"""The PyTorch side of `sweeps.py`: train a share of a sweep's runs one after the other, eagerly, with one thread.

    python benchmarks/sweeps_torch.py '{"runs": [[LEARNING_RATE, SEED], ...], "settings": {...}, "steps": N}'

`settings` are those of `run.json`. Prints the seconds that training took: neither the import of PyTorch nor any evaluation,
picture or record is among them. Needs PyTorch alone.
"""

from __future__ import annotations

import json
import math
import sys
import time
from typing import Any

import torch
from torch import nn
from torch.nn.functional import softplus


def network(settings: dict[str, Any], player: str, outputs: int) -> nn.Sequential:
    """Two hidden ReLU layers, with He's normal weights and biases at 0."""
    width = settings[f"model.{player}.width"]
    layers = [nn.Linear(2, width), nn.Linear(width, width), nn.Linear(width, outputs)]
    for layer in layers:
        nn.init.kaiming_normal_(layer.weight)
        nn.init.zeros_(layer.bias)
    return nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2])


def train(settings: dict[str, Any], learning_rate: float, seed: int, steps: int) -> None:
    """One run: both players in turn on fresh batches, with the gradient penalty on real points and the falling learning rate."""
    torch.manual_seed(seed)
    batch, modes = settings["batch_size"], settings["dataset.n"]
    generator, discriminator = network(settings, "generator", 2), network(settings, "discriminator", 1)

    def adam(net: nn.Sequential) -> torch.optim.Adam:
        betas = settings["generator_optimizer.b1"], settings["generator_optimizer.b2"]
        # The fastest of PyTorch's three for networks as small as these.
        return torch.optim.Adam(net.parameters(), learning_rate, betas, settings["generator_optimizer.eps"], fused=True)

    optimizers = adam(discriminator), adam(generator)
    generator_weights = list(generator.parameters())
    angles = torch.arange(modes) * (2 * math.pi / modes)
    centers = settings["dataset.radius"] * torch.stack([angles.cos(), angles.sin()], dim=1)
    deviation, weight = settings["dataset.std"], settings["penalty.r1.weight"]
    rate, length = settings["schedule.learning_rate_decay.rate"], settings["schedule.learning_rate_decay.length"]
    for step in range(steps):
        for optimizer in optimizers:
            optimizer.param_groups[0]["lr"] = learning_rate * rate ** (step / length)
        real = centers[torch.randint(modes, (batch,))] + deviation * torch.randn(batch, 2)
        with torch.no_grad():
            fake = generator(torch.randn(batch, 2))
        real.requires_grad_()
        real_logits, fake_logits = discriminator(real), discriminator(fake)
        (slopes,) = torch.autograd.grad(real_logits.sum(), real, create_graph=True)
        loss = softplus(-real_logits).mean() + softplus(fake_logits).mean() + weight / 2 * slopes.square().sum() / batch
        optimizers[0].zero_grad(set_to_none=True)
        loss.backward(inputs=list(discriminator.parameters()))
        optimizers[0].step()
        loss = softplus(-discriminator(generator(torch.randn(batch, 2)))).mean()
        optimizers[1].zero_grad(set_to_none=True)
        loss.backward(inputs=generator_weights)
        optimizers[1].step()


def main() -> None:
    """Train the runs that stand in the only argument."""
    share = json.loads(sys.argv[1])
    torch.set_num_threads(1)
    settings = share["settings"]
    train(settings, *share["runs"][0], steps=10)
    began = time.perf_counter()
    for learning_rate, seed in share["runs"]:
        train(settings, learning_rate, seed, share["steps"])
    print(time.perf_counter() - began)


if __name__ == "__main__":
    main()
