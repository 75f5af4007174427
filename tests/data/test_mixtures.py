import numpy as np
import pytest

from jaxgan import data as jd
from jaxgan.data import mixtures

# What an earlier version gave: runs that were published stay what they were.
FIRST_MEANS = [[2.11364, 0.572984], [-0.187524, 1.519822], [3.80973, -0.679992]]
FIRST_POINTS = {
    "grid": [0.01020288, 0.80759716],
    "ring": [-0.00519974, 0.808061],
    "swiss_roll": [0.32305902, -0.17350166],
}


def nearest(points, centres):
    """The index of the nearest centre, and the distance to it, in float64."""
    distance = np.linalg.norm(points[:, None].astype(np.float64) - centres[None], axis=-1)
    return distance.argmin(axis=1), distance.min(axis=1)


@pytest.mark.parametrize(("name", "modes"), [("ring", 8), ("grid", 25), ("random", 25)])
def test_the_modes_are_distinct_and_the_labels_name_them(config, name, modes):
    source = jd.open_source(config(name))
    centres, sigma = jd.mixtures.means(name), jd.mixtures.sigma(name)
    assert centres.shape == (modes, 2)
    gaps = np.linalg.norm(centres[:, None] - centres[None], axis=-1) + np.eye(modes)
    assert gaps.min() > 20 * sigma
    data = source.read(np.arange(5000))
    index, distance = nearest(data["image"], centres)
    np.testing.assert_array_equal(index, data["label"])
    assert distance.max() < 6 * sigma
    # Every mode is about as frequent as every other.
    counts = np.bincount(index, minlength=modes)
    assert (abs(counts - 5000 / modes) < 5 * np.sqrt(5000 / modes)).all()


@pytest.mark.parametrize("name", ["ring", "grid", "random"])
def test_the_noise_has_the_stated_sigma(config, name):
    data = jd.whole(jd.open_source(config(name)))
    noise = data["image"].astype(np.float64) - mixtures.means(name)[data["label"]]
    np.testing.assert_allclose(noise.std(axis=0), mixtures.sigma(name), rtol=0.02)
    np.testing.assert_allclose(noise.mean(axis=0), 0.0, atol=0.02 * mixtures.sigma(name))


def test_the_ring_lies_on_a_circle_and_the_grid_on_a_lattice():
    np.testing.assert_allclose(np.linalg.norm(mixtures.means("ring"), axis=1), 0.8, rtol=1e-6)
    ticks = np.unique(mixtures.means("grid").round(6))
    np.testing.assert_allclose(ticks, [-0.8, -0.4, 0.0, 0.4, 0.8], atol=1e-6)


def test_random_means_fill_their_square_and_stay_as_they_are():
    centres = mixtures.means("random").astype(np.float64) * 5.0
    assert abs(centres).max() <= 4.0
    # Uniform on [-4, 4]: a standard deviation of 4 / sqrt(3), and no lattice.
    assert (abs(centres.std(axis=0) - 4.0 / np.sqrt(3.0)) < 0.5).all()
    assert len(np.unique(centres[:, 0].round(3))) == 25
    np.testing.assert_allclose(centres[:3], FIRST_MEANS, atol=1e-5)


def test_a_new_mixture_leaves_the_points_of_the_others_as_they_were(config):
    for name, point in FIRST_POINTS.items():
        first = jd.open_source(config(name)).read(np.arange(1))["image"][0]
        np.testing.assert_allclose(first, point, atol=1e-6)


def test_the_swiss_roll_lies_on_its_curve(config):
    source = jd.open_source(config("swiss_roll"))
    points = source.read(np.arange(2000))["image"].astype(np.float64) * mixtures.SCALE["swiss_roll"]
    t = np.linspace(1.5 * np.pi, 4.5 * np.pi, 2000)
    _, distance = nearest(points, np.stack([t * np.cos(t), t * np.sin(t)], axis=1))
    assert distance.max() < 5.5 * 0.25
    # The distance to a line is half normal: its root mean square is sigma.
    assert abs(np.sqrt((distance**2).mean()) - 0.25) < 0.02
    # It winds one and a half times: both ends are reached.
    radius = np.linalg.norm(points, axis=1)
    assert radius.min() < 1.6 * np.pi
    assert radius.max() > 4.4 * np.pi


@pytest.mark.parametrize("name", mixtures.NAMES)
def test_points_are_float32_in_range_and_the_splits_differ(config, name):
    train, test = (jd.open_source(config(name), split) for split in ("train", "test"))
    assert (len(train), len(test)) == (100_000, 10_000)
    for source in (train, test):
        assert source.spec == jd.describe(config(name), source.split)
        points = jd.whole(source)["image"]
        assert points.dtype == np.float32
        assert points.shape == (source.size, 2)
        assert abs(points).max() < 1.0
    assert train.digest != test.digest
    ids = np.concatenate([train.ids(), test.ids()])
    assert ids.dtype == np.int64
    assert len(np.unique(ids)) == 110_000
    a, b = jd.whole(train)["image"], jd.whole(test)["image"]
    assert not set(map(bytes, a)) & set(map(bytes, b))
    again = jd.whole(jd.open_source(config(name)))["image"]
    np.testing.assert_array_equal(a, again)


def test_the_swiss_roll_has_no_modes(config, refused):
    assert "ring" in refused(mixtures.means, "swiss_roll")
    assert jd.describe(config("swiss_roll")).num_classes == 0
    assert set(jd.open_source(config("swiss_roll")).read(np.arange(2))) == {"image"}


@pytest.mark.parametrize("field", [{"image_size": 8}, {"channels": 3}])
def test_image_fields_make_no_sense_for_points(config, refused_by_both, field):
    assert "points" in refused_by_both(config("grid", **field))


def test_an_unknown_split_names_the_known_ones(config, refused_by_both):
    assert "train, test" in refused_by_both(config("ring", split="val"))
