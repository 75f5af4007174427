"""A game with other names, other latents and another loss than the package's own."""

import dataclasses
import itertools
import re
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import adversarial, losses
from jaxgan.adversarial.techniques import Techniques
from jaxgan.base import draws, errors
from jaxgan.learning.updates import accumulate, split
from jaxgan.methods.cgan import CGAN
from jaxgan.methods.gan import GAN
from jaxgan.run import program
from jaxgan.watch import totals
from tests.adversarial.play import SMALL, Z, make
from tests.conftest import quickly, same_bits, smoke

B, KEY = 8, jax.random.key(0)
REAL = jax.random.normal(jax.random.key(7), (B, 2))
# Whatever is kept, or logged, under a player's name.
KEPT = Techniques(
    historical_averaging=0.1, replay=16, feature_matching=0.5, r1=1.0, gradient_penalty=1.0
)
NAMES = {"g": "painter", "d": "critic"}


def game(names=("g", "d"), **techniques):
    generator = {"name": "mlp", "features": (6,), "batch_norm": True}
    fields = {"generator": generator, "techniques": replace(KEPT, **techniques)}
    return adversarial.plain(make(GAN, fields).common, names=names)


def renamed(flat):
    """What the plain game calls by its players, as the other does."""
    return {re.sub("^[gd](?=[/_]|$)", lambda m: NAMES[m[0]], name): x for name, x in flat.items()}


OTHER_RULES = (pytest.param(rule, marks=pytest.mark.slow) for rule in ("simultaneous", "loser"))


@pytest.mark.parametrize("rule", ["alternating", *OTHER_RULES])
def test_players_of_other_names_play_the_same_game(rule):
    plain, other = (
        adversarial.method(game(names, update_rule=rule))
        for names in (("g", "d"), tuple(NAMES.values()))
    )
    left, right = plain.init(KEY, {}), other.init(KEY, {})
    assert set(right.nets) == {"painter", "critic"}
    assert set(right.extras) == {"painter_history", "critic_history", "critic_replay"}
    for i in range(2):
        key, batch = jax.random.key(i), {"image": REAL}
        left, expected = jax.jit(plain.step)(left, batch, key)
        right, found = jax.jit(other.step)(right, batch, key)
    assert set(found) == set(renamed(expected))
    assert {name.partition("/")[0] for name in found} == {"painter", "critic"}
    assert {"painter/loss", "critic/loss", "painter/diversity", "critic/history"} <= set(found)
    assert ("critic/updated" in found) == (rule == "loser")
    for name, value in renamed(expected).items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)
    assert same_bits(right.nets, renamed(left.nets))
    extras = {name.replace("critic_replay", "replay"): x for name, x in right.extras.items()}
    assert same_bits(extras, renamed(left.extras))
    for ask in (
        lambda m, s: m.sample(s, KEY, 3),
        lambda m, s: m.sample(s, KEY, 3, averaged=False),
        lambda m, s: m.scores(s, REAL),
    ):
        assert same_bits(ask(plain, left), ask(other, right))
    recalibrated = other.recalibrate(right, KEY, 4, 2).nets
    assert same_bits(recalibrated, renamed(plain.recalibrate(left, KEY, 4, 2).nets))
    assert not same_bits(recalibrated["painter"], right.nets["painter"])


def test_two_games_share_a_state():
    """As a method of two pairs of players has them: neither touches what is the other's."""
    one, two = (game((f"g_{i}", f"d_{i}")) for i in "ab")
    first, second = adversarial.method(one), adversarial.method(two)
    a, b = first.init(KEY, {}), second.init(jax.random.key(1), {})
    state = replace(a, nets={**a.nets, **b.nets}, extras={**a.extras, **b.extras})
    assert set(state.nets) == {"g_a", "d_a", "g_b", "d_b"}
    assert len(state.extras) == 6

    def of(state, letter):
        kept = [
            {k: v for k, v in part.items() if f"_{letter}" in k}
            for part in (state.nets, state.extras)
        ]
        return tuple(kept)

    between, on_a = jax.jit(first.step)(state, {"image": REAL}, KEY)
    assert same_bits(of(between, "b"), of(state, "b"))
    after, on_b = jax.jit(second.step)(between, {"image": REAL}, KEY)
    assert same_bits(of(after, "a"), of(between, "a"))
    alone, _ = jax.jit(first.step)(a, {"image": REAL}, KEY)
    assert same_bits(of(between, "a"), of(alone, "a"))
    assert {name.partition("/")[0] for name in {**on_a, **on_b}} == set(state.nets)
    assert not set(on_a) & set(on_b)
    # A number that is not finite has its owner.
    wrong = {**on_a, **on_b, "d_a/loss": jnp.float32(jnp.nan)}
    bad = totals.nonfinite(after, wrong)
    assert [name for name, is_bad in bad.items() if is_bad] == ["d_a"]


