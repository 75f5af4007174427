"""Sums between two log lines: of one dtype, whatever a method's metrics are in."""

import jax
import jax.numpy as jnp
import pytest

from jaxgan.base.state import Net, State
from jaxgan.watch import totals


def state(value=0.0):
    net = Net({"w": jnp.full(2, value, jnp.float32)}, {}, {})
    return State(jnp.zeros((), jnp.int32), {"d": net}, {})


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "int32", "bool"])
def test_totals_keep_their_dtypes(dtype, skip):
    with jax.enable_x64(True):
        metrics = {"d/loss": jnp.ones((), dtype)}
        before = totals.zero(metrics, state())
        _, after = totals.add(before, state(), state(), metrics, skip=skip)
        assert [x.dtype for x in jax.tree.leaves(after)] == [
            x.dtype for x in jax.tree.leaves(before)
        ]
        assert not any(x.weak_type for x in jax.tree.leaves(after))
        assert (float(after["sums"]["d/loss"]), int(after["count"])) == (1, 1)


def test_a_step_that_is_skipped_counts_nowhere_but_there():
    metrics = {"d/loss": jnp.float32(jnp.nan)}
    kept, after = totals.add(
        totals.zero(metrics, state()), state(1.0), state(2.0), metrics, skip=True
    )
    assert (float(after["sums"]["d/loss"]), int(after["count"]), int(after["skipped"])) == (0, 0, 1)
    assert kept.nets["d"].params["w"][0] == 1
    assert totals.first_nonfinite(jax.device_get(after)) == (0, "d")
