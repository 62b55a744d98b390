"""What a number is measured by: a probe on the device, and scores on the host in NumPy and SciPy, which sort faster."""

from ganexp.metrics.evaluate import Evaluator, join
from ganexp.metrics.image_evaluator import closing_scores, image_evaluator
from ganexp.metrics.probe import Probe, minibatch_accuracy, probe, reference

__all__ = [
    "Evaluator",
    "Probe",
    "closing_scores",
    "image_evaluator",
    "join",
    "minibatch_accuracy",
    "probe",
    "reference",
]
