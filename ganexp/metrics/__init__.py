"""What a number is measured by: a probe on the device, and scores on the host in NumPy and SciPy, which sort faster."""

from ganexp.metrics.evaluate import Evaluator, join
from ganexp.metrics.probe import Probe, probe, reference

__all__ = ["Evaluator", "Probe", "join", "probe", "reference"]
