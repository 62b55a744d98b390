"""The records of one run in its folder: TensorBoard event files, `metrics.csv`, `run.json` and pictures.

A run may be killed at any moment. Files that are replaced are replaced whole; files that grow are torn in their last
entry at most, and the next start copes with that. A start from step s forgets what was recorded at steps >= s.

Import from the modules: only `events` needs TensorBoard, which takes a while.
"""
