"""The techniques at work in a step, against the same computed by hand."""

import dataclasses
from dataclasses import replace
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from jaxgan import adversarial
from jaxgan.adversarial import Game, Samples, packing
from jaxgan.adversarial import step as play
from jaxgan.adversarial.purposes import OfStep, OfUpdate
from jaxgan.adversarial.vitals import diversity
from jaxgan.base import draws
from jaxgan.base.state import State
from jaxgan.learning.player import Player
from jaxgan.methods.gan import GAN
from jaxgan.networks import Critique
from tests.adversarial.play import RATE, Z, d_loss, g_loss
from tests.adversarial.play import make as make_variant

B = 8


def about(value, rel=1e-4):
    return pytest.approx(float(value), rel=rel)


def make(techniques=None, axis_name=None, **fields):
    """The GAN's game."""
    fields = {"ema_decay": 0.0, **fields, "techniques": techniques or {}}
    return make_variant(GAN, fields, axis_name).game


REAL = jax.random.normal(jax.random.key(7), (B, 2))
KEYS = draws.sample_keys(jax.random.key(1), B)


def begin(game):
    return adversarial.method(game).init(jax.random.key(0), {})


def step(game, state, key=1, real=REAL):
    return jax.jit(partial(play.step, game))(state, {"image": real}, jax.random.key(key))


def d_step(game, state):
    """The discriminator's update alone: half as much to compile."""
    minibatch = play.Minibatch(Samples(REAL, {}), {}, KEYS)
    return jax.jit(partial(play.d_update, game))(state, minibatch)


def close(a, b, rtol=1e-4, atol=1e-6):
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_allclose(x, y, rtol=rtol, atol=atol)


def distance(a, b):
    return float(optax.tree.norm(jax.tree.map(lambda x, y: x - y, a, b)))


def generated(game, params, keys):
    z = draws.normal(draws.fold(keys, OfUpdate.LATENT), (Z,))
    return game.g.apply(params, {}, z, train=True)[0]


def critique(game, params, x):
    return game.d.apply(params, {}, x, train=True)[0]


def d_bce(game, params, real, fake):
    """The discriminator's loss, written out."""
    on_real, on_fake = critique(game, params, real).logits, critique(game, params, fake).logits
    return jnp.mean(jnp.logaddexp(0, -on_real)) + jnp.mean(jnp.logaddexp(0, on_fake))


def g_bce(game, params, fake):
    return jnp.mean(jnp.logaddexp(0, -critique(game, params, fake).logits))


def descend(params, grads):
    return jax.tree.map(lambda p, g: p - RATE * g, params, grads)


def test_penalties_are_of_the_discriminator():
    plain = make()
    state = begin(plain)
    params = state.nets["d"].params
    base, _ = d_loss(plain, params, state, REAL, KEYS)

    def slope(x):
        return jax.vmap(jax.grad(lambda y: critique(plain, params, y[None]).logits[0]))(x)

    fake = generated(plain, state.nets["g"].params, KEYS)
    for name, x in (("r1", REAL), ("r2", fake)):
        loss, (_, metrics) = d_loss(make({name: 3.0}), params, state, REAL, KEYS)
        squares = np.mean(np.sum(np.asarray(slope(x)) ** 2, axis=-1))
        assert metrics[f"d/{name}"] == pytest.approx(squares, rel=1e-4)
        assert loss - base == pytest.approx(1.5 * squares, rel=1e-4)
    loss, (_, metrics) = d_loss(make({"gradient_penalty": 10.0}), params, state, REAL, KEYS)
    mix = jax.vmap(jax.random.uniform)(draws.fold(KEYS, OfUpdate.PENALTY))[:, None]
    norms = np.linalg.norm(np.asarray(slope(mix * REAL + (1 - mix) * fake)), axis=-1)
    assert metrics["d/gradient_penalty"] == pytest.approx(np.mean((norms - 1) ** 2), rel=1e-4)
    assert loss - base == pytest.approx(10 * np.mean((norms - 1) ** 2), rel=1e-4)


