"""Networks, and the only door to Flax: outside this folder a network is a pair of pure functions, `types.Net`."""

from ganexp.nets.bounded import BoundedMlp
from ganexp.nets.convolutional import Convolutional
from ganexp.nets.maxout import Maxout
from ganexp.nets.mlp import Mlp
from ganexp.nets.point import Linear, Point
from ganexp.nets.residual import Residual

__all__ = ["BoundedMlp", "Convolutional", "Linear", "Maxout", "Mlp", "Point", "Residual"]
