"""What a run looks like: a probe on the device, and pictures drawn on the host."""