def test_a_penalty_moves_the_discriminator_and_leaves_its_statistics():
    nets = {"discriminator": {"name": "mlp", "features": (5, 4), "batch_norm": True}}
    plain, penalized = make(**nets), make({"r1": 5.0, "gradient_penalty": 10.0}, **nets)
    state = begin(plain)
    after, other = d_step(plain, state)[0], d_step(penalized, state)[0]
    assert distance(after.nets["d"].params, other.nets["d"].params) > 1e-4
    close(after.nets["d"].stats, other.nets["d"].stats, rtol=1e-6)
    stats, net = state.nets["d"].stats, state.nets["d"]
    fake = generated(plain, state.nets["g"].params, draws.fold(KEYS, OfStep.D_UPDATE))
    for x in (REAL, fake):
        stats = plain.d.apply(net.params, stats, x, train=True)[1]
    close(after.nets["d"].stats, stats, rtol=1e-4)
    assert distance(stats, net.stats) > 1e-4


def test_feature_matching_in_numpy():
    game, state = make({"feature_matching": 2.0}), begin(make())
    params, g = state.nets["d"].params, state.nets["g"].params
    fake = generated(game, g, KEYS)
    f_real, f_fake = (
        np.asarray(critique(game, params, x).features, np.float64) for x in (REAL, fake)
    )
    gap = np.sum((f_real.mean(0) - f_fake.mean(0)) ** 2)
    loss, (_, metrics) = g_loss(game, g, state, REAL, KEYS)
    assert metrics["g/feature_matching"] == pytest.approx(gap, rel=1e-4)
    assert loss == about(g_bce(game, params, fake) + 2 * gap)
    alone = make({"feature_matching": 2.0, "feature_matching_alone": True})
    assert g_loss(alone, g, state, REAL, KEYS)[0] == pytest.approx(2 * gap, rel=1e-4)


def test_weights_are_clipped_after_the_update():
    game = make({"weight_clip": 0.01}, loss="wasserstein", n_critic=2)
    state, _ = step(game, begin(game), real=jnp.tile(REAL, (2, 1)))
    largest = [np.abs(x).max() for x in jax.tree.leaves(state.nets["d"].params)]
    assert max(largest) == np.float32(0.01)
    assert max(np.abs(x).max() for x in jax.tree.leaves(state.nets["g"].params)) > 0.1


def test_orthogonality_is_of_the_generators_kernels():
    """The loss gains w |W^T W * (1 - I)|^2; in NumPy."""
    game, plain = make({"orthogonal": 0.5}), make()
    state = begin(game)
    params = {**state.nets["g"].params, "table": {"embedding": jnp.ones((3, 2))}}
    expected = 0.0
    for x in jax.tree.leaves(state.nets["g"].params):
        if x.ndim > 1:
            gram = np.asarray(x.T @ x, np.float64)
            expected += np.sum((gram - np.diag(np.diag(gram))) ** 2)
    loss, (_, metrics) = g_loss(game, params, state, REAL, KEYS)
    assert metrics["g/orthogonal"] == about(expected)
    assert loss == about(g_loss(plain, params, state, REAL, KEYS)[0] + 0.5 * expected)
    assert "g/orthogonal" not in g_loss(plain, params, state, REAL, KEYS)[1][1]


def test_the_average_is_a_copy_until_its_start():
    game = make(ema_decay=0.9, ema_start=1)
    state, _ = step(game, begin(game))
    close(state.nets["g"].ema["params"], state.nets["g"].params, rtol=0)
    after, _ = step(game, state)
    was, now = state.nets["g"].params, after.nets["g"].params
    close(after.nets["g"].ema["params"], jax.tree.map(lambda a, b: 0.9 * a + 0.1 * b, was, now))
    for wrong in ({"ema_start": -1}, {"ema_start": 5, "ema_decay": 0.0}):
        with pytest.raises(ValueError, match="ema_start must be at least 0"):
            make(**wrong)


