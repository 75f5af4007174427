"""GAT's networks: the numbers of parameters, and what the authors' networks make."""

import os
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.networks import gat
from jaxgan.nn import transformer
from jaxgan.weights import gat as weights
from tests.conftest import quickly

KEY = jax.random.key(0)
SIZES = {
    "S": {"depth": 12, "width": 384, "attention_heads": 6},
    "B": {"depth": 12, "width": 768, "attention_heads": 12},
    "L": {"depth": 24, "width": 1024, "attention_heads": 16},
    "XL": {"depth": 28, "width": 1152, "attention_heads": 16},
}
SMALL = {"width": 48, "attention_heads": 4}
AT = {"patch": 2, "num_classes": 5}


def count(module, *inputs):
    made = jax.eval_shape(lambda k: module.init(k, *inputs, train=False), KEY)
    return sum(x.size for x in jax.tree.leaves(made["params"]))


@pytest.mark.parametrize(
    ("size", "expected"),
    quickly(
        [
            ("S", (29_361_344, 39_212_928)),
            ("B", (116_754_752, 104_676_864)),
            ("L", (408_748_576, 323_035_872)),
            ("XL", (602_251_136, 467_678_784)),
        ],
        0,
    ),
)
def test_has_the_authors_number_of_parameters(size, expected):
    fields, labels = SIZES[size], jnp.zeros((1,), jnp.int32)
    D = fields["width"]
    G = gat.Generator((32, 32, 4), num_classes=1000, **fields)
    judge = gat.Discriminator(num_classes=1000, aligned=768, **fields)
    found = count(G, jnp.zeros((1, 64)), labels), count(judge, jnp.zeros((1, 32, 32, 16)), labels)
    # They count the table of positions, which is not trained, and an input that is not used.
    table, unused = 16 * 16 * D, 2 * 2 * 4 * D + D
    assert (found[0] + table + unused, found[1] + table) == expected


@pytest.fixture(scope="module")
def golden():
    """What the authors' program makes of small networks with 5 classes."""
    path = Path(os.environ.get("JAXGAN_TEST_SHARED", "nowhere")) / "golden" / "gat_small.npz"
    if not path.exists():
        pytest.skip("no gat_small.npz in JAXGAN_TEST_SHARED")
    with np.load(path) as stored:
        numbers = {name: value for name, value in stored.items() if value.dtype.kind in "fi"}
    return {name: jnp.asarray(value) for name, value in numbers.items()}


def variables(file, player):
    """The fields and the variables of the authors' G or D, by the reader of their checkpoints."""
    tensors = {name[2:]: np.asarray(x) for name, x in file.items() if name.startswith(player)}
    if player == "G":
        return weights.generator(tensors)[1:]
    return weights.discriminator(tensors)


def near(found, expected, tolerance=1e-4):
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


def last(x):
    """Channels last, as here."""
    return jnp.moveaxis(x, -3, -1)


def side_by_side(levels):
    """Images [L, B, H, W, C] as [B, H, W, L C]."""
    return jnp.concatenate(list(levels), axis=-1)


def test_positions_are_the_authors(golden):
    near(transformer.position_table(4, 4, 48), golden["G/pos_embed"][0], 1e-6)
    cosines, sines = transformer.rotations(4, 4, 12)
    near(cosines, golden["G/feat_rope.freqs_cos"], 1e-6)
    near(sines, golden["G/feat_rope.freqs_sin"], 1e-6)
    x = golden["rope_in"].swapaxes(1, 2)  # theirs is [B, heads, T, F]
    near(transformer.rotate(x, cosines, sines), golden["out/rope_out"].swapaxes(1, 2), 1e-6)


def test_images_are_the_authors(golden):
    fields, theirs = variables(golden, "G")
    assert fields == {**SMALL, **AT, "shape": (8, 8, 4), "depth": 8, "stages": 4}
    G = gat.Generator(**fields)
    jax.tree.map(lambda *_: None, theirs, made(G, jnp.zeros((1, 24))))
    w = G.apply(theirs, golden["z"], golden["labels"], train=False, method="map")
    near(w, golden["out/w"])
    stages = G.apply(theirs, jnp.repeat(w[:, None], 8, axis=1), method="synthesize")
    near(stages, last(golden["out/img_stages"]))
    images = G.apply(theirs, golden["z"], golden["labels"], train=False)
    near(images, last(golden["out/img"]))
    _, moved = G.apply(theirs, golden["z"], golden["labels"], train=True, mutable=["w_avg"])
    near(moved["w_avg"]["mean"], golden["out/noaug/G/w_avg_after"], 1e-6)


