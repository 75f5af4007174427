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


def test_images_are_resized_before_they_are_looked_at():
    """To the variables that a layer needs of the larger ones, and by NumPy's interpolation."""
    features = Perceptual("domain", ("conv_0",), size=16)
    kept = jax.tree.map(lambda x: jnp.full(x.shape, 0.01, x.dtype), features.extras({}, SHAPE))
    x = jax.random.uniform(jax.random.key(0), (1, *SHAPE))
    places, middles = (np.arange(16) + 0.5) / 2 - 0.5, np.arange(8)
    rows = np.stack([np.interp(places, middles, row) for row in np.asarray(x)[0, :, :, 0]])
    large = np.stack([np.interp(places, middles, column) for column in rows.T]).T
    expected = maps.apply("domain", ("conv_0",), kept[KEPT], large[None, :, :, None])["conv_0"]
    assert expected.shape[1:3] == (8, 8)  # of strides of 2
    np.testing.assert_allclose(features.look(kept)(x)["conv_0"], expected, rtol=1e-4, atol=1e-6)


def test_a_layer_may_need_larger_images_than_there_are():
    deep = {"extractor": "inception", "layers": ("mixed_8",), "weights": "FILE"}
    with pytest.raises(ValueError, match="too small for the layer 'mixed_8'"):
        Perceptual(**deep).extras({}, (64, 64, 3))
    kept = jax.eval_shape(lambda: Perceptual(**deep, size=128).extras({}, (64, 64, 3)))
    assert "mixed_8.tower.conv" in kept[KEPT]["params"]


def test_without_an_extractor_nothing_is_kept():
    assert not Perceptual()
    assert Perceptual().extras({}, SHAPE) == {}
    assert Perceptual("domain", LAYERS)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"layers": LAYERS}, "need an extractor"),
        ({"weights": "FILE"}, "need an extractor"),
        ({"size": 128}, "need an extractor"),
        ({"extractor": "domain"}, "need layers"),
        ({"extractor": "domain", "layers": LAYERS, "weight": 0.0}, "weight above 0"),
        ({"extractor": "domain", "layers": LAYERS, "size": -1}, "size must be at least 0"),
        ({"extractor": "inception", "layers": ("conv",)}, "features.weights is the file"),
        ({"extractor": "domain", "layers": LAYERS, "weights": "FILE"}, "weights is the file"),
        ({"extractor": "domain", "layers": ("conv_9",)}, "no layer 'conv_9'; they are conv_0"),
        ({"extractor": "vgg", "layers": LAYERS}, "extractor must be one of domain"),
    ],
)
def test_what_no_run_can_have_is_refused(fields, told):
    with pytest.raises(ValueError, match=told):
        Perceptual(**fields).extras({}, SHAPE)
