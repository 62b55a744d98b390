"""The Parzen-window estimate of the log-likelihood of test images, as Goodfellow et al. 2014 report it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ganexp.metrics.distances import bounded, squared_distances

SIGMAS = np.logspace(-1, 0, 10)
VALIDATION = 1000


class ParzenWindow(NamedTuple):
    """Mean log-likelihood of the test images in nats, its standard error, the width chosen, and the choice's curve by width."""

    log_likelihood: float
    standard_error: float
    sigma: float
    curve: Float[np.ndarray, " s"]


def parzen_window(
    samples: Float[np.ndarray, "n d"],
    validation: Float[np.ndarray, "v d"],
    test: Float[np.ndarray, "m d"],
    sigmas: Float[np.ndarray, " s"] = SIGMAS,
) -> ParzenWindow:
    """The mean of ln p over `test`, with the width of `sigmas` best on the first 1,000 of `validation` (Goodfellow et al. 2014).

    p is the mean over the `samples` of N(sample, sigma^2 I). The paper: 10,000 samples and test images with pixels in
    [0, 1]. A score for comparison with old tables: it says little of sample quality (Theis et al. 2016).
    """
    curve = log_densities(validation[:VALIDATION], samples, sigmas).mean(axis=1)
    best = curve.argmax()
    densities = log_densities(test, samples, sigmas[best : best + 1])[0]
    error = densities.std() / np.sqrt(len(test))
    return ParzenWindow(float(densities.mean()), float(error), float(sigmas[best]), curve)


def log_densities(
    points: Float[np.ndarray, "m d"], samples: Float[np.ndarray, "n d"], sigmas: Float[np.ndarray, " s"]
) -> Float[np.ndarray, "s m"]:
    """ln mean_i exp(-|x - s_i|^2 / (2 sigma^2)) - d ln(sigma sqrt(2 pi)) of each point x, for each sigma."""
    densities = np.empty((len(sigmas), len(points)))
    for rows, distances in squared_distances(points, bounded(samples).astype(np.float64)):
        least = distances.min(axis=1)
        distances -= least[:, None]
        terms = np.empty_like(distances)
        for row, sigma in zip(densities, sigmas, strict=True):
            np.multiply(distances, -0.5 / sigma**2, out=terms)
            row[rows] = np.log(np.exp(terms, out=terms).mean(axis=1)) - 0.5 * least / sigma**2
    return densities - samples.shape[1] * np.log(sigmas * np.sqrt(2 * np.pi))[:, None]
