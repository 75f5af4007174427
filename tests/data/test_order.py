import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxgan.data import order

seeds = st.integers(-(2**63), 2**64)
sizes = st.integers(1, 60)
batches = st.integers(1, 90)


def draw(seed, steps, size, batch):
    return np.concatenate([order.indices(seed, t, size=size, batch_size=batch) for t in steps])


@settings(deadline=None)
@given(seeds, sizes, batches)
def test_every_sample_appears_exactly_once_an_epoch(seed, size, batch):
    epochs = 3
    stream = draw(seed, range(-(-epochs * size // batch)), size, batch)
    for epoch in range(epochs):
        assert sorted(stream[epoch * size : (epoch + 1) * size]) == list(range(size))


@settings(deadline=None)
@given(seeds, sizes, batches, st.integers(0, 10**6))
def test_a_batch_is_a_pure_function_of_seed_and_step(seed, size, batch, step):
    first = order.indices(seed, step, size=size, batch_size=batch)
    order._permutation.cache_clear()
    assert first.dtype == np.int32
    assert first.shape == (batch,)
    np.testing.assert_array_equal(first, order.indices(seed, step, size=size, batch_size=batch))


@settings(deadline=None)
@given(seeds, sizes, st.integers(1, 20), st.integers(1, 5), st.integers(0, 50))
def test_the_stream_does_not_depend_on_the_batch_size(seed, size, batch, times, step):
    large = order.indices(seed, step, size=size, batch_size=batch * times)
    small = draw(seed, range(step * times, (step + 1) * times), size, batch)
    np.testing.assert_array_equal(large, small)


def test_epochs_and_seeds_differ():
    first = draw(0, [0], 100, 100)
    assert (first != draw(0, [1], 100, 100)).any()
    assert (first != draw(1, [0], 100, 100)).any()
    # Seed and epoch must not be mixed up, as seed + epoch would.
    assert (draw(1, [0], 100, 100) != draw(0, [1], 100, 100)).any()


def test_the_first_position_is_uniform():
    first = [order.indices(seed, 0, size=4, batch_size=1)[0] for seed in range(400)]
    counts = np.bincount(first, minlength=4)
    assert (abs(counts - 100) < 45).all()  # five standard deviations of a binomial


def test_golden_values():
    # A run resumed under another NumPy must see the same batches: if this fails, it would not.
    np.testing.assert_array_equal(
        order.indices(0, 0, size=10, batch_size=10), [0, 2, 9, 1, 8, 5, 4, 3, 6, 7]
    )
    np.testing.assert_array_equal(
        order.indices(7, 123, size=1000, batch_size=6), [768, 758, 695, 683, 324, 976]
    )


def test_entries_have_orders_of_their_own():
    orders = [order.indices(0, 0, size=100, batch_size=100, entry=e).tolist() for e in range(3)]
    assert [sorted(each) for each in orders] == [list(range(100))] * 3
    assert orders[0] == order.indices(0, 0, size=100, batch_size=100).tolist()
    assert len({tuple(each) for each in orders}) == 3
    # An entry, a seed and an epoch must not be mixed up.
    others = [order.indices(1, 0, size=100, batch_size=100), draw(0, [1], 100, 100)]
    assert all(other.tolist() not in orders for other in others)
    np.testing.assert_array_equal(
        order.indices(0, 0, size=10, batch_size=10, entry=1), [8, 7, 4, 2, 6, 5, 9, 0, 1, 3]
    )


def test_the_cached_order_cannot_be_changed_from_outside():
    batch = order.indices(0, 0, size=5, batch_size=5)
    before = batch.copy()
    batch[:] = 0
    np.testing.assert_array_equal(order.indices(0, 0, size=5, batch_size=5), before)
    with pytest.raises(ValueError, match="read-only"):
        order._permutation(0, 5, 0)[0] = 1


@pytest.mark.parametrize(("size", "batch", "step"), [(0, 1, 0), (1, 0, 0), (1, 1, -1)])
def test_impossible_arguments_are_refused(size, batch, step):
    with pytest.raises(ValueError, match="need size"):
        order.indices(0, step, size=size, batch_size=batch)