def made(module, x):
    return module.init(KEY, x, jnp.zeros((1,), jnp.int32), train=False)


def test_judgements_are_the_authors(golden):
    fields, theirs = variables(golden, "D")
    heads = {"label_features": 32, "aligned": 40, "aligned_width": 40}
    assert fields == {**SMALL, **AT, **heads, "depth": 4}
    D, labels = gat.Discriminator(**fields), golden["labels"]
    jax.tree.map(lambda *_: None, theirs, made(D, jnp.zeros((1, 8, 8, 16))))
    found = D.apply(theirs, side_by_side(last(golden["d_in"])), labels, train=False)
    near(found.logits, golden["out/d_logits_of_d_in"][:, 0])
    near(found.heads["aligned"][:, :1], golden["out/d_aux_cls_of_d_in"])
    near(found.heads["aligned"][:, 1:], golden["out/d_aux_patch_of_d_in"])
    stages = side_by_side(last(golden["out/img_stages"]))
    found = D.apply(theirs, stages, labels, train=False)
    near(found.logits, golden["out/d_logits_of_img_stages"][:, 0])


# Without the authors' file.


@pytest.fixture(scope="module")
def small():
    """A generator of 3 classes, its variables with means of w, latents and labels."""
    G = gat.Generator((8, 8, 2), depth=2, stages=2, num_classes=3, width=8, attention_heads=2)
    z, labels = jax.random.normal(KEY, (4, 6)), jnp.array([0, 2, 2, 0])
    variables = G.init(KEY, z, labels, train=False)
    means = jax.random.normal(jax.random.key(1), (3, 8))
    return G, {**variables, "w_avg": {"mean": means}}, z, labels


def test_truncation_and_guidance_go_to_and_from_means(small):
    G, variables, z, labels = small
    w = G.apply(variables, z, labels, train=False, method="map")
    means = variables["w_avg"]["mean"]
    for psi, expected in ((1.0, w), (0.0, means[labels]), (0.5, (w + means[labels]) / 2)):
        near(G.apply(variables, w, labels, psi, method="truncate"), expected, 1e-5)
    every = [G.apply(variables, z, jnp.full(4, k), train=False, method="map") for k in range(3)]
    mean = sum(every) / 3
    for scale, expected in ((1.0, w), (0.0, mean), (2.0, 2 * w - mean), (None, w)):
        near(G.apply(variables, w, z, labels, scale, method="guide"), expected, 1e-5)


def test_the_mean_of_a_class_that_is_not_there_stays(small):
    G, variables, z, labels = small
    w = G.apply(variables, z, labels, train=False, method="map")
    _, moved = G.apply(variables, z, labels, train=True, mutable=["w_avg"])
    before, after = variables["w_avg"]["mean"], moved["w_avg"]["mean"]
    near(after[1], before[1], 0)
    near(after[2], 0.995 * before[2] + 0.005 * w[1:3].mean(axis=0), 1e-6)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"patch": 3}, "patches of 3 x 3 do not divide images of 8 x 8"),
        ({"depth": 3}, "a depth of 3 is not divisible by 2 stages"),
        ({"attention_heads": 3}, "3 heads do not divide a width of 8"),
        ({"attention_heads": 4}, "a head with rotary positions has 4, 8, 12"),
        ({"width": 6, "attention_heads": 1}, "6"),
    ],
)
def test_what_does_not_fit(fields, told):
    known = {"depth": 2, "stages": 2, "width": 8, "attention_heads": 2, **fields}
    with pytest.raises(ValueError, match=told):
        gat.Generator((8, 8, 2), **known).init(KEY, jnp.zeros((1, 6)), train=False)


def test_patches_are_put_together_again():
    x = jnp.arange(2 * 4 * 6 * 3.0).reshape(2, 4, 6, 3)
    rows = transformer.patches(x, 2)
    assert rows.shape == (2, 6, 12)
    near(rows[0, 1], x[0, :2, 2:4].ravel(), 0)
    near(transformer.unpatched(rows, (4, 6, 3), 2), x, 0)


def test_a_rotated_product_is_of_the_distance_alone():
    cosines, sines = transformer.rotations(5, 5, 8)
    query, key = jax.random.normal(KEY, (2, 1, 1, 1, 8))
    turned = [transformer.rotate(x.repeat(25, 1), cosines, sines)[0, :, 0] for x in (query, key)]
    products = (turned[0] @ turned[1].T).reshape(5, 5, 5, 5)
    near(products[1, 2, 2, 0], products[2, 4, 3, 2], 1e-5)
    assert abs(products[0, 0, 0, 1] - products[0, 0, 1, 0]) > 1e-3
