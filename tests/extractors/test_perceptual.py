"""Features of a method: what of the extractor its state keeps, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.extractors import maps
from jaxgan.extractors.perceptual import KEPT, Perceptual

LAYERS, SHAPE = ("conv_0", "conv_1"), (8, 8, 1)


def test_a_state_keeps_what_was_prepared_and_is_looked_at_with_it():
    features = Perceptual("domain", LAYERS)
    empty = features.extras({}, SHAPE)
    assert all(not x.any() for x in jax.tree.leaves(empty))
    given = jax.tree.map(lambda x: jnp.full(x.shape, 0.01, x.dtype), empty[KEPT])
    kept = features.extras({"image": jnp.zeros((2, 4, 4, 1)), KEPT: given}, SHAPE)
    assert set(kept) == {KEPT}
    x = jax.random.uniform(jax.random.key(0), (2, *SHAPE))
    found, expected = features.look(kept)(x), maps.apply("domain", LAYERS, given, x)
    assert set(found) == set(LAYERS)
    for layer in LAYERS:
        assert np.abs(found[layer]).max() > 0
        np.testing.assert_array_equal(found[layer], expected[layer])


def test_without_an_extractor_nothing_is_kept():
    assert not Perceptual()
    assert Perceptual().extras({}, SHAPE) == {}
    assert Perceptual("domain", LAYERS)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"layers": LAYERS}, "need features.extractor"),
        ({"weights": "FILE"}, "need features.extractor"),
        ({"extractor": "domain"}, "need layers"),
        ({"extractor": "domain", "layers": LAYERS, "weight": 0.0}, "weight above 0"),
        ({"extractor": "inception", "layers": ("conv",)}, "features.weights is the file"),
        ({"extractor": "domain", "layers": LAYERS, "weights": "FILE"}, "weights is the file"),
        ({"extractor": "domain", "layers": ("conv_9",)}, "no layer 'conv_9'; they are conv_0"),
        ({"extractor": "vgg", "layers": LAYERS}, "extractor must be one of domain"),
    ],
)
def test_what_no_run_can_have_is_refused(fields, told):
    with pytest.raises(ValueError, match=told):
        Perceptual(**fields).extras({}, SHAPE)
