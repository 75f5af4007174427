"""What every family offers: labels three ways, heads, weights, normalizations, small images."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.networks import dcgan, mlp, resnet, sncnn
from jaxgan.nn import blocks

K, B, Z = 3, 6, 5
LABELS = jnp.arange(B, dtype=jnp.int32) % K
SMALL = {
    mlp: {"features": (4,)},
    dcgan: {"width": 4, "max_width": 8},
    sncnn: {"width": 4, "max_width": 8},
    resnet: {"width": 4},
}


def generator(family, shape=(8, 8, 1), **fields):
    return family.Generator(shape, **SMALL[family], num_classes=K, **fields)


def discriminator(family, **fields):
    return family.Discriminator(**SMALL[family], num_classes=K, **fields)


def made(module, *inputs, train=False):
    """Variables, and what the module gives, compiled once."""

    @jax.jit
    def run():
        variables = module.init(jax.random.key(0), *inputs, train=False)
        if not train:
            return variables, module.apply(variables, *inputs, train=False)
        return variables, module.apply(variables, *inputs, train=True, mutable=True)[0]

    return run()


@pytest.mark.parametrize("family", SMALL, ids=lambda m: m.__name__.rpartition(".")[2])
@pytest.mark.parametrize(
    ("side", "conditioning"),
    # How a label is told does not depend on the side; 28 is no power of two.
    [
        pytest.param(s, c, marks=() if s == 28 or (s, c) == (8, "embedding") else pytest.mark.slow)
        for s in (8, 28, 32)
        for c in blocks.CONDITIONINGS
    ],
)
def test_every_family_makes_and_judges_every_size(family, side, conditioning):
    shape = (side, side, 1)
    extra = {"batch_norm": True} if family is mlp else {}
    g = generator(family, shape, conditioning=conditioning, **extra)
    d = discriminator(family, conditioning=conditioning, heads=(("classes", K), ("code", 2)))

    def run(module, *inputs):
        variables = module.init(jax.random.key(0), *inputs, train=False)
        return variables, module.apply(variables, *inputs, train=True, mutable=True)[0]

    z, x = jnp.zeros((B, Z)), jnp.zeros((B, *shape))
    for inputs in ((z,), (z, LABELS)):
        assert jax.eval_shape(partial(run, g), *inputs)[1].shape == (B, *shape)
    for inputs in ((x,), (x, LABELS)):
        critique = jax.eval_shape(partial(run, d), *inputs)[1]
        assert critique.logits.shape == (B,)
        assert critique.features.ndim == 2
        assert {k: v.shape for k, v in critique.heads.items()} == {
            "classes": (B, K),
            "code": (B, 2),
        }
        assert {v.dtype for v in jax.tree.leaves(critique)} == {jnp.dtype("float32")}


@pytest.mark.parametrize("conditioning", blocks.CONDITIONINGS)
def test_the_label_matters_to_both_players(conditioning):
    z = jnp.ones((B, Z)) * jnp.linspace(-1, 1, B)[:, None]
    g = generator(mlp, conditioning=conditioning, batch_norm=True)
    variables = jax.jit(lambda k: g.init(k, z, LABELS, train=False))(jax.random.key(0))
    # Tables of conditional norms start at zero.
    variables = jax.tree.map(
        lambda v: v + 0.1 * jax.random.normal(jax.random.key(1), v.shape), variables
    )
    variables["batch_stats"] = jax.tree.map(jnp.abs, variables["batch_stats"])
    images = g.apply(variables, z, LABELS, train=False)
    other = g.apply(variables, z, (LABELS + 1) % K, train=False)
    assert np.abs(images - other).max(axis=(1, 2, 3)).min() > 1e-4
    d = discriminator(mlp, conditioning=conditioning)
    variables, critique = made(d, images, LABELS)
    other = d.apply(variables, images, (LABELS + 1) % K, train=False)
    assert np.abs(critique.logits - other.logits).min() > 1e-5
    unconditional, _ = made(d, images)
    assert set(unconditional["params"]) <= set(variables["params"])


def test_one_hot_beside_the_latent_and_as_a_map_of_the_image():
    z = jnp.arange(2.0 * Z).reshape(2, Z)
    labels = jnp.array([2, 0], jnp.int32)
    found = blocks.condition_latents(z, labels, K, "concat")
    np.testing.assert_array_equal(found, np.c_[z, [[0, 0, 1], [1, 0, 0]]])
    x = jnp.ones((2, 8, 8, 1))
    d = discriminator(dcgan, normalization="none")
    variables, _ = made(d, x, labels)
    layer = variables["params"]["label_image"]
    assert layer["kernel"].shape == (K, 64)
    assert variables["params"]["Conv_0"]["kernel"].shape[2] == 2, "the image and the map"


@pytest.mark.slow
def test_packs_of_images_have_a_map_for_each_label():
    x, labels = jnp.ones((2, 8, 8, 3)), jnp.array([[2, 0, 1], [0, 0, 2]], jnp.int32)
    d = discriminator(dcgan, normalization="none")
    variables, _ = made(d, x, labels)
    assert variables["params"]["label_image"]["kernel"].shape == (3 * K, 3 * 64)
    assert variables["params"]["Conv_0"]["kernel"].shape[2] == 6, "three images and three maps"
    for conditioning in blocks.CONDITIONINGS:
        d = discriminator(dcgan, normalization="none", conditioning=conditioning)
        variables, critique = made(d, x, labels)
        wrong = d.apply(variables, x, labels.at[1, 1].set(K), train=False)
        assert wrong.logits[0] == critique.logits[0]
        assert np.isnan(wrong.logits[1]), "and not the first class of the next place"


def test_the_labels_vector_times_the_latent():
    z = jax.random.normal(jax.random.key(0), (2, Z))
    labels = jnp.array([2, 0], jnp.int32)
    g = generator(mlp, conditioning="embedding")
    variables, images = made(g, z, labels)
    rows = variables["params"]["label_embedding"]["embedding"][labels]
    h = jax.nn.relu(nn_dense(variables, "Dense_0", z * rows))
    expected = jnp.tanh(nn_dense(variables, "Dense_1", h)).reshape(images.shape)
    np.testing.assert_allclose(images, expected, rtol=1e-4, atol=1e-6)


def nn_dense(variables, name, x):
    layer = variables["params"][name]
    return x @ layer["kernel"] + layer["bias"]


def test_the_projection_is_an_inner_product_with_the_features():
    x = jax.random.normal(jax.random.key(0), (2, 7))
    labels = jnp.array([2, 0], jnp.int32)
    variables, critique = made(discriminator(mlp, conditioning="projection"), x, labels)
    head = variables["params"]["logits"]
    linear = critique.features @ head["linear"]["kernel"][:, 0] + head["linear"]["bias"]
    rows = head["embedding"]["embedding"][labels]
    np.testing.assert_allclose(
        critique.logits, linear + (rows * critique.features).sum(-1), rtol=1e-4, atol=1e-6
    )


def test_a_label_outside_is_not_a_number():
    z = jnp.ones((2, Z))
    for conditioning in ("concat", "embedding"):
        _, images = made(generator(mlp, conditioning=conditioning), z, jnp.array([0, K], jnp.int32))
        assert np.isfinite(images[0]).all()
        assert np.isnan(images[1]).all()


@pytest.mark.parametrize("name", ["instance", "layer", "virtual", "none"])
def test_normalizations_that_keep_samples_apart(name):
    z = jax.random.normal(jax.random.key(0), (4, Z))
    g = dcgan.Generator((8, 8, 1), **SMALL[dcgan], normalization=name, reference=5)
    variables = jax.jit(lambda k: g.init(k, z, train=False))(jax.random.key(0))
    assert "batch_stats" not in variables
    whole = g.apply(variables, z, train=True, mutable=list(set(variables) - {"params"}))[0]
    alone = g.apply(variables, z[:1], train=True, mutable=list(set(variables) - {"params"}))[0]
    np.testing.assert_allclose(whole[:1], alone, rtol=1e-4, atol=1e-5)
    assert ("reference" in variables) == (name == "virtual")


def test_virtual_batch_norm_refers_to_its_reference():
    z = jax.random.normal(jax.random.key(0), (4, Z))
    g = dcgan.Generator((8, 8, 1), **SMALL[dcgan], normalization="virtual", reference=5)
    variables = jax.jit(lambda k: g.init(k, z, train=False))(jax.random.key(0))
    assert variables["reference"]["z"].shape == (5, Z)
    other = {**variables, "reference": {"z": 3 + variables["reference"]["z"]}}
    a, b = g.apply(variables, z, train=False), g.apply(other, z, train=False)
    assert a.shape == (4, 8, 8, 1)
    assert np.abs(a - b).max() > 1e-3


def test_minibatch_layers_couple_samples_and_the_features_do_not():
    x = jax.random.normal(jax.random.key(0), (4, 8, 8, 1))
    changed = x.at[1:].multiply(2)
    for fields in ({"minibatch_stddev": 4}, {"minibatch_discrimination": 3}, {}):
        d = discriminator(dcgan, normalization="none", **fields)
        variables, critique = made(d, x)
        other = jax.jit(partial(d.apply, train=False))(variables, changed)
        coupled = abs(critique.logits[0] - other.logits[0]) > 1e-7
        assert coupled == bool(fields), fields


def test_spectral_norm_divides_every_kernel():
    for family in (dcgan, sncnn, resnet):
        d = discriminator(family, weight="spectral")
        variables = jax.eval_shape(
            lambda d=d: d.init(jax.random.key(0), jnp.ones((2, 8, 8, 1)), train=False)
        )
        kernels = [p for p, _ in flat(variables["params"]) if p.endswith("kernel']")]
        sigmas = [p for p, _ in flat(variables["spectral"]) if p.endswith("sigma']")]
        assert len(kernels) == len(sigmas) > 2


def flat(tree):
    return [(jax.tree_util.keystr(p), x) for p, x in jax.tree_util.tree_leaves_with_path(tree)]


def kernels(module, x):
    variables = jax.eval_shape(lambda: module.init(jax.random.key(0), x, train=False))
    found = [(p, v.shape) for p, v in flat(variables["params"]) if p.endswith("kernel']")]
    return [shape for p, shape in found], variables


def test_table_3_of_miyato():
    """The standard CNN on 32x32."""
    found, _ = kernels(sncnn.Generator((32, 32, 3)), jnp.zeros((1, 128)))
    assert sorted(found) == sorted(
        [(128, 8192), (4, 4, 512, 256), (4, 4, 256, 128), (4, 4, 128, 64), (3, 3, 64, 3)]
    )
    found, _ = kernels(sncnn.Discriminator(), jnp.zeros((1, 32, 32, 3)))
    wide = [(3, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256), (256, 512)]
    expected = [(3 + i % 2, 3 + i % 2, a, b) for i, (a, b) in enumerate(wide)]
    assert sorted(found) == sorted([*expected, (4 * 4 * 512, 1)])


def test_table_4_of_miyato():
    """The ResNet on 32x32: three blocks of two convolutions from 4x4, and four of them in D."""
    found, variables = kernels(resnet.Generator((32, 32, 3)), jnp.zeros((1, 128)))
    assert (128, 4 * 4 * 256) in found
    assert found.count((3, 3, 256, 256)) == 6
    assert found.count((1, 1, 256, 256)) == 3
    assert (3, 3, 256, 3) in found
    assert len(found) == 11
    assert len([p for p, _ in flat(variables["batch_stats"]) if p.endswith("mean']")]) == 7
    found, _ = kernels(resnet.Discriminator(), jnp.zeros((1, 32, 32, 3)))
    assert sorted(found) == sorted(
        [(3, 3, 3, 128), *[(3, 3, 128, 128)] * 7, (1, 1, 3, 128), (1, 1, 128, 128), (128, 1)]
    )


@pytest.mark.parametrize("family", [sncnn, resnet], ids=["sncnn", "resnet"])
def test_self_attention_where_it_is_asked_for(family):
    for role, x, side in (
        (generator(family, attention=8), jnp.ones((2, Z)), 5),
        (discriminator(family, attention=4), jnp.ones((2, 8, 8, 1)), 5),
    ):
        _, variables = kernels(role, x)
        assert "SelfAttention_0" in variables["params"]
        with pytest.raises(
            ValueError, match=r"attention must be the side of a map, one of .*not 5"
        ):
            kernels(role.clone(attention=side), x)


@pytest.mark.parametrize(("family", "side"), [(sncnn, 7), (sncnn, 129), (resnet, 9), (resnet, 36)])
def test_a_size_that_a_family_cannot_make(family, side):
    with pytest.raises(ValueError, match=r"square images \[H, W, C\]"):
        kernels(generator(family, (side, side, 1)), jnp.ones((1, Z)))
    with pytest.raises(ValueError, match=r"square images \[H, W, C\]"):
        kernels(discriminator(family), jnp.ones((1, side, side, 1)))


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"normalization": "batchnorm"}, "normalization must be one of batch, instance"),
        ({"conditioning": "concatenate"}, "conditioning must be one of concat, embedding"),
        ({"weight": "sn"}, "weight must be one of plain, spectral, equalized, not 'sn'"),
        ({"conditioning": "projection", "normalization": "layer"}, "needs normalization 'batch'"),
    ],
)
def test_a_name_that_is_none(fields, told):
    with pytest.raises(ValueError, match=told):
        kernels_of_labels(generator(dcgan, **fields))


def kernels_of_labels(module):
    jax.eval_shape(lambda: module.init(jax.random.key(0), jnp.ones((B, Z)), LABELS, train=False))


def test_labels_need_their_number():
    module = mlp.Generator((2,), features=(4,))
    with pytest.raises(ValueError, match="without num_classes"):
        kernels_of_labels(module)