def test_names_that_change_places_are_told_apart():
    plain, crossed = (adversarial.method(game(names)) for names in (("g", "d"), ("d", "g")))
    state = plain.init(KEY, {})
    turned = replace(crossed.init(KEY, {}), nets={"d": state.nets["g"], "g": state.nets["d"]})
    new, metrics = jax.jit(plain.step)(state, {"image": REAL}, KEY)
    other, found = jax.jit(crossed.step)(turned, {"image": REAL}, KEY)
    assert same_bits(other.nets, {"d": new.nets["g"], "g": new.nets["d"]})
    for name, value in metrics.items():
        player, _, quantity = name.partition("/")
        np.testing.assert_array_equal(found[f"{'gd'['dg'.index(player)]}/{quantity}"], value)


def test_metrics_of_terms_are_the_players_own():
    plain = make(CGAN, {"num_classes": 3}).game

    def d_terms(real, fake, of_real, of_fake):
        return jnp.zeros((), jnp.float32), {"d/seen": jnp.mean(of_real["labels"] * 1.0)}

    def g_terms(fake, conditions):
        return jnp.zeros((), jnp.float32), {"g/asked": jnp.mean(conditions["labels"] * 1.0)}

    named = replace(plain, names=("maker", "judge"), d_terms=d_terms, g_terms=g_terms)
    method = adversarial.method(named)
    batch = {"image": REAL, "label": jnp.array([0, 1, 2, 2, 2, 0, 1, 0], jnp.int32)}
    _, metrics = jax.jit(method.step)(method.init(KEY, {}), batch, KEY)
    assert metrics["judge/seen"] == metrics["maker/asked"] == 1.0
    assert {name.partition("/")[0] for name in metrics} == {"judge", "maker"}


def both(keys):
    return {"a": draws.normal(keys, (1,)), "b": draws.normal(draws.fold(keys, 1), (Z - 1,))}


TREES = {
    "by name": (lambda g, keys: both(keys), lambda z: jnp.concatenate([z["a"], z["b"]], axis=1)),
    "in a row": (lambda g, keys: tuple(both(keys).values()), lambda z: jnp.concatenate(z, axis=1)),
    "uniform": (lambda g, keys: jax.random.uniform(KEY, (len(keys), Z)), lambda z: z),
}


@pytest.mark.parametrize(("tree", "codes"), quickly(itertools.product(TREES, (False, True)), 1, 2))
def test_latents_are_any_tree(tree, codes):
    """Alone, or beside what is drawn of conditions."""
    latents, join = TREES[tree]
    drawn = (
        {"drawn": lambda keys: {"shift": draws.normal(draws.fold(keys, 5), ())}} if codes else {}
    )
    plain = adversarial.plain(
        make(GAN, {}).common,
        latents=latents,
        g_inputs=lambda z, given: (join(z) + (given["shift"][:, None] if given else 0),),
        example={"shift": jnp.zeros(())} if codes else {},
        of_fake=(lambda batch, keys: drawn["drawn"](keys)) if codes else None,
        **drawn,
    )
    method = adversarial.method(plain)
    state = method.init(KEY, {})
    z = method.latents(KEY, 5)
    assert {len(x) for x in jax.tree.leaves(z)} == {5}
    samples = method.generate(state, z)
    assert samples.shape == (5, 2)
    np.testing.assert_array_equal(samples, method.sample(state, KEY, 5))
    some = method.generate(state, jax.tree.map(lambda x: x[1:3], z))
    np.testing.assert_allclose(some, samples[1:3], rtol=1e-5, atol=1e-6)
    new, metrics = jax.jit(method.step)(state, {"image": REAL}, KEY)
    assert not same_bits(new.nets["g"].params, state.nets["g"].params)
    assert all(jnp.isfinite(value) for value in metrics.values())


