"""ganexp: a config-driven runner of GAN experiments in JAX."""

__version__ = "0.1.0"
