"""Techniques for few data in an update, against the same computed by hand."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import adversarial, augment, losses
from jaxgan.adversarial import Samples, limited, objectives
from jaxgan.adversarial import step as play
from jaxgan.adversarial.purposes import OfUpdate
from jaxgan.base import draws
from jaxgan.config import variants
from jaxgan.methods.cgan import CGAN
from jaxgan.methods.gan import GAN
from jaxgan.run import checkpoint, program
from tests.adversarial.play import SMALL, Z, d_loss, g_loss, make
from tests.conftest import log_lines, run, same_bits, smoke, stop_at

B, SHAPE = 8, (8, 8, 1)
KEYS = draws.sample_keys(jax.random.key(1), B)
REAL = jax.random.uniform(jax.random.key(2), (B, *SHAPE), minval=-1.0)


def game_of(cls=GAN, shape=SHAPE, axis_name=None, loss="non_saturating", **techniques):
    fields = {"shape": shape, "ema_decay": 0.0, "loss": loss, "techniques": techniques}
    more = {"num_classes": 3} if cls is CGAN else {}
    return make(cls, {**fields, **more}, axis_name).game


def begin(game):
    return adversarial.method(game).init(jax.random.key(0), {})


def d_steps(game, state, n, real=REAL):
    update = jax.jit(partial(play.d_update, game))
    for i in range(n):
        keys = draws.sample_keys(jax.random.key(i), B)
        state, metrics = update(state, play.Minibatch(Samples(real, {}), {}, keys))
    return state, metrics


def said(game, params, x):
    return game.d.apply(params, {}, x, train=True)[0].logits


def generated(game, params, z):
    return game.g.apply(params, {}, z, train=True)[0]


def z_of(keys):
    return draws.normal(draws.fold(keys, OfUpdate.LATENT), (Z,))


def test_p_follows_the_sign_of_d_s_logits_by_its_rule():
    """Every 2 updates by 16 images of 1,000: up while the mean sign is above the target."""
    fields = {"augment_interval": 2, "augment_kimg": 1.0, "augment_transforms": (("flip", 1.0),)}
    game = game_of(augment="ada", augment_p=0.1, augment_target=0.6, **fields)
    state, p, signs = begin(game), 0.1, []
    update = jax.jit(partial(play.d_update, game))
    for i in range(6):
        keys = draws.sample_keys(jax.random.key(i), B)
        assert state.extras["ada"].p == pytest.approx(p, abs=1e-6)
        minibatch = play.Minibatch(Samples(REAL, {}), {}, keys)
        state, metrics = update(state, minibatch)
        assert metrics["d/augment_p"] == pytest.approx(p, abs=1e-6)
        signs.append(float(metrics["d/real_sign"]))
        if i % 2:
            p += (1 if np.mean(signs[-2:]) > 0.6 else -1) * 16 / 1000
    assert len(set(signs)) > 1
    assert state.extras["ada"].p == pytest.approx(p, abs=1e-6)


@pytest.mark.slow
def test_the_sign_is_that_of_augmented_real_samples():
    game = game_of(augment="diffaugment")
    state = begin(game)
    assert not state.extras
    of_ada = game_of(augment="ada", augment_p=0.7, augment_transforms=(("quarter_turn", 1.0),))
    state = begin(of_ada)
    _, (_, metrics) = d_loss(of_ada, state.nets["d"].params, state, REAL, KEYS)
    seen = augment.ada(
        draws.fold(KEYS, OfUpdate.REAL_AUGMENT), REAL, 0.7, transforms=("quarter_turn",)
    )
    expected = np.sign(said(of_ada, state.nets["d"].params, seen)).mean()
    assert metrics["d/real_sign"] == pytest.approx(expected, abs=1e-6)


def test_augmentation_is_of_both_sides_and_g_learns_through_it():
    plain, game = game_of(), game_of(augment="diffaugment", augment_policy="color")
    state = begin(plain)
    params = state.nets["g"].params
    grads = [
        jax.jit(jax.grad(lambda p, g=g: g_loss(g, p, state, REAL, KEYS)[0]))(params)
        for g in (plain, game)
    ]
    norms = [float(sum(jnp.sum(x**2) for x in jax.tree.leaves(g))) for g in grads]
    assert min(norms) > 0
    assert norms[0] != pytest.approx(norms[1], rel=1e-3)


def test_apa_shows_generated_samples_as_real():
    game = game_of(augment="apa", augment_p=0.5)
    state = begin(game)
    pseudo = Samples(
        jnp.full((4000, 2), 9.0), {"labels": jnp.full(4000, 2), "more": jnp.ones(4000)}
    )
    real = Samples(jnp.zeros((4000, 2)), {"labels": jnp.zeros(4000, int)})
    mixed = limited.mix(game, state, real, pseudo, draws.sample_keys(jax.random.key(0), 4000))
    replaced = np.asarray(mixed.values[:, 0]) == 9
    assert replaced.mean() == pytest.approx(0.5, abs=0.03)
    assert set(mixed.conditions) == {"labels"}
    assert (np.asarray(mixed.conditions["labels"]) == 2 * replaced).all()
    with pytest.raises(ValueError, match=r"augment='apa'.* these have no labels"):
        limited.mix(game, state, real, Samples(pseudo.values, {}), KEYS)


def test_apa_with_p_0_is_the_plain_update_and_with_p_1_sees_no_real_sample():
    plain, none = game_of(), game_of(augment="apa", augment_target=0.0)
    state = begin(plain)
    expected, found = (d_steps(g, state, 1)[0].nets["d"].params for g in (plain, none))
    for a, b in zip(jax.tree.leaves(expected), jax.tree.leaves(found), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
    every = game_of(augment="apa", augment_target=0.0, augment_p=1.0)
    one, other = (d_steps(every, state, 1, real)[0].nets["d"].params for real in (REAL, -REAL))
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("kind", ["cr", "bcr", "zcr", "icr"])
def test_consistency_by_hand(kind):
    weights = {"consistency_real": 2.0, "consistency_fake": 3.0, "consistency_d": 5.0}
    game = game_of(consistency=kind, consistency_sigma=0.5, consistency_g=0.7, **weights)
    state = begin(game)
    params, g_params = state.nets["d"].params, state.nets["g"].params
    fake = objectives.fakes(game, state, {}, KEYS)
    z = z_of(KEYS)
    np.testing.assert_allclose(fake.values, generated(game, g_params, z), rtol=1e-5, atol=1e-6)
    noise = draws.normal(draws.fold(KEYS, OfUpdate.NEARBY), (Z,))
    near = generated(game, g_params, z + 0.5 * noise)
    nearby = Samples(near, {}) if kind in ("zcr", "icr") else None
    if nearby:
        found = objectives.fakes(game, state, {}, KEYS, nearby=True).values
        np.testing.assert_allclose(found, near, rtol=1e-5, atol=1e-6)
    expected = float(d_loss(game_of(), params, state, REAL, KEYS)[0])

    def apart(a, b):
        return float(jnp.mean((said(game, params, a) - said(game, params, b)) ** 2))

    if kind != "zcr":
        expected += 2 * apart(REAL, limited.move(draws.fold(KEYS, OfUpdate.REAL_MOVED), REAL))
    if kind in ("bcr", "icr"):
        moved = limited.move(draws.fold(KEYS, OfUpdate.FAKE_MOVED), fake.values)
        expected += 3 * apart(fake.values, moved)
    if nearby:
        expected += 5 * apart(fake.values, near)
    found, _ = objectives.critic_loss(game, params, state, Samples(REAL, {}), fake, KEYS, nearby)
    assert found == pytest.approx(expected, rel=1e-4)
    generator = float(g_loss(game_of(), g_params, state, REAL, KEYS)[0])
    if nearby:
        generator -= 0.7 * float(jnp.mean((fake.values - near) ** 2))
    assert g_loss(game, g_params, state, REAL, KEYS)[0] == pytest.approx(generator, rel=1e-4)
    assert np.isfinite(d_steps(game, state, 1)[1]["d/loss"]), "the update hands them on"


def test_images_are_moved_by_a_mirror_and_whole_pixels():
    images = jnp.arange(64.0).reshape(1, 8, 8, 1).repeat(200, 0)
    moved = np.asarray(limited.move(draws.sample_keys(jax.random.key(0), 200), images))
    shifts = {tuple(np.argwhere(x[..., 0] == 27.0)[0]) for x in moved}
    assert shifts == {(y, x) for y in (2, 3, 4) for x in (2, 3, 4, 5)}  # column 3, or 4 mirrored


def test_lecam_by_hand():
    game = game_of(lecam=0.3, lecam_start=1)
    state = begin(game)
    params = state.nets["d"].params
    before = d_loss(game_of(), params, state, REAL, KEYS)[0]
    assert d_loss(game, params, state, REAL, KEYS)[0] == pytest.approx(float(before), rel=1e-6)
    state, metrics = jax.jit(partial(play.step, game))(state, {"image": REAL}, jax.random.key(0))
    kept = state.extras["lecam"]
    assert (kept.real, kept.fake) == (metrics["d/real_logit"], metrics["d/fake_logit"])
    params, fake = state.nets["d"].params, objectives.fakes(game, state, {}, KEYS)
    on_real, on_fake = said(game, params, REAL), said(game, params, fake.values)
    term = jnp.mean((on_real - kept.fake) ** 2) + jnp.mean((on_fake - kept.real) ** 2)
    expected = d_loss(game_of(), params, state, REAL, KEYS)[0] + 0.3 * term
    assert d_loss(game, params, state, REAL, KEYS)[0] == pytest.approx(float(expected), rel=1e-5)
    after, _ = d_steps(game, state, 1)
    averages = after.extras["lecam"]
    assert 0 < abs(averages.real - kept.real) < 0.02 * abs(on_real.mean() - kept.real) + 1e-2


@pytest.mark.parametrize(("step", "k"), [(0, 8), (9, 8), (10, 6), (20, 4), (30, 4), (10_000, 4)])
def test_g_learns_from_the_best(step, k):
    game = game_of(shape=(2,), top_k=0.5, top_k_decay=0.71, top_k_every=10, loss="least_squares")
    logits = jnp.asarray([3.0, -1.0, 2.0, 0.5, -2.0, 7.0, 1.0, -0.5])
    loss, share = limited.g_loss(game, logits, jnp.int32(step))
    best = jnp.sort(logits)[8 - k :]
    assert share == k / 8
    assert loss == pytest.approx(
        float(losses.adversarial("least_squares").generator(best)), rel=1e-6
    )


def test_the_best_are_those_of_all_devices():
    game = game_of(shape=(2,), axis_name="data", top_k=0.5, top_k_decay=0.0)
    whole = game_of(shape=(2,), top_k=0.5, top_k_decay=0.0)
    # Two devices have two of the best each, and two have none.
    logits = jnp.asarray([3.0, 2.0, -1.0, 0.5, 7.0, 1.0, -2.0, -0.5])
    step = jnp.int32(1000)

    def shard(logits):
        loss = lambda x: limited.g_loss(game, x, step)[0]  # noqa: E731
        return jax.lax.pmean(loss(logits), "data"), jax.grad(loss)(logits) / 4

    found, slope = jax.pmap(shard, "data", devices=jax.devices()[:4])(logits.reshape(4, 2))
    expected = jax.value_and_grad(lambda x: limited.g_loss(whole, x, step)[0])(logits)
    np.testing.assert_allclose(found, expected[0], rtol=1e-6)
    np.testing.assert_allclose(slope.ravel(), expected[1], rtol=1e-6)


def test_parts_of_a_minibatch_are_refused_where_a_whole_one_is_needed():
    fields = {**SMALL, "techniques": {"top_k": 0.5}}
    with pytest.raises(ValueError, match=r"techniques.top_k chooses among a whole minibatch"):
        variants.made(GAN, fields, accumulate=2)


EVERYTHING = {
    "augment": "ada",
    "augment_p": 0.3,
    "augment_interval": 1,
    "augment_kimg": 0.1,
    "augment_transforms": (("flip", 1.0), ("contrast", 0.5)),
    "consistency": "icr",
    "lecam": 0.1,
    "lecam_start": 1,
    "top_k": 0.5,
    "top_k_every": 1,
    "r1": 0.1,
}


@pytest.mark.slow
def test_everything_at_once_on_any_number_of_devices():
    alone, state = adversarial.method(game_of(**EVERYTHING)), begin(game_of(**EVERYTHING))
    mapped = adversarial.method(game_of(**EVERYTHING, axis_name="data"))
    many = jax.pmap(
        mapped.step, "data", in_axes=(None, 0, None), out_axes=None, devices=jax.devices()[:2]
    )
    left, right = state, state
    for i in range(2):
        left, metrics = jax.jit(alone.step)(left, {"image": REAL}, jax.random.key(i))
        right, _ = many(right, {"image": REAL.reshape(2, 4, *SHAPE)}, jax.random.key(i))
        right = jax.device_get(right)
    assert all(np.isfinite(v) for v in metrics.values())
    assert left.extras["ada"].p != pytest.approx(0.3), "it moves"
    for a, b in zip(jax.tree.leaves(left), jax.tree.leaves(right), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_a_run_resumes_to_the_same_bits_while_p_moves(tmp_path, monkeypatch):
    given = {"augment": "ada", "augment_interval": 1, "augment_kimg": 2.0, "lecam": 0.1}
    settings = smoke(
        "gan_digits",
        *(f"method.techniques.{name}={value}" for name, value in given.items()),
        "method.techniques.augment_transforms=(('flip', 1.0),)",
    )
    assert run(settings, tmp_path / "whole") == 0
    stop_at(monkeypatch, 7)
    assert run(settings, tmp_path / "resumed") == 75
    monkeypatch.undo()
    assert run(settings, tmp_path / "resumed") == 0
    assert log_lines(tmp_path / "whole") == log_lines(tmp_path / "resumed")
    ready = program.prepare(settings)
    ends = [
        jax.device_get(checkpoint.restore(tmp_path / name / "checkpoints", ready.template).tree)
        for name in ("whole", "resumed")
    ]
    assert same_bits(*ends)
    assert ends[0]["state"].extras["ada"].p > 0
