"""GAT's losses against the authors' program, its switches, and what cannot be."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import augment
from jaxgan.adversarial import objectives
from jaxgan.adversarial.game import Samples
from jaxgan.augment import levels
from jaxgan.base import draws
from jaxgan.base.state import State
from jaxgan.config import variants
from jaxgan.methods import gat
from jaxgan.regularizers import gradients
from tests.networks.test_gat import SMALL, golden, last, near, variables  # noqa: F401

KEY = jax.random.key(0)
TECHNIQUES = {"r1": 0.1, "r2": 0.1, "penalty_sigma": 0.01, "augment": "latent"}
SGD = {"name": "sgd", "learning_rate": 0.1}


def method(techniques=None, patch=2, **fields):
    """GAT as the authors' small networks are, its other fields its own."""
    small = {"name": "gat", "patch": patch, **SMALL}
    common = {
        "generator": {**small, "depth": 8},
        "discriminator": {**small, "depth": 4, "label_features": 32},
        "g_optimizer": SGD,
        "d_optimizer": SGD,
        "shape": (8, 8, 4),
        "latent_dim": 24,
        "num_classes": 5,
        "techniques": {**TECHNIQUES, **(techniques or {})},
    }
    return variants.made(gat.GAT, {**common, **fields})


@pytest.fixture
def theirs(golden, monkeypatch):  # noqa: F811
    """The authors' state, and their draws in the order in which ours are asked for."""
    made = method({"augment": "none"})
    nets = made.build().init(KEY, {}).nets
    g = variables(golden, "G")[1]
    d = variables(golden, "D")[1]["params"]
    d = {name: x for name, x in d.items() if not name.startswith("aligned")}
    nets = {
        "g": replace(nets["g"], params=g["params"], stats={"w_avg": g["w_avg"]}),
        "d": replace(nets["d"], params=d),
    }

    def given(step):
        def stack(kind):
            each = [last(golden[f"draw/noaug/{step}/{kind}_noise{j}"]) for j in range(4)]
            return levels.side_by_side(each[::-1])  # theirs begin with the cleanest

        noise = {"real": stack("real"), "fake": stack("gen")}
        stages = [last(golden[f"draw/noaug/D/gp_gen{k}"]) for k in range(4)]
        steps = [last(golden["draw/noaug/D/gp_real"]), levels.side_by_side(stages)]
        monkeypatch.setattr(gradients, "normal", lambda keys, shape: steps.pop(0))
        view = gat.GAT.view

        def named(self, keys, moves, samples):
            kind = "real" if samples.shape[-1] == 4 else "fake"
            see = view(self, keys, moves, samples)

            def seen(images):
                monkeypatch.setattr(draws, "normal", lambda keys, shape: noise[kind])
                return see(images)

            return seen

        monkeypatch.setattr(gat.GAT, "view", named)
        return State(jnp.int32(0), nets, {})

    return made, given


def test_the_noise_of_levels_is_shared(golden):  # noqa: F811
    expected = golden["out/noise_levels"]
    np.testing.assert_allclose(augment.noise_levels(4), [0.885, 0.76, 0.51, 0.01])
    np.testing.assert_allclose(augment.noise_levels(4), expected)
    stages = levels.side_by_side([last(x) for x in golden["out/img_stages"]])
    seeds = levels.side_by_side([last(x) for x in golden["noise_only/seed"]][::-1])
    found = augment.noised(stages, seeds, augment.noise_levels(4))
    near(found, levels.side_by_side([last(x) for x in golden["out/noised_img_stages"]]), 1e-5)


def test_the_discriminators_loss_is_the_authors(golden, theirs):  # noqa: F811
    made, given = theirs
    state = given("D")
    game, labels = made.game, golden["labels"]
    real = Samples(last(golden["real"]), {"labels": labels})
    fake = Samples(
        levels.side_by_side([last(x) for x in golden["out/img_stages"]]), {"labels": labels}
    )
    keys = draws.sample_keys(KEY, 4)

    def loss(params):
        return objectives.critic_loss(game, params, state, real, fake, keys)

    (total, (_, metrics)), grads = jax.value_and_grad(loss, has_aux=True)(state.nets["d"].params)
    near(total, golden["out/noaug/D/total_mean"], 1e-4)
    near(metrics["d/r1"], golden["out/noaug/D/r1_loss"].mean(), 2e-3)
    near(metrics["d/r2"], golden["out/noaug/D/r2_loss"].mean(), 2e-3)
    norm = golden["out/noaug/D/gradnorm_total"]
    np.testing.assert_allclose(gradients.global_norm(grads), norm, rtol=2e-3)


