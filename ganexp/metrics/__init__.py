"""What a number is measured by: a probe on the device, and scores on the host in NumPy and SciPy, which sort faster."""

from ganexp.metrics.evaluate import Evaluator, Readings, join
from ganexp.metrics.images import closing_scores, in_blocks, read
from ganexp.metrics.probe import Probe, held_out, minibatch_accuracy, probe, reference

__all__ = [
    "Evaluator", "Probe", "Readings", "closing_scores", "held_out", "in_blocks", "join", "minibatch_accuracy", "probe", "read", "reference",
]  # fmt: skip
