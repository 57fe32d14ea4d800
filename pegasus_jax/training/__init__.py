"""Fitting an avatar to dataset folders: losses, point-cloud schedule, the step, checkpoints, the loop."""

from pegasus_jax.training.loop import train as train
