"""What a number is measured by: a probe on the device, and scores on the host in NumPy and SciPy, which sort faster."""

from ganexp.metrics.evaluate import Evaluator, join
from ganexp.metrics.evaluators import closing_scores, evaluator
from ganexp.metrics.probe import Probe, minibatch_accuracy, probe

__all__ = [
    "Evaluator",
    "Probe",
    "closing_scores",
    "evaluator",
    "join",
    "minibatch_accuracy",
    "probe",
]
