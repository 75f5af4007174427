"""R3GAN's networks: the published numbers of parameters, the start, and the authors' outputs."""

import os
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.networks import r3gan
from tests.conftest import quickly

SMALL = {"widths": (16, 8, 8), "groups": (4, 2, 2), "blocks": (1, 2, 1)}
WIDE = {"widths": (768,) * 4, "groups": (96,) * 4, "blocks": (2,) * 4}
FFHQ = {
    "widths": (768,) * 4 + (384, 192, 96),
    "groups": (96,) * 4 + (48, 24, 12),
    "blocks": (2,) * 7,
}
IMAGENET = {"widths": (1536,) * 5, "groups": (96,) * 5, "blocks": (2,) * 5}
KEY = jax.random.key(0)


def count(module, *inputs):
    made = jax.eval_shape(lambda k: module.init(k, *inputs, train=False), KEY)
    return sum(x.size for x in jax.tree.leaves(made["params"]))


@pytest.mark.parametrize(
    ("fields", "side", "classes", "expected"),
    quickly(
        [
            (WIDE, 32, 10, (20_781_952, 21_280_512)),
            (WIDE, 32, None, (20_732_160, 20_683_776)),
            (FFHQ, 256, None, (23_057_952, 23_009_568)),
            (IMAGENET, 64, 1000, (103_570_432, 107_205_120)),
        ],
        *(1, 3),
    ),
)
def test_has_the_published_number_of_parameters(fields, side, classes, expected):
    labels = None if classes is None else jnp.zeros((1,), jnp.int32)
    G = r3gan.Generator((side, side, 3), num_classes=classes, **fields)
    D = r3gan.Discriminator(num_classes=classes, **fields)
    found = count(G, jnp.zeros((1, 64)), labels), count(D, jnp.zeros((1, side, side, 3)), labels)
    assert found == expected


def test_each_block_starts_as_the_identity_and_the_deviations_are_the_papers():
    G = r3gan.Generator((16, 16, 3), **{**SMALL, "widths": (64, 64, 64), "groups": (4, 4, 4)})
    params = G.init(KEY, jnp.zeros((2, 32)), train=False)["params"]
    L = sum(SMALL["blocks"])
    for i in range(L):
        block = params[f"Block_{i}"]
        assert not block["Conv_1"]["kernel"].any()
        gain = np.sqrt(2 / 1.04) * L**-0.25
        np.testing.assert_allclose(block["Conv_0"]["kernel"].std(), gain / 8, rtol=0.05)
        inside = 128 // 4 * 9
        np.testing.assert_allclose(
            block["GroupedConv_0"]["kernel"].std(), gain / np.sqrt(inside), rtol=0.05
        )
    np.testing.assert_allclose(params["basis"].std(), 1, rtol=0.1)


def test_a_discriminator_under_labels_is_a_product_with_a_vector_of_the_label():
    D = r3gan.Discriminator(num_classes=3, **SMALL)
    x, labels = jax.random.normal(KEY, (4, 16, 16, 3)), jnp.array([0, 1, 2, 1])
    variables = D.init(KEY, x, labels, train=False)
    found = D.apply(variables, x, labels, train=False)
    h = found.features @ variables["params"]["logits"]["kernel"]
    rows = variables["params"]["label_embedding"]["embedding"][labels]
    np.testing.assert_allclose(found.logits, (h * rows).sum(1), rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="single samples"):
        D.apply(variables, x, labels[:, None], train=False)


@pytest.mark.parametrize(
    ("shape", "more", "told"),
    [
        ((24, 24, 3), {}, "3 widths makes images of 16 x 16 pixels, not"),
        ((32, 32, 3), {}, "16 x 16"),
        ((16, 16, 3), {"blocks": (1, 1)}, "one of each: widths 3, groups 3, blocks 2"),
    ],
)
def test_stages_that_do_not_fit_are_refused(shape, more, told):
    for module, x in (
        (r3gan.Generator(shape, **{**SMALL, **more}), jnp.zeros((1, 8))),
        (r3gan.Discriminator(**{**SMALL, **more}), jnp.zeros((1, *shape))),
    ):
        with pytest.raises(ValueError, match=told):
            module.init(KEY, x, train=False)