def test_historical_averaging_pulls_towards_the_past():
    """The loss gains w |p - mean|^2, and its gradient 2 w (p - mean)."""
    w, game, plain = 0.7, make({"historical_averaging": 0.7}), make()
    state, past = begin(game), {"d": [], "g": []}
    for i in range(3):
        for name in past:
            past[name].append(jax.device_get(state.nets[name].params))
        if i < 2:
            state, metrics = step(game, state, key=i)
    for name, loss in (("d", d_loss), ("g", g_loss)):
        params = state.nets[name].params
        mean = jax.tree.map(lambda *x: np.mean(x, axis=0), *past[name])
        close(state.extras[f"{name}_history"].mean, mean)
        far = replace(state, nets=state.nets)
        moved = jax.tree.map(lambda p: p + 0.3, params)

        def value(game, p, s=far, loss=loss):
            return loss(game, p, s, REAL, KEYS)[0]

        gap = sum(
            np.sum((a - b) ** 2) for a, b in zip(*map(jax.tree.leaves, (moved, mean)), strict=True)
        )
        assert value(game, moved) - value(plain, moved) == about(w * gap, 1e-3)
        pull = jax.tree.map(
            lambda a, b: a - b, jax.grad(value, 1)(game, moved), jax.grad(value, 1)(plain, moved)
        )
        close(pull, jax.tree.map(lambda p, m: 2 * w * (p - m), moved, mean), rtol=1e-3, atol=1e-4)
    assert {"d/history", "g/history"} <= set(metrics)


def test_past_samples_come_back():
    game = make({"replay": 16, "replay_share": 1.0})
    state = begin(game)

    def learnt_from(fake, state):
        params = state.nets["d"].params
        return descend(params, jax.grad(lambda p: d_bce(game, p, REAL, fake))(params))

    first, metrics = d_step(game, state)
    keys = draws.fold(KEYS, OfStep.D_UPDATE)
    fake = generated(game, state.nets["g"].params, keys)
    # An empty buffer gives nothing back.
    close(first.nets["d"].params, learnt_from(fake, state))
    close(first.extras["replay"].samples.values[:B], fake)
    assert first.extras["replay"].stored == B
    sevens = jax.tree.map(lambda x: jnp.full_like(x, 7), first.extras["replay"].samples)
    state = replace(first, extras={"replay": first.extras["replay"]._replace(samples=sevens)})
    after, later = d_step(game, state)
    # D saw sevens alone, and the diversity is of what G makes now.
    close(after.nets["d"].params, learnt_from(jnp.full_like(fake, 7), state))
    assert later["g/diversity"] == metrics["g/diversity"] == about(diversity(REAL, fake))
    assert after.extras["replay"].stored == 2 * B
    assert (after.extras["replay"].samples.values[:B] == 7).all()
    assert (after.extras["replay"].samples.values[B:] != 7).all()


def test_unrolling_by_hand():
    """Metz et al. 2017, eq. 7 to 9, with SGD and two steps ahead."""
    game, state = make({"unrolled": 2}), begin(make())
    d = state.nets["d"].params

    def by_hand(g):
        fake, ahead = generated(game, g, KEYS), d
        for _ in range(2):
            ahead = descend(ahead, jax.grad(lambda p: d_bce(game, p, REAL, fake))(ahead))
        return g_bce(game, ahead, fake)

    value = lambda game, g: g_loss(game, g, state, REAL, KEYS)[0]  # noqa: E731
    g = state.nets["g"].params
    assert value(game, g) == about(by_hand(g))
    found = jax.grad(value, 1)(game, g)
    close(found, jax.grad(by_hand)(g))
    # The part of the gradient that goes through D's updates.
    constant = jax.lax.stop_gradient
    fake = generated(game, g, KEYS)
    ahead = d
    for _ in range(2):
        ahead = descend(ahead, jax.grad(lambda p: d_bce(game, p, REAL, fake))(ahead))
    direct = jax.grad(lambda g: g_bce(game, constant(ahead), generated(game, g, KEYS)))(g)
    assert distance(found, direct) > 1e-5


def test_unrolling_leaves_the_discriminator_to_its_own_update():
    plain, game = make(), make({"unrolled": 3})
    state = begin(plain)
    after, other = step(plain, state)[0], step(game, state)[0]
    close(after.nets["d"], other.nets["d"], rtol=1e-6)
    assert distance(after.nets["g"].params, other.nets["g"].params) > 1e-6


