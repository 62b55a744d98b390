"""Plugins of Hydra's. Hydra imports them at every start, so they import nothing that takes time."""
