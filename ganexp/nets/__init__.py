"""Networks, and the only door to Flax: outside this folder a network is a pair of pure functions, `types.Net`."""

from ganexp.nets.mlp import Mlp
from ganexp.nets.point import Linear, Point

__all__ = ["Linear", "Mlp", "Point"]
