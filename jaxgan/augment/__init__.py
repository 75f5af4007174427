"""Augmentations inside the training step: imports jax and nothing else."""