def test_the_generators_loss_is_the_authors(golden, theirs):  # noqa: F811
    made, given = theirs
    state = given("G")
    labels = golden["labels"]
    real = Samples(last(golden["real"]), {"labels": labels})
    conditions = {"labels": labels, "z": golden["z"]}
    keys = draws.sample_keys(KEY, 4)

    def loss(params):
        return objectives.g_loss(made.game, params, state, real, conditions, keys)

    (total, (stats, _)), grads = jax.value_and_grad(loss, has_aux=True)(state.nets["g"].params)
    near(total, golden["out/noaug/G/total_mean"], 1e-4)
    near(stats["w_avg"]["mean"], golden["out/noaug/G/w_avg_after"], 1e-5)
    norm = golden["out/noaug/G/gradnorm_total"]
    np.testing.assert_allclose(gradients.global_norm(grads), norm, rtol=2e-3)


def batch(n=4):
    images = jax.random.normal(jax.random.key(7), (n, 8, 8, 4))
    return {"image": images, "label": jnp.arange(n, dtype=jnp.int32) % 5}


def stepped(made, n=4):
    built = made.build()
    state = built.init(KEY, batch(n))
    return state, *jax.jit(built.step)(state, batch(n), jax.random.key(1))


@pytest.mark.parametrize(
    "guidance", ["noise", *(pytest.param(g, marks=pytest.mark.slow) for g in ("scales", "none"))]
)
def test_each_guidance_trains_and_judges(guidance):
    made = method(guidance=guidance, patch=1 if guidance == "scales" else 2)
    before, after, metrics = stepped(made)
    assert {"d/r1", "d/r2", "d/loss", "g/loss", "g/diversity"} <= set(metrics)
    for name in "gd":
        moved = jax.tree.map(lambda a, b: jnp.abs(a - b).max(), before.nets[name].params,
                             after.nets[name].params)  # fmt: skip
        assert min(jax.tree.leaves(moved)) > 0 or guidance != "noise"
    built = made.build()
    assert built.scores(after, batch()["image"], batch()["label"]).shape == (4,)
    assert built.sample(after, KEY, 3).shape == (3, 8, 8, 4)


def test_both_updates_make_samples_of_the_same_latents():
    game = method().game
    keys = draws.sample_keys(KEY, 4)
    told = game.of_fake(batch(), keys)
    for purpose in (0, 1):  # whatever the update draws by
        z, labels = game.g_inputs(game.latents(game, draws.fold(keys, purpose)), told)
        np.testing.assert_array_equal(z, told["z"])
        np.testing.assert_array_equal(labels, batch()["label"])
    outside = game.given({}, {"labels": 3}, 2)
    assert game.g_inputs(jnp.ones((2, 24)), outside)[0].max() == 1


def test_what_is_scaled_is_judged_alone():
    made = method(guidance="scales")
    stages = jax.random.normal(KEY, (4, 8, 8, 16))
    scales = made.scaled(stages)
    assert [x.shape for x in scales] == [(4, s, s, 4) for s in (1, 2, 4, 8)]
    np.testing.assert_allclose(scales[0][:, 0, 0], stages[..., :4].mean((1, 2)), atol=1e-6)
    np.testing.assert_array_equal(scales[3], stages[..., 12:])


def test_scales_that_the_patch_does_not_divide_are_told():
    with pytest.raises(ValueError, match="patch"):
        stepped(method(guidance="scales"))


@pytest.mark.parametrize("guidance", ["noise", "scales"])
def test_consistency_draws_earlier_stages_to_the_last(guidance):
    made = method(guidance=guidance, consistency=2.0)
    same = levels.side_by_side([jnp.ones((2, 8, 8, 4))] * 4)
    assert made.apart(same)[0] == 0
    stages = jax.random.normal(KEY, (2, 8, 8, 16))
    loss, metrics = made.apart(stages)
    by_hand = [jnp.square(a - b).mean() for a, b in zip(
        made.scaled(stages)[:3], made.scaled(levels.side_by_side([stages[..., 12:]] * 4)),
        strict=False)]  # fmt: skip
    np.testing.assert_allclose(loss, 2 * np.mean(by_hand), rtol=1e-6)
    np.testing.assert_allclose(metrics["g/consistency"], np.mean(by_hand), rtol=1e-6)
    slope = jax.grad(lambda x: made.apart(x)[0])(stages)
    assert jnp.abs(slope[..., :12]).max() > 0
    # What the first stage makes is in all of them: to move it changes nothing, nor may it run away.
    total = sum(part.sum() for part in levels.apart(slope, 4))
    np.testing.assert_allclose(total, 0, atol=1e-4)