def kernel(x):
    return {"kernel": x.transpose(2, 3, 1, 0)}


def block(file, at):
    return {
        "Conv_0": kernel(file[f"{at}.LinearLayer1.Layer.weight"]),
        "GroupedConv_0": kernel(file[f"{at}.LinearLayer2.Layer.weight"]),
        "Conv_1": kernel(file[f"{at}.LinearLayer3.Layer.weight"]),
        "bias_0": file[f"{at}.NonLinearity1.Bias"],
        "bias_1": file[f"{at}.NonLinearity2.Bias"],
    }


def published(file, blocks):
    """The parameters of both networks, from the authors' names."""
    g, d, made = "G/Model.MainLayers.", "D/Model.MainLayers.", [0, 0]
    G = {
        "basis": file[f"{g}0.Layers.0.Basis"].transpose(1, 2, 0),
        "Dense_0": {"kernel": file[f"{g}0.Layers.0.LinearLayer.weight"].T},
        "to_image": kernel(file["G/Model.AggregationLayer.Layer.weight"]),
    }
    D = {"from_image": kernel(file["D/Model.ExtractionLayer.Layer.weight"])}
    last = len(blocks) - 1
    for i in range(last + 1):
        for layer in range(blocks[i]):
            G[f"Block_{made[0]}"], made[0] = block(file, f"{g}{i}.Layers.{layer + 1}"), made[0] + 1
        if i and (name := f"{g}{i}.Layers.0.LinearLayer.Layer.weight") in file:
            G[f"widen_{i}"] = kernel(file[name])
        stage = last - i
        for layer in range(blocks[stage]):
            D[f"Block_{made[1]}"], made[1] = block(file, f"{d}{i}.Layers.{layer}"), made[1] + 1
        if (name := f"{d}{i}.Layers.{blocks[stage]}.LinearLayer.Layer.weight") in file:
            D[f"widen_{stage}"] = kernel(file[name])
    at = f"{d}{last}.Layers.{blocks[0]}"
    D["basis"] = file[f"{at}.Basis.weight"][:, 0].transpose(1, 2, 0)
    D["logits"] = {"kernel": file[f"{at}.LinearLayer.weight"].T}
    return {"params": G}, {"params": D}


def test_equals_what_the_authors_program_makes():
    folder = Path(os.environ.get("JAXGAN_TEST_SHARED", "nowhere"))
    path = folder / "golden" / "r3gan_small_uncond32.npz"
    if not path.is_file():
        pytest.skip("no r3gan_small_uncond32.npz in JAXGAN_TEST_SHARED")
    with np.load(path) as stored:
        file = dict(stored)
    fields = {
        "widths": tuple(file["widths_G"].tolist()),
        "groups": tuple(file["cardinality_G"].tolist()),
        "blocks": tuple(file["blocks_G"].tolist()),
    }
    G, D = r3gan.Generator((32, 32, 3), **fields), r3gan.Discriminator(**fields)
    g, d = published(file, fields["blocks"])
    real = file["d_in"].transpose(0, 2, 3, 1)
    image = G.apply(g, file["z"], train=False)
    np.testing.assert_allclose(image.transpose(0, 3, 1, 2), file["out/img"], atol=1e-5)

    def logits(x):
        return D.apply(d, x, train=False).logits

    def penalty(x):
        return jnp.sum(jnp.square(jax.grad(lambda x: logits(x).sum())(x)), axis=(1, 2, 3))

    np.testing.assert_allclose(logits(real), file["out/logits"], atol=1e-5)
    np.testing.assert_allclose(logits(image), file["out/logits_img"], atol=1e-5)
    np.testing.assert_allclose(penalty(real), file["out/r1"], rtol=1e-4)
    np.testing.assert_allclose(penalty(image), file["out/r2"], rtol=1e-4)
