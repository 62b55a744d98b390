"""Rules that turn the players' losses into the gradients they move by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import PyTree

from ganexp.component import component, setting
from ganexp.parts import Gradient, LossAndGradients, Move, Rule
from ganexp.types import DISCRIMINATOR, GENERATOR, Memory, Minibatches, Parameters, Player, TrainState

# Optax's: in its first steps it chooses between two values, of which one is not a number.
WITHOUT_DERIVATIVE = ("radam",)


@component
class Unrolled(Gradient):
    """The generator minimizes L_G(theta, psi_k), where psi_k is the discriminator after k = `steps` updates from psi on the same minibatch,
    each with all that belongs to it: penalties, moments, clipping, projection (Metz et al. 2017). The discriminator itself moves as without.

    `differentiate`: the gradient passes through psi_k, which depends on theta; else psi_k is a constant, and only its lookahead remains.
    """

    steps: int = setting(5, least=1, most=1000)
    differentiate: bool = True

    def fits(self, optimizers: Mapping[str, str]) -> str | None:
        if not self.differentiate or optimizers[DISCRIMINATOR] not in WITHOUT_DERIVATIVE:
            return None
        return (
            f"the discriminator's optimizer, {optimizers[DISCRIMINATOR]}, has no derivative in its first steps; choose another "
            "discriminator_optimizer, or differentiate=false"
        )

    @property
    def held(self) -> int:
        return self.steps if self.differentiate else 0

    def wrap(self, before: Rule, move: Move, own: str) -> Rule:
        def rule(name: str, state: TrainState, draws: Minibatches) -> tuple[LossAndGradients, Memory]:
            if name != GENERATOR:
                return before(name, state, draws)

            def ahead(params: dict[str, Parameters]) -> tuple[Parameters, Player]:
                players = {who: player._replace(params=params[who]) for who, player in state.players.items()}
                rival = self._ahead(before, move, state._replace(players=players), draws)
                return rival.params, rival

            params = {who: player.params for who, player in state.players.items()}
            if not self.differentiate:
                return before(name, _with_rival(state, ahead(params)[1]), draws)
            _, back, rival = jax.vjp(ahead, params, has_aux=True)
            found, memory = before(name, _with_rival(state, rival), draws)
            # The chain rule: what the loss gains by psi_k passes on to all that psi_k was made of.
            (passed,) = back(found.grads[DISCRIMINATOR])
            others = {
                who: jax.tree.map(jnp.add, found.grads[who], passed[who]) for who in passed if who != DISCRIMINATOR
            }
            return found._replace(grads={**passed, **others}), memory

        return rule

    def _ahead(self, before: Rule, move: Move, state: TrainState, draws: Minibatches) -> Player:
        """The discriminator after `steps` updates; of what parts remember on the way, nothing is kept."""

        def step(carry: tuple[Player, Memory], number: Any) -> tuple[tuple[Player, Memory], None]:
            rival, memory = carry
            now = _with_rival(state, rival)._replace(memory=memory)
            found, memory = before(
                DISCRIMINATOR, now, draws._replace(key=jax.random.fold_in(draws.key, number))
            )  # fmt: skip
            grads, opt = _without_poles((found.grads[DISCRIMINATOR], rival.opt))
            found = found._replace(grads={**found.grads, DISCRIMINATOR: grads})
            return (move(DISCRIMINATOR, rival._replace(opt=opt), found), memory), None

        # A loop, so that XLA compiles one update, however many there are.
        numbers = jnp.arange(1, self.steps + 1)
        return jax.lax.scan(step, (state.players[DISCRIMINATOR], state.memory), numbers)[0][0]


def _with_rival(state: TrainState, rival: Player) -> TrainState:
    return state._replace(players={**state.players, DISCRIMINATOR: rival})


@jax.custom_vjp
def _without_poles(tree: PyTree) -> PyTree:
    """The same numbers. Where one is 0 (or its square is), a derivative on the way back that is not finite becomes 0.

    An optimizer such as Adam divides by sqrt(v), which has no derivative at v = 0: where a weight has had no gradient at all, as at a dead unit.
    What comes back there is infinity times 0, although nothing that the generator does moves such a weight.
    """
    return tree


def _forward(tree: PyTree) -> tuple[PyTree, PyTree]:
    return tree, tree


def _backward(tree: PyTree, back: PyTree) -> tuple[PyTree]:
    def kept(value: Any, slope: Any) -> Any:
        if not jnp.issubdtype(value.dtype, jnp.floating):
            return slope
        return jnp.where((value * value == 0) & ~jnp.isfinite(slope), 0, slope)

    return (jax.tree.map(kept, tree, back),)


_without_poles.defvjp(_forward, _backward)
