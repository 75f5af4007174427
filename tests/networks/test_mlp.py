import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.networks import mlp


def make(module, *inputs):
    @jax.jit
    def run():
        variables = module.init(jax.random.key(0), *inputs, train=False)
        return variables, module.apply(variables, *inputs, train=False)

    return run()


def test_they_take_images_and_points():
    for shape in [(8, 8, 1), (2,)]:
        _, samples = make(mlp.Generator(shape, features=(7,)), jnp.ones((3, 5)))
        assert samples.shape == (3, *shape)
        _, critique = make(mlp.Discriminator(features=(7, 4)), samples)
        assert critique.logits.shape == (3,)
        assert critique.features.shape == (3, 4)
        assert critique.heads == {}
    with pytest.raises(ValueError, match="tanh, linear, not 'sigmoid'"):
        make(mlp.Generator((2,), output="sigmoid"), jnp.ones((3, 5)))


def test_maxout_in_numpy():
    x = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    variables, critique = make(mlp.Discriminator(features=(5,), maxout=3), jnp.asarray(x))
    layer = variables["params"]["Dense_0"]
    pieces = (x @ layer["kernel"] + layer["bias"]).reshape(4, 5, 3)
    expected = np.stack([[max(unit) for unit in row] for row in pieces])
    np.testing.assert_allclose(critique.features, expected, rtol=1e-5)
    with pytest.raises(ValueError, match="maxout must be at least 1, not 0"):
        make(mlp.Discriminator(maxout=0), jnp.ones((2, 3)))


def test_batch_norm_is_on_all_but_the_first_layer():
    x = jnp.ones((4, 3))
    variables, _ = make(mlp.Discriminator(features=(5, 6, 7), batch_norm=True), x)
    assert sorted(variables["batch_stats"]) == ["BatchNorm_0", "BatchNorm_1"]
    layers = variables["params"]
    assert ["bias" in layers[f"Dense_{i}"] for i in range(3)] == [True, False, False]


def test_the_weights_of_pacgan():
    """N(0, 0.02) throughout; no bias but at the end of G, whose layers have batch norm."""
    module = mlp.Generator((2,), features=(400, 400), batch_norm=True, kernel_std=0.02)
    variables, _ = make(module, jnp.ones((2, 2)))
    layers = variables["params"]
    assert layers["Dense_1"]["kernel"].std() == pytest.approx(0.02, rel=0.02)
    assert ["bias" in layers[f"Dense_{i}"] for i in range(3)] == [False, False, True]


@pytest.mark.parametrize("weight", ["spectral", "equalized"])
def test_the_weights_can_be_chosen(weight):
    x = jnp.ones((2, 3))
    variables, _ = make(mlp.Discriminator(features=(5,), weight=weight), x)
    assert ("spectral" in variables) == (weight == "spectral")
    with pytest.raises(ValueError, match="weight must be one of plain, spectral, equalized"):
        make(mlp.Discriminator(weight="spectra"), x)
