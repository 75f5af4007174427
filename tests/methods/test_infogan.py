"""InfoGAN against equations 4 to 6 of its paper."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.adversarial.purposes import OfUpdate
from jaxgan.base import draws, errors
from jaxgan.methods.infogan import InfoGAN
from tests.adversarial.play import Z, d_loss, g_loss
from tests.adversarial.play import make as make_variant

B, C, K, N = 8, 2, 4, 2  # batch, categorical codes of K values, continuous codes
REAL = jax.random.normal(jax.random.key(7), (B, 2))
KEYS = draws.sample_keys(jax.random.key(1), B)
CODES = {
    "categorical": jnp.array([[0, 1], [2, 3], [3, 1], [0, 0], [1, 2], [3, 3], [2, 0], [1, 1]]),
    "continuous": jnp.linspace(-1, 1, B * N).reshape(B, N),
}


def make(**fields):
    codes = {"categorical_codes": C, "categories": K, "continuous_codes": N}
    return make_variant(InfoGAN, {**codes, **fields})


def start(variant):
    # Compiled whole: op by op it takes ten times as long.
    return jax.jit(variant.build().init)(jax.random.key(0), {})


def sample(variant, state, n, **codes):
    function = jax.jit(variant.build().sample, static_argnums=2)
    return function(state, jax.random.key(5), n, **codes)


@pytest.fixture(scope="module")
def state():
    """Of ``make()``, whose networks do not depend on the loss and the weights."""
    return start(make())


def log_sigmoid(x):
    return -np.logaddexp(0, -x)


def generator_input(codes=CODES):
    z = np.asarray(draws.normal(draws.fold(KEYS, OfUpdate.LATENT), (Z,)))
    one_hots = [np.eye(K)[np.asarray(codes["categorical"][:, i])] for i in range(C)]
    return np.concatenate([z, *one_hots, codes["continuous"]], axis=1)


def bounds(critique):
    """H(c) + mean log Q(c | x) of each categorical code and of each continuous one, float64."""
    scores = np.asarray(critique.heads["categorical"], np.float64).reshape(B, C, K)
    log_q = scores - np.log(np.exp(scores).sum(-1, keepdims=True))
    chosen = np.take_along_axis(log_q, np.asarray(CODES["categorical"])[..., None], -1)[..., 0]
    both = np.asarray(critique.heads["continuous"], np.float64).reshape(B, 2 * N)
    mean, log_std = np.split(both, 2, axis=1)
    variance = np.exp(2 * log_std) + 1e-2
    gap = np.asarray(CODES["continuous"], np.float64) - mean
    density = np.exp(-(gap**2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)
    return np.log(K) + chosen.mean(0), np.log(2) + np.log(density).mean(0)


def test_the_weights_are_those_of_the_paper():
    assert (make().categorical_weight, make().continuous_weight) == (1.0, 0.1)


@pytest.mark.parametrize("m", [1, 2])
def test_equation_6(state, m):
    a, b = 0.3, 2.0
    weights = {"categorical_weight": a, "continuous_weight": b}
    variant = make(loss="minimax", techniques={"pack": m}, **weights)
    state = state if m == 1 else start(variant)
    d, g = (state.nets[n].params for n in "dg")
    fake, _ = variant.game.g.apply(g, {}, jnp.asarray(generator_input(), jnp.float32), train=True)
    # A pack of two points is a point of four coordinates, of which Q reads the codes of both.
    packs = (x.reshape(B // m, -1) for x in (REAL, fake))
    real, fake = (variant.game.d.apply(d, {}, x, train=True)[0] for x in packs)
    on_real, on_fake = (np.asarray(c.logits, np.float64) for c in (real, fake))
    discrete, continuous = bounds(fake)
    information = a * discrete.sum() + b * continuous.sum()
    value = np.mean(log_sigmoid(on_real)) + np.mean(log_sigmoid(-on_fake))
    loss, (_, metrics) = jax.jit(partial(d_loss, variant.game))(d, state, REAL, KEYS, of_fake=CODES)
    # D maximizes V, and Q maximizes the information: both are one network.
    assert loss == pytest.approx(-value - information, rel=1e-5)
    for kind, found in (("categorical", discrete), ("continuous", continuous)):
        for i in range(2):
            name = f"d/information_{kind}_{i}"
            assert metrics[name] == pytest.approx(found[i], rel=1e-4, abs=1e-6), name
    guess = np.asarray(fake.heads["categorical"]).reshape(B, C, K).argmax(-1)
    assert metrics["d/code_accuracy"] == np.mean(guess == np.asarray(CODES["categorical"]))
    loss, (_, metrics) = jax.jit(partial(g_loss, variant.game))(g, state, REAL, KEYS, of_fake=CODES)
    assert loss == pytest.approx(np.mean(log_sigmoid(-on_fake)) - information, rel=1e-5)
    assert metrics["g/information"] == pytest.approx(information, rel=1e-4, abs=1e-6)


def slope(function, params, direction, h=1e-2):
    """The directional derivative by a central difference."""
    ahead = jax.tree.map(lambda p, v: p + h * v, params, direction)
    back = jax.tree.map(lambda p, v: p - h * v, params, direction)
    return (function(ahead) - function(back)) / (2 * h)


@pytest.mark.parametrize("player", ["d", "g"])
def test_both_players_go_up_the_information(player, state):
    """The information's share of the gradient is that of the bound itself, trunk included."""
    variant, without = make(), make(categorical_weight=0.0, continuous_weight=0.0)
    params = state.nets[player].params

    def loss(variant, p):
        of = {"d": d_loss, "g": g_loss}[player]
        return of(variant.game, p, state, REAL, KEYS, of_fake=CODES)[0]

    def bound(p):
        nets = {n: p if n == player else state.nets[n].params for n in "dg"}
        z = jnp.asarray(generator_input(), jnp.float32)
        fake, _ = variant.game.g.apply(nets["g"], {}, z, train=True)
        discrete, continuous = bounds(variant.game.d.apply(nets["d"], {}, fake, train=True)[0])
        return discrete.sum() + 0.1 * continuous.sum()

    whole, adversarial = (
        jax.jit(jax.grad(lambda p, m=m: loss(m, p)))(params) for m in (variant, without)
    )
    share = jax.tree.map(lambda a, b: a - b, whole, adversarial)
    if player == "d":
        for name in ("Dense_0", "head_categorical", "head_continuous"):
            assert np.abs(share[name]["kernel"]).max() > 1e-3, name
        assert np.abs(share["logits"]["kernel"]).max() < 1e-6
    expected = slope(bound, params, share)
    along = sum(float(jnp.vdot(s, s)) for s in jax.tree.leaves(share))
    assert along > 1e-4
    assert -along == pytest.approx(expected, rel=2e-2)