# A loss of one's own, by its dotted name.

double = losses.AdversarialLoss(
    lambda real, fake, *, axis_name=None: 2 * losses.hinge.discriminator(real, fake),
    lambda fake, real=None, *, axis_name=None: 3 * losses.hinge.generator(fake),
    threshold=None,
)
no_loss = (losses.hinge.discriminator, losses.hinge.generator)


def test_a_loss_of_ones_own_trains():
    found = {}
    for name in ("hinge", "jaxgan.losses.hinge", f"{__name__}.double"):
        method = make(GAN, {"loss": name}).build()
        _, found[name] = jax.jit(method.step)(method.init(KEY, {}), {"image": REAL}, KEY)
    hinge, again, mine = found.values()
    assert same_bits(hinge, again)
    assert mine["d/loss"] == pytest.approx(2 * float(hinge["d/loss"]), rel=1e-6)
    assert mine["d/grad_norm"] == pytest.approx(2 * float(hinge["d/grad_norm"]), rel=1e-5)
    # What is on its record: no logit divides real from generated.
    assert set(hinge) - set(mine) == {"d/real_accuracy", "d/fake_accuracy"}


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("hing", "unknown loss 'hing'; did you mean 'hinge'"),
        (f"{__name__}.no_loss", "no_loss' is no loss: .* type 'AdversarialLoss', not 'tuple'"),
        (f"{__name__}.gone", "has no loss 'gone'; it has: double"),
        (f"{__name__}.doubel", "has no loss 'doubel'; did you mean 'double'"),
        ("no_such_module.loss", "unknown loss 'no_such_module.loss'; known: hinge, "),
        ("no_such_module.loss", "there is no module 'no_such_module' beside the experiment"),
    ],
)
def test_a_loss_that_there_is_not(name, told):
    with pytest.raises(errors.UserError, match=told):
        make(GAN, {"loss": name})


def test_techniques_ask_the_loss_of_ones_own():
    smoothed = {"techniques": {"label_smoothing": 0.1}, "loss": f"{__name__}.double"}
    with pytest.raises(ValueError, match="label_smoothing needs a loss with labels"):
        make(GAN, smoothed)


def test_common_is_made_of_the_same_fields_directly():
    common = adversarial.Common(**SMALL, techniques=Techniques(r1=1.0), axis_name="data")
    assert common == make(GAN, {"techniques": {"r1": 1.0}}, "data").common
    assert (
        dataclasses.replace(common, axis_name=None)
        == make(GAN, {"techniques": Techniques(r1=1.0)}).common
    )


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("accumulate=3", "batch_size=8"), "accumulate=3 does not divide the 8 samples"),
        (("accumulate=2", "method.techniques.unrolled=1"), "unrolled looks ahead on a whole"),
    ],
)
def test_parts_that_cannot_be_are_refused(more, told):
    with pytest.raises(errors.UserError, match=told):
        program.prepare(smoke("gan_digits", *more))


def test_batch_norm_sees_each_part_apart():
    """Its running mean is the mean of the parts', and spectral vectors are not averaged."""
    parts = split(REAL, 2)
    gradient = lambda x: (x.sum(0), ({"batch_stats": x.std(0), "u": jnp.ones(3)}, x.mean(0)))  # noqa: E731
    grads, (stats, metrics) = accumulate(gradient, REAL, 2)
    np.testing.assert_allclose(grads, parts.sum(1).mean(0), rtol=1e-6)
    np.testing.assert_allclose(stats["batch_stats"], parts.std(1).mean(0), rtol=1e-6)
    np.testing.assert_array_equal(stats["u"], np.ones(3))
    np.testing.assert_allclose(metrics, REAL.mean(0), rtol=1e-6)