@pytest.mark.slow
def test_unrolling_through_adam_with_a_dead_unit():
    """The slope of Adam's root is infinite where a gradient has always been zero."""
    adam = {"name": "adam", "learning_rate": 1e-2}
    game = make({"unrolled": 2}, d_optimizer=adam, discriminator={"name": "mlp", "slope": 0.0})
    state = begin(game)
    params = jax.tree.map(jnp.copy, state.nets["d"].params)
    params["Dense_0"]["bias"] = params["Dense_0"]["bias"].at[0].set(-1e3)
    net = replace(state.nets["d"], params=params)
    state, metrics = step(game, replace(state, nets={**state.nets, "d": net}))
    assert all(np.isfinite(x).all() for x in jax.tree.leaves((state, metrics)))


def updates_of(net):
    return int(optax.tree.get(net.opt_state.inner, "count"))


def test_a_refresh_every_so_often():
    adam = {"name": "adam", "learning_rate": 1e-3}
    game = make({"d_refresh_every": 3, "d_refresh_steps": 5}, d_optimizer=adam, n_critic=2)
    state, counts = begin(game), []
    run = jax.jit(partial(play.step, game))
    for i in range(6):
        state, _ = run(state, {"image": jnp.tile(REAL, (2, 1))}, jax.random.key(i))
        counts.append(updates_of(state.nets["d"]))
    assert counts == [2, 4, 11, 13, 15, 22]


def test_a_refresh_draws_new_samples():
    """One more update with the same latents would be another point than with new ones."""
    game, state = make({"d_refresh_every": 1}), begin(make())
    found, _ = step(game, state)
    keys = draws.sample_keys(jax.random.key(1), B)
    params = state.nets["d"].params
    refresh = draws.fold(draws.fold(draws.fold(keys, OfStep.REFRESH), 0), OfStep.D_UPDATE)
    for k in (draws.fold(keys, OfStep.D_UPDATE), refresh):
        fake = generated(game, state.nets["g"].params, k)
        params = descend(params, jax.grad(lambda p, f=fake: d_bce(game, p, REAL, f))(params))
    close(found.nets["d"].params, params)


def test_simultaneous_answers_the_old_discriminator():
    game, plain = make({"update_rule": "simultaneous"}), make()
    state = begin(game)
    new, _ = step(game, state)
    keys = draws.fold(draws.sample_keys(jax.random.key(1), B), OfStep.G_UPDATE)
    d, g = state.nets["d"].params, state.nets["g"].params
    grads = jax.grad(lambda p: g_bce(game, d, generated(game, p, keys)))(g)
    close(new.nets["g"].params, descend(g, grads))
    after, _ = step(plain, state)
    close(new.nets["d"], after.nets["d"])
    assert distance(new.nets["g"].params, after.nets["g"].params) > 1e-7


@pytest.mark.parametrize("confident", [True, False])
def test_only_the_loser_moves(confident):
    game = make({"update_rule": "loser", "historical_averaging": 0.1})
    state = begin(game)
    # Logits that tell real from generated, or that take each for the other.
    real, fake = jnp.full((B, 2), 5.0), generated(game, state.nets["g"].params, KEYS)
    assert np.abs(fake).max() < 5

    def judge(game, params, stats, x, conditions, *, train):
        sign = 1.0 if confident else -1.0
        logits = sign * (x.sum(axis=-1) - 5.0) + 0 * critique(game, params, x).logits
        logits += 0.01 * critique(game, params, x).logits
        return Critique(logits, x), stats

    judged = replace(game, judge=judge)
    new, metrics = play.step(judged, state, {"image": real}, jax.random.key(1))
    moved = {name: distance(new.nets[name].params, state.nets[name].params) for name in "dg"}
    if confident:
        assert moved["d"] == 0 < moved["g"]
    else:
        assert moved["g"] == 0 < moved["d"]
    assert (metrics["d/updated"], metrics["d/deficit"] > 0) == (not confident, not confident)
    for name in "dg":
        assert (new.extras[f"{name}_history"].steps > 1) == (moved[name] > 0)
    assert new.step == 1


