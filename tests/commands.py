"""The command, run in the tests' own process."""

from __future__ import annotations

import pytest

from ganexp import cli

NETS = tuple(f"model.{player}.{size}" for player in ("generator", "discriminator") for size in ("width=8", "depth=2"))
# Few images, with everything that draws random numbers or keeps statistics; without the digit classifier, whose compilation takes longest.
DIGITS = (
    "dataset=binarized_mnist",
    "dataset.source=bundled",
    "dataset.examples=300",
    "model.generator.normalization=batch",
    "model.discriminator.dropout=0.3",
    "output=gumbel_sigmoid",
    "batch_size=16",
    "metric=[discriminator_output,gradient_norm,memorization,minibatch_accuracy]",
    "view=[samples,strip,accuracy]",
    "epochs=3",
)


def ganexp(*words: str) -> int:
    """The exit status of `ganexp` with these arguments."""
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    return int(ended.value.code or 0)
