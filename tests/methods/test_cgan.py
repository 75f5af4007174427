"""The conditional GAN against equation 2 of its paper, and what it refuses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.adversarial.purposes import OfUpdate
from jaxgan.base import draws, errors
from jaxgan.methods.cgan import CGAN
from tests.adversarial.play import Z, d_loss, g_loss
from tests.adversarial.play import make as make_variant

B, K = 8, 4
REAL = jax.random.normal(jax.random.key(7), (B, 2))
LABELS = jnp.array([0, 1, 2, 3, 3, 1, 0, 0], jnp.int32)
KEYS = draws.sample_keys(jax.random.key(1), B)
TOLD = {"labels": LABELS}


def make(conditioning="concat", **fields):
    defaults = {
        "generator": {
            "name": "mlp",
            "features": (6,),
            "output": "linear",
            "batch_norm": conditioning == "projection",
            "conditioning": conditioning,
        },
        "discriminator": {"name": "mlp", "features": (5,), "conditioning": conditioning},
        "num_classes": K,
    }
    return make_variant(CGAN, {**defaults, **fields})


def start(variant):
    # Compiled whole: op by op it takes ten times as long.
    return jax.jit(variant.build().init)(jax.random.key(0), {})


def log_sigmoid(x):
    return -np.logaddexp(0, -x)


def logits(variant, state, x, labels):
    net = state.nets["d"]
    critique, _ = variant.game.d.apply(net.params, net.stats, x, labels, train=True)
    return np.asarray(critique.logits, np.float64)


def generated(variant, state, labels):
    g, z = state.nets["g"], draws.normal(draws.fold(KEYS, OfUpdate.LATENT), (Z,))
    return variant.game.g.apply(g.params, g.stats, z, labels, train=True)[0]


@pytest.mark.parametrize("m", [1, 2])
@pytest.mark.parametrize("conditioning", ["concat", "embedding", "projection"])
def test_equation_2(conditioning, m):
    variant = make(conditioning, loss="minimax", techniques={"pack": m})
    state = start(variant)
    # A pack of two points is a point of four coordinates, with two labels.
    together = LABELS if m == 1 else LABELS.reshape(-1, m)
    on_real = logits(variant, state, REAL.reshape(B // m, -1), together)
    fake = generated(variant, state, LABELS)
    on_fake = logits(variant, state, fake.reshape(B // m, -1), together)
    value = np.mean(log_sigmoid(on_real)) + np.mean(log_sigmoid(-on_fake))
    d, g = (state.nets[n].params for n in "dg")
    assert d_loss(variant.game, d, state, REAL, KEYS, TOLD)[0] == pytest.approx(-value, rel=1e-5)
    expected = np.mean(log_sigmoid(-on_fake))
    assert g_loss(variant.game, g, state, REAL, KEYS, TOLD)[0] == pytest.approx(expected, rel=1e-5)
    others = (LABELS + 1) % K
    assert abs(d_loss(variant.game, d, state, REAL, KEYS, {"labels": others})[0] + value) > 1e-4


def test_the_penalty_holds_the_labels():
    plain, variant = make(), make(techniques={"r1": 2.0, "r2": 2.0})
    state = start(plain)
    params = state.nets["d"].params

    def slope(x, label):
        def logit(y):
            critique, _ = plain.game.d.apply(params, {}, y[None], label[None], train=True)
            return critique.logits[0]

        return jax.grad(logit)(x)

    fake = generated(variant, state, LABELS)
    expected = sum(
        np.mean(np.sum(np.asarray(jax.vmap(slope)(x, LABELS)) ** 2, -1)) for x in (REAL, fake)
    )
    losses = [d_loss(v.game, params, state, REAL, KEYS, TOLD)[0] for v in (variant, plain)]
    assert losses[0] - losses[1] == pytest.approx(expected, rel=1e-4)


def test_samples_are_of_the_labels_asked_for():
    method, key = make().build(), jax.random.key(5)
    state = jax.jit(method.init)(jax.random.key(0), {})
    cycle = method.sample(state, key, 6)
    np.testing.assert_array_equal(
        cycle, method.sample(state, key, 6, labels=jnp.array([0, 1, 2, 3, 0, 1]))
    )
    twos = method.sample(state, key, 6, labels=2)
    np.testing.assert_allclose(twos[2], cycle[2], rtol=1e-5, atol=1e-6)
    assert np.abs(twos[1] - cycle[1]).max() > 1e-4


def test_scores_without_labels_are_of_the_likeliest():
    method = make().build()
    state = jax.jit(method.init)(jax.random.key(0), {})
    each = np.stack([method.scores(state, REAL, jnp.full(B, k, jnp.int32)) for k in range(K)])
    np.testing.assert_allclose(method.scores(state, REAL), each.max(axis=0), rtol=1e-5)
    assert np.abs(each.max(axis=0) - each.min(axis=0)).min() > 1e-5


@pytest.mark.parametrize("conditioning", ["concat", "embedding", "projection"])
def test_the_places_in_a_pack_are_told_apart(conditioning):
    variant = make(conditioning, techniques={"pack": 2})
    state = start(variant)
    one, other = jnp.array([[0, 1]], jnp.int32), jnp.array([[1, 0]], jnp.int32)
    x = REAL[:2].reshape(1, 4)
    assert abs(logits(variant, state, x, one) - logits(variant, state, x, other)) > 1e-4
    # Seven images: the first fills the last pack.
    scores = variant.build().scores(state, REAL[:7], LABELS[:7])
    last = jnp.concatenate([REAL[6], REAL[0]])[None], jnp.array([[LABELS[6], LABELS[0]]])
    assert scores.shape == (7,)
    net = state.nets["d"]
    expected = variant.game.d.apply(net.params, net.stats, *last, train=False)[0].logits
    np.testing.assert_allclose(scores[6:], expected, rtol=1e-5)
    assert variant.build().scores(state, REAL[:7]).shape == (7,)


def test_statistics_are_renewed_over_every_class():
    variant = make("projection")
    state = start(variant)
    renewed = variant.build().recalibrate(state, jax.random.key(2), 8, 2)
    old, new = (jax.tree.leaves(s.nets["g"].ema["stats"]) for s in (state, renewed))
    assert any((a != b).any() for a, b in zip(old, new, strict=True))


def test_replayed_samples_keep_their_labels():
    variant = make(techniques={"replay": 16, "replay_share": 1.0})
    state = start(variant)
    batch = {"image": REAL, "label": LABELS}
    state, _ = jax.jit(variant.build().step)(state, batch, jax.random.key(1))
    stored = state.extras["replay"].samples
    np.testing.assert_array_equal(stored.conditions["labels"][:B], LABELS)


@pytest.mark.parametrize(
    ("fields", "error", "told"),
    [
        ({"num_classes": 0}, ValueError, "num_classes must be at least 1, not 0"),
        ({"loss": "mini"}, errors.UserError, "mini"),
        (
            {"generator": {"name": "tests.methods.unlabelled"}},
            errors.UserError,
            "generator 'tests.methods.unlabelled' takes no num_classes",
        ),
        (
            {"discriminator": {"name": "tests.methods.unlabelled"}},
            errors.UserError,
            "discriminator 'tests.methods.unlabelled' takes no num_classes",
        ),
    ],
)
def test_values_no_run_can_have(fields, error, told):
    with pytest.raises(error, match=told):
        make(**fields).build()


def test_a_batch_without_labels_is_refused():
    variant = make()
    with pytest.raises(ValueError, match="needs labels, and the batch has none"):
        variant.build().step(start(variant), {"image": REAL}, jax.random.key(0))
