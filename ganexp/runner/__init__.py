"""Training that leaves records: one loop for one run and for many side by side, and what is once in it."""