def test_codes_follow_their_prior():
    variant = make()
    codes = jax.jit(variant.codes)(draws.sample_keys(jax.random.key(3), 4000))
    assert (codes["categorical"].dtype, codes["categorical"].shape) == (jnp.int32, (4000, C))
    for i in range(C):
        share = np.bincount(np.asarray(codes["categorical"][:, i]), minlength=K) / 4000
        np.testing.assert_allclose(share, np.full(K, 1 / K), atol=0.03)
    continuous = np.asarray(codes["continuous"])
    assert -1 <= continuous.min() < -0.99
    assert 0.99 < continuous.max() <= 1
    np.testing.assert_allclose(continuous.mean(0), 0, atol=0.05)
    np.testing.assert_allclose(continuous.var(0), 1 / 3, atol=0.03)
    both = np.concatenate([codes["categorical"], continuous], axis=1)
    assert np.abs(np.corrcoef(both.T) - np.eye(C + N)).max() < 0.06


def test_a_step_draws_new_codes():
    """Those of the step's own keys, the same that a buffer of past samples keeps with them."""
    variant = make(techniques={"replay": B, "replay_share": 1.0})
    state = start(variant)
    key = jax.random.key(5)
    state, _ = jax.jit(variant.build().step)(state, {"image": REAL}, key)
    stored = state.extras["replay"].samples.conditions
    expected = variant.codes(draws.sample_keys(key, B))
    for name in expected:
        np.testing.assert_array_equal(stored[name], expected[name])
    other = variant.codes(draws.sample_keys(jax.random.key(6), B))
    assert (other["categorical"] != expected["categorical"]).any()


