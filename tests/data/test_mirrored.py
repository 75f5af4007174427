"""The set of twice the size, and a run on it."""

import jax
import numpy as np
import pytest

from jaxgan import data
from jaxgan.base import errors
from jaxgan.data import mirrored
from jaxgan.run import program
from tests.conftest import smoke


def test_each_sample_stands_there_twice():
    images = np.random.default_rng(0).integers(0, 256, (5, 4, 6, 3), np.uint8)
    source = data.in_memory(
        "x", "train", images, np.arange(5), 5, images[:, ::-1], ids=lambda: np.arange(5)
    )
    twice = mirrored.mirror(source)
    assert (twice.size, twice.spec._replace(size=5)) == (10, source.spec)
    rows = twice.read(np.asarray([3, 8, 0, 9]))
    np.testing.assert_array_equal(rows["label"], [3, 3, 0, 4])
    np.testing.assert_array_equal(twice.labels(np.asarray([8])), [3])
    for name, stored in (("image", images), ("target", images[:, ::-1])):
        expected = [stored[3], stored[3][:, ::-1], stored[0], stored[4][:, ::-1]]
        np.testing.assert_array_equal(rows[name], expected)
        assert rows[name].dtype == np.uint8
    assert list(twice.ids()) == [0, 1, 2, 3, 4] * 2


@pytest.mark.parametrize("placement", ["device", "stream"])
def test_a_run_sees_both(placement):
    ready = program.prepare(smoke("dcgan_digits", "data.flip=True", f"data.placement={placement}"))
    source = data.open_source(ready.config.data, "train")
    (part,) = ready.parts(source)
    assert part.source.size == 2 * source.size
    batch = jax.device_get(next(ready.batches(source, 0)))
    index = data.indices(0, 0, size=2 * source.size, batch_size=ready.batch)
    assert index.max() >= source.size
    if placement == "device":
        np.testing.assert_array_equal(batch["index"], index)
        rows = jax.device_get(ready.dataset(source))["image"][index]
    else:
        rows = batch["image"]
    for i, row in zip(index, rows, strict=True):
        stored = source.read(np.asarray([i % source.size]))["image"][0]
        np.testing.assert_array_equal(row, stored[:, ::-1] if i >= source.size else stored)


def test_points_are_refused():
    with pytest.raises(
        errors.UserError, match=r"data.flip mirrors images, and .*'ring' are points"
    ):
        program.prepare(smoke("gan_ring", "data.name=ring", "data.flip=True"))
