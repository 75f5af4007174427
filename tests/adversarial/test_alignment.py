"""D's features drawn to an extractor's: of which images, how far, and what cannot be."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import augment, losses
from jaxgan.extractors import maps
from jaxgan.extractors.perceptual import KEPT
from tests.methods import test_gat
from tests.methods.test_gat import KEY, batch
from tests.networks.test_gat import SMALL

LAYER = {"extractor": "domain", "layers": ("conv_1",), "weight": 3.0}


def method(techniques=None, **fields):
    """GAT with as few blocks as there can be."""
    small = {"name": "gat", "patch": 2, **SMALL}
    networks = {
        "generator": {**small, "depth": 4},
        "discriminator": {**small, "depth": 1, "label_features": 32},
    }
    return test_gat.method(techniques, **{**networks, **fields})


def extractor(shape):
    """Variables of the layer, with no zeros among them."""
    shapes = maps.shapes("domain", ("conv_1",), shape)
    leaves, tree = jax.tree.flatten(shapes)
    keys = jax.random.split(jax.random.key(5), len(leaves))
    made = [0.1 + jnp.abs(jax.random.normal(k, x.shape)) for k, x in zip(keys, leaves, strict=True)]
    return jax.tree.unflatten(tree, made)


def begun(made, given):
    built = made.build()
    return built, built.init(KEY, {**given, KEPT: extractor(made.aligned.shape)})


def cosines(a, b):
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    return (a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)


def test_the_distance_is_of_the_whole_and_of_the_places():
    a, b = (jax.random.normal(jax.random.key(i), (3, 1 + 4, 7)) for i in range(2))
    found = losses.representation_alignment(a, b)
    expected = (1 - cosines(a, b)[:, 0]).mean() + (1 - cosines(a, b)[:, 1:]).mean()
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    np.testing.assert_allclose(losses.representation_alignment(a, 2 * a), 0, atol=1e-6)
    slopes = jax.grad(losses.representation_alignment, (0, 1))(a, b)
    assert jnp.abs(slopes[0]).max() > 0
    assert jnp.abs(slopes[1]).max() == 0
    assert jnp.isfinite(jax.grad(losses.representation_alignment)(0 * a, b)).all()
    for wrong in (b[:, :4], b[..., :6]):
        with pytest.raises(ValueError, match="to be alike"):
            losses.representation_alignment(a, wrong)


def test_a_step_adds_what_d_and_the_extractor_see_of_real_images():
    made = method({"augment": "none"}, guidance="none", alignment=LAYER)
    built, state = begun(made, batch())
    _, metrics = jax.jit(built.step)(state, batch(), jax.random.key(1))
    real, labels = batch()["image"], batch()["label"]
    seen = maps.apply("domain", ("conv_1",), state.extras[KEPT], real)["conv_1"]
    net = state.nets["d"]
    own = made.game.d.apply(net.params, net.stats, real, labels, train=True)[0].heads["aligned"]
    at = jax.image.resize(seen, (4, 4, 4, seen.shape[-1]), "cubic").reshape(4, 16, -1)
    gaps = 1 - cosines(own, jnp.concatenate([seen.mean((1, 2))[:, None], at], axis=1))
    gap = gaps[:, 0].mean() + gaps[:, 1:].mean()
    np.testing.assert_allclose(metrics["d/alignment"], gap, rtol=1e-4)
    plain = method({"augment": "none"}, guidance="none", alignment={**LAYER, "weight": 1e-9})
    _, other = jax.jit(plain.build().step)(state, batch(), jax.random.key(1))
    np.testing.assert_allclose(metrics["d/loss"] - other["d/loss"], 3 * gap, rtol=1e-3)


@pytest.mark.parametrize("moved", [True, False])
def test_images_follow_their_latents(moved):
    """Shifted by whole latents' pixels and mirrored; or shifted as the authors' code does."""
    latents = jnp.zeros((64, 8, 8, 4))
    images = jax.random.normal(KEY, (64, 32, 32, 1))
    moves = augment.draw_moves(jax.random.key(3), latents)
    found = np.asarray(augment.follow(moves, images, moved=moved))
    for image, x, (down, right), mirrored in zip(
        np.asarray(images), found, np.asarray(moves.shift), moves.mirrored, strict=True
    ):
        rows, columns = (4 * down, 4 * right) if moved else (min(down, 0), min(right, 0))
        padded = np.pad(image, ((8, 8), (8, 8), (0, 0)))
        expected = padded[8 - rows : 40 - rows, 8 - columns : 40 - columns]
        np.testing.assert_array_equal(x, expected[:, ::-1] if mirrored else expected)
    assert len(np.unique(moves.shift)) == 3
    with pytest.raises(ValueError, match="no multiple of latents"):
        augment.follow(moves, images[:, :30])


def test_in_latents_it_is_of_the_images_moved_as_d_sees_their_latents(monkeypatch):
    drawn, followed = [], []
    draw_moves, follow = augment.draw_moves, augment.follow
    monkeypatch.setattr(
        augment, "draw_moves", lambda *given: drawn.append(draw_moves(*given)) or drawn[-1]
    )
    monkeypatch.setattr(
        augment, "follow", lambda *given, **told: followed.append(given) or follow(*given, **told)
    )
    made = method(alignment=LAYER, pixel_shape=(16, 16, 3))
    given = {**batch(), "pixels": jax.random.normal(KEY, (4, 16, 16, 3))}
    built, state = begun(made, given)
    assert built.entries == ("image", "label", "pixels")
    with jax.disable_jit():
        _, metrics = built.step(state, given, jax.random.key(1))
    (moves, images), of_d = followed[0], drawn[1]
    np.testing.assert_array_equal(images, given["pixels"])
    for name in ("shift", "mirrored"):
        np.testing.assert_array_equal(getattr(moves, name), getattr(of_d, name))
    assert 0 < metrics["d/alignment"] < 4


def test_features_are_prepared_of_the_images_behind_latents(monkeypatch):
    made, seen = method(alignment=LAYER, pixel_shape=(16, 16, 3)), []
    monkeypatch.setattr(
        maps, "load", lambda *given, **told: seen.append((given[2], told["shape"])) or {}
    )

    class Source:
        target, shape, behind = (), (16, 16, 3), None

    images, latents = Source(), Source()
    latents.shape, latents.behind = (8, 8, 4), images
    made.build().prepare(latents)
    made.build().prepare(images)
    assert [s is images for s, _ in seen] == [True, True]
    assert {shape for _, shape in seen} == {(16, 16, 3)}


def test_it_is_off_by_default():
    made = method().build()
    assert made.prepare is None
    state = made.init(KEY, batch())
    assert KEPT not in state.extras
    assert not any(name.startswith("aligned") for name in state.nets["d"].params)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"alignment": {"layers": ("conv_1",)}}, "need an extractor"),
        ({"alignment": {"weight": 0.5}}, "weight needs an extractor"),
        ({"alignment": {**LAYER, "layers": ("conv_0", "conv_1")}}, "must name one"),
        ({"alignment": LAYER, "techniques": {"d_refresh_every": 2}}, "d_refresh_every"),
        (
            {"alignment": LAYER, "techniques": {"d_refresh_every": 2, "augment": "none"}},
            "d_refresh_every",
        ),
        (
            {"alignment": LAYER, "guidance": "none", "techniques": {"augment": "ada"}},
            "augment='ada'",
        ),
    ],
)
def test_what_cannot_be_is_told(fields, told):
    fields = dict(fields)
    techniques = fields.pop("techniques", {})
    with pytest.raises(ValueError, match=told):
        method(techniques, **fields)


def test_a_discriminator_without_such_features_is_told():
    plain = {"name": "mlp", "features": (8,)}
    made = method(alignment=LAYER, guidance="none", discriminator=plain, reference_width=0)
    with pytest.raises(ValueError, match="field 'aligned'"):
        made.build()