def test_samples_have_the_codes_asked_for(state):
    variant = make()
    keys = draws.sample_keys(jax.random.key(5), B)
    drawn, codes = sample(variant, state, B), jax.jit(variant.codes)(keys)
    np.testing.assert_allclose(drawn, sample(variant, state, B, **codes), atol=1e-6)
    # One kind alone: the other is drawn as before.
    half = sample(variant, state, B, continuous=codes["continuous"])
    np.testing.assert_allclose(drawn, half, atol=1e-6)
    z = np.asarray(draws.normal(keys, (Z,)))
    wanted = np.concatenate([z, generator_input()[:, Z:]], axis=1)
    g = state.nets["g"]
    expected, _ = variant.game.g.apply(
        g.ema["params"], {}, jnp.asarray(wanted, jnp.float32), train=False
    )
    np.testing.assert_allclose(sample(variant, state, B, **CODES), expected, atol=1e-6)


@pytest.mark.parametrize(("name", "value"), [("categorical", 1), ("continuous", 0.5)])
def test_one_number_is_for_all(name, value, state):
    variant = make()
    every = sample(variant, state, B, **{name: value})
    full = np.full((B, 2), value)
    np.testing.assert_allclose(every, sample(variant, state, B, **{name: full}), atol=1e-6)
    assert np.abs(every - sample(variant, state, B)).max() > 1e-3


def test_one_code_of_a_kind_may_come_without_its_axis():
    variant = make(categorical_codes=1, continuous_codes=1)
    state = start(variant)
    row, line = np.arange(B) % K, np.linspace(-1, 1, B, dtype=np.float32)
    flat = sample(variant, state, B, categorical=row, continuous=line)
    deep = sample(variant, state, B, categorical=row[:, None], continuous=line[:, None])
    np.testing.assert_allclose(flat, deep, atol=1e-6)


def test_a_category_that_there_is_not_shows(state):
    assert jnp.isnan(sample(make(), state, 2, categorical=K)).all()


@pytest.mark.parametrize(
    ("kinds", "given", "told"),
    [
        ((1, 1), {"categorical": jnp.zeros(3, int)}, r"categorical codes are \[3\], but \[4, 1\]"),
        ((2, 1), {"categorical": jnp.zeros(4, int)}, r"categorical codes are \[4\], but \[4, 2\]"),
        ((1, 1), {"categorical": 0.5}, "categorical codes must be integers, not float32"),
        ((1, 0), {"continuous": 0.5}, "continuous codes were given, and continuous_codes is 0"),
        ((0, 1), {"categorical": 1}, "categorical codes were given, and categorical_codes is 0"),
    ],
)
def test_codes_that_do_not_fit(kinds, given, told):
    method = make(categorical_codes=kinds[0], continuous_codes=kinds[1]).build()
    state = jax.eval_shape(method.init, jax.random.key(0), {})
    with pytest.raises(ValueError, match=told):
        jax.eval_shape(lambda s, k: method.sample(s, k, 4, **given), state, jax.random.key(2))


@pytest.mark.parametrize(("kinds", "present"), [((1, 0), "categorical"), ((0, 2), "continuous")])
def test_one_kind_of_code_is_enough(kinds, present):
    method = make(categorical_codes=kinds[0], continuous_codes=kinds[1]).build()
    state = jax.eval_shape(method.init, jax.random.key(0), {})
    assert set(state.nets["d"].params) == {"Dense_0", "logits", f"head_{present}"}
    _, metrics = jax.eval_shape(method.step, state, {"image": REAL}, jax.random.key(1))
    told = {name for name in metrics if "information_" in name}
    assert told == {f"d/information_{present}_{i}" for i in range(max(kinds))}
    assert ("d/code_accuracy" in metrics) == (present == "categorical")
    samples = jax.eval_shape(lambda s, k: method.sample(s, k, 3), state, jax.random.key(2))
    assert samples.shape == (3, 2)