def test_a_packed_discriminator_judges_packs():
    game = make({"pack": 4, "r1": 1.0, "gradient_penalty": 1.0})
    state = begin(game)
    assert state.nets["d"].params["Dense_0"]["kernel"].shape == (8, 5)
    fake = generated(game, state.nets["g"].params, KEYS)
    loss, _ = d_loss(make({"pack": 4}), state.nets["d"].params, state, REAL, KEYS)
    packed = d_bce(game, state.nets["d"].params, REAL.reshape(2, 8), fake.reshape(2, 8))
    assert loss == about(packed)
    new, metrics = step(game, state)
    assert all(np.isfinite(v) for v in metrics.values())
    scores = adversarial.method(game).scores(new, REAL[:6])
    assert scores.shape == (6,)
    first = critique(game, new.nets["d"].params, REAL[:4].reshape(1, 8)).logits
    np.testing.assert_allclose(scores[:4], np.repeat(first, 4), rtol=1e-5)
    with pytest.raises(ValueError, match="pack=4 does not divide the 6 samples"):
        play.step(game, state, {"image": REAL[:6]}, jax.random.key(0))


def test_a_pack_comes_with_the_conditions_of_its_samples():
    """What D is told are the real samples themselves, so it can look whether they belong."""
    game, seen = make({"pack": 4}), []

    def judge(game, params, stats, values, conditions, *, train):
        seen.append((values, conditions["sample"]))
        return Critique(params["Dense_0"]["bias"].sum() + values[:, 0], values), stats

    judged, state = replace(game, judge=judge), begin(game)
    d_loss(judged, state.nets["d"].params, state, REAL, KEYS, {"sample": REAL})
    values, conditions = seen[0]
    assert conditions.shape == (2, 4, 2)
    np.testing.assert_array_equal(values.reshape(2, 4, 2), conditions)
    with pytest.raises(ValueError, match="pack=3 does not divide the 8 samples"):
        packing.in_packs(REAL, 3)


def test_noise_is_on_all_that_the_discriminator_sees():
    game, plain = make({"instance_noise": 0.5, "instance_noise_steps": 10}), make()
    state = begin(plain)
    params, g = state.nets["d"].params, state.nets["g"].params
    for step_, sigma in ((0, 0.5), (5, 0.25), (10, 0.0)):
        now = replace(state, step=jnp.int32(step_))
        real = REAL + sigma * draws.normal(draws.fold(KEYS, OfUpdate.REAL_NOISE), (2,))
        fake = generated(plain, g, KEYS)
        fake += sigma * draws.normal(draws.fold(KEYS, OfUpdate.FAKE_NOISE), (2,))
        found = d_loss(game, params, now, REAL, KEYS)[0]
        assert found == about(d_bce(plain, params, real, fake))
        found = g_loss(game, g, now, REAL, KEYS)[0]
        assert found == about(g_bce(plain, params, fake))


class Bare(nn.Module):
    @nn.compact
    def __call__(self, x, train):
        return nn.Dense(1)(x)[:, 0]


def test_a_discriminator_must_return_a_critique():
    game = make()
    player = Player(Bare(), optax.sgd(0.1))
    state = begin(game)
    state = replace(state, nets={**state.nets, "d": player.init(jax.random.key(0), REAL)})

    def judge(game, params, stats, x, conditions, *, train):
        return player.apply(params, stats, x, train=train)

    told = "must return a jaxgan.networks.Critique, and this one returns an array"
    with pytest.raises(ValueError, match=told):
        play.step(replace(game, judge=judge), state, {"image": REAL}, jax.random.key(0))


@pytest.mark.parametrize("odd", [lambda x: x[:, None], lambda x: x[:1], jnp.mean])
def test_a_discriminator_gives_logits_of_each_sample(odd):
    game = make()

    def judge(*given, train):
        critique, stats = game.judge(*given, train=train)
        return replace(critique, logits=odd(critique.logits)), stats

    with pytest.raises(ValueError, match=r"logits must have the shape \[B\], or"):
        play.step(replace(game, judge=judge), begin(game), {"image": REAL}, jax.random.key(0))


