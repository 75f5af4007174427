"""A black border, whatever the set is."""

import numpy as np
import pytest

from jaxgan import data
from jaxgan.base import errors
from jaxgan.data import padded


@pytest.mark.parametrize(("dtype", "black"), [(np.uint8, 0), (np.float32, -1)])
def test_the_border_is_black_and_the_image_in_the_middle(dtype, black):
    images = np.ones((3, 4, 5, 1), dtype)
    source = data.in_memory("x", "train", images, np.arange(3), 3, images[:, :2])
    made = padded.pad(source, 8, "x")
    rows = made.read(np.asarray([2, 0]))
    assert made.shape == made.target == (8, 8, 1)
    for name, inside in (
        ("image", (slice(2, 6), slice(1, 6))),
        ("target", (slice(3, 5), slice(1, 6))),
    ):
        expected = np.full((2, 8, 8, 1), black, dtype)
        expected[(slice(None), *inside)] = 1
        np.testing.assert_array_equal(rows[name], expected)
        assert rows[name].dtype == dtype
    np.testing.assert_array_equal(rows["label"], [2, 0])


def test_a_config_asks_for_it(config):
    asked = config("digits", pad=12)
    source, spec = data.open_source(asked, "test"), data.describe(asked, "test")
    assert source.shape == spec.shape == (12, 12, 1)
    plain = data.open_source(config("digits"), "test").read(np.arange(5))["image"]
    found = source.read(np.arange(5))["image"]
    np.testing.assert_array_equal(found[:, 2:10, 2:10], plain)
    assert found[:, :2].max() == found[:, :, 10:].max() == plain.min() == -1
    cut = data.open_sources(config("digits", pad=12, domains=("3", "5")), "test")
    assert {s.shape for s in cut.values()} == {(12, 12, 1)}


@pytest.mark.parametrize(
    ("name", "side", "told"),
    [
        ("digits", 6, r"data.pad=6 is less than the 8 x 8 pixels of dataset 'digits'"),
        ("digits", -1, r"data.pad is -1; it must be 0"),
        ("ring", 8, r"data.pad is of images, and those of dataset 'ring' are points"),
    ],
)
def test_what_cannot_be_padded_is_refused(config, name, side, told):
    for ask in (data.open_source, data.describe):
        with pytest.raises(errors.UserError, match=told):
            ask(config(name, pad=side), "train")
