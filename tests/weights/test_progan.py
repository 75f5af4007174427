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


SETTINGS = {"resolution": 8, "num_channels": 1, "label_size": 3, "fmap_base": 24, "fmap_max": 8}


def tensors(seed=0, fused=True):
    """The authors' tensors of networks of 8x8 with three classes: 8 channels at 4, 6 at 8."""
    rng, at, labels = np.random.default_rng(seed), {}, 3
    up, down = ("Conv0_up", "Conv1_down") if fused else ("Conv0", "Conv1")
    G = {
        "4x4/Dense": (8 + labels, 128),
        "4x4/Conv": (3, 3, 8, 8),
        f"8x8/{up}": (3, 3, 6, 8) if fused else (3, 3, 8, 6),
        "8x8/Conv1": (3, 3, 6, 6),
        "ToRGB_lod0": (1, 1, 6, 1),
        "ToRGB_lod1": (1, 1, 8, 1),
    }
    D = {
        "FromRGB_lod0": (1, 1, 1, 6),
        "8x8/Conv0": (3, 3, 6, 6),
        f"8x8/{down}": (3, 3, 6, 8),
        "FromRGB_lod1": (1, 1, 1, 8),
        "4x4/Conv": (3, 3, 9, 8),
        "4x4/Dense0": (128, 8),
        "4x4/Dense1": (8, 1 + labels),
    }
    for name, network in (("G", G), ("D", D)):
        at[name] = {"lod": np.float32(0)}
        for layer, shape in network.items():
            wide = 8 if layer == "4x4/Dense" else 6 if fused and layer.endswith("up") else shape[-1]
            at[name][f"{layer}/weight"] = rng.normal(size=shape).astype(np.float32)
            at[name][f"{layer}/bias"] = rng.normal(size=wide).astype(np.float32)
    return at


@pytest.mark.parametrize("fused", [True, False])
def test_a_network_of_classes_is_told_labels_and_guesses_them(fused):
    at, settings = tensors(fused=fused), {**SETTINGS, "fused_scale": fused}
    (G, g), (D, d) = players(
        (progan.generator(at["G"], settings), progan.discriminator(at["D"], settings))
    )
    assert (G.num_classes, D.heads, D.fused) == (3, (("classes", 3),), fused)
    z, labels = np.ones((4, 8), np.float32), jnp.array([0, 1, 2, 0])
    image = G.apply(g, z, labels, train=False)
    np.testing.assert_allclose(image[0], image[3], rtol=1e-5, atol=1e-5)
    assert not np.allclose(image[0], image[1], atol=1e-3)
    said = D.apply(d, image, train=False)
    last = at["D"]["4x4/Dense1/weight"] / np.sqrt(8)
    every = said.features @ last + at["D"]["4x4/Dense1/bias"]
    np.testing.assert_allclose(said.logits, every[:, 0], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(said.heads["classes"], every[:, 1:], rtol=1e-4, atol=1e-4)


def test_a_kernel_of_an_upsampling_layer_is_the_turned_one_of_a_plain_layer():
    fused, plain = tensors(), tensors(fused=False)
    kernel = plain["G"]["8x8/Conv0/weight"]
    fused["G"]["8x8/Conv0_up/weight"] = kernel[::-1, ::-1].swapaxes(2, 3)
    for network in ("4x4/Dense", "4x4/Conv", "8x8/Conv1", "ToRGB_lod0", "ToRGB_lod1"):
        for part in ("weight", "bias"):
            plain["G"][f"{network}/{part}"] = fused["G"][f"{network}/{part}"]
    plain["G"]["8x8/Conv0/bias"] = fused["G"]["8x8/Conv0_up/bias"]
    (_, a), (_, b) = (
        progan.generator(at["G"], {**SETTINGS, "fused_scale": scale})
        for at, scale in ((fused, True), (plain, False))
    )
    assert jax.tree.all(jax.tree.map(np.array_equal, a, b))


@pytest.mark.parametrize(("lod", "stage", "alpha"), [(0, 8, 1), (0.25, 8, 0.75), (1, 4, 1)])
def test_a_file_of_an_earlier_stage_shows_it(lod, stage, alpha):
    at = tensors()
    for name, part in (("G", progan.generator), ("D", progan.discriminator)):
        fields, _ = part({**at[name], "lod": np.float32(lod)}, SETTINGS)
        assert (fields["stage"], fields["alpha"]) == (stage, alpha)


@pytest.mark.parametrize(
    ("changes", "settings", "told"),
    [
        ({"8x8/Conv1/bias": None}, {}, "there is no '8x8/Conv1/bias'"),
        ({"16x16/Conv1/bias": np.zeros(3)}, {}, r"'16x16/Conv1/bias' \[3\] is of no use"),
        ({}, {"fmap_decay": 0.5}, "fmap_decay=0.5 is of a network that is not known here"),
        ({}, {"use_wscale": False}, "use_wscale=False is of a network"),
        ({}, {"use_pixelnorm": False}, "use_pixelnorm=False is of a network"),
    ],
)
def test_what_is_of_another_network_is_named(changes, settings, told):
    given = {k: v for k, v in {**tensors()["G"], **changes}.items() if v is not None}
    with pytest.raises(ValueError, match=told):
        progan.generator(given, {**SETTINGS, **settings})


@pytest.mark.parametrize(
    ("settings", "told"),
    [({"leakyReluLeak": 0.1}, "leakyReluLeak=0.1"), ({"lossCriterion": "MSE"}, "'MSE' is of")],
)
def test_a_setting_of_the_zoos_that_ours_has_not_is_named(settings, told):
    for part in (progan.zoo_generator, progan.zoo_discriminator):
        with pytest.raises(ValueError, match=told):
            part({}, {"depthScale0": 8, "depthOtherScales": [6], **settings})
