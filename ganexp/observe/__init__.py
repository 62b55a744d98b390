"""What is observed of a run: the bases of metrics, and the samples that they read on the device."""
