import numpy as np
import pytest

from jaxgan import data as jd


@pytest.fixture(scope="module")
def scikit_learn_s():
    """The pixels, 0 to 16, and the labels."""
    from sklearn import datasets  # of a second, which no other test needs

    return datasets.load_digits(return_X_y=True)


def test_digits_are_those_of_scikit_learn(config, scikit_learn_s):
    data, labels = scikit_learn_s
    train, test = (jd.whole(jd.open_source(config("digits"), s)) for s in ("train", "test"))
    assert len(train["image"]) + len(test["image"]) == 1797
    np.testing.assert_array_equal(test["label"], labels[5::6])
    np.testing.assert_array_equal(test["image"].reshape(-1, 64), data[5::6] / 8 - 1)
    np.testing.assert_array_equal(train["label"][:5], labels[:5])
    np.testing.assert_array_equal(train["label"][5], labels[6])
    assert train["image"].dtype == np.float32
    assert train["image"].min() == -1.0
    assert train["image"].max() == 1.0
    assert np.bincount(test["label"]).min() >= 20  # every digit is well represented


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("fit", [{}, {"image_size": 16, "channels": 3}])
def test_describe_agrees_with_the_source(config, split, fit):
    source = jd.open_source(config("digits", **fit), split)
    assert source.spec == jd.describe(config("digits", **fit), split)
    image = source.read(np.array([3, 1]))["image"]
    assert image.shape == (2, *source.shape)


def test_the_ids_are_scikit_learn_s_order(config, scikit_learn_s):
    data, _ = scikit_learn_s
    train, test = (jd.open_source(config("digits"), split) for split in ("train", "test"))
    for source in (train, test):
        ids = source.ids()
        assert ids.dtype == np.int64
        pixels = jd.whole(source)["image"].reshape(-1, 64)
        np.testing.assert_array_equal(pixels, data[ids] / 8 - 1)
    assert not set(train.ids()) & set(test.ids())
    assert train.classes == tuple("0123456789")
    assert train.digest != test.digest


def test_resized_digits_stay_in_range_and_look_alike(config):
    small = jd.whole(jd.open_source(config("digits")))["image"]
    large = jd.whole(jd.open_source(config("digits", image_size=32)))["image"]
    assert large.dtype == np.float32
    assert abs(large).max() <= 1.0
    pooled = large.reshape(-1, 8, 4, 8, 4, 1).mean(axis=(2, 4))
    assert abs(pooled - small).mean() < 0.1


def test_an_unknown_split_names_the_known_ones(config, refused_by_both):
    assert "train, test" in refused_by_both(config("digits", split="valid"))


def test_an_outline_is_the_brightest_around_less_the_darkest(config):
    source, plain = (jd.open_source(config(n), "test") for n in ("digit_edges", "digits"))
    assert source.spec == jd.describe(config("digit_edges"), "test")
    rows, digits = source.read(np.arange(20)), plain.read(np.arange(20))
    np.testing.assert_array_equal(rows["target"], digits["image"])
    np.testing.assert_array_equal(rows["label"], digits["label"])
    for image, digit in zip(rows["image"][..., 0], digits["image"][..., 0], strict=True):
        for i, j in np.ndindex(8, 8):
            around = digit[max(i - 1, 0) : i + 2, max(j - 1, 0) : j + 2]
            assert image[i, j] == around.max() - around.min() - 1
    fitted = jd.open_source(config("digit_edges", image_size=16, channels=3), "test")
    row = fitted.read(np.array([0]))
    assert row["image"].shape == row["target"].shape == (1, 16, 16, 3)
