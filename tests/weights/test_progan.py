"""ProGAN's published tensors in our networks, against what the published programs make of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import weights
from jaxgan.networks import progan as networks
from jaxgan.weights import progan
from tests.weights.test_reading import golden

OFFICIAL, ZOO = "progan_official_small32", "progan_zoo_small32"


def read(name):
    path = f"{ZOO}/model_s3_i100.pth" if name == ZOO else f"{OFFICIAL}.pkl"
    file = weights.read(golden(path))
    with np.load(golden(f"{name}.npz")) as stored:
        return file, dict(stored)


def near(found, expected):
    found = np.asarray(found).reshape(expected.shape)
    tolerance = 1e-4 * max(1, expected.std())
    gap = np.abs(found - expected).max()
    print(f"greatest difference {gap:.2e} of {tolerance:.2e}")
    assert gap < tolerance


def players(parts):
    (g_fields, g), (d_fields, d) = parts
    G, D = networks.Generator(**g_fields), networks.Discriminator(**d_fields)
    return (G, g), (D, d)


def official(file):
    of = {name: (file.networks[name], file.settings[name]["static_kwargs"]) for name in "GD"}
    return progan.generator(*of["G"]), progan.discriminator(*of["D"])


def zoo(file):
    return (
        progan.zoo_generator(file.networks["avgG"], file.settings),
        progan.zoo_discriminator(file.networks["netD"], file.settings),
    )


def both(name):
    file, expected = read(name)
    return players((official if name == OFFICIAL else zoo)(file)), expected


def outputs(pair, expected, **grown):
    (G, g), (D, d) = pair
    alpha = jnp.float32(grown["alpha"])
    G, D = (module.clone(stage=grown["stage"]) for module in (G, D))
    image = jax.jit(lambda z: G.apply(g, z, None, alpha, train=False))(expected["z"])
    judged = jax.jit(lambda x: D.apply(d, x, alpha, train=False).logits)(
        expected["d_in"].transpose(0, 2, 3, 1)
    )
    return image.transpose(0, 3, 1, 2), judged


@pytest.mark.parametrize(
    ("lod", "stage", "alpha"),
    [
        ("0.0", 32, 1),
        ("0.25", 32, 0.75),
        ("1.0", 16, 1),
        ("1.5", 16, 0.5),
        ("2.0", 8, 1),
        ("3.0", 4, 1),
        # At whole lods a fade begins where the one before ended.
        ("1.0", 32, 0),
        ("2.0", 16, 0),
        ("3.0", 8, 0),
    ],
)
def test_equals_what_the_authors_program_makes(lod, stage, alpha):
    pair, expected = both(OFFICIAL)
    image, logits = outputs(pair, expected, stage=stage, alpha=alpha)
    near(image, expected[f"out/img_lod{lod}"])
    near(logits, expected[f"out/score_lod{lod}"])


@pytest.mark.parametrize("old", ["0", "0.3", "1.0"])
def test_equals_what_the_zoos_program_makes(old):
    pair, expected = both(ZOO)
    image, logits = outputs(pair, expected, stage=32, alpha=1 - float(old))
    near(image, expected[f"out/img_alpha{old}"])
    near(logits, expected[f"out/logits_alpha{old}"])


@pytest.mark.parametrize("name", [OFFICIAL, ZOO])
def test_every_parameter_of_ours_is_there_in_its_shape(name):
    pair, expected = both(name)
    for (module, variables), given in zip(
        pair, (expected["z"], expected["d_in"].transpose(0, 2, 3, 1)), strict=True
    ):
        made = jax.eval_shape(lambda x, m=module: m.init(jax.random.key(0), x, train=False), given)
        found = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), variables)
        assert found == made
