"""Reduced images and their targets, whatever the set is."""

import numpy as np
import pytest
from PIL import Image

from jaxgan import data
from jaxgan.base import errors
from jaxgan.data import mirrored, reduced


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_the_image_is_its_own_target_and_reduced(dtype):
    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (3, 8, 12, 3)).astype(np.uint8)
    if dtype == np.float32:
        images = (images / 127.5 - 1).astype(np.float32)
    made = reduced.reduce(data.in_memory("x", "train", images, np.arange(3), 3), 4, "x")
    rows = made.read(np.asarray([2, 0]))
    assert (made.shape, made.target, made.targets) == ((2, 3, 3), (8, 12, 3), 0)
    np.testing.assert_array_equal(rows["target"], images[[2, 0]])
    np.testing.assert_array_equal(rows["label"], [2, 0])
    assert rows["image"].dtype == dtype
    for image, found in zip(images[[2, 0]], rows["image"], strict=True):
        planes = [Image.fromarray(image[..., c].astype(np.float32)) for c in range(3)]
        small = np.stack([p.resize((3, 2), Image.Resampling.BICUBIC) for p in planes], -1)
        least, most = (0, 255) if dtype == np.uint8 else (-1, 1)
        np.testing.assert_allclose(
            found, small.clip(least, most), atol=0.501 if dtype == np.uint8 else 1e-5
        )


def test_a_mirrored_pair_is_the_pair_of_the_mirrored_image():
    images = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 1)).astype(np.uint8)
    source = reduced.reduce(data.in_memory("x", "train", images, None, 0), 2, "x")
    turned = mirrored.mirror(source).read(np.asarray([3]))
    other = data.in_memory("x", "train", images[:, :, ::-1], None, 0)
    for name, rows in reduced.reduce(other, 2, "x").read(np.asarray([1])).items():
        np.testing.assert_array_equal(turned[name], rows)


def test_a_config_asks_for_it(config):
    asked = config("digits", pad=12, low_resolution=3)
    source, spec = data.open_source(asked, "test"), data.describe(asked, "test")
    assert source.shape == spec.shape == (4, 4, 1)
    assert source.target == spec.target == (12, 12, 1)
    assert spec.num_classes == 10
    plain = data.open_source(config("digits", pad=12), "test").read(np.arange(5))
    found = source.read(np.arange(5))
    np.testing.assert_array_equal(found["target"], plain["image"])
    np.testing.assert_array_equal(found["label"], plain["label"])


@pytest.mark.parametrize(
    ("name", "fields", "told"),
    [
        (
            "digits",
            {"low_resolution": 3},
            "=3 does not divide the 8 x 8 pixels of dataset 'digits'",
        ),
        ("digits", {"low_resolution": 1}, "data.low_resolution is 1; it must be 0"),
        ("digits", {"low_resolution": -2}, "data.low_resolution is -2; it must be 0"),
        ("ring", {"low_resolution": 2}, "is of images, and those of dataset 'ring' are points"),
        ("digit_edges", {"low_resolution": 2}, "dataset 'digit_edges' has targets already"),
        ("digits", {"low_resolution": 2, "domains": ("3", "5")}, "data.domains have none"),
    ],
)
def test_what_cannot_be_reduced_is_refused(config, name, fields, told):
    for ask in (data.open_source, data.describe):
        with pytest.raises(errors.UserError, match=told):
            ask(config(name, **fields), "train")