def test_the_rate_follows_the_width_and_the_gradient_is_clipped():
    grads = {"w": jnp.array([30.0, 40.0])}
    for reference, clip, expected in ((768, 1.0, 0.1 * 16), (0, 1.0, 0.1), (0, 0.0, 5.0)):
        made = method(reference_width=reference, clip_norm=clip)
        optimizer = made.game.g.optimizer
        moved, _ = optimizer.update(grads, optimizer.init(grads), grads)
        np.testing.assert_allclose(np.linalg.norm(moved["w"]), expected, rtol=1e-5)


def test_levels_of_a_sample_are_moved_alike():
    images = jax.random.normal(KEY, (6, 8, 8, 4))
    moves = augment.draw_moves(jax.random.key(3), images)
    assert moves.coloured.shape == (6,)
    again = augment.move(moves, images)
    np.testing.assert_array_equal(augment.latent_augment(jax.random.key(3), images), again)
    # Moved alike: a place that is cut out in one is cut out in the other.
    other = augment.move(moves, images + 1)
    np.testing.assert_array_equal(again == 0, (other == 0) & (again == 0))
    cut = (again == 0).all(-1)
    assert (cut == (other == 0).all(-1)).all()
    assert cut.any(axis=(1, 2)).all()


def test_colour_is_as_the_paper_has_it():
    image = np.random.default_rng(0).normal(size=(1, 8, 8, 4)).astype(np.float32)
    moves = augment.draw_moves(KEY, jnp.asarray(image))._replace(
        coloured=jnp.array([True]),
        shift=jnp.zeros((1, 2), jnp.int32),
        centre=jnp.full((1, 2), -20, jnp.int32),
        mirrored=jnp.array([True]),
    )
    b, s, c = (float(getattr(moves, name)[0]) for name in ("brightness", "saturation", "contrast"))
    grey, mean = image.mean(-1, keepdims=True), image.mean()
    x = image + b
    x = (x - grey) * s + grey
    x = (x - mean) * c + mean
    np.testing.assert_allclose(augment.move(moves, jnp.asarray(image)), x[:, :, ::-1], atol=1e-5)
    many = augment.draw_moves(KEY, jnp.zeros((4000, 8, 8, 1)))
    np.testing.assert_allclose(many.coloured.mean(), 0.5, atol=0.03)
    np.testing.assert_allclose(many.mirrored.mean(), 0.4, atol=0.03)
    assert set(np.unique(many.shift)) == {-1, 0, 1}
    for name, low, high in (
        ("brightness", -0.5, 0.5),
        ("saturation", 0, 2),
        ("contrast", 0.5, 1.5),
    ):
        values = np.asarray(getattr(many, name))
        np.testing.assert_allclose([values.min(), values.max()], [low, high], atol=0.02)


def test_differences_are_the_gradients_penalty_in_the_mean():
    weight = jax.random.normal(KEY, (8 * 8 * 4,)) / 16
    critic = lambda x: x.reshape(len(x), -1) @ weight  # noqa: E731
    x = jnp.zeros((20_000, 8, 8, 4))
    found = gradients.approximate_r1(critic, x, jax.random.key(2), sigma=0.01)
    np.testing.assert_allclose(found, gradients.r1(critic, x[:2]), rtol=0.05)
    known = gradients.approximate_r1(critic, x, jax.random.key(2), logits=critic(x))
    np.testing.assert_allclose(known, found, rtol=1e-6)
    with pytest.raises(ValueError, match="sigma"):
        gradients.approximate_r1(critic, x, KEY, sigma=0.0)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"guidance": "levels"}, "guidance must be one of noise, scales, none"),
        ({"consistency": -1.0}, "consistency must be at least 0"),
        ({"clip_norm": float("nan")}, "clip_norm must be at least 0"),
        ({"guidance": "none", "consistency": 1.0}, "shows the last alone"),
        ({"techniques": {"augment": "diffaugment"}}, "augment='diffaugment' is of one image"),
        ({"techniques": {"pack": 2}}, "gat has no techniques.pack"),
        ({"techniques": {"replay": 5}, "guidance": "none"}, "gat has no techniques.replay"),
        ({"techniques": {"gradient_penalty": 1.0}}, "gradient_penalty is of one image"),
        ({"techniques": {"r1": 0.0, "r2": 0.0}}, "penalty_sigma has no effect without r1"),
    ],
)
def test_what_cannot_be(fields, told):
    with pytest.raises(ValueError, match=told):
        method(**fields)
