"""Many runs of one experiment: what differs between them, and what came of it."""

from jaxgan.sweep.arms import Sweep, draws, log_uniform, product, uniform, union, values
