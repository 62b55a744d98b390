"""Golden values of image metrics: what torch-fidelity and prdc say of seeded arrays.

`pip install prdc torch-fidelity && python tests/make_golden.py` writes tests/golden/image_metrics.json; no network
of theirs is loaded. The arrays are made by NumPy's `default_rng(SEED)`, as `arrays` says.
"""

from __future__ import annotations

import contextlib
import io
import json
from importlib.metadata import version
from pathlib import Path

import numpy as np

SEED = 0
SUBSETS = 5
GOLDEN = Path(__file__).with_name("golden") / "image_metrics.json"
ORACLES = ("numpy", "prdc", "torch", "torch-fidelity")


def arrays():
    """Features by case, real and fake, in 64 bits; and the logits of 503 images, 10 classes."""
    draw = np.random.default_rng(SEED)
    mixing = draw.normal(size=(12, 12))
    correlated = draw.normal(size=(400, 12)) @ mixing, 0.2 + draw.normal(size=(350, 12)) @ mixing * 0.9
    # More than 1,000 points, so that a subset is not all of them.
    many = draw.normal(size=(1300, 8)), draw.normal(0.1, 1.1, size=(1200, 8))
    # Rectified and with columns that are always zero: a singular covariance.
    weights = draw.normal(size=(6, 16)) * (np.arange(16) % 4 > 0)
    rectified = tuple(np.maximum(draw.normal(center, 1, size=(300, 6)) @ weights, 0) for center in (0, 0.3))
    # Fewer points than features.
    few = draw.normal(size=(20, 32)), draw.normal(0.5, 1, size=(24, 32))
    features = {"correlated": correlated, "many": many, "rectified": rectified, "few": few}
    return features, 3 * draw.normal(size=(503, 10))


def oracles():
    """Every golden value by case and tag, computed by the other libraries."""
    import torch
    from prdc import compute_prdc
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
    from torch_fidelity.metric_isc import isc_features_to_metric
    from torch_fidelity.metric_kid import kid_features_to_metric
    from torch_fidelity.metric_prc import prc_features_to_metric

    features, logits = arrays()
    values = {}
    for case, (real, fake) in features.items():
        # Their first input is what was generated.
        pair = torch.from_numpy(fake), torch.from_numpy(real)
        statistics = [fid_features_to_statistics(side) for side in pair]
        size = min(1000, len(real), len(fake))
        kernel = kid_features_to_metric(*pair, kid_subsets=SUBSETS, kid_subset_size=size, verbose=False)
        improved = prc_features_to_metric(*pair, verbose=False)
        with contextlib.redirect_stdout(io.StringIO()):
            at_three, at_five = (compute_prdc(real, fake, nearest_k=k) for k in (3, 5))
        for name in ("precision", "recall"):
            # prdc leaves the border out and torch-fidelity does not: no point lies on one here.
            assert abs(improved[name] - at_three[name]) < 1e-6, (case, name)
        values[case] = {
            "mnist_fid": fid_statistics_to_metric(*statistics, False)["frechet_inception_distance"],
            "mnist_kid": kernel["kernel_inception_distance_mean"],
            "mnist_kid/std": kernel["kernel_inception_distance_std"],
            "mnist_precision": float(at_three["precision"]),
            "mnist_recall": float(at_three["recall"]),
            "mnist_density": float(at_five["density"]),
            "mnist_coverage": float(at_five["coverage"]),
        }
    score = isc_features_to_metric(torch.from_numpy(logits), splits=10, shuffle=False)
    values["classes"] = {
        "mnist_score": score["inception_score_mean"],
        "mnist_score/std": score["inception_score_std"],
    }
    return values


if __name__ == "__main__":
    golden = {
        "made_with": {name: version(name) for name in ORACLES},
        "arrays": f"tests/make_golden.py: arrays(), numpy.random.default_rng({SEED})",
        "values": oracles(),
    }
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text(json.dumps(golden, indent=2) + "\n")
