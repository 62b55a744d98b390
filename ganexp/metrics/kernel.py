"""How far two sets of features are from each other under a polynomial kernel."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from ganexp.metrics.distances import bounded

SUBSETS = 100
SUBSET_SIZE = 1000
ROWS = 50


class KernelDistance:
    """Mean and standard deviation over random subsets of the squared MMD under (x.y / f + 1)^3 (Binkowski et al. 2018).

    The formula of the KID, on any features [n, f]. A subset is m = min(1000, n, n') points of each side, without replacement:
    sum_(i != j) [k(x_i, x_j) + k(y_i, y_j)] / (m (m - 1)) - 2 sum_ij k(x_i, y_j) / m^2, whose mean is zero for equal
    distributions, so that it may be negative.
    """

    def __init__(self, real: Float[np.ndarray, "n f"], subsets: int = SUBSETS, seed: int = 2020):
        """Keep the real features; `ValueError` where a subset would have fewer than two points."""
        self._real, self._subsets, self._seed = _enough(_extended(real)), subsets, seed

    def __call__(self, fake: Float[np.ndarray, "m f"]) -> dict[str, float]:
        """`mnist_kid` and `mnist_kid/std`."""
        extended = _enough(_extended(bounded(fake)))
        size = min(SUBSET_SIZE, len(self._real), len(extended))
        # This generator's stream is frozen: the subsets are the same under every version of NumPy, and torch-fidelity's.
        draw = np.random.RandomState(self._seed)
        memory = np.empty((size, size))
        distances = []
        for _ in range(self._subsets):
            x = extended[draw.choice(len(extended), size, replace=False)]
            y = self._real[draw.choice(len(self._real), size, replace=False)]
            within = _others(x, memory) + _others(y, memory)
            distances.append(within / (size * (size - 1)) - 2 * _cubes(x, y, memory) / size**2)
        return {
            "mnist_kid": float(np.mean(distances)),
            "mnist_kid/std": float(np.std(distances)),
        }


def _enough(features: Float[np.ndarray, "n f"]) -> Float[np.ndarray, "n f"]:
    if len(features) < 2:
        raise ValueError(f"pairs need at least 2 points, and there is {len(features)}")
    return features


def _extended(features: Float[np.ndarray, "n f"]) -> Float[np.ndarray, "n g"]:
    # With one more coordinate, the products of the rows are x.y / f + 1 and the big matrices are passed over less often.
    root = np.sqrt(features.shape[1])
    return np.concatenate([features.astype(np.float64) / root, np.ones((len(features), 1))], axis=1)


def _cubes(x: Float[np.ndarray, "m g"], y: Float[np.ndarray, "m g"], memory: Float[np.ndarray, "m m"]) -> float:
    # One big product in memory that is there already, then cubes of rows that stay in the processor's cache, without
    # BLAS, whose threads wait for each other where training has the cores.
    products = np.matmul(x, y.T, out=memory)
    total = 0.0
    for start in range(0, len(x), ROWS):
        rows = products[start : start + ROWS]
        cubes = rows * rows
        cubes *= rows
        total += float(cubes.sum())
    return total


def _others(x: Float[np.ndarray, "m g"], memory: Float[np.ndarray, "m m"]) -> float:
    return _cubes(x, x, memory) - float(np.sum(np.sum(x * x, axis=1) ** 3))
