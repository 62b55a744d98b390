"""The door to Hydra and OmegaConf: from what is typed to the job.

This file imports neither, so that `options` can be read at once.
"""
