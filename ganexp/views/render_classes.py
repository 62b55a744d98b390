"""The picture of classes: how often each digit is generated, against how often it stands in the training set."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from ganexp.views.render_charts import ModesPicture


class ClassesPicture(ModesPicture):
    """The share of generated images of each class, as bars, against the training set's own share, as a line."""

    MOST_LABELS = 20

    def __init__(self, weights: Float[np.ndarray, " k"]):
        """`weights` are the training set's shares of its k classes (they sum to 1); they fix the scale of every picture."""
        super().__init__(weights)
        axes = self._canvas.axes
        if len(weights) <= self.MOST_LABELS:
            axes.set_xticks(range(len(weights)))
        axes.set_xlabel("class")
        axes.set_ylabel("share of images")
