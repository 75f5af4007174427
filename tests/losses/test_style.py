"""Losses of style transfer against NumPy in float64, as the papers write them."""

import jax
import numpy as np
import pytest

from jaxgan import losses

DRAW = np.random.default_rng(0)
F, P = (
    [DRAW.normal(size=(2, h, 4, c)).astype(np.float32) for h, c in ((5, 3), (2, 6))] for _ in "12"
)


def test_content_is_equation_1_of_gatys():
    expected = sum(w * ((f - p) ** 2).sum() / 2 / 2 for w, f, p in zip((1, 3), F, P, strict=True))
    assert losses.content(F, P, weights=(1, 3)) == pytest.approx(expected, rel=1e-5)
    assert losses.content(F, F) == 0


def gatys_gram(maps):
    """Equation 3: the inner products of vectorized maps, N x N of N maps with M places."""
    N = maps.shape[-1]
    rows = maps.reshape(-1, N).T.astype(np.float64)
    return np.array([[rows[i] @ rows[j] for j in range(N)] for i in range(N)])


def test_a_gram_matrix_is_that_of_gatys_over_places_and_channels():
    for maps in F:
        _, h, w, c = maps.shape
        found = losses.gram(maps)
        assert found.shape == (2, c, c)
        for image, matrix in zip(maps, found, strict=True):
            np.testing.assert_allclose(
                matrix, gatys_gram(image) / (h * w * c), rtol=1e-4, atol=1e-6
            )


def test_a_quarter_of_style_is_equation_4_of_gatys():
    expected = 0.0
    for w, f, p in zip((0.5, 2.0), F, P, strict=True):
        N, M = f.shape[-1], f.shape[1] * f.shape[2]
        for image, other in zip(f, p, strict=True):
            square = ((gatys_gram(image) - gatys_gram(other)) ** 2).sum()
            expected += w * square / (4 * N**2 * M**2) / 2
    grams = [[losses.gram(x) for x in maps] for maps in (F, P)]
    found = losses.style(*grams, weights=(0.5 / 4, 2.0 / 4))
    assert found == pytest.approx(expected, rel=1e-4)


def test_total_variation_is_of_neighbours_on_both_axes():
    x = F[0].astype(np.float64)
    expected = 0.0
    for b, i, j, c in np.ndindex(x.shape):
        if i:
            expected += (x[b, i, j, c] - x[b, i - 1, j, c]) ** 2
        if j:
            expected += (x[b, i, j, c] - x[b, i, j - 1, c]) ** 2
    assert losses.total_variation(F[0]) == pytest.approx(expected / 2, rel=1e-5)


def test_layers_and_weights_must_match():
    for loss in (losses.content, losses.style):
        with pytest.raises(ValueError, match="weights has 1 numbers for 2 layers"):
            loss(F, P, weights=(1.0,))
        with pytest.raises(ValueError, match="targets has"):
            loss(F, [x[:1] for x in P])
    assert jax.tree.leaves(F)
