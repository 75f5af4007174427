"""Ways between latents against closed formulas, and through several of them."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxgan.base import errors
from jaxgan.latent import interpolation
from jaxgan.latent.interpolation import between, in_order, legs, lerp, mixtures, slerp

TIMES = np.linspace(0, 1, 9)


def pair(seed, size=6, equal=False):
    a, b = np.random.default_rng(seed).standard_normal((2, size))
    return (a, b / np.linalg.norm(b) * np.linalg.norm(a)) if equal else (a, b)


@given(seed=st.integers(0, 10_000), size=st.integers(2, 600))
@settings(max_examples=50, deadline=None)
def test_slerp_is_the_closed_formula_and_keeps_the_norm(seed, size):
    a, b = pair(seed, size, equal=True)
    norm = np.linalg.norm(a)
    angle = np.arccos(np.clip(a @ b / norm**2, -1, 1))
    t = TIMES[:, None]
    due = (np.sin((1 - t) * angle) * a + np.sin(t * angle) * b) / np.sin(angle)
    found = slerp(a, b, TIMES)
    np.testing.assert_allclose(found, due, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), norm, rtol=1e-12)
    np.testing.assert_array_equal(found[0], a)
    np.testing.assert_array_equal(found[-1], b)


def test_unequal_norms_go_evenly_and_directions_turn_evenly():
    a, b = pair(3)
    found = slerp(a, 5 * b, TIMES)
    norms = np.linalg.norm(found, axis=1)
    np.testing.assert_allclose(np.diff(norms), np.diff(norms)[0], rtol=1e-9)
    units = found / norms[:, None]
    angles = np.arccos((units[1:] * units[:-1]).sum(axis=1))
    np.testing.assert_allclose(angles, angles[0], rtol=1e-9)


@pytest.mark.parametrize("off", [0.0, 1e-16, 1e-9, 1e-5])
@pytest.mark.parametrize("sign", [1, -1])
def test_vectors_that_are_nearly_equal_or_opposite(off, sign):
    a, across = pair(1)
    across -= (across @ a) / (a @ a) * a
    b = sign * a + off * across
    found = slerp(a, b, np.linspace(0, 1, 101))
    np.testing.assert_array_equal(found[[0, -1]], [a, b])
    norms = np.linalg.norm(found, axis=1)
    np.testing.assert_allclose(norms, np.linalg.norm(a), rtol=1e-8)
    # No leap anywhere: each step is a hundredth of the way.
    steps = np.linalg.norm(np.diff(found, axis=0), axis=1)
    longest = (np.pi if sign < 0 else 1e-4) * np.linalg.norm(a)
    assert steps.max() <= longest / 100 * 1.01 + 1e-12


def test_from_zero_the_way_is_straight():
    a = pair(2)[0]
    np.testing.assert_allclose(slerp(np.zeros(6), a, TIMES), lerp(np.zeros(6), a, TIMES))


def test_lerp_is_straight_and_meets_both_ends():
    a, b = pair(4)
    found = lerp(a, b, TIMES)
    np.testing.assert_allclose(found, a + TIMES[:, None] * (b - a), atol=1e-15)
    np.testing.assert_array_equal(found[[0, -1]], [a, b])


def test_two_shapes_are_refused():
    with pytest.raises(ValueError, match="of one shape"):
        slerp(np.zeros(3), np.zeros(4), 0.5)


def test_what_else_a_sample_is_made_of():
    """Codes move straight, whole ones change half way, and noise stays the first one's."""
    a, b = (
        {
            "z": np.eye(2, dtype=np.float32)[i],
            "noise": np.full(2, i, np.uint32),
            "categorical": np.array([i], np.int32),
            "continuous": np.array([i], np.float32),
        }
        for i in (0, 1)
    )
    found = between(a, b, np.array([0, 0.25, 0.5, 1]))
    np.testing.assert_allclose(np.linalg.norm(found["z"], axis=1), 1, rtol=1e-6)
    assert found["continuous"].ravel().tolist() == [0, 0.25, 0.5, 1]
    assert found["categorical"].ravel().tolist() == [0, 0, 1, 1]
    assert (found["noise"] == 0).all()
    assert {name: x.dtype for name, x in found.items()} == {n: x.dtype for n, x in a.items()}


@pytest.mark.parametrize(("loop", "count"), [(False, 2), (True, 3)])
def test_legs_meet_their_points_and_frames_stand_once(loop, count):
    points = np.random.default_rng(0).standard_normal((3, 5)).astype(np.float32)
    found = legs(points, 4, loop=loop)
    assert found.shape == (count, 4, 5)
    for i, leg in enumerate(found):
        np.testing.assert_array_equal(leg[[0, -1]], points[[i, (i + 1) % 3]])
    flat = in_order(found, loop=loop)
    assert len(flat) == count * 3 + (not loop)
    assert len(np.unique(flat, axis=0)) == len(flat), "where two legs meet is one frame"


def test_classes_mix_on_the_way_and_are_whole_at_its_points():
    found = mixtures(np.array([0, 2]), 3, 5, loop=False)
    np.testing.assert_allclose(found[1], [0.75, 0, 0.25])
    np.testing.assert_allclose(found.sum(axis=1), 1)
    whole = mixtures(np.array([1, 1]), 3, 2, loop=False)
    assert (whole.dtype, whole.tolist()) == (np.int32, [1, 1]), "nothing to mix"


@pytest.mark.parametrize(
    ("points", "given", "told"),
    [
        (1, {}, "at least 2 points, not 1"),
        (2, {"frames": 1}, "at least 2 frames"),
        (2, {"way": "slep"}, "did you mean 'slerp'"),
    ],
)
def test_ways_that_there_are_not(points, given, told):
    with pytest.raises(errors.UserError, match=told):
        legs(np.zeros((points, 3)), **{"frames": 3, **given})


def test_the_library_needs_no_model():
    assert jax.tree.leaves(interpolation.between(np.zeros(2), np.ones(2), [0.5], "lerp")) != []
