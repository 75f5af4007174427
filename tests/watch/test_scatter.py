"""Points in the plane, each in the colour of its label and at its place."""

import numpy as np
import pytest

from jaxgan.watch import scatter
from jaxgan.watch.pictures import GRID_PIXELS

TOP = 8


def at(image, x, y, edge):
    """The colour of a point of the plane, by the rule of three."""
    last = GRID_PIXELS - 1
    column = scatter.MARGIN + round((x / edge + 1) / 2 * last)
    row = TOP + round((1 - y / edge) / 2 * last)
    return np.asarray(image)[row, column]


def test_each_point_has_its_place_and_its_label_its_colour():
    points = np.array([[1.0, 2.0], [-2.5, 0.5], [0.0, -1.0], [np.nan, 0.0], [1.0, np.inf]])
    image = scatter.scatter(points, np.array([1, 0, -1, 0, 0]), ("cat", "dog"))
    found = [at(image, x, y, 3) for x, y in points[:3]]
    np.testing.assert_array_equal(found, [scatter.TEN[1], scatter.TEN[0], scatter.UNKNOWN])
    inside = np.asarray(image)[TOP : TOP + GRID_PIXELS, scatter.MARGIN :][:, :GRID_PIXELS]
    assert (inside != 255).any(axis=-1).sum() == 3 * 9


def test_the_square_grows_with_the_points_and_those_beyond_lie_on_its_border():
    points = np.concatenate([np.full((5000, 2), 4.2), [[-90.0, 0.0]]])
    image = scatter.scatter(points)
    np.testing.assert_array_equal(at(image, 4.2, 4.2, 5), scatter.TEN[0])
    np.testing.assert_array_equal(at(image, -4.99, 0, 5), scatter.TEN[0])


def test_points_of_a_sorted_set_are_drawn_in_no_order():
    points = np.random.default_rng(0).normal(size=(20_000, 2)) * 0.3
    image = np.asarray(scatter.scatter(points, np.arange(20_000) // 10_000, ("a", "b")))
    middle = image[:, : scatter.MARGIN + GRID_PIXELS]
    first, second = ((middle == scatter.TEN[i]).all(axis=-1).sum() for i in (0, 1))
    assert 0.9 < first / second < 1.1


@pytest.mark.parametrize("count", [3, 10, 30, 100])
def test_the_legend_names_the_classes_that_it_has_room_for(count):
    names = [f"a long name of class {i}" for i in range(count)]
    image = np.asarray(scatter.scatter(np.zeros((1, 2)), np.zeros(1, int), names))
    assert len(set(scatter.palette(count))) == count
    legend = image[:, scatter.MARGIN + GRID_PIXELS + 1 :].reshape(-1, 3)
    shown = {tuple(map(int, colour)) for colour in legend}
    room = scatter.COLUMN * scatter.COLUMNS
    expected = scatter.palette(count)[: count if count <= room else room - 1]
    assert set(expected) <= shown
