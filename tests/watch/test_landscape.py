"""Real and generated points at their places, over a ground in D's logits."""

import numpy as np
import pytest
from PIL import Image

from jaxgan.watch import landscape, pictures, scatter

TOP, NOTHING = 8, np.zeros((0, 2))
LOW, NEUTRAL, HIGH = landscape.GROUND


def at(image, x, y):
    """The colour of a place in the plane, by the rule of three."""
    last = pictures.GRID_PIXELS - 1
    column = scatter.MARGIN + round((x / 1.1 + 1) / 2 * last)
    return tuple(int(c) for c in np.asarray(image)[TOP + round((1 - y / 1.1) / 2 * last), column])


def test_places_go_row_by_row_from_above():
    places = landscape.places()
    assert places.shape == (landscape.SIDE**2, 2)
    half = 1.1 / landscape.SIDE
    np.testing.assert_allclose(places[0], [-1.1 + half, 1.1 - half], rtol=1e-6)
    np.testing.assert_allclose(places[1] - places[0], [2 * half, 0], atol=1e-6)
    np.testing.assert_allclose(places[-1], [1.1 - half, -1.1 + half], rtol=1e-6)


def test_the_ground_is_red_where_d_says_real_and_blue_where_not():
    x, y = landscape.places().T
    logits = np.select([(x < 0) & (y > 0), (x > 0) & (y > 0), x < 0], [-4, 4, 2], 0)
    image = landscape.landscape(NOTHING, NOTHING, logits)  # on a scale of 5
    near = 0.8 * np.subtract(HIGH, NEUTRAL) + NEUTRAL
    found = np.array([at(image, 0.5, 0.5), at(image, -0.5, -0.5), at(image, 0.5, -0.5)])
    half = 0.4 * np.subtract(HIGH, NEUTRAL) + NEUTRAL
    np.testing.assert_allclose(found, [near, half, NEUTRAL], atol=4)
    low = 0.8 * np.subtract(LOW, NEUTRAL) + NEUTRAL
    np.testing.assert_allclose(at(image, -0.5, 0.5), low, atol=4)


def test_a_ground_without_d_is_white():
    assert at(landscape.landscape(NOTHING, NOTHING), 0.3, 0.3) == (255, 255, 255)


def test_points_are_where_they_are_and_generated_ones_lie_above():
    real = np.array([[0.5, -0.25], [0.0, 0.0]])
    generated = np.array([[-0.5, 0.75], [0.0, 0.0], [7.0, 0.0], [np.nan, 0.0]])
    image = landscape.landscape(real, generated, np.full(landscape.SIDE**2, -9.0))
    assert at(image, 0.5, -0.25) == landscape.REAL
    for x, y in [(-0.5, 0.75), (0.0, 0.0), (1.097, 0.0)]:
        assert at(image, x, y) == landscape.GENERATED
    square = np.asarray(image)[TOP:, scatter.MARGIN :][
        : pictures.GRID_PIXELS, : pictures.GRID_PIXELS
    ]
    counts = [
        (square == colour).all(axis=-1).sum() for colour in (landscape.REAL, landscape.GENERATED)
    ]
    assert counts == [2 * 9 - 4, 3 * 4]


@pytest.mark.parametrize(
    ("size", "scale"),
    [(0.0, 0.1), (0.03, 0.1), (0.1, 0.1), (0.11, 0.2), (1, 1), (2.1, 5), (6, 10), (1e6, 10)],
)
def test_the_scale_is_round_symmetric_and_bounded(size, scale):
    signs = np.where(np.arange(landscape.SIDE**2) % 2, 1, -1)
    assert landscape.limit(size * signs) == pytest.approx(scale)
    outliers = np.where(np.arange(landscape.SIDE**2) % 50, size * signs, 1e9)
    assert landscape.limit(outliers) == pytest.approx(scale)


def test_what_is_no_number_is_neutral_and_what_is_beyond_the_scale_at_its_end():
    found = landscape.ground(np.array([np.nan, np.inf, -np.inf, 1.0, 40.0]))
    np.testing.assert_array_equal(found, [NEUTRAL, HIGH, LOW, HIGH, HIGH])


def test_frames_are_of_one_size_and_keep_their_colours(tmp_path):
    x, y = landscape.places().T
    points = np.random.default_rng(0).uniform(-1, 1, (300, 2))
    paths, shown = [], []
    for i, size in enumerate((0.01, 0.3, 3, 80)):
        image = landscape.landscape(points[:100], points[100:] * (i + 1) / 4, size * (x + y))
        paths.append(tmp_path / f"step_{i}.png")
        pictures.save(image, paths[-1])
        shown.append(np.asarray(image).astype(int))
    assert len({pixels.shape for pixels in shown}) == 1
    pictures.animate(paths, tmp_path / "all.gif")
    with Image.open(tmp_path / "all.gif") as animation:
        for i, pixels in enumerate(shown):
            animation.seek(i)
            assert np.abs(np.asarray(animation.convert("RGB")) - pixels).max() <= 8
