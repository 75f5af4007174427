"""StyleGAN2's networks: the published numbers of parameters, the mean of w, truncation, mixing."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.networks import stylegan2
from jaxgan.nn import style
from tests.conftest import quickly

KEY = jax.random.key(0)
SMALL = {"width": 64, "max_width": 8, "features": 8, "mapping_layers": 2}
JUDGE = {"width": 64, "max_width": 8, "mapping_layers": 2, "minibatch_stddev": 2}


def count(module, *inputs):
    made = jax.eval_shape(lambda k: module.init(k, *inputs, train=False), KEY)
    return sum(x.size for x in jax.tree.leaves(made["params"]))


@pytest.mark.parametrize(
    ("side", "width", "layers", "classes", "architecture", "expected"),
    quickly(
        [
            (256, 32768, 8, None, "resnet", (30_034_338, 28_864_129)),
            (1024, 32768, 8, None, "resnet", (30_370_060, 29_012_513)),
            (256, 16384, 8, None, "resnet", (24_767_458, 24_001_089)),
            (32, 16384, 2, None, "resnet", (19_947_539, 21_507_073)),
            (32, 32768, 2, None, "orig", (19_947_539, 20_720_641)),
            (32, 32768, 2, 10, "orig", (20_215_315, 23_089_664)),
        ],
        *(2, 5),
    ),
)
def test_has_the_published_number_of_parameters(
    side, width, layers, classes, architecture, expected
):
    labels = None if classes is None else jnp.zeros((1,), jnp.int32)
    G = stylegan2.Generator(
        (side, side, 3), width=width, mapping_layers=layers, num_classes=classes
    )
    D = stylegan2.Discriminator(width=width, num_classes=classes, architecture=architecture)
    images = jnp.zeros((1, side, side, 3))
    assert (count(G, jnp.zeros((1, 512)), labels), count(D, images, labels)) == expected


def once(function):
    """What a function of nothing gives, compiled whole: op by op it takes ten times as long."""
    return jax.jit(function)()


@pytest.fixture(scope="module")
def made():
    G = stylegan2.Generator((16, 16, 3), num_classes=3, **SMALL)
    z, labels = jax.random.normal(KEY, (4, 6)), jnp.array([0, 1, 2, 0])
    variables = jax.jit(lambda k: G.init(k, z, labels, train=False))(jax.random.key(1))
    return G, variables, z, labels


def test_the_mean_of_w_moves_in_training_alone(made):
    G, variables, z, labels = made
    w = once(lambda: G.apply(variables, z, labels, train=False, method="map"))
    kept = ["w_avg", "noise"]
    _, new = once(lambda: G.apply(variables, z, labels, train=True, mutable=kept))
    np.testing.assert_allclose(new["w_avg"]["mean"], 0.005 * w.mean(axis=0), rtol=1e-5, atol=1e-7)
    jax.tree.map(np.testing.assert_array_equal, new["noise"], variables["noise"])


def test_truncation_moves_the_first_layers_towards_the_mean(made):
    G, variables, z, labels = made
    mean = jnp.arange(8.0)
    variables = {**variables, "w_avg": {"mean": mean}}
    w = once(lambda: G.apply(variables, z, labels, train=False, method="map"))
    styles = G.apply(variables, w, 0.25, 2, method="truncate")
    assert styles.shape == (4, 6, 8)
    np.testing.assert_allclose(styles[:, 1], mean + 0.25 * (w - mean), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(styles[:, 2], w, rtol=1e-6)
    all_of_them = G.apply(variables, w, 0.0, method="truncate")
    np.testing.assert_allclose(all_of_them, jnp.broadcast_to(mean, (4, 6, 8)), atol=1e-6)


def test_styles_are_the_second_latents_from_the_crossover_on(made):
    G, variables, z, labels = made
    other, first = z[::-1], jnp.array([1, 2, 5, 6])
    mixed = once(lambda: G.apply(variables, z, labels, None, other, first, method="styles"))

    @jax.jit
    def alone(x):
        w = G.apply(variables, x, labels, train=False, method="map")
        return G.apply(variables, w, 1.0, method="truncate")

    one, two = alone(z), alone(other)
    for i, place in enumerate(first):
        np.testing.assert_allclose(mixed[i, :place], one[i, :place], rtol=1e-6)
        np.testing.assert_allclose(mixed[i, place:], two[i, place:], rtol=1e-6)
    image = once(lambda: G.apply(variables, z, labels, "const", other, first, train=False))
    again = once(lambda: G.apply(variables, mixed, "const", method="synthesize"))
    np.testing.assert_allclose(image, again, rtol=1e-5, atol=2e-6)


def test_noise_is_a_samples_own_the_networks_own_or_none(made):
    G, variables, z, labels = made
    params = jax.tree.map(lambda x: jnp.ones_like(x) if x.ndim == 0 else x, variables["params"])
    variables = {**variables, "params": params}
    keys = jax.random.split(KEY, 4)
    drawn, const, none = (
        once(lambda noise=noise: G.apply(variables, z, labels, noise, train=False))
        for noise in (keys, "const", "none")
    )
    assert len({float(x.sum()) for x in (drawn, const, none)}) == 3
    part = once(lambda: G.apply(variables, z[2:], labels[2:], keys[2:], train=False))
    np.testing.assert_allclose(part, drawn[2:], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("architecture", ["resnet", "orig"])
def test_a_discriminator_depends_on_labels_and_on_its_group(architecture):
    D = stylegan2.Discriminator(num_classes=3, architecture=architecture, **JUDGE)
    x, labels = jax.random.normal(KEY, (4, 16, 16, 1)), jnp.array([0, 1, 2, 1])
    variables = jax.jit(lambda k: D.init(k, x, labels, train=False))(KEY)
    judge = jax.jit(lambda x, y: D.apply(variables, x, y, train=False).logits)
    logits = judge(x, labels)
    assert (judge(x, (labels + 1) % 3) != logits).all()
    other = judge(x.at[3].set(0), labels)
    np.testing.assert_array_equal(other[:2], logits[:2])  # of the other group
    assert other[2] != logits[2]
    with pytest.raises(ValueError, match="single samples"):
        D.apply(variables, x, labels[:, None], train=False)


@pytest.mark.parametrize("shape", [(4, 4, 3), (24, 24, 3), (16, 32, 3), (2,)])
def test_other_sides_are_refused(shape):
    with pytest.raises(ValueError, match="power of two"):
        stylegan2.Generator(shape, **SMALL).init(KEY, jnp.zeros((1, 4)), train=False)


def test_the_first_stylegan_has_as_many_parameters_as_its_paper_says():
    """26.2 million at 1024 x 1024 (Karras et al. 2019, arXiv:1812.04948, section 2)."""
    G = stylegan2.Generator((1024, 1024, 3), width=16384, styling="adain", architecture="orig")
    assert round(count(G, jnp.zeros((1, 512))) / 1e6, 1) == 26.2


def test_adain_gives_maps_the_mean_and_deviation_of_the_style():
    layer = style.AdaINConv(5, "up", 0.0, "float32")
    x, w = jax.random.normal(KEY, (2, 4, 4, 3)), jax.random.normal(jax.random.key(1), (2, 6))
    variables = layer.init(jax.random.key(2), x, w, "const", 0)
    variables["params"]["style"]["bias"] = jnp.arange(10.0)
    out = layer.apply(variables, x, w, "none", 0)
    kernel = variables["params"]["style"]["kernel"] / np.sqrt(6)
    scale, shift = np.split(np.asarray(w @ kernel + jnp.arange(10.0)), 2, axis=1)
    assert out.shape == (2, 8, 8, 5)
    np.testing.assert_allclose(out.mean((1, 2)), shift, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(out.std((1, 2)), np.abs(1 + scale), rtol=1e-3, atol=1e-3)


@pytest.mark.slow
def test_adain_of_the_constant_has_no_convolution():
    G = stylegan2.Generator((8, 8, 3), **SMALL, styling="adain", architecture="orig")
    variables = G.init(KEY, jnp.zeros((1, 6)), train=False)
    synthesis = variables["params"]["synthesis"]
    assert "conv" not in synthesis["conv_4_const"]
    assert np.std(synthesis["conv_8_up"]["conv"]["kernel"]) == pytest.approx(1, rel=0.1)
    assert np.std(synthesis["to_image_8"]["kernel"]) == pytest.approx(1, rel=0.5)
    images = [G.apply(variables, z, train=False) for z in jnp.eye(6)[:2, None]]
    assert np.abs(images[0] - images[1]).max() > 1e-3
