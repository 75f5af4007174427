"""Every variable of a published network has the shape that it is due, or its file is refused."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import networks, weights
from jaxgan.base import errors
from jaxgan.weights import fits, players
from jaxgan.weights.fitting import Fitted
from tests.weights.comparing import golden_file

FIELDS = {"shape": (8, 8, 3), "width": 8, "max_width": 8}


@pytest.fixture(scope="module")
def progan():
    """A network as it begins, in NumPy."""
    G = networks.find_class("generator", "progan")(**FIELDS)
    D = networks.find_class("discriminator", "progan")(width=8, max_width=8)
    g = jax.eval_shape(lambda z: G.init(jax.random.key(0), z, train=False), jnp.zeros((1, 4)))
    image = jnp.zeros((1, 8, 8, 3))
    d = jax.eval_shape(lambda x: D.init(jax.random.key(0), x, train=False), image)
    g, d = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), (g, d))
    return Fitted("progan", 4, FIELDS, g, {"width": 8, "max_width": 8}, d)


def changed(fitted, player, path, value):
    """With another leaf at the path, or without it."""
    tree = jax.tree.map(lambda x: x, getattr(fitted, player))
    *above, last = path.split("/")
    node = tree
    for name in above:
        node = node.setdefault(name, {})
    if value is None:
        del node[last]
    else:
        node[last] = value
    return dataclasses.replace(fitted, **{player: tree})


@pytest.mark.parametrize(
    ("player", "path", "value", "told"),
    [
        (
            "g",
            "params/to_image_8/kernel",
            np.zeros((1, 1, 2, 3)),
            r"^'theirs' as params/to_image_8/kernel of the generator is \[1, 1, 2, 3\], "
            r"and \[1, 1, 1, 3\] is due here$",
        ),
        ("d", "params/logits/bias", np.zeros(2), r"bias of the discriminator is \[2\], and \[1\]"),
        ("d", "params/logits/bias", None, r"nothing for params/logits/bias \[1\] of the discrim"),
        ("g", "params/conv_16_up/bias", np.zeros(2), r"conv_16_up/bias .* \[2\] is of no use"),
        ("g", "noise/conv_8", np.zeros(2), r"noise/conv_8 of the generator \[2\] is of no use"),
    ],
)
def test_a_variable_that_does_not_fit_is_named(progan, player, path, value, told):
    role = {"g": "generator", "d": "discriminator"}[player]
    players.check(progan, role, [])
    published = [] if value is None else [{"theirs": value}]
    with pytest.raises(ValueError, match=told):
        players.check(changed(progan, player, path, value), role, published)


def altered(path, network, key, change):
    """A file with a tensor changed."""
    file = weights.read(golden_file(path))
    tensors = dict(file.networks[network])
    tensors[key] = change(tensors[key])
    return dataclasses.replace(file, networks={**file.networks, network: tensors})


CASES = [
    ("stylegan2_small_cond32.pkl", "G_ema", "synthesis.b8.conv0.weight", lambda x: x[:-1]),
    ("stylegan2_small_cond32.pkl", "G_ema", "synthesis.b8.conv0.weight", lambda x: x[0]),
    ("stylegan2_small_cond32.pkl", "G_ema", "mapping.fc1.bias", lambda x: x[:-1]),
    ("stylegan2_small_cond32.pkl", "G_ema", "mapping.w_avg", lambda x: x[:-1]),
    ("stylegan2_small_cond32.pkl", "G_ema", "synthesis.b16.conv0.noise_const", lambda x: x[:-1]),
    ("stylegan2_small_cond32.pkl", "D", "b16.skip.weight", lambda x: x[:-1]),
    ("progan_official_small32.pkl", "Gs", "ToRGB_lod1/bias", lambda x: x[:-1]),
    ("progan_official_small32.pkl", "D", "8x8/Conv0/weight", lambda x: x[..., :-1]),
    (
        "progan_zoo_small32/model_s3_i100.pth",
        "netD",
        "scaleLayers.1.0.module.bias",
        lambda x: x[1:],
    ),
]


@pytest.mark.parametrize(("path", "network", "key", "change"), CASES)
def test_a_tensor_of_another_shape_is_named(path, network, key, change):
    file = altered(path, network, key, change)
    with pytest.raises(errors.UserError, match=r"due here$") as refused:
        fits.fit(file)
    assert "\n" not in str(refused.value)
    # The zoo's are multiplied by He's constant, and told by our name alone.
    assert key in str(refused.value) or "zoo" in path


def test_a_setting_that_is_missing_or_of_another_kind_is_one_line():
    file = weights.read(golden_file("stylegan2_small_cond32.pkl"))
    for change in ({"img_resolution": None}, {"w_dim": "wide"}, {"mapping_kwargs": 3}):
        kwargs = {**file.settings["G_ema"]["init_kwargs"], **change}
        settings = {**file.settings, "G_ema": {"init_kwargs": kwargs}}
        with pytest.raises(
            errors.UserError, match=r"^.*stylegan2_small.*\(stylegan2_ada_pytorch\): "
        ):
            fits.fit(dataclasses.replace(file, settings=settings))
