"""Published tensors of BigGAN and its deep variant make the images and logits of their programs."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from jaxgan.networks import biggan as networks
from jaxgan.networks import biggan_deep as deep_networks
from jaxgan.weights import biggan, biggan_deep
from tests.weights import published
from tests.weights.comparing import apply, close, golden, nchw, nhwc, tensors

Y = np.array([0, 3, 4])


def draw(*shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def torched(x):
    return torch.tensor(x, dtype=torch.float64)


@pytest.mark.parametrize(
    ("widths", "fields", "expected"),
    [
        ((16, 16, 16, 16), {}, {"width": 4, "shared": 0}),
        (
            (32, 32, 16, 8, 4),
            {"shared": 6, "hierarchical": True, "attention": (16,)},
            {"width": 2, "shared": 6, "hierarchical": True, "attention": (16,)},
        ),
        (
            (16, 16, 16, 16),
            {"shared": 6, "attention": (8, 32)},
            {"width": 4, "shared": 6, "hierarchical": False, "attention": (8, 32)},
        ),
    ],
)
def test_generators(widths, fields, expected):
    P, z = published.Published(), draw(3, 10)
    want = published.biggan_generator(P, torched(z), Y, widths, **fields)
    found, variables = biggan.generator(P.tensors)
    assert {name: found[name] for name in expected} == expected
    assert biggan.latent_dim(found, variables) == 10
    close(nchw(apply(networks.Generator(**found), variables, z, Y)), want.numpy())


@pytest.mark.parametrize(
    ("side", "widths", "halvings", "fields", "expected"),
    [
        (32, (8, 8, 8, 8), 2, {}, {"width": 2, "wide": True, "attention": ()}),
        # Theirs pays attention behind each block of 32 pixels if behind one: their table says 16.
        (32, (8, 8, 8, 8), 2, {"attention": (0, 1, 2, 3)}, {"attention": (16, 8)}),
        (
            64,
            (8, 16, 32, 64, 128),
            4,
            {"wide": False, "attention": (1,)},
            {"width": 8, "wide": False, "attention": (16,)},
        ),
    ],
)
def test_discriminators(side, widths, halvings, fields, expected):
    P, x = published.Published(), draw(3, 3, side, side)
    want = published.biggan_discriminator(P, torched(x), Y, widths, halvings, **fields)
    found, variables = biggan.discriminator(P.tensors)
    assert {name: found[name] for name in expected} == expected
    close(apply(networks.Discriminator(**found), variables, nhwc(x), Y).logits, want.numpy())


@pytest.mark.slow
def test_deep_generators():
    for widths, attention in (((16, 16, 16, 16), ()), ((64, 64, 32, 16, 8), (32,))):
        P, z = published.Published(), draw(3, 4)
        want = published.deep_generator(P, torched(z), Y, widths, 6, attention)
        found, variables = biggan_deep.generator(P.tensors)
        assert (found["width"], found["depth"], found["shared"]) == (4, 2, 6)
        assert found["attention"] == attention
        assert biggan_deep.latent_dim(found, variables) == 4
        close(nchw(apply(deep_networks.Generator(**found), variables, z, Y)), want.numpy())


@pytest.mark.parametrize(
    ("side", "widths", "halvings", "attention", "sides"),
    [(32, (16, 16, 16, 16), 2, (), ()), (64, (8, 16, 32, 64, 128), 4, (0,), (32,))],
)
def test_deep_discriminators(side, widths, halvings, attention, sides):
    P, x = published.Published(), draw(3, 3, side, side)
    want = published.deep_discriminator(P, torched(x), Y, widths, halvings, attention)
    found, variables = biggan_deep.discriminator(P.tensors)
    assert (found["depth"], found["attention"]) == (2, sides)
    module = deep_networks.Discriminator(**found)
    close(apply(module, variables, nhwc(x), Y).logits, want.numpy())


def test_other_ways_to_keep_statistics():
    """Their own batch norm, with standing statistics, and the one across devices."""
    P, z = published.Published(), draw(3, 4)
    want = published.biggan_generator(P, torched(z), Y, (8, 8, 8, 8)).numpy()
    for kind in ("stored", "running"):
        other = {}
        for key, value in P.tensors.items():
            at, _, name = key.rpartition(".")
            if name not in ("stored_mean", "stored_var"):
                other[key] = value
                continue
            scale = 4 if kind == "stored" else 1
            other[f"{at}.bn.{name.replace('stored', kind)}"] = value * scale
            if kind == "stored":
                other[f"{at}.bn.accumulation_counter"] = np.array([4.0], np.float32)
        found, variables = biggan.generator(other)
        close(nchw(apply(networks.Generator(**found), variables, z, Y)), want)


def spoiled(tensors, key, how):
    if how == "missing":
        return {k: v for k, v in tensors.items() if k != key}
    return {**tensors, key: np.zeros((1, 2, 3), np.float32)}


@pytest.mark.parametrize(
    ("key", "how", "told"),
    [
        ("blocks.1.0.conv2.weight", "missing", "there is no 'blocks.1.0.conv2.weight'"),
        ("blocks.1.0.conv2.u0", "missing", "there is no 'blocks.1.0.conv2.sn_u'"),
        ("blocks.0.0.conv1.bias", "other", r"'blocks.0.0.conv1.bias' is \[1, 2, 3\], and \[8\]"),
        ("blocks.0.0.conv9.weight", "other", r"'blocks.0.0.conv9.weight' \[1, 2, 3\] is of no use"),
        ("linear.weight", "missing", "there is no 'linear.weight'"),
        ("linear.weight", "other", r"'linear.weight' is \[1, 2, 3\], and 2 axes are due here"),
    ],
)
def test_the_first_key_that_does_not_fit_is_told(key, how, told):
    P = published.Published()
    published.biggan_generator(P, torched(draw(3, 4)), Y, (8, 8, 8, 8))
    with pytest.raises(ValueError, match=told):
        biggan.generator(spoiled(P.tensors, key, how))


def test_a_network_of_another_depth_is_told():
    P = published.Published()
    published.deep_generator(P, torched(draw(3, 4)), Y, (16, 16, 16, 16), 6)
    cut = {k: v for k, v in P.tensors.items() if not k.startswith("blocks.5.")}
    with pytest.raises(ValueError, match="of no BigGAN-deep that is known"):
        biggan_deep.generator(cut)
    with pytest.raises(ValueError, match=r"there is no 'blocks.0.0.conv1.weight'"):
        biggan.generator({})


def test_golden_biggan():
    want = golden("biggan_small_cifar32")
    z, y, x = want["z"], want["y"], nhwc(want["d_in"])
    G = tensors("biggan_small_cifar32/G_ema.pth")
    fields, variables = biggan.generator(G)
    module = networks.Generator(**fields)
    close(nchw(apply(module, variables, z, y)), want["out/img_eval"])
    _, variables = biggan.generator(G, training=True)
    close(nchw(apply(module, variables, z, y, train=True)), want["out/img_train_first_call"])
    fields, variables = biggan.discriminator(tensors("biggan_small_cifar32/D.pth"))
    module = networks.Discriminator(**fields)
    made = nhwc(want["out/img_eval"])
    for images, name in ((x, "logits_eval"), (made, "logits_of_img_eval")):
        close(apply(module, variables, images, y).logits, want[f"out/{name}"][:, 0])


def test_golden_hugging_face():
    want = golden("hf_biggandeep_small32")
    file = tensors("hf_biggandeep_small32/pytorch_model.bin", whole=True)
    fields, variables = biggan_deep.hugging_face(file.networks[""], file.settings)
    module, y = deep_networks.Generator(**fields), want["y"].argmax(1)
    for truncation in (1.0, 0.5, 0.43):
        at = biggan_deep.at_truncation(variables, truncation)
        z = want["z_before_truncation"] * np.float32(truncation)
        found = nchw(apply(module, at, z, y))
        # At 1 the scores of its attention are 342, and float64 is 2.6e-4 from what float32 gave.
        close(found, want[f"out/img_trunc{truncation}"], 1e-3 if truncation == 1 else 1e-4)
        assert np.abs(found - want[f"out/img_trunc{truncation}"]).mean() < 1e-5


def test_statistics_of_a_truncation():
    """Of an entry themselves; between two the weights are exchanged, as their program has them."""
    entries = np.arange(11.0)[:, None] ** 2
    variables = {"truncated": {"norm": {"mean": entries}}, "params": {}}

    def at(truncation):
        return biggan_deep.at_truncation(variables, truncation)["batch_stats"]["norm"]["mean"]

    assert (at(1.0), at(0.5)) == (100, 25)
    np.testing.assert_allclose(at(0.43), 0.3 * 16 + 0.7 * 25, rtol=1e-5)
    # Of 51 entries, as their program finds them.
    entries = np.arange(51.0)[:, None] ** 2
    variables["truncated"]["norm"]["mean"] = entries
    traced = jax.jit(at)
    for truncation in (*(k / 50 for k in range(1, 51)), 0.437, 0.999):
        part, lower = math.modf(truncation / 0.02)
        want = entries[int(lower)]
        if part:
            want = want * part + entries[int(lower) + 1] * (1 - part)
        np.testing.assert_allclose(at(truncation), want, rtol=1e-4)
        np.testing.assert_allclose(traced(jnp.float32(truncation)), want, rtol=1e-4)
    for wrong in (0.0, 1.1, -1.0, float("nan")):
        with pytest.raises(ValueError, match="truncation must be above 0 and at most 1"):
            at(wrong)


def test_a_config_without_a_setting_is_told():
    with pytest.raises(ValueError, match=r"config.json has no 'output_dim'"):
        biggan_deep.hugging_face({}, {})