def test_a_head_that_is_not_there():
    with pytest.raises(ValueError, match="no head 'classes'"):
        adversarial.head(Critique(jnp.zeros(2), jnp.zeros((2, 3))), "classes")


ALL = {
    "label_smoothing": 0.1,
    "feature_matching": 0.5,
    "gradient_penalty": 1.0,
    "r1": 0.1,
    "r2": 0.1,
    "lazy_interval": 2,
    "historical_averaging": 0.01,
    "instance_noise": 0.1,
    "replay": 16,
    "unrolled": 1,
    "pack": 2,
    "d_refresh_every": 2,
}


SLOW = pytest.mark.slow


@pytest.fixture(scope="module", params=["alternating", pytest.param("loser", marks=SLOW)])
def everything(request):
    fields = dict(ALL, update_rule=request.param)
    if request.param != "alternating":
        fields |= {"unrolled": 0, "d_refresh_every": 0}
    return {
        "techniques": fields,
        "generator": {"name": "mlp", "features": (6,), "batch_norm": True, "output": "linear"},
        "discriminator": {"name": "mlp", "features": (5,), "minibatch_discrimination": 3},
        "ema_decay": 0.9,
    }


@SLOW
def test_everything_at_once_on_any_number_of_devices(everything):
    state = begin(make(**everything))
    alone = adversarial.method(make(**everything))
    mapped = adversarial.method(make(**everything, axis_name="data"))
    one = jax.jit(alone.step)
    many = jax.pmap(
        mapped.step, "data", in_axes=(None, 0, None), out_axes=None, devices=jax.devices()[:2]
    )
    left, real = state, jax.random.normal(jax.random.key(3), (8, 2))
    # Placed as the step leaves it, or the second step would compile once more.
    mesh = jax.make_mesh((2,), ("data",), axis_types=(AxisType.Auto,), devices=jax.devices()[:2])
    right = jax.device_put(state, NamedSharding(mesh, PartitionSpec()))
    for i in range(3):
        key = jax.random.key(i)
        left, metrics = one(left, {"image": real}, key)
        right, _ = many(right, {"image": real.reshape(2, 4, 2)}, key)
        assert all(v.dtype == jnp.float32 and np.isfinite(v) for v in metrics.values())
    close(jax.device_get(left), jax.device_get(right), rtol=1e-4, atol=1e-5)
    assert distance(left.nets["d"].params, state.nets["d"].params) > 1e-3
    assert jax.tree.structure(left) == jax.tree.structure(state)
    old = [(x.shape, x.dtype) for x in jax.tree.leaves(state)]
    assert [(x.shape, x.dtype) for x in jax.tree.leaves(left)] == old
    assert not any(x.weak_type for x in jax.tree.leaves(left))


@SLOW
def test_everything_at_once_for_many_seeds(everything):
    method, axes = adversarial.method(make(**everything)), State(None, 0, 0)
    keys = jax.random.split(jax.random.key(5), 2)
    stacked = jax.vmap(method.init, (0, None), axes)(keys, {})
    many = jax.jit(jax.vmap(method.step, (axes, None, 0), (axes, 0)))
    together, _ = many(stacked, {"image": REAL}, keys)
    for i, key in enumerate(keys):
        single, _ = jax.jit(method.step)(method.init(key, {}), {"image": REAL}, key)
        for name in "dg":
            one = jax.tree.map(lambda x, i=i: x[i], together.nets[name].params)
            close(one, single.nets[name].params, rtol=1e-3, atol=1e-5)


def test_methods_keep_a_donated_state_apart():
    """A buffer that stands twice in a donated state could be given away only once."""
    method = adversarial.method(make({"historical_averaging": 0.1}))
    run = jax.jit(method.step, donate_argnums=0)
    state = jax.jit(lambda k: method.init(k, {}))(jax.random.key(0))
    for i in range(2):
        state, _ = run(state, {"image": REAL}, jax.random.key(i))
    assert state.step == 2


def test_the_game_names_its_fields():
    for field in dataclasses.fields(Game):
        assert f"{field.name}:" in Game.__doc__
