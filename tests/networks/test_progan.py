"""ProGAN's networks: the published numbers of parameters, stages, and the ends of a fade."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.networks import progan
from jaxgan.nn import conv, downsample_mean, upsample_nearest
from tests.conftest import quickly

KEY = jax.random.key(0)
SMALL = {"widths": (8, 6, 4)}
SHAPE = (16, 16, 3)
Z = jax.random.normal(jax.random.key(1), (4, 5))
X = jax.random.normal(jax.random.key(2), (4, *SHAPE))


def generator(**fields):
    return progan.Generator(SHAPE, **SMALL, **fields)


def discriminator(**fields):
    return progan.Discriminator(**SMALL, **fields)


@pytest.fixture(scope="module")
def variables():
    """Of both, with biases that are not zero."""

    def moved(tree):
        return jax.tree.map(lambda x: x + 0.1 * jnp.cos(jnp.arange(x.size)).reshape(x.shape), tree)

    G, D = generator(), discriminator()
    made = jax.jit(lambda: (G.init(KEY, Z, train=False), D.init(KEY, X, train=False)))()
    return moved(made)


def count(module, *inputs):
    made = jax.eval_shape(lambda k: module.init(k, *inputs, train=False), KEY)
    return sum(x.size for x in jax.tree.leaves(made["params"]))


@pytest.mark.parametrize(
    ("side", "channels", "width", "expected"),
    quickly(
        [
            (32, 3, 16384, (20_719_628, 20_726_785)),
            (128, 3, 16384, (22_933_394, 22_941_313)),
            (256, 3, 16384, (23_044_309, 23_052_353)),
            (512, 3, 16384, (23_072_120, 23_080_225)),
            (1024, 3, 16384, (23_079_115, 23_087_249)),
            (32, 1, 16384, (20_715_524, 20_722_689)),
            (32, 3, 8192, (17_769_228, 17_776_385)),
        ],
        *(4, 5),
    ),
)
def test_has_the_published_number_of_parameters(side, channels, width, expected):
    shape = (side, side, channels)
    G, D = progan.Generator(shape, width=width), progan.Discriminator(width=width)
    assert (count(G, jnp.zeros((1, 512))), count(D, jnp.zeros((1, *shape)))) == expected


@pytest.mark.parametrize(
    ("side", "expected"),
    quickly(
        [
            (32, 20_727_308),
            (128, 22_941_074),
            (256, 23_051_989),
            (512, 23_079_800),
            (1024, 23_086_795),
        ],
        1,
    ),
)
def test_the_zoos_generator_has_a_bias_a_pixel(side, expected):
    G = progan.Generator((side, side, 3), bias_per_pixel=True)
    assert count(G, jnp.zeros((1, 512))) == expected


@pytest.mark.parametrize("stage", [4, 8, 16])
def test_every_stage_allocates_all_of_them(stage):
    shapes = [
        jax.eval_shape(lambda m=m, x=x: m.init(KEY, x, train=False))
        for fields in ({"stage": stage}, {})
        for m, x in ((generator(**fields), Z), (discriminator(**fields), X))
    ]
    assert shapes[:2] == shapes[2:]


@pytest.mark.parametrize("stage", [8, 16])
def test_both_ends_of_a_fade_are_the_unfaded_networks(variables, stage):
    g, d = variables
    for alpha, end in ((0.0, stage // 2), (1.0, stage)):
        for module, params, x in ((generator, g, Z), (discriminator, d, X)):
            faded, unfaded = module(stage=stage), module(stage=end)
            more = (None,) if module is generator else ()
            found = jax.jit(
                lambda a, m=faded, p=params, x=x, o=more: m.apply(p, x, *o, a, train=True)
            )(jnp.float32(alpha))
            expected = jax.jit(lambda m=unfaded, p=params, x=x: m.apply(p, x, train=True))()
            for a, b in zip(*map(jax.tree.leaves, (found, expected)), strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6)


def test_a_generator_between_them_is_the_blend_and_a_discriminator_is_not(variables):
    g, d = variables
    paint = lambda **f: generator(**f).apply(g, Z, train=False)  # noqa: E731
    half = generator(stage=16, alpha=0.25).apply(g, Z, train=False)
    np.testing.assert_allclose(
        half, 0.75 * paint(stage=8) + 0.25 * paint(stage=16), rtol=1e-5, atol=1e-6
    )
    seen = [discriminator(stage=16, alpha=a).apply(d, X, train=False).logits for a in (0, 0.5, 1)]
    assert not np.allclose(seen[1], (seen[0] + seen[2]) / 2, atol=1e-5)


@pytest.mark.parametrize("stage", [4, 8])
def test_an_earlier_stage_makes_and_sees_repeated_pixels(variables, stage):
    g, d = variables
    image = generator(stage=stage).apply(g, Z, train=False)
    assert image.shape == (4, *SHAPE)
    coarse = downsample_mean(image, 16 // stage)
    np.testing.assert_allclose(upsample_nearest(coarse, 16 // stage), image, atol=1e-6)
    see = lambda x: discriminator(stage=stage).apply(d, x, train=False).logits  # noqa: E731
    again = upsample_nearest(downsample_mean(X, 16 // stage), 16 // stage)
    np.testing.assert_allclose(see(again), see(X), rtol=1e-5, atol=1e-6)


def test_stages_that_do_not_run_have_no_gradient(variables):
    g, _ = variables
    grads = jax.grad(lambda p: jnp.sum(generator(stage=8).apply(p, Z, train=True) ** 2))(g)
    moving = {name for name, x in grads["params"].items() if any(map(np.any, jax.tree.leaves(x)))}
    assert moving == {"dense", "bias", "conv_4_same", "conv_8_up", "conv_8_same", "to_image_8"}


def test_labels_stand_as_one_hot_beside_the_latents():
    G, labels = generator(num_classes=3), jnp.array([0, 2, 1, 2])
    variables = jax.jit(lambda k: G.init(k, Z, labels, train=False))(KEY)
    beside = jnp.concatenate([Z, jax.nn.one_hot(labels, 3)], axis=1)
    np.testing.assert_array_equal(
        G.apply(variables, Z, labels, train=False),
        generator().apply(variables, beside, train=False),
    )


@pytest.mark.parametrize("fused", [True, False])
def test_a_map_is_halved_before_the_rectifier_or_after(variables, fused):
    D, (_, d) = discriminator(fused=fused, minibatch_stddev=0), variables
    last = {**d["params"]["conv_4_same"]}
    last["kernel"] = last["kernel"][:, :, :8]  # without the deviation's channel
    params = {**d["params"], "conv_4_same": last}
    _, inside = D.apply({"params": params}, X, train=False, capture_intermediates=True)
    found = {k: v["__call__"][0] for k, v in inside["intermediates"].items() if k != "__call__"}
    rectify = lambda x: jnp.where(x > 0, x, 0.2 * x)  # noqa: E731
    h = found["conv_8_down"]
    h = rectify(downsample_mean(h)) if fused else downsample_mean(rectify(h))
    expected = conv(h, last["kernel"] * np.sqrt(2 / (9 * 8))) + last["bias"]
    np.testing.assert_allclose(found["conv_4_same"], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("shape", "fields", "told"),
    [
        ((24, 24, 3), {}, "square images .* power of two from 4 on, not .*24, 24, 3.*image_size"),
        ((16, 8, 3), {}, "square images"),
        ((2, 2, 1), {}, "square images"),
        ((16, 16, 3), {"stage": 12}, "one of 4, 8, 16, not 12"),
        ((16, 16, 3), {"stage": 32}, "one of 4, 8, 16, not 32"),
        ((16, 16, 3), {"widths": (8, 8)}, r"widths \[8, 8\] leaves no channel for maps of 16"),
        ((16, 16, 3), {"widths": (), "width": 8}, "width 8 leaves no channel for maps of 16"),
    ],
)
def test_what_does_not_fit_is_refused(shape, fields, told):
    for module, x in (
        (progan.Generator(shape, **{**SMALL, **fields}), Z),
        (progan.Discriminator(**{**SMALL, **fields}), jnp.zeros((1, *shape))),
    ):
        with pytest.raises(ValueError, match=told):
            module.init(KEY, x, train=False)
