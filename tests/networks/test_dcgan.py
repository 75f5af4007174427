import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.networks import dcgan


def make(module, *inputs):
    @jax.jit
    def run():
        variables = module.init(jax.random.key(0), *inputs, train=False)
        return variables, module.apply(variables, *inputs, train=False)

    return run()


@pytest.mark.parametrize(
    ("side", "channels"), [(8, 1), (9, 2), (15, 3), (28, 1), (30, 4), (32, 3), (64, 3), (128, 3)]
)
def test_any_square_size_and_any_channels(side, channels):
    shape = (side, side, channels)
    generator = dcgan.Generator(shape, width=4, max_width=8)
    discriminator = dcgan.Discriminator(width=4, max_width=8)
    images = jax.eval_shape(lambda z: make(generator, z)[1], jnp.zeros((3, 5)))
    assert images.shape == (3, *shape)
    critique = jax.eval_shape(lambda x: make(discriminator, x)[1], jnp.zeros((3, *shape)))
    assert critique.logits.shape == (3,)


@pytest.mark.parametrize("shape", [(7, 7, 1), (129, 129, 3), (256, 256, 3), (16, 32, 3), (2,)])
def test_a_size_it_cannot_make_is_refused(shape):
    with pytest.raises(ValueError, match=r"8 to 128 pixels, not \["):
        make(dcgan.Generator(shape), jnp.zeros((1, 5)))
    with pytest.raises(ValueError, match=r"8 to 128 pixels, not \["):
        make(dcgan.Discriminator(), jnp.zeros((1, *shape)))


def test_the_guidelines_of_the_paper():
    variables, images = make(dcgan.Generator((32, 32, 3), width=8), jnp.ones((2, 5)))
    layers = variables["params"]
    ups = sorted(k for k in layers if k.startswith("ConvTranspose"))
    norms = [k for k in layers if k.startswith("BatchNorm")]
    assert len(norms) == len(ups), "batch norm after the projection and every map but the output"
    assert "bias" in layers[ups[-1]]
    assert all("bias" not in layers[k] for k in ups[:-1]), "batch norm has the bias"
    assert layers[ups[0]]["kernel"].std() == pytest.approx(0.02, rel=0.1)
    assert layers[norms[0]]["scale"].mean() == pytest.approx(1, abs=0.05)
    assert np.abs(images).max() <= 1

    variables, _ = make(dcgan.Discriminator(width=8), jnp.ones((2, 32, 32, 3)))
    layers = variables["params"]
    convolutions = [k for k in layers if k.startswith("Conv")]
    norms = [k for k in layers if k.startswith("BatchNorm")]
    assert len(norms) == len(convolutions) - 1, "no batch norm at the input"
    assert "bias" in layers["Conv_0"]
    variables, _ = make(
        dcgan.Discriminator(width=8, normalization="none"), jnp.ones((2, 32, 32, 3))
    )
    assert "batch_stats" not in variables


def test_the_two_convolutions_agree():
    for module, x in (
        (dcgan.Generator, jax.random.normal(jax.random.key(1), (2, 5))),
        (dcgan.Discriminator, jax.random.normal(jax.random.key(1), (2, 15, 15, 1))),
    ):
        fields = {"shape": (15, 15, 1)} if module is dcgan.Generator else {}
        variables, canonical = make(module(width=4, **fields), x)
        stock = module(width=4, convolution="stock", **fields)
        other = stock.apply(variables, x, train=False)
        for a, b in zip(jax.tree.leaves(other), jax.tree.leaves(canonical), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_bfloat16_computes_with_float32_parameters_and_logits():
    module = dcgan.Discriminator(width=4, dtype="bfloat16")
    variables, critique = make(module, jnp.ones((2, 16, 16, 1)))
    assert all(x.dtype == jnp.float32 for x in jax.tree.leaves(critique))
    assert all(x.dtype == jnp.float32 for x in jax.tree.leaves(variables))
    _, images = make(dcgan.Generator((16, 16, 1), width=4, dtype="bfloat16"), jnp.ones((2, 5)))
    assert images.dtype == jnp.float32
