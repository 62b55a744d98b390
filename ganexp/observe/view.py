"""The base of views: what is read on the device, what is recorded of it, and the picture that is drawn of what was recorded."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
from jaxtyping import PyTree, Shaped

from ganexp.component import Component, component, setting
from ganexp.experiment import Experiment
from ganexp.observe.scene import Scene
from ganexp.types import Image

PICTURE, EPOCH = "picture", "epoch"  # And, as metrics have them, EVALUATION and END.

Arrays = dict[str, Shaped[np.ndarray, "..."]]


class Frame(NamedTuple):
    """What was recorded of a view at a step: arrays by name, in data units."""

    step: int
    arrays: Arrays


class History(NamedTuple):
    """The rows of metrics.csv since the view's last frame, as columns, `step` among them; None where the run records no such columns.
    `first`: there is no frame before."""

    first: bool
    rows: Mapping[str, np.ndarray] | None


@component
class View(Component, ABC):
    """A picture of a run, named as the view is, and the arrays that it is drawn from. `every`: steps between two frames, 0 for the start
    and the end alone; None: `when` says it.

    `when`: with the other `picture`s; after each `epoch`, of at most 40 or so; at each `evaluation`; at the `end` alone. `columns` are
    those of metrics.csv that frames hold parts of. `whole`: a picture is of all frames so far, and not of the last alone.
    """

    every: int | None = setting(None, least=0)

    when: ClassVar[str] = PICTURE
    columns: ClassVar[tuple[str, ...]] = ()
    whole: ClassVar[bool] = False

    def fits(self, experiment: Experiment) -> str | None:
        """Why it cannot be drawn of this experiment, or None."""
        return None

    @abstractmethod
    def read(self, scene: Scene) -> dict[str, PyTree]:
        """The arrays that a frame is made of, on the device. Pure."""

    @abstractmethod
    def frame(self, experiment: Experiment, read: Mapping[str, Any], history: History) -> Arrays | None:
        """The arrays that are recorded, from what was read, on the host; None where this step has no frame."""

    def artist(self, experiment: Experiment) -> Any:
        """What `draw` moves: made once for all frames, because a new figure takes ten times as long."""
        return None

    @abstractmethod
    def draw(self, frames: Sequence[Frame], step: int, experiment: Experiment, artist: Any) -> Image | None:
        """The picture at a step of its frame or, of a `whole` view, of all frames so far; None where there is nothing to see yet."""

    def title(self, experiment: Experiment, step: int) -> str:
        """What stands above the picture at a step."""
        return f"step {step:,}" + ("" if experiment.average is None else ", averaged weights")
