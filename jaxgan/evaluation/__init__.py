"""Evaluation: how far samples are from held-out data, each figure with what it was measured by."""

from jaxgan.evaluation.held_out import (
    LOGGED,
    describe,
    held_out_samples,
    measure,
    protocol,
    record,
)
from jaxgan.evaluation.sliced_wasserstein import sliced_wasserstein
