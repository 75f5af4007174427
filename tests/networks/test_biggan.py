"""BigGAN's networks, the deep ones and mimicry's: published sizes, shapes, what is refused."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.networks import biggan, biggan_deep, mimicry
from tests.conftest import quickly

BIG = {"shared": 128, "hierarchical": True, "attention": 64, "num_classes": 1000}
# Hugging Face's config for 128 pixels.
ROWS = "016,16 116,16 016,16 116,8 08,8 18,4 04,4 14,2 02,2 12,1"
ROWS = tuple((int(r[0]), *map(int, r[1:].split(","))) for r in ROWS.split())
THEIRS = {"rows": ROWS, "attention_row": 8, "spare": 125, "num_classes": 1000}


def count(module, x):
    labels = [jnp.zeros(2, jnp.int32)] if module.num_classes else []
    made = jax.eval_shape(lambda k: module.init(k, x, *labels, train=False), jax.random.key(0))
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(made["params"]))


@pytest.mark.parametrize(
    ("family", "side", "width", "z", "fields", "expected"),
    quickly(
        [
            (biggan, 32, 64, 128, {"num_classes": 10}, 4_304_387),
            (biggan, 32, 64, 128, {"num_classes": 100}, 4_580_867),
            (biggan, 64, 64, 120, BIG, 31_908_100),
            (biggan, 128, 64, 120, BIG, 31_978_628),
            (biggan, 128, 96, 120, BIG, 70_433_988),
            (biggan, 256, 96, 140, BIG, 82_235_844),
            (biggan, 128, 64, 128, {"num_classes": 1000}, 41_996_931),
            (biggan, 128, 64, 128, {"num_classes": 1000, "attention": 64}, 42_017_412),
            (biggan_deep, 128, 128, 128, {"num_classes": 1000, "attention": 64}, 50_244_484),
            (biggan_deep, 128, 128, 128, THEIRS, 50_388_609),
            (mimicry, 32, 256, 128, {}, 4_276_739),
            (mimicry, 32, 256, 128, {"num_classes": 10}, 4_304_387),
            (
                mimicry,
                32,
                256,
                128,
                {"num_classes": 10, "attention": 16, "weight": "spectral"},
                4_386_308,
            ),
            (mimicry, 48, 512, 128, {}, 4_878_083),
            (mimicry, 64, 1024, 128, {}, 12_220_675),
            (mimicry, 128, 1024, 128, {}, 32_150_787),
            (mimicry, 128, 1024, 128, {"num_classes": 1000}, 41_996_931),
            (mimicry, 128, 1024, 128, {"num_classes": 1000, "attention": 32}, 42_078_852),
        ],
        *(2, 8, 17),
    ),
)
def test_generators_have_the_published_numbers_of_parameters(
    family, side, width, z, fields, expected
):
    module = family.Generator(shape=(side, side, 3), width=width, **fields)
    assert count(module, jnp.zeros((2, z))) == expected


@pytest.mark.parametrize(
    ("family", "side", "width", "fields", "expected"),
    quickly(
        [
            (biggan, 32, 64, {"num_classes": 10}, 4_207_361),
            (biggan, 32, 64, {"num_classes": 100}, 4_230_401),
            (biggan, 64, 64, {"num_classes": 1000}, 20_566_721),
            (biggan, 128, 64, {"num_classes": 1000, "attention": 64}, 39_448_258),
            (biggan, 128, 96, {"num_classes": 1000, "attention": 64}, 87_982_370),
            (biggan, 256, 96, {"num_classes": 1000, "attention": 64}, 99_225_890),
            (biggan, 128, 64, {"num_classes": 1000, "wide": False}, 30_005_013),
            (biggan_deep, 128, 128, {"num_classes": 1000, "attention": 64}, 34_590_210),
            (mimicry, 32, 128, {}, 1_053_825),
            (mimicry, 32, 128, {"num_classes": 10}, 1_055_105),
            (mimicry, 32, 128, {"num_classes": 10, "attention": 8}, 1_075_586),
            (mimicry, 48, 1024, {}, 10_141_441),
            (mimicry, 64, 1024, {}, 10_141_441),
            (mimicry, 128, 1024, {}, 29_017_857),
            (mimicry, 128, 128, {"num_classes": 1000}, 582_497),
            (mimicry, 128, 128, {"num_classes": 1000, "attention": 32}, 582_818),
        ],
        *(0, 7, 15),
    ),
)
def test_discriminators_have_the_published_numbers_of_parameters(
    family, side, width, fields, expected
):
    module = family.Discriminator(width=width, **fields)
    assert count(module, jnp.zeros((2, side, side, 3))) == expected


@pytest.mark.parametrize("family", [biggan, biggan_deep, mimicry])
@pytest.mark.parametrize("side", [16, *(pytest.param(n, marks=pytest.mark.slow) for n in (8, 64))])
def test_images_of_other_sides_and_colours_with_labels_and_without(family, side):
    for classes in (None, 3):
        labels = [jnp.array([0, 2])] if classes else []
        G = family.Generator((side, side, 1), width=16, num_classes=classes)
        D = family.Discriminator(width=16, num_classes=classes, heads=(("h", 4),))

        def both(z, labels=labels, G=G, D=D):
            key = jax.random.key(0)
            x, _ = G.init_with_output(key, z, *labels, train=False)
            return x, D.init_with_output(key, x, *labels, train=False)[0]

        images, critique = jax.eval_shape(both, jnp.zeros((2, 6)))
        assert images.shape == (2, side, side, 1)
        assert critique.logits.shape == (2,)
        assert critique.heads["h"].shape == (2, 4)


def test_a_part_of_the_latent_is_for_each_block():
    """The last part changes the last block alone: maps before it stay."""
    G = biggan.Generator((16, 16, 1), width=2, hierarchical=True, shared=3, num_classes=2)
    z, labels = jax.random.normal(jax.random.key(1), (2, 6)), jnp.array([0, 1])
    variables = jax.jit(lambda k: G.init(k, z, labels, train=False))(jax.random.key(0))

    @jax.jit
    def maps(z):
        _, kept = G.apply(variables, z, labels, train=False, capture_intermediates=True)
        kept = kept["intermediates"]
        return kept["UpBlock_0"]["__call__"][0], kept["__call__"][0]

    inner, image = maps(z)
    same, other = maps(z.at[:, 4:].add(1.0))
    np.testing.assert_array_equal(inner, same)
    assert np.abs(image - other).max() > 1e-3
    assert np.abs(maps(z.at[:, 2:4].add(1.0))[0] - inner).max() > 1e-3


@pytest.mark.parametrize(
    ("made", "x", "told"),
    [
        (lambda: biggan.Generator((28, 28, 1)), (1, 6), r"power of two from 8 to 512, not \[28"),
        (lambda: biggan.Discriminator(), (1, 24, 24, 1), "power of two from 8 to 512"),
        (lambda: biggan_deep.Generator((16, 32, 1)), (1, 6), "biggan_deep makes square images"),
        (lambda: mimicry.Generator((28, 28, 1)), (1, 6), r"of 8, 16, 32, 48, 64, 128 pixels, not"),
        (
            lambda: biggan.Generator((16, 16, 1), hierarchical=True),
            (1, 7),
            "cuts the latent in 3 equal parts, and latent_dim is 7",
        ),
        (lambda: biggan.Generator((16, 16, 1), attention=4), (1, 6), "one of 8, 16, not 4"),
        (lambda: biggan.Generator((16, 16, 1), attention=(8, 9)), (1, 6), "one of 8, 16, not 9"),
        (
            lambda: biggan.Generator((16, 16, 1), initialization="glorot"),
            (1, 6),
            "initialization must be one of orthogonal, normal, not 'glorot'",
        ),
        (
            lambda: biggan_deep.Generator((8, 8, 1), rows=((1, 4, 2), (0, 4, 1))),
            (1, 6),
            "2 widths go out, and 4 come in",
        ),
        (
            lambda: biggan_deep.Generator((8, 8, 1), rows=((0, 4, 2),)),
            (1, 6),
            "must double 1 times to make 8 pixels of 4, and do 0 times",
        ),
        (lambda: biggan_deep.Generator((8, 8, 1), depth=0), (1, 6), "depth must be at least 1"),
    ],
)
def test_what_cannot_be_made_is_told(made, x, told):
    with pytest.raises(ValueError, match=told):
        jax.eval_shape(lambda k: made().init(k, jnp.zeros(x), train=False), jax.random.key(0))


def test_labels_of_a_hierarchy_need_a_vector():
    G = biggan.Generator((8, 8, 1), hierarchical=True, num_classes=2)
    with pytest.raises(ValueError, match=r"needs generator.shared where there are labels"):
        G.init(jax.random.key(0), jnp.zeros((1, 4)), jnp.zeros(1, jnp.int32), train=False)
