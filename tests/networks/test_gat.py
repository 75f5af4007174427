"""GAT's networks: the numbers of parameters, and what the authors' networks make."""

import os
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.networks import gat
from jaxgan.nn import transformer
from tests.conftest import quickly

KEY = jax.random.key(0)
SIZES = {
    "S": {"depth": 12, "width": 384, "attention_heads": 6},
    "B": {"depth": 12, "width": 768, "attention_heads": 12},
    "L": {"depth": 24, "width": 1024, "attention_heads": 16},
    "XL": {"depth": 28, "width": 1152, "attention_heads": 16},
}
SMALL = {"width": 48, "attention_heads": 4}


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


def dense(file, at):
    return {"kernel": file[f"{at}.weight"].T, "bias": file[f"{at}.bias"]}


def attention(file, at):
    return {
        "qkv": dense(file, f"{at}.qkv"),
        "query_norm": {"scale": file[f"{at}.q_norm.weight"]},
        "key_norm": {"scale": file[f"{at}.k_norm.weight"]},
        "output": dense(file, f"{at}.proj"),
    }


def unit(file, at):
    return {"gate_and_value": dense(file, f"{at}.w12"), "output": dense(file, f"{at}.w3")}


def generator(file, depth, stages):
    """The variables of a generator, from the authors' names."""
    params = {
        "mapping": {
            "labels": {"embedding": file["G/y_embedder.embedding_table.weight"]},
            "dense_0": dense(file, "G/latent_embedder.0"),
            "dense_1": dense(file, "G/latent_embedder.2"),
        }
    }
    for i in range(depth):
        at = f"G/blocks.{i}"
        params[f"blocks_{i}"] = {
            "attention": attention(file, f"{at}.attn"),
            "unit": unit(file, f"{at}.mlp"),
            "modulation": dense(file, f"{at}.adaLN_modulation.1"),
        }
    for i in range(stages):
        at = f"G/final_layers.{i}"
        params[f"heads_{i}"] = {
            "modulation": dense(file, f"{at}.adaLN_modulation.1"),
            "output": dense(file, f"{at}.linear"),
        }
    return {"params": params, "w_avg": {"mean": file["G/w_avg"]}}


def discriminator(file, depth):
    """Likewise of a discriminator with features for an encoder's."""
    kernel = file["D/x_embedder.proj.weight"]
    params = {
        "from_image": {
            "kernel": kernel.transpose(2, 3, 1, 0).reshape(-1, len(kernel)),
            "bias": file["D/x_embedder.proj.bias"],
        },
        "class_token": file["D/cls_token"].ravel(),
        "labels": {"embedding": file["D/y_embedder.embedding_table.weight"]},
        "label_0": dense(file, "D/y_embedder.latent_embedder.0"),
        "label_1": dense(file, "D/y_embedder.latent_embedder.2"),
        "norm": {"scale": file["D/final_layer.0.weight"]},
        "logits": dense(file, "D/final_layer.1"),
        **{f"aligned_{i}": dense(file, f"D/proj.{2 * i}") for i in range(3)},
    }
    for i in range(depth):
        at = f"D/blocks.{i}"
        params[f"block_{i}"] = {
            "attention": attention(file, f"{at}.attn"),
            "unit": unit(file, f"{at}.mlp"),
            **{f"norm_{j}": {"scale": file[f"{at}.norm{j + 1}.weight"]} for j in range(2)},
            "scale_0": file[f"{at}.ls_attn"],
            "scale_1": file[f"{at}.ls_mlp"],
        }
    return {"params": params}


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
    G = gat.Generator((8, 8, 4), depth=8, num_classes=5, **SMALL)
    variables = generator(golden, 8, 4)
    jax.tree.map(lambda *_: None, variables, made(G, jnp.zeros((1, 24))))
    w = G.apply(variables, golden["z"], golden["labels"], train=False, method="map")
    near(w, golden["out/w"])
    stages = G.apply(variables, w, method="synthesize")
    near(stages, last(golden["out/img_stages"]))
    images = G.apply(variables, golden["z"], golden["labels"], train=False)
    near(images, last(golden["out/img"]))
    _, moved = G.apply(variables, golden["z"], golden["labels"], train=True, mutable=["w_avg"])
    near(moved["w_avg"]["mean"], golden["out/noaug/G/w_avg_after"], 1e-6)


def made(module, x):
    return module.init(KEY, x, jnp.zeros((1,), jnp.int32), train=False)


def test_judgements_are_the_authors(golden):
    D = gat.Discriminator(
        depth=4, num_classes=5, label_features=32, aligned=40, aligned_width=40, **SMALL
    )
    variables, labels = discriminator(golden, 4), golden["labels"]
    jax.tree.map(lambda *_: None, variables, made(D, jnp.zeros((1, 8, 8, 16))))
    found = D.apply(variables, side_by_side(last(golden["d_in"])), labels, train=False)
    near(found.logits, golden["out/d_logits_of_d_in"][:, 0])
    near(found.heads["aligned"][:, :1], golden["out/d_aux_cls_of_d_in"])
    near(found.heads["aligned"][:, 1:], golden["out/d_aux_patch_of_d_in"])
    stages = side_by_side(last(golden["out/img_stages"]))
    found = D.apply(variables, stages, labels, train=False)
    near(found.logits, golden["out/d_logits_of_img_stages"][:, 0])
