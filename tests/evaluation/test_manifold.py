import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from jaxgan.evaluation.metrics import manifold
from jaxgan.evaluation.metrics.diversity import mean_pairwise_distance
from jaxgan.evaluation.metrics.manifold import Prdc, prdc
from jaxgan.evaluation.metrics.neighbours import nearest


def brute_force(real, fake, k):
    """All distances at once, in float64; the neighbours by sorting."""

    def distances(a, b):
        return np.sqrt(((a[:, None] - b[None]) ** 2).sum(axis=-1))

    def radii(x):
        d = distances(x, x)
        np.fill_diagonal(d, np.inf)
        return np.sort(d, axis=1)[:, k - 1]

    d = distances(real, fake)
    in_real = d <= radii(real)[:, None]
    in_fake = d <= radii(fake)[None, :]
    return Prdc(
        in_real.any(axis=0).mean(),
        in_fake.any(axis=1).mean(),
        in_real.sum(axis=0).mean() / k,
        in_real.any(axis=1).mean(),
    )


@pytest.mark.parametrize(
    ("n", "m", "k", "chunk"),
    [(90, 70, 5, 32), (64, 128, 1, 64), (40, 41, 3, 2048), (30, 33, 7, 4), (6, 6, 5, 8)],
)
def test_against_brute_force(n, m, k, chunk):
    rng = np.random.default_rng(n)
    real, fake = rng.normal(size=(n, 6)), rng.normal(size=(m, 6)) * 0.8 + 0.3
    found, expected = prdc(real, fake, k=k, chunk=chunk), brute_force(real, fake, k)
    for name in ("precision", "recall", "density", "coverage"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), abs=1e-12), name


def test_against_torch_with_features_far_from_the_origin():
    """Centring: float32 products of values of 1e4 have errors of the size of the distances."""
    rng = np.random.default_rng(1)
    real, fake = (torch.tensor(rng.normal(size=(300, 16)) + 1e4) for _ in range(2))
    radii = torch.cdist(real, real, compute_mode="donot_use_mm_for_euclid_dist")
    radius = radii.kthvalue(6, dim=1).values  # The first is the sample itself.
    inside = torch.cdist(real, fake, compute_mode="donot_use_mm_for_euclid_dist") <= radius[:, None]
    found = prdc(real.numpy(), fake.numpy(), chunk=128)
    assert found.precision == pytest.approx(inside.any(dim=0).double().mean().item(), abs=1 / 300)
    assert found.density == pytest.approx(inside.sum().item() / 1500, abs=3 / 1500)
    assert found.coverage == pytest.approx(inside.any(dim=1).double().mean().item(), abs=1 / 300)


def test_precision_and_recall_change_places_with_the_sets():
    rng = np.random.default_rng(2)
    real, fake = rng.normal(size=(2, 100, 4))
    one, other = prdc(real, fake, chunk=64), prdc(fake, real, chunk=64)
    assert one.precision == pytest.approx(other.recall, abs=0.011)
    assert one.recall == pytest.approx(other.precision, abs=0.011)


def test_a_duplicate_is_a_neighbour_and_the_sample_itself_is_not():
    """Each point twice: the first neighbour is the twin at 0, the second lies 1 away."""
    real = np.repeat(np.arange(0.0, 10.0)[:, None], 2, axis=0)
    fake = np.arange(0.0, 10.0)[:, None] + 0.4
    assert prdc(real, fake, k=1).precision == 0
    assert prdc(real, fake, k=2).precision == 1


def test_collapse_keeps_precision_and_loses_coverage():
    rng = np.random.default_rng(3)
    real = rng.normal(size=(400, 3))
    found = prdc(real, real[:1] + 1e-3 * rng.normal(size=(400, 3)))
    assert found.precision == 1
    assert found.recall < 0.05
    assert found.coverage < 0.1
    apart = prdc(real, real + 100.0)
    assert apart == Prdc(0.0, 0.0, 0.0, 0.0)


def test_nothing_infinite_is_met_on_the_way():
    x = np.random.default_rng(4).normal(size=(50, 3))
    expected = prdc(x[:20], x[20:], chunk=16), mean_pairwise_distance(x, chunk=16)
    with jax.debug_infs(True), jax.debug_nans(True):
        assert prdc(x[:20], x[20:], chunk=16) == expected[0]
        assert mean_pairwise_distance(x, chunk=16) == expected[1]
        distances, found = nearest(x[:20], x, chunk=16)
    assert not distances.any()
    np.testing.assert_array_equal(found, np.arange(20))


def test_one_compilation_whatever_the_sizes():
    x = np.random.default_rng(4).normal(size=(100, 3))
    manifold._nearest_k.clear_cache()
    manifold._cross.clear_cache()
    for n, m in ((100, 90), (33, 64), (50, 77)):
        prdc(jnp.asarray(x[:n]), x[:m], chunk=32)
    assert manifold._nearest_k._cache_size() == 1
    assert manifold._cross._cache_size() == 1


@pytest.mark.parametrize("dim", [64, 2048])
def test_no_program_holds_more_than_a_few_tiles(dim):
    """What the compiler reserves, at the sizes of 50,000 x 50,000: the rest is the features."""
    block = manifold.Block(jnp.zeros((manifold.CHUNK, dim)), jnp.zeros(manifold.CHUNK))
    radii, flags = block.norms, (jnp.zeros(manifold.CHUNK, bool),) * 2
    programs = [
        manifold._nearest_k.lower(block, block, jnp.zeros((manifold.CHUNK, 5)), False, k=5),
        manifold._cross.lower(block, block, radii, radii, flags),
    ]
    for program in programs:
        memory = program.compile().memory_analysis()
        assert memory.temp_size_in_bytes + memory.output_size_in_bytes < 2**27


@pytest.mark.slow
def test_golden_of_gaussians():
    """Two draws from N(0, I) in 1,000 dimensions, 10,000 each, k = 5."""
    rng = np.random.default_rng(0)
    found = prdc(*rng.standard_normal((2, 10_000, 1000), dtype=np.float32), k=5)
    assert found.precision == pytest.approx(0.477, abs=0.03)
    assert found.recall == pytest.approx(0.470, abs=0.03)
    assert found.density == pytest.approx(1.056, abs=0.03)
    assert found.coverage == pytest.approx(0.974, abs=0.01)


def test_bad_input_is_named():
    x = np.random.default_rng(5).normal(size=(8, 3))
    with pytest.raises(ValueError, match=r"real must be .* at least 9"):
        prdc(x, x, k=8)
    with pytest.raises(ValueError, match="fake has features that are not finite"):
        prdc(x, x * np.inf)
    with pytest.raises(ValueError, match="one dimension, got 3 and 2"):
        prdc(x, x[:, :2])
    with pytest.raises(ValueError, match="k must be"):
        prdc(x, x, k=0)
    with pytest.raises(ValueError, match="chunk"):
        prdc(x, x, chunk=0)
