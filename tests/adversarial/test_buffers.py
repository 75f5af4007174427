"""Buffers against plain Python lists, and split over devices against the whole batch."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.sharding import Mesh, PartitionSpec

from jaxgan.adversarial import buffers


def numbered(first, n):
    """Samples that tell which they are: an image of its number, a label, and whether it is odd."""
    numbers = np.arange(first, first + n, dtype=np.int32)
    images = np.ones((n, 2, 2, 1), np.float32) * numbers[:, None, None, None].astype(np.float32)
    return {"image": images, "label": numbers, "odd": numbers % 2 == 1}


def one(tree):
    return jax.tree.map(lambda x: x[0], tree)


def run_pool(size, batches, batch_size, seed=0):
    pool = buffers.image_pool_init(size, one(numbered(0, 1)))
    query = jax.jit(buffers.image_pool_query)
    out = []
    for i in range(batches):
        key = jax.random.fold_in(jax.random.key(seed), i)
        result, pool = query(key, pool, numbered(i * batch_size, batch_size))
        result = jax.tree.map(np.asarray, result)
        assert (result["image"][:, 0, 0, 0] == result["label"]).all()  # leaves stay together
        out += result["label"].tolist()
    return out, pool


def python_pool(size, batches, batch_size, seed=0):
    """The same in the words of the paper, over a list, with the same draws."""
    pool, out = [], []
    draw = jax.jit(lambda k: (jax.random.bernoulli(k[0]), jax.random.randint(k[1], (), 0, size)))
    for i in range(batches):
        key = jax.random.fold_in(jax.random.key(seed), i)
        for j in range(batch_size):
            sample = i * batch_size + j
            coin, place = map(int, draw(jax.random.split(jax.random.fold_in(key, j))))
            if len(pool) < size:
                pool.append(sample)
                out.append(sample)
            elif coin:
                out.append(pool[place])
                pool[place] = sample
            else:
                out.append(sample)
    return out, pool


@pytest.mark.parametrize(("size", "batch_size"), [(5, 3), (4, 1), (2, 6)])
def test_image_pool_equals_a_list(size, batch_size):
    out, pool = run_pool(size, 8, batch_size)
    expected_out, expected_pool = python_pool(size, 8, batch_size)
    assert out == expected_out
    assert pool.samples["label"].tolist() == expected_pool


def test_image_pool_returns_half_from_the_past():
    out, _ = run_pool(50, 40, 16)
    fresh = np.asarray(out[64:]) == np.arange(64, 640)  # the first 50 fill the pool
    assert 0.43 < fresh.mean() < 0.57
    assert (np.asarray(out[:50]) == np.arange(50)).all()


@settings(deadline=None, max_examples=8)
@given(size=st.integers(1, 6), steps=st.integers(1, 6), batch_size=st.integers(1, 8))
def test_replay_buffer_holds_the_newest(size, steps, batch_size):
    buffer = buffers.replay_init(size, one(numbered(0, 1)))
    insert = jax.jit(buffers.replay_insert)
    for i in range(steps):
        buffer = insert(buffer, numbered(1 + i * batch_size, batch_size))
    total = steps * batch_size
    newest = list(range(max(total - size, 0) + 1, total + 1))
    assert sorted(buffer.samples["label"].tolist()) == [0] * (size - len(newest)) + newest
    drawn = buffers.replay_sample(jax.random.key(0), buffer, 64)["label"]
    assert set(drawn.tolist()) <= set(newest)  # never an empty place


def test_replay_count_does_not_overflow():
    buffer = buffers.replay_init(3, one(numbered(0, 1)))
    insert = jax.jit(buffers.replay_insert)
    for i in range(40):
        buffer = insert(buffer, numbered(2 * i, 2))
        assert buffer.stored < 6 + 2
    assert sorted(buffer.samples["label"].tolist()) == [77, 78, 79]


def test_replay_samples_evenly():
    buffer = buffers.replay_insert(buffers.replay_init(8, one(numbered(0, 1))), numbered(0, 4))
    counts = np.bincount(buffers.replay_sample(jax.random.key(0), buffer, 4000)["label"])
    np.testing.assert_allclose(counts, [1000] * 4, rtol=0.12)


def test_replay_query_mixes_in_the_past():
    buffer = buffers.replay_init(16, one(numbered(0, 1)))
    query = jax.jit(buffers.replay_query)
    out, buffer = query(jax.random.key(0), buffer, numbered(0, 8))
    assert out["label"].tolist() == list(range(8))  # nothing past yet
    shares = []
    for i in range(1, 30):
        out, buffer = query(jax.random.fold_in(jax.random.key(1), i), buffer, numbered(8 * i, 8))
        labels = np.asarray(out["label"])
        fresh = labels == np.arange(8 * i, 8 * i + 8)
        assert (fresh | ((labels < 8 * i) & (labels >= 8 * i - 16))).all()
        shares.append(fresh.mean())
    assert 0.4 < np.mean(shares) < 0.6
    same, _ = buffers.replay_query(jax.random.key(0), buffer, numbered(0, 8), probability=0.0)
    assert same["label"].tolist() == list(range(8))


@pytest.mark.parametrize("query", [buffers.image_pool_query, buffers.replay_query])
def test_no_gradient_and_no_change_of_types(query):
    buffer = buffers.image_pool_init(3, jnp.zeros((2, 2, 1), jnp.bfloat16))

    def total(x):
        return query(jax.random.key(0), buffer, x)[0].astype(jnp.float32).sum()

    x = jnp.ones((4, 2, 2, 1), jnp.bfloat16)
    assert not jax.grad(total)(x).any()
    out, after = query(jax.random.key(0), buffer, x)
    assert out.dtype == jnp.bfloat16
    before = jax.tree.map(lambda a: (a.shape, a.dtype), buffer)
    assert jax.tree.map(lambda a: (a.shape, a.dtype), after) == before


def query_both(key, states, batch, axis_name=None):
    """Both buffers in one program, since compiling is what takes the time."""
    pool, a = buffers.image_pool_query(key, states[0], batch, axis_name=axis_name)
    replay, b = buffers.replay_query(key, states[1], batch, axis_name=axis_name)
    return [(x["label"], x["odd"]) for x in (pool, replay)], (a, b)


def test_under_vmap_over_seeds():
    state = (buffers.image_pool_init(3, one(numbered(0, 1))),) * 2
    states = jax.tree.map(lambda x: jnp.stack([x, x]), state)
    single, both = jax.jit(query_both), jax.jit(jax.vmap(query_both, (0, 0, None)))
    keys = jax.random.split(jax.random.key(0), 2)
    for i in range(2):
        out, states = both(keys, states, numbered(8 * i, 8))
        _, state = single(keys[1], state, numbered(8 * i, 8))
    for a, b in zip(jax.tree.leaves(states), jax.tree.leaves(state), strict=True):
        np.testing.assert_array_equal(a[1], b)
    assert not np.array_equal(out[0][0][0], out[0][0][1])


@pytest.mark.skipif(jax.device_count() < 4, reason="needs four devices")
@pytest.mark.parametrize("way", ["pmap", "shard_map"])
def test_a_split_batch_gives_the_same_buffers(way):
    devices = jax.devices()[:4]
    named = partial(query_both, axis_name="data")
    split, whole = PartitionSpec("data"), PartitionSpec()
    if way == "pmap":  # with one key for all
        mapped = jax.pmap(
            named, "data", in_axes=(None, None, 0), out_axes=(0, None), devices=devices
        )

        def query(key, states, batch):
            cut = jax.tree.map(lambda x: x.reshape(4, 2, *x.shape[1:]), batch)
            out, states = mapped(key, states, cut)
            return jax.tree.map(jnp.ravel, out), states
    else:  # with a key for each sample
        query = jax.jit(
            jax.shard_map(
                named,
                mesh=Mesh(np.array(devices), ("data",)),
                in_specs=(split, whole, split),
                out_specs=(split, whole),
            )
        )
    expected = states = (buffers.image_pool_init(5, one(numbered(0, 1))),) * 2
    single = jax.jit(query_both)
    for i in range(3):
        key, batch = jax.random.key(i), numbered(8 * i, 8)
        if way == "shard_map":
            key = jax.random.split(key, 8)
        out, states = query(key, states, batch)
        expected_out, expected = single(key, expected, batch)
        for a, b in zip(
            jax.tree.leaves((out, states)), jax.tree.leaves((expected_out, expected)), strict=True
        ):
            np.testing.assert_array_equal(a, b)
            assert a.dtype == b.dtype


def test_the_probability_of_an_exchange_may_be_traced():
    buffer = buffers.replay_insert(buffers.replay_init(4, one(numbered(0, 1))), numbered(0, 4))
    query = jax.jit(
        lambda p: buffers.replay_query(jax.random.key(0), buffer, numbered(4, 4), probability=p)[0]
    )
    assert query(0.0)["label"].tolist() == [4, 5, 6, 7]
    assert query(1.0)["label"].max() < 4


def test_bad_arguments_are_named():
    buffer = buffers.image_pool_init(3, jnp.zeros((2, 2, 1)))
    key, x = jax.random.key(0), jnp.zeros((4, 2, 2, 1))
    with pytest.raises(ValueError, match="size"):
        buffers.image_pool_init(0, x)
    with pytest.raises(ValueError, match="batch"):
        buffers.image_pool_query(key, buffer, x[:, :1])
    with pytest.raises(ValueError, match="batch"):
        buffers.image_pool_query(key, buffer, x.astype(jnp.int32))
    with pytest.raises(ValueError, match="batch"):
        buffers.replay_insert(buffer, {"image": x})
    with pytest.raises(ValueError, match="probability"):
        buffers.replay_query(key, buffer, x, probability=1.5)
    with pytest.raises(ValueError, match="key"):
        buffers.replay_query(jax.random.split(key, 3), buffer, x)
