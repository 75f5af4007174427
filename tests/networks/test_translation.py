"""Networks from image to image: published sizes, what a patch sees, dropout, sizes that fit."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.networks import patchgan, translator, unet
from tests.weights.comparing import apply

KEY = jax.random.key(0)


def count(module, *shape):
    made = jax.eval_shape(lambda k: module.init(k, jnp.zeros(shape), train=False), KEY)
    sizes = [
        sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(made.get(name, {})))
        for name in ("params", "batch_stats")
    ]
    return tuple(sizes)


@pytest.mark.parametrize(
    ("module", "channels", "expected"),
    [
        (translator.Generator((256, 256, 3)), 3, (11_378_179, 0)),
        (translator.Generator((256, 256, 3), residual_blocks=6), 3, (7_837_699, 0)),
        (translator.Generator((256, 256, 3), normalization="batch"), 3, (11_383_427, 10_496)),
        # Johnson's in PyTorch's examples, 1,679,235, without its norms' scales and shifts.
        (
            translator.Generator((256, 256, 3), width=32, residual_blocks=5, outer_kernel=9),
            3,
            (1_679_235 - 2 * (32 + 64 + 128 + 10 * 128 + 64 + 32), 0),
        ),
        (unet.Generator((256, 256, 3)), 3, (54_413_955, 9_856)),
        (unet.Generator((256, 256, 3), normalization="instance"), 3, (54_409_603, 0)),
        (unet.Generator((256, 256, 3), depth=7), 3, (41_828_995, 7_808)),
        (patchgan.Discriminator(normalization="instance"), 3, (2_764_737, 0)),
        (patchgan.Discriminator(), 6, (2_768_705, 1_792)),
        (patchgan.Discriminator(layers=0), 6, (9_024, 256)),
    ],
)
def test_has_the_published_number_of_parameters(module, channels, expected):
    """And of statistics, but for their counts of batches, one a norm."""
    assert count(module, 1, 256, 256, channels) == expected


@pytest.mark.parametrize(("layers", "field", "side"), [(1, 16, 126), (2, 34, 62), (3, 70, 30)])
def test_a_logit_sees_a_patch(layers, field, side):
    D = patchgan.Discriminator(width=1, layers=layers, normalization="none")
    x = jax.random.normal(KEY, (1, 256, 256, 1))

    @jax.jit
    def seen():
        variables = D.init(KEY, x, train=False)
        # All weights above zero: nothing cancels.
        variables = jax.tree.map(jnp.abs, variables)
        at = lambda x: D.apply(variables, x, train=False).logits[0, side // 2, side // 2, 0]  # noqa: E731
        return jax.grad(at)(x), D.apply(variables, x, train=False).logits

    gradient, logits = seen()
    assert logits.shape == (1, side, side, 1)
    for axis in (1, 2):
        places = np.flatnonzero(np.abs(gradient).max(axis=tuple({0, 1, 2, 3} - {axis})))
        assert places[-1] - places[0] + 1 == field == patchgan.receptive_field(layers)
    assert patchgan.receptive_field(4) == 142


@pytest.mark.parametrize(
    "module",
    [
        translator.Generator((8, 8, 2), width=2, residual_blocks=1, dropout=0.5),
        unet.Generator((64, 64, 2), width=1, depth=6, normalization="instance"),
    ],
)
def test_dropout_is_of_a_samples_own_key(module):
    side = module.shape[0]
    x = jnp.tile(jax.random.normal(KEY, (1, side, side, 3)), (3, 1, 1, 1))
    keys = jax.random.split(jax.random.key(1), 3)
    variables = jax.jit(lambda: module.init(KEY, x, train=False))()
    run = jax.jit(lambda x, keys: module.apply(variables, x, keys, train=True))
    made = run(x, keys)
    assert made.shape == (3, side, side, 2)
    assert jnp.abs(made[0] - made[1]).max() > 1e-3
    np.testing.assert_allclose(run(x, keys[::-1])[0], made[2], rtol=1e-4, atol=1e-5)
    plain = apply(module, variables, x)
    np.testing.assert_allclose(plain[0], plain[1], atol=1e-6)


@pytest.mark.parametrize("kind", [translator.Generator, unet.Generator])
def test_nearest_pixels_leave_no_checkerboard(kind):
    """Of a plain image, far from its border: a transposed convolution has a pattern of its own."""
    own = {"residual_blocks": 1} if kind is translator.Generator else {"depth": 2}

    def spread(upsample):
        module = kind((64, 64, 2), width=4, normalization="none", upsample=upsample, **own)
        x = jnp.ones((1, 64, 64, 3))
        variables = jax.jit(lambda: module.init(KEY, x, train=False))()
        # Weights from N(0, 0.02) would leave nothing of it.
        variables = jax.tree.map(lambda leaf: 5 * leaf, variables)
        made = apply(module, variables, x)
        assert made.shape == (1, 64, 64, 2)
        return np.ptp(made[0, 28:36, 28:36], axis=(0, 1)).max() / np.abs(made).max()

    assert spread("nearest") < 1e-5
    assert spread("transposed") > 1e-2


def test_a_residual_translator_begins_as_its_input_and_keeps_plain_grounds():
    def built(residual):
        module = translator.Generator((16, 16, 3), 4, residual_blocks=1, residual=residual)
        return module, jax.jit(lambda: module.init(KEY, x, train=False))()

    x = jax.random.uniform(KEY, (2, 16, 16, 3), minval=-1.0, maxval=1.0).at[1].set(1.0)
    module, variables = built(residual=True)
    np.testing.assert_allclose(apply(module, variables, x), 0.97 * x, atol=1e-6)

    # Of grain before the tanh white keeps a tenth of what grey does.
    grain = 0.3 * jax.random.normal(KEY, variables["params"]["last"]["kernel"].shape)
    variables["params"]["last"]["kernel"] = grain / 10
    moved = apply(module, variables, x) - 0.97 * x
    inner, white = moved[0][jnp.abs(x[0]) < 0.3], moved[1]
    assert 0 < jnp.abs(white).mean() < 0.2 * jnp.abs(inner).mean()
    module, plain = built(residual=False)
    assert jax.tree.map(jnp.shape, plain) == jax.tree.map(jnp.shape, variables)
    assert jnp.abs(apply(module, plain, x) - x).mean() > 0.3


@pytest.mark.parametrize(
    ("module", "shape", "told"),
    [
        (translator.Generator((8, 8, 1), residual=True), (1, 8, 8, 3), "of 1 channels, not 3"),
        (translator.Generator((30, 30, 3)), (1, 30, 30, 3), "sides are multiples of 4, not"),
        (translator.Generator((8, 8, 3), outer_kernel=4), (1, 8, 8, 3), "outer_kernel must be odd"),
        (unet.Generator((64, 64, 3)), (1, 64, 64, 3), "multiples of 256, not .* set the depth"),
        (translator.Generator((4, 4, 3)), (1, 4, 4, 3), "images of 1x1 have no 1 pixels to mirror"),
        (unet.Generator((8, 8, 3), depth=2, upsample=""), (1, 8, 8, 3), "upsample must be one of"),
        (patchgan.Discriminator(), (1, 8, 8, 3), "sees images of 16 pixels at least"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(module, shape, told):
    with pytest.raises(ValueError, match=told):
        count(module, *shape)