def test_an_exact_reading_is_worth_a_finite_sum(state):
    """The density of a code that Q is certain of would be infinite: its variance has a floor."""
    variant = make()
    critique, _ = variant.game.d.apply(state.nets["d"].params, {}, REAL, train=True)
    certain = jnp.concatenate([CODES["continuous"], jnp.full((B, N), -50.0)], axis=1)
    critique = critique.replace(heads={**critique.heads, "continuous": certain})
    _, found = variant.information(critique, CODES)
    expected = np.log(2) - np.log(2 * np.pi * 1e-2) / 2
    assert found["information_continuous_0"] == pytest.approx(expected, rel=1e-5)


def test_images_are_scored_and_their_codes_read(state):
    variant = make()
    scores = variant.build().scores(state, REAL)
    assert scores.shape == (B,)
    critique, _ = variant.game.d.apply(state.nets["d"].params, {}, REAL, train=False)
    q = variant.recognize(state, REAL)
    np.testing.assert_allclose(scores, critique.logits)
    np.testing.assert_allclose(q["logits"].reshape(B, -1), critique.heads["categorical"])
    np.testing.assert_allclose(q["mean"], critique.heads["continuous"][:, :N])
    assert q["log_variance"].shape == (B, N)


def test_codes_are_read_off_packs():
    variant = make(techniques={"pack": 3})
    state = start(variant)
    q, scores = variant.recognize(state, REAL), variant.build().scores(state, REAL)
    assert {name: len(x) for name, x in q.items()} == dict.fromkeys(q, B)
    # Eight images: the first fills the last pack of three.
    last = jnp.concatenate([REAL[6], REAL[7], REAL[0]])[None]
    critique, _ = variant.game.d.apply(state.nets["d"].params, {}, last, train=False)
    logits = critique.heads["categorical"].reshape(3, C, K)
    np.testing.assert_allclose(q["logits"][6:], logits[:2], rtol=1e-5)
    means = critique.heads["continuous"].reshape(3, 2, N)[:2, 0]
    np.testing.assert_allclose(q["mean"][6:], means, rtol=1e-5)
    np.testing.assert_allclose(scores[6:], np.repeat(critique.logits, 2), rtol=1e-5)


def test_statistics_are_renewed():
    generator = {"name": "mlp", "features": (6,), "batch_norm": True}
    variant = make(generator=generator)
    state = start(variant)
    key = jax.random.key(2)
    renew = jax.jit(variant.build().recalibrate, static_argnums=(2, 3))
    renewed = renew(state, key, 256, 2).nets["g"].ema["stats"]["batch_stats"]
    keys = [draws.sample_keys(jax.random.fold_in(key, i), 256) for i in range(2)]
    kernel = state.nets["g"].params["Dense_0"]["kernel"]
    hidden = [variant.inputs(draws.normal(k, (Z,)), variant.codes(k))[0] @ kernel for k in keys]
    means = [stats["mean"] for stats in renewed.values()]
    np.testing.assert_allclose(means[0], np.mean([h.mean(0) for h in hidden], axis=0), atol=1e-5)


TECHNIQUES = [
    {"update_rule": "simultaneous"},
    {"update_rule": "loser"},
    {"label_smoothing": 0.1},
    {"feature_matching": 1.0, "feature_matching_alone": True},
    {"gradient_penalty": 10.0},
    {"r1": 1.0, "r2": 1.0, "lazy_interval": 2},
    {"historical_averaging": 0.1, "instance_noise": 0.1},
    {"replay": 8},
    {"unrolled": 2},
    {"d_refresh_every": 1, "d_refresh_steps": 2},
    {"pack": 2},
]


@pytest.mark.slow
@pytest.mark.parametrize("switches", TECHNIQUES, ids=lambda t: next(iter(t)))
def test_techniques_work_beside_the_codes(switches):
    variant = make(techniques=switches)
    state = start(variant)
    new, metrics = jax.jit(variant.build().step)(state, {"image": REAL}, jax.random.key(1))
    assert all(jnp.isfinite(v) for v in metrics.values())
    moved = [
        bool((a != b).any())
        for name in "dg"
        for a, b in zip(
            jax.tree.leaves(new.nets[name].params),
            jax.tree.leaves(state.nets[name].params),
            strict=True,
        )
    ]
    assert any(moved)


