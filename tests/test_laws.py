"""Laws of training: what the trajectory depends on, the order of updates, what compiles, and where a run goes bad."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import jax
import jax.monitoring
import jax.numpy as jnp
import numpy as np
import pytest
from trained import PLAYERS, SGD, SIZES, SMALL, train_to

from ganexp import checkpoints
from ganexp.component import arrays
from ganexp.config.build import job
from ganexp.config.compose import compose
from ganexp.experiment import Experiment
from ganexp.game import update
from ganexp.records.table import read_table
from ganexp.runner.run import run
from ganexp.training import draw, init, initial_health, train_step
from ganexp.types import DISCRIMINATOR, GENERATOR, Batch, Minibatches, TrainState

RANDOM = (
    "model.generator.normalization=batch",
    "model.discriminator.normalization=batch",
    "model.discriminator.dropout=0.2",
)


STEPS = 40


pytestmark = pytest.mark.exact


def same(left: Any, right: Any) -> bool:
    """Bit for bit."""
    left, right = jax.tree.leaves(jax.device_get(left)), jax.tree.leaves(jax.device_get(right))
    assert len(left) == len(right) > 0
    return all(a.dtype == b.dtype and a.tobytes() == b.tobytes() for a, b in zip(left, right, strict=True))


def assert_near(left: Any, right: Any, rtol: float = 1e-4, atol: float = 1e-5) -> None:
    """Equal up to rounding."""
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=rtol, atol=atol), left, right)


def numbers_only(state: TrainState) -> Any:
    return {player: (state.players[player].params, state.players[player].stats) for player in PLAYERS}


@pytest.fixture
def compiled() -> Iterator[list[str]]:
    """The names of events since the last `clear()`, one for each program that XLA was asked for."""
    heard: list[str] = []

    def listen(event: str, duration: float, **about: object) -> None:
        if event == "/jax/core/compile/backend_compile_duration":
            heard.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield heard
    jax.monitoring.unregister_event_duration_listener(listen)


@pytest.mark.parametrize("extra", [(), (*RANDOM, "updates=simultaneous", "updates.d_steps=3")], ids=["plain", "random"])
def test_the_trajectory_does_not_depend_on_how_chunks_are_cut(composed, extra):
    experiment = composed(*SMALL, *extra)
    whole = train_to(experiment, STEPS)
    assert same(whole, train_to(experiment, *range(1, STEPS + 1)))
    assert same(whole, train_to(experiment, 7, 33, STEPS))
    assert same(whole, train_to(experiment, 1, 39, STEPS))
    assert not same(whole[0].players, train_to(experiment, STEPS - 1)[0].players)


def test_the_trajectory_crosses_blocks_of_random_numbers_as_if_they_were_not_there(composed):
    experiment = composed(*SMALL)
    assert same(train_to(experiment, 150), train_to(experiment, 63, 64, 65, 127, 129, 150))


def test_the_trajectory_does_not_depend_on_what_is_looked_at(tmp_path):
    looks = {
        "often": ("log_every=4", "eval_every=8", "image_every=20", "checkpoint_every=10", "eval_samples=64"),
        "oddly": ("log_every=7", "eval_every=12", "image_every=13", "checkpoint_every=9", "eval_samples=64"),
        "never": ("log_every=0", "eval_every=0", "image_every=0", "checkpoint_every=0", "eval_samples=2500"),
    }
    tables, last = {}, {}
    for name, settings in looks.items():
        outcome = run(job(compose([*SMALL, *settings, f"steps={STEPS}"])), tmp_path / name)
        assert outcome.status == "finished"
        table = read_table(tmp_path / name / "metrics.csv")
        losses = np.stack([table["loss/discriminator"], table["loss/generator"]], axis=1)
        tables[name] = dict(zip(table["step"].tolist(), losses.tolist(), strict=True))
        like = jax.eval_shape(lambda: (init(small := arrays(job(compose(SMALL)).experiment)), initial_health(small)))
        last[name] = checkpoints.load(checkpoints.paths(tmp_path / name)[0], like)[:2]
    assert same(last["often"], last["oddly"])
    assert same(last["often"], last["never"])
    for left, right in itertools.combinations(tables.values(), 2):
        common = sorted({*left} & {*right} - {0})
        assert common[-1] == STEPS
        assert [left[step] for step in common] == [right[step] for step in common]
    assert {4, 12, 28, 40} <= {*tables["often"]} & ({*tables["oddly"]} | {4})


def test_steps_one_by_one_are_the_chunk(composed):
    for extra in ((), (*RANDOM, "updates.d_steps=3", "penalty=[r1]", "schedule=[learning_rate_decay]")):
        chosen = composed(*SMALL, *extra)
        experiment, step = arrays(chosen), jax.jit(train_step)
        state = jax.jit(init)(experiment)
        for number in range(10):
            state, updates = step(experiment, state, jax.jit(draw)(experiment, (), np.int32(number)))
        fused, health = train_to(chosen, 10)
        assert int(state.step) == int(fused.step) == 10
        assert_near(numbers_only(state), numbers_only(fused))
        terms = {f"{player}/{term}": value for player in PLAYERS for term, value in updates[player].terms.items()}
        losses = {**{player: updates[player].loss for player in PLAYERS}, **terms}
        assert_near({name: losses[name] for name in health.losses}, health.losses)


def batch(draws: Minibatches, number: int) -> Minibatches:
    return jax.tree.map(lambda leaf: leaf[number], draws)


def by_hand(experiment: Experiment, plain: Experiment, state: TrainState, draws: Minibatches) -> dict[str, Any]:
    """One step as the papers write it: Python loops over single updates. `plain` differs in `updates` alone."""
    updates = experiment.updates
    simultaneous = type(updates).__name__ == "Simultaneous"
    single = jax.jit(update, static_argnums=1)
    numbers = {
        DISCRIMINATOR: range(updates.d_steps),
        GENERATOR: range(max(updates.d_steps, 1), max(updates.d_steps, 1) + updates.g_steps),
    }
    first = DISCRIMINATOR if simultaneous else updates.first
    moved = state
    for player in (first, *(other for other in PLAYERS if other != first)):
        now = state if simultaneous else moved
        for number in numbers[player]:
            used = batch(draws, 0 if updates.minibatch == "same" else number)._replace(key=draws.key[number])
            now = single(plain, player, now, used)[0]
        moved = moved._replace(players={**moved.players, player: now.players[player]})
    return moved.players


ORDERS = [
    ("alternating", 1, 1, "fresh", "generator"),
    ("alternating", 0, 3, "fresh", "discriminator"),
    ("alternating", 2, 0, "same", "discriminator"),
    ("alternating", 5, 3, "fresh", "generator"),
    ("alternating", 3, 1, "fresh", "discriminator"),
    ("simultaneous", 1, 1, "same", ""),
    ("simultaneous", 3, 2, "fresh", ""),
]


@pytest.mark.parametrize("order", ORDERS, ids=["-".join(map(str, order)) for order in ORDERS])
def test_a_step_is_its_single_updates_in_the_order_that_was_asked_for(composed, order):
    kind, d_steps, g_steps, minibatch, first = order
    begins = (f"updates.first={first}",) if first else ()
    chosen = (f"updates={kind}", f"updates.d_steps={d_steps}", f"updates.g_steps={g_steps}", *begins)
    experiment = arrays(composed(*SMALL, *RANDOM, *chosen, f"updates.minibatch={minibatch}"))
    plain = arrays(composed(*SMALL, *RANDOM))
    state = jax.jit(init)(experiment)
    draws = jax.jit(draw)(experiment, (), np.int32(5))
    count = 1 if minibatch == "same" else max(d_steps, 1) + max(g_steps, 1)
    assert draws.real.x.shape == (count, 16, 2)
    assert len(np.unique(draws.real.x, axis=0)) == count
    # One shared minibatch, and still a dropout mask for each update.
    moves = max(d_steps, 1) + max(g_steps, 1)
    assert len(np.unique(jax.random.key_data(draws.key), axis=0)) == len(draws.key) == moves
    fused = jax.jit(train_step)(experiment, state, draws)[0].players
    expected = by_hand(experiment, plain, state, draws)
    for player, times in ((DISCRIMINATOR, d_steps), (GENERATOR, g_steps)):
        assert_near(fused[player].params, expected[player].params)
        assert_near(fused[player].stats, expected[player].stats)
        assert_near(fused[player].opt, expected[player].opt)
        assert same(fused[player], state.players[player]) == (times == 0)


def test_only_an_alternating_generator_sees_the_discriminator_that_just_moved(composed):
    states = {}
    for kind in ("alternating", "simultaneous"):
        experiment = arrays(composed(*SMALL, *SGD, f"updates={kind}"))
        state, draws = jax.jit(init)(experiment), jax.jit(draw)(experiment, (), np.int32(0))
        single = jax.jit(update, static_argnums=1)
        moved = single(experiment, DISCRIMINATOR, state, batch(draws, 0))[0]
        ends = [single(experiment, GENERATOR, seen, batch(draws, 1))[0] for seen in (state, moved)]
        reached = jax.jit(train_step)(experiment, state, draws)[0].players[GENERATOR].params
        states[kind] = [np.abs(distance(reached, end.players[GENERATOR].params)) for end in ends]
    (alternating_old, alternating_new), (simultaneous_old, simultaneous_new) = states.values()
    assert alternating_new < 1e-4 < alternating_old
    assert simultaneous_old < 1e-4 < simultaneous_new


def distance(left: Any, right: Any) -> float:
    pairs = zip(jax.tree.leaves(left), jax.tree.leaves(right), strict=True)
    return max(float(jnp.abs(a - b).max()) for a, b in pairs)


def test_algorithm_1_of_goodfellow_2014(composed):
    """k ascents of the discriminator, each on its own minibatch, then one descent of the generator on fresh noise."""
    k = 4
    experiment = arrays(composed(*SMALL, *SGD, "loss=minimax", f"updates.d_steps={k}"))
    networks, rate = experiment.networks(), experiment.optimizer(GENERATOR).learning_rate
    state = jax.jit(init)(experiment)
    draws = jax.jit(draw)(experiment, (), np.int32(0))
    g, d = (state.players[player].params for player in PLAYERS)

    @jax.jit
    def value(g: Any, d: Any, real: Any, noise: Any) -> Any:
        def judge(x: Any) -> Any:
            return jax.nn.sigmoid(networks[DISCRIMINATOR].apply(d, {}, Batch(x), jax.random.key(0), True)[0])

        fake = networks[GENERATOR].apply(g, {}, Batch(noise), jax.random.key(0), True)[0]
        return (jnp.log(judge(real)) + jnp.log(1 - judge(fake))).mean()

    for number in range(k):
        slope = jax.grad(value, argnums=1)(g, d, draws.real.x[number], draws.noise.x[number])
        d = jax.tree.map(lambda weight, gradient: weight + rate * gradient, d, slope)
    slope = jax.grad(value, argnums=0)(g, d, draws.real.x[k], draws.noise.x[k])
    g = jax.tree.map(lambda weight, gradient: weight - rate * gradient, g, slope)
    reached = jax.jit(train_step)(experiment, state, draws)[0].players
    assert_near((reached[GENERATOR].params, reached[DISCRIMINATOR].params), (g, d), rtol=1e-3)


@pytest.mark.parametrize(("still", "moving"), [("d_steps", GENERATOR), ("g_steps", DISCRIMINATOR)])
def test_a_player_without_steps_stays_bit_for_bit(composed, still, moving):
    experiment = composed(*SMALL, *RANDOM[:2], f"updates.{still}=0")
    start, end = jax.jit(init)(arrays(experiment)), train_to(experiment, 10)[0]
    for player in PLAYERS:
        assert same(start.players[player], end.players[player]) == (player != moving)


def test_another_number_compiles_nothing_and_another_width_does(composed, compiled):
    def train(*overrides: str, sizes: tuple[str, ...] = SIZES) -> Any:
        settings = ("batch_size=16", "penalty=[r1]", "schedule=[learning_rate_decay]")
        return train_to(composed(*settings, *sizes, *overrides), 3)[0].players

    base = train()
    for change in (
        "seed=4294967295",
        "optimizer.learning_rate=0.5",
        "discriminator_optimizer.b1=0.7",
        "dataset.std=0.3",
        "dataset.radius=1",
        "prior.std=2",
        "loss.scale=0.5",
        "loss.real_weight=0.95",
        "penalty.r1.weight=7",
        "schedule.learning_rate_decay.rate=0.5",
        "model.generator.gain=2",
    ):
        compiled.clear()
        assert not same(base, train(change)), f"{change} changed nothing"
        assert not compiled, f"{change} compiled {len(compiled)} programs"
    compiled.clear()
    train(sizes=("model.generator.width=9", *SIZES[1:]))
    assert compiled
