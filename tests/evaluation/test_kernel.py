import jax.numpy as jnp
import numpy as np
import pytest
import torch

from jaxgan.evaluation.metrics.kernel import kid


def brute_force(x, y):
    """Every pair by itself."""

    def k(a, b):
        return (float(a @ b) / len(a) + 1) ** 3

    n, m = len(x), len(y)
    within_x = sum(k(x[i], x[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    within_y = sum(k(y[i], y[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    return within_x + within_y - 2 * np.mean([k(a, b) for a in x for b in y])


def third_moment(mean, cov):
    """E[x x x] of N(mean, cov), [D, D, D]."""
    once = np.einsum("i,jk->ijk", mean, cov)
    cube = np.einsum("i,j,k->ijk", mean, mean, mean)
    return cube + once + once.transpose(1, 0, 2) + once.transpose(2, 1, 0)


def expected_kernel(m1, s1, m2, s2):
    """E[(x.y / D + 1)^3] for independent x ~ N(m1, s1) and y ~ N(m2, s2), by its moments."""
    d = len(m1)
    first = m1 @ m2 / d
    second = np.sum((np.outer(m1, m1) + s1) * (np.outer(m2, m2) + s2)) / d**2
    third = np.sum(third_moment(m1, s1) * third_moment(m2, s2)) / d**3
    return 1 + 3 * first + 3 * second + third


def gaussians(rng, dim=4):
    m1, m2 = rng.normal(size=(2, dim)) * 0.5
    roots = rng.normal(size=(2, dim, dim)) / np.sqrt(dim)
    s1, s2 = (r @ r.T for r in roots)
    expected = (
        expected_kernel(m1, s1, m1, s1)
        + expected_kernel(m2, s2, m2, s2)
        - 2 * expected_kernel(m1, s1, m2, s2)
    )

    def draw(n):
        return tuple(
            m + rng.normal(size=(n, dim)) @ r.T for m, r in zip((m1, m2), roots, strict=True)
        )

    return draw, expected


def test_one_block_of_all_against_brute_force():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(17, 5)), rng.normal(size=(23, 5)) + 0.4
    assert kid(x, y)[0] == pytest.approx(brute_force(x, y), rel=1e-10)
    assert kid(jnp.asarray(x), jnp.asarray(y))[0] == pytest.approx(brute_force(x, y), rel=1e-4)


def test_disjoint_blocks_of_everything_against_torch():
    """With blocks that use up both sets, the mean is that of the blocks whatever the order."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(100, 6)), rng.normal(size=(100, 6)) * 1.3
    order = np.random.default_rng(7)
    i, j = (torch.tensor(order.permutation(100).reshape(4, 25)) for _ in range(2))
    found = []
    for a, b in zip(torch.tensor(x)[i], torch.tensor(y)[j], strict=True):
        xx, yy, xy = ((u @ v.T / 6 + 1) ** 3 for u, v in ((a, a), (b, b), (a, b)))
        off = ~torch.eye(25, dtype=torch.bool)
        found.append((xx[off].mean() + yy[off].mean() - 2 * xy.mean()).item())
    mean, error = kid(x, y, block_size=25, seed=7)
    assert mean == pytest.approx(np.mean(found), rel=1e-10)
    assert error == pytest.approx(np.std(found, ddof=1) / 2, rel=1e-10)


def test_its_expectation_is_the_closed_form_of_gaussians():
    draw, expected = gaussians(np.random.default_rng(2))
    mean, error = kid(*draw(20_000), block_size=200)
    assert error < 0.1 * expected
    assert mean == pytest.approx(expected, abs=4 * error)
    overlapping, _ = kid(*draw(2_000), block_size=200, blocks=50)
    assert overlapping == pytest.approx(expected, abs=14 * error)


def test_it_is_unbiased_for_equal_distributions_of_few_samples():
    """A biased estimate would be 2 (E k(x, x) - E k(x, x')) / n, far above zero."""
    rng = np.random.default_rng(3)
    found = [kid(rng.normal(size=(8, 3)), rng.normal(size=(8, 3)))[0] for _ in range(2000)]
    assert abs(np.mean(found)) < 4 * np.std(found) / np.sqrt(len(found))
    assert min(found) < 0


def test_standard_errors_are_those_of_many_draws():
    draw, _ = gaussians(np.random.default_rng(4))
    single = np.array([kid(*draw(300)) for _ in range(200)])
    assert np.sqrt(np.mean(single[:, 1] ** 2)) == pytest.approx(single[:, 0].std(), rel=0.25)
    blocked = np.array([kid(*draw(300), block_size=30) for _ in range(200)])
    assert np.sqrt(np.mean(blocked[:, 1] ** 2)) == pytest.approx(blocked[:, 0].std(), rel=0.25)


def test_the_seed_alone_decides():
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(2, 90, 3))
    assert kid(x, y, block_size=20) == kid(x, y, block_size=20)
    assert kid(x, y, block_size=20) != kid(x, y, block_size=20, seed=1)
    assert kid(x, y, block_size=20, blocks=9) != kid(x, y, block_size=20, blocks=9, seed=1)
    # The larger set does not grow the only block beyond its size.
    assert kid(x[:10], y, block_size=20)[1] > 0
    assert np.isfinite(kid(x[:2], y[:2])).all()
    assert np.isfinite(kid(x, y, block_size=20, blocks=1)).all()


def test_bad_input_is_named():
    x = np.ones((4, 3))
    bad = x * np.inf
    with pytest.raises(ValueError, match="y has features that are not finite"):
        kid(x, bad)
    with pytest.raises(ValueError, match="x must be"):
        kid(x[:1], x)
    with pytest.raises(ValueError, match="3 and 2"):
        kid(x, x[:, :2])
    with pytest.raises(ValueError, match="blocks"):
        kid(x, x, blocks=0)
    with pytest.raises(ValueError, match="block_size"):
        kid(x, x, block_size=1)
