"""How every test runs. Warnings are errors (pyproject.toml); here: ranks are not promoted, types are checked at run
time, compiled programs are kept between runs in pytest's own cache, and compiled in haste where no bits are compared."""

from __future__ import annotations

import functools
import inspect
import signal
import warnings
from collections.abc import Callable

import jax
import numpy as np
import pytest
from beartype.roar import BeartypeDecorHintPep585DeprecationWarning
from jaxtyping import install_import_hook

# A process that a shell starts in the background ignores these, and hands that on to the commands that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# Before anything of ganexp is imported. An int is accepted where a float is asked for, as PEP 484 says.
ARRAYS = (
    "blocks", "checkpoints", "classifier", "component", "datasets", "experiment", "game", "gradients", "losses", "metrics",
    "nets", "optimizers", "outputs", "penalties", "priors", "runner", "schedules", "size", "training", "types", "updates", "views",
)  # fmt: skip
install_import_hook(
    [f"ganexp.{name}" for name in ARRAYS], "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))"
)
jax.config.update("jax_numpy_rank_promotion", "raise")
# Lanes are spread over devices.
jax.config.update("jax_num_cpu_devices", 2)

with warnings.catch_warnings():
    # beartype reads OmegaConf's own annotations, which are in an older style.
    warnings.simplefilter("ignore", BeartypeDecorHintPep585DeprecationWarning)
    from ganexp.component import Component
    from ganexp.config.build import job
    from ganexp.config.compose import compose
    from ganexp.datasets import images
    from ganexp.datasets.source import bundled
    from ganexp.datasets.source.cache import store
    from ganexp.experiment import Experiment
    from ganexp.job import Job
    from ganexp.metrics import evaluators


def _unchecked(cls: type) -> None:
    for part in cls.__subclasses__():
        part.__init__ = inspect.unwrap(part.__init__)
        _unchecked(part)


# A component checks its own values and says what is wrong: that sentence is what tests read.
_unchecked(Component)

TINY = (
    "batch_size=8",
    "model.generator.width=4",
    "model.generator.depth=1",
    "model.discriminator.width=4",
    "model.discriminator.depth=1",
    "eval_samples=50",
    "final_samples=50",
    "steps=4",
)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("filterwarnings", "ignore::beartype.roar.BeartypeDecorHintPep585DeprecationWarning")
    if config.pluginmanager.has_plugin("cacheprovider"):
        jax.config.update("jax_compilation_cache_dir", str(config.cache.mkdir("jax")))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


@pytest.fixture(scope="module", autouse=True)
def haste(request):
    """Programs are compiled without most of XLA's passes, which take longer than the small programs run; not in a module marked
    `exact`, whose tests compare bits: those of two programs agree only as users' programs are compiled."""
    hasty = request.node.get_closest_marker("exact") is None
    if jax.config.read("jax_disable_most_optimizations") != hasty:
        # What was compiled the other way is another program, and what it read other numbers.
        jax.clear_caches()
        evaluators._KNOWN.clear()
        jax.config.update("jax_disable_most_optimizations", hasty)


@pytest.fixture(scope="session")
def composed() -> Callable[..., Experiment]:
    """The experiment that some overrides describe; composed once for all tests, and so not to be changed by any."""
    return functools.cache(lambda *overrides: job(compose(overrides)).experiment)


@pytest.fixture(scope="session")
def tiny_job() -> Job:
    """A whole job with small networks and few points."""
    return job(compose(TINY))


@pytest.fixture(scope="session")
def tiny(tiny_job: Job) -> Experiment:
    """The experiment of `tiny_job`."""
    return tiny_job.experiment


@pytest.fixture
def gray_cache(monkeypatch, tmp_path_factory):
    """A cache folder that holds `mnist` and `fashion_mnist`: the bundled digits with pixels between 0 and 255."""
    home = tmp_path_factory.mktemp("cache")
    random = np.random.default_rng(0)
    arrays = {
        name: np.minimum(array, random.integers(100, 256, array.shape).astype(np.uint8)) if array.ndim == 3 else array
        for name, array in bundled().items()
    }
    for name in ("mnist", "fashion_mnist"):
        store(arrays, home / "ganexp" / "data" / name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(home))
    monkeypatch.setattr(images, "_READ", {})
    # Sizes are known before anything is read.
    monkeypatch.setitem(images.SIZES, "tfds", 5000)
    return home / "ganexp" / "data"


@pytest.fixture
def one_cache(monkeypatch, tmp_path_factory):
    """Compiled programs are shared by all runs of a test, in this process and in others."""
    name = "hasty_cache" if jax.config.read("jax_disable_most_optimizations") else "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / name))
    kept = jax.config.jax_compilation_cache_dir or str(tmp_path_factory.getbasetemp() / "jax")
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", kept)
    monkeypatch.setenv("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