CENTRES = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])


def four_points(key):
    return CENTRES[np.arange(32) % K] + 0.05 * jax.random.normal(key, (32, 2))


def a_line(key):
    return jax.random.uniform(key, (32, 1), minval=-1.0) * jnp.array([1.0, 0.5])


def trained(real, steps, **fields):
    """The variant, and its state before and after steps on what ``real`` draws."""
    adam = {"name": "adam", "learning_rate": 5e-3, "b1": 0.5}
    wide = {"name": "mlp", "features": (32, 32)}
    variant = make(
        generator={**wide, "output": "linear"},
        discriminator=wide,
        g_optimizer=adam,
        d_optimizer=adam,
        ema_decay=0.0,
        **fields,
    )
    before, step = start(variant), variant.build().step
    keys = jax.random.split(jax.random.key(1), steps)
    end, metrics = jax.jit(
        lambda s, k: jax.lax.scan(lambda s, k: step(s, {"image": real(k)}, k), s, k)
    )(before, keys)
    return variant, before, end, metrics


def read(variant, state):
    """The share of codes that Q reads off new samples of them."""
    asked = np.arange(400) % K
    samples = sample(variant, state, 400, categorical=asked)
    logits = np.asarray(jax.jit(variant.recognize)(state, samples)["logits"][:, 0])
    return np.mean(logits.argmax(-1) == asked), np.asarray(samples)


@pytest.mark.slow
def test_the_code_comes_to_tell_the_modes_apart():
    """Without a label: each value of the code makes a mode of its own, and Q reads it off."""
    variant, before, end, metrics = trained(
        four_points, 600, categorical_codes=1, continuous_codes=0
    )
    assert read(variant, before)[0] < 0.5
    share, samples = read(variant, end)
    assert share > 0.95
    nearest = np.linalg.norm(samples[:, None] - CENTRES, axis=-1).argmin(-1)
    table = np.zeros((K, K))
    np.add.at(table, (np.arange(400) % K, nearest), 1 / 100)
    assert sorted(table.argmax(axis=1)) == [0, 1, 2, 3]
    assert table.max(axis=1).min() > 0.9
    assert np.asarray(metrics["d/information_categorical_0"][-50:]).mean() > 0.9 * np.log(K)


@pytest.mark.slow
def test_a_continuous_code_comes_to_run_along_the_line():
    variant, before, end, metrics = trained(
        a_line, 1500, categorical_codes=0, continuous_codes=1, continuous_weight=0.1
    )
    asked = jnp.linspace(-1, 1, 400)
    places = []
    for state in (before, end):
        samples = sample(variant, state, 400, continuous=asked)
        mean = variant.recognize(state, samples)["mean"][:, 0]
        places.append([abs(np.corrcoef(asked, x)[0, 1]) for x in (mean, samples[:, 0])])
    assert places[1][0] > 0.9, places
    assert places[1][1] > 0.9, places
    assert np.asarray(metrics["d/information_continuous_0"][-50:]).mean() > 0.5


@pytest.mark.slow
def test_without_lambda_the_code_is_not_read():
    variant, _, end, _ = trained(
        four_points, 600, categorical_codes=1, continuous_codes=0, categorical_weight=0.0
    )
    assert read(variant, end)[0] < 0.5


@pytest.mark.parametrize(
    ("fields", "error", "told"),
    [
        ({"categorical_codes": 0, "continuous_codes": 0}, ValueError, "are both 0"),
        ({"continuous_codes": -1}, ValueError, "continuous_codes must be at least 0"),
        ({"categories": 1}, ValueError, "categories must be at least 2, not 1"),
        ({"continuous_weight": float("nan")}, ValueError, "continuous_weight must be at least 0"),
        (
            {"discriminator": {"name": "tests.methods.unlabelled"}},
            errors.UserError,
            "discriminator 'tests.methods.unlabelled' takes no heads",
        ),
    ],
)
def test_values_no_run_can_have(fields, error, told):
    with pytest.raises(error, match=told):
        make(**fields).build()
