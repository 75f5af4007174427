"""The semi-supervised GAN against section 5 of its paper, its labels, and who sees them."""

import json
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import data, evaluation
from jaxgan.adversarial.purposes import OfUpdate
from jaxgan.base import draws, errors
from jaxgan.data.labelled import draw_labelled
from jaxgan.evaluation import network_figures
from jaxgan.methods.sgan import SGAN
from jaxgan.run import program
from tests.adversarial.play import Z, d_loss, g_loss
from tests.adversarial.play import make as make_variant
from tests.conftest import run, same_bits, smoke

B, K, L = 8, 4, 10
REAL = jax.random.normal(jax.random.key(7), (B, 2))
LABELLED = {
    "image": jax.random.normal(jax.random.key(8), (B, 2)),
    "label": jnp.array([0, 1, 2, 3, 3, 1, 0, 0], jnp.int32),
}
KEYS = draws.sample_keys(jax.random.key(1), B)
NOISY = {"name": "noisy_mlp", "features": (6, 5)}


def make(axis_name=None, **fields):
    fields = {"discriminator": NOISY, "num_classes": K, "labels": L, **fields}
    return make_variant(SGAN, fields, axis_name)


def init(variant):
    # Compiled whole: op by op it takes ten times as long.
    return jax.jit(variant.build().init)(jax.random.key(0), {})


def start(variant):
    """A state with labelled samples that differ."""
    labelled = {
        "image": jax.random.normal(jax.random.key(9), (L, 2)),
        "label": jnp.arange(L, dtype=jnp.int32) % K,
    }
    state = init(variant)
    return replace(state, extras={**state.extras, "labelled": labelled})


def step(variant, state, batch, key):
    return jax.jit(variant.build().step)(state, batch, key)


def conditions(variant):
    return {"labelled": LABELLED, **variant.noise(draws.fold(KEYS, 3))}


def probabilities(critique):
    """The K + 1 classes, the last of them "generated"."""
    scores = np.asarray(critique.heads["classes"], np.float64)
    e = np.exp(np.concatenate([scores, np.zeros((len(scores), 1))], axis=1))
    return e / e.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("weight", [1.0, 2.0])
def test_the_discriminators_loss_is_that_of_k_plus_one_classes(weight):
    variant = make(labelled_weight=weight)
    state, given = init(variant), conditions(variant)
    (d, g), stats = (state.nets[n].params for n in "dg"), state.nets["d"].stats
    z = draws.normal(draws.fold(KEYS, OfUpdate.LATENT), (Z,))
    fake, _ = variant.game.g.apply(g, {}, z, train=True)
    real, fake, labelled = (
        probabilities(variant.game.d.apply(d, stats, x, given["noise"], train=True)[0])
        for x in (REAL, fake, LABELLED["image"])
    )
    labels = np.asarray(LABELLED["label"])
    supervised = -np.mean(np.log(labelled[np.arange(B), labels] / labelled[:, :K].sum(1)))
    unsupervised = -np.mean(np.log(1 - real[:, K])) - np.mean(np.log(fake[:, K]))
    loss, (_, metrics) = d_loss(variant.game, d, state, REAL, KEYS, given)
    assert loss == pytest.approx(weight * supervised + unsupervised, rel=1e-5)
    assert metrics["d/labelled_loss"] == pytest.approx(supervised, rel=1e-5)
    guess = labelled[:, :K].argmax(axis=1)
    assert metrics["d/labelled_accuracy"] == np.mean(guess == labels)


def test_the_generator_matches_the_mean_features_and_does_nothing_else():
    variant = make()
    state, given = init(variant), conditions(variant)
    (d, g), stats = (state.nets[n].params for n in "dg"), state.nets["d"].stats
    z = draws.normal(draws.fold(KEYS, OfUpdate.LATENT), (Z,))
    fake, _ = variant.game.g.apply(g, {}, z, train=True)
    means = [
        np.asarray(variant.game.d.apply(d, stats, x, given["noise"], train=True)[0].features).mean(
            0
        )
        for x in (REAL, fake)
    ]
    loss, _ = g_loss(variant.game, g, state, REAL, KEYS, given)
    assert loss == pytest.approx(np.sum((means[0] - means[1]) ** 2), rel=1e-5)


def test_who_learns_from_what():
    """D and the classifier of few labels never see the batch's labels; the latter no batch."""
    variant = make()
    state, key = start(variant), jax.random.key(4)
    batch = {"image": REAL, "label": jnp.zeros(B, jnp.int32)}
    step = jax.jit(variant.build().step)
    nets = step(state, batch, key)[0].nets
    others = step(state, {**batch, "label": jnp.ones(B, jnp.int32)}, key)[0].nets
    changed = {name for name in nets if not same_bits(nets[name], others[name])}
    assert changed == {"all_labels"}
    others = step(state, {**batch, "image": 2 * REAL}, key)[0].nets
    changed = {name for name in nets if not same_bits(nets[name], others[name])}
    assert changed == {"all_labels", "d", "g"}
    labelled = state.extras["labelled"]
    for name in labelled:
        more = {"labelled": {**labelled, name: labelled[name][::-1]}}
        others = step(replace(state, extras=more), batch, key)[0].nets
        changed = {name for name in nets if not same_bits(nets[name], others[name])}
        assert changed == {"supervised", "d", "g"}


def test_the_labelled_samples_come_in_turn():
    variant = make()
    state = start(variant)
    rows = [
        variant.labelled_batch(replace(state, step=jnp.int32(t)), B)["image"]
        for t in range(2**20)[:5]
    ]
    found = np.concatenate(rows)
    expected = np.tile(state.extras["labelled"]["image"], (4, 1))
    np.testing.assert_array_equal(found, expected)
    late = replace(state, step=jnp.int32(2**31 - 1))
    first = (2**31 - 1) * B % L
    np.testing.assert_array_equal(variant.labelled_batch(late, B)["image"][0], expected[first])


def test_the_labelled_samples_of_all_devices_are_those_of_one():
    alone, mapped = make(), make(axis_name="data")
    state = replace(start(alone), step=jnp.int32(3))
    parts = jax.vmap(lambda _: mapped.labelled_batch(state, B // 2), axis_size=2, axis_name="data")(
        jnp.arange(2)
    )
    whole = alone.labelled_batch(state, B)
    for name in whole:
        np.testing.assert_array_equal(parts[name].reshape(whole[name].shape), whole[name])


def digits():
    return data.open_source(smoke("sgan_digits").data, "train")


@pytest.mark.parametrize("count", [10, 100, 57])
def test_labels_are_drawn_evenly(count):
    source = digits()
    found = draw_labelled(source, count, 0)
    assert found["image"].shape == (count, 8, 8, 1)
    assert (found["image"].dtype, found["label"].dtype) == (np.float32, np.int32)
    each = np.bincount(found["label"], minlength=10)
    assert each.max() - each.min() <= 1
    whole = data.to_float(data.whole(source))
    known = {
        x.tobytes(): int(y) for x, y in zip(np.asarray(whole["image"]), whole["label"], strict=True)
    }
    rows = [(x.tobytes(), int(y)) for x, y in zip(found["image"], found["label"], strict=True)]
    assert all(known[x] == y for x, y in rows)
    assert len({x for x, _ in rows}) == count


def test_labels_are_drawn_by_seed():
    source = digits()
    first, again, other = (draw_labelled(source, 100, seed)["image"] for seed in (0, 0, 1))
    assert same_bits(first, again)
    shared = {x.tobytes() for x in first} & {x.tobytes() for x in other}
    assert len(shared) < 30


def test_a_run_starts_from_them(tmp_path):
    config = smoke("sgan_digits", "method.label_seed=3")
    ready = program.prepare(config)
    state = ready.start()["state"]
    assert same_bits(state.extras["labelled"], draw_labelled(digits(), 50, 3))
    shapes = jax.eval_shape(lambda: state)
    assert jax.tree.leaves(shapes) == jax.tree.leaves(ready.shapes["state"])


def test_more_labels_than_there_are(tmp_path):
    config = smoke("sgan_digits", "method.labels=5000")
    told = (
        "labels=5000 asks for 500 samples of class 0, and digits has 1[0-9]+ in its split 'train'"
    )
    with pytest.raises(errors.UserError, match=told) as caught:
        run(config, tmp_path / "run")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_the_other_classifiers_may_learn_more_seldom():
    variant = make(baseline_every=3)
    state, run_step = start(variant), jax.jit(variant.build().step)
    batch = {"image": REAL, "label": LABELLED["label"]}
    moved, losses = [], []
    for t in range(6):
        new, metrics = run_step(state, batch, jax.random.key(t))
        names = ("supervised", "all_labels")
        moved.append([not same_bits(new.nets[n].params, state.nets[n].params) for n in names])
        losses.append(float(metrics["supervised/loss"]))
        state = new
    assert moved == [[t % 3 == 0] * 2 for t in range(6)]
    _, every = step(make(), start(variant), batch, jax.random.key(0))
    assert losses[0] == pytest.approx(3 * float(every["supervised/loss"]), rel=1e-5)
    assert losses[1:3] == [0, 0]


def test_classifiers_can_be_left_out():
    variant = make(baselines=False)
    state = start(variant)
    new, metrics = step(variant, state, {"image": REAL}, jax.random.key(0))
    assert set(new.nets) == {"d", "g"}
    assert {name.partition("/")[0] for name in metrics} == {"d", "g"}
    assert set(variant.build().classify(state, REAL)) == {"semi_supervised"}


def test_the_averaged_weights_classify_without_noise():
    variant = make()
    state = start(variant)
    batch, method = {"image": REAL, "label": LABELLED["label"]}, variant.build()
    state, _ = step(variant, state, batch, jax.random.key(0))
    found = method.classify(state, REAL)
    assert list(found) == ["semi_supervised", "supervised", "all_labels"]
    nets = {"semi_supervised": "d", "supervised": "supervised", "all_labels": "all_labels"}
    raw = method.classify(state, REAL, averaged=False)
    for name, of in nets.items():
        net = state.nets[of]
        for logits, params in ((found[name], net.ema["params"]), (raw[name], net.params)):
            expected = variant.game.d.apply(params, net.stats, REAL, train=False)[0].heads[
                "classes"
            ]
            np.testing.assert_array_equal(logits, expected)
        assert np.abs(found[name] - raw[name]).max() > 1e-6
    # The logit of "real" is logsumexp: that of the sigmoid D = Z / (Z + 1).
    z = np.exp(np.asarray(raw["semi_supervised"], np.float64)).sum(axis=1)
    np.testing.assert_allclose(jax.nn.sigmoid(method.scores(state, REAL)), z / (z + 1), rtol=1e-5)


@pytest.mark.parametrize("size", [7, 20, 50])
def test_errors_are_counted_over_the_whole_split(size):
    labels = np.arange(20, dtype=np.int32) % 4
    # The image is its own label, but for the last three.
    images = labels.astype(np.float32).reshape(20, 1)
    images[-3:] += 1
    rows = {"image": images, "label": labels}
    source = data.Source("s", "test", (1,), 5, 20, lambda i: {k: v[i] for k, v in rows.items()})

    def classify(x):
        assert x.shape == (size, 1)
        right = np.eye(5)[x[:, 0].astype(int)]
        return {"right": right, "zero": np.tile(np.eye(5)[0], (size, 1))}

    found = network_figures.classification_errors(classify, source, np.arange(20), size)
    assert found == {"error_right": 3 / 20, "error_zero": 15 / 20}


@pytest.mark.slow
def test_a_runs_report_has_the_three_errors(tmp_path):
    assert run(smoke("sgan_digits"), tmp_path) == 0
    (path,) = (tmp_path / "evaluation").glob("*.json")
    found = json.loads(path.read_text())["figures"]
    size = data.describe(smoke("sgan_digits").data, "test").size
    for name in ("semi_supervised", "supervised", "all_labels"):
        wrong = found[f"error_{name}"]["value"] * size
        assert 0 < wrong <= size
        assert wrong == pytest.approx(round(wrong))
    # Nothing may be chosen by an error on the test split.
    config = smoke("sgan_digits")
    ready = program.prepare(config)
    named = evaluation.logged(config, ready.spec, ready.method.conditions)
    assert named
    assert not any("error" in name for name in named)


@pytest.mark.slow
def test_any_network_with_heads_will_do():
    """Batch norm, and no noise."""
    variant = make(discriminator={"name": "mlp", "features": (6, 6), "batch_norm": True})
    assert variant.noise(KEYS) == {}
    state = start(variant)
    new, metrics = variant.build().step(
        state, {"image": REAL, "label": LABELLED["label"]}, jax.random.key(0)
    )
    assert all(jnp.isfinite(value) for value in metrics.values())
    assert not same_bits(new.nets["d"].stats, state.nets["d"].stats)


@pytest.mark.slow
def test_four_labels_are_enough_for_four_heaps():
    """The labelled sample of each heap lies at its rim: the others tell where the heap is."""
    adam = {"name": "adam", "learning_rate": 3e-3, "b1": 0.5}
    wide = {"name": "noisy_mlp", "features": (32, 32), "input_noise": 0.1, "noise": 0.1}
    method = make(
        generator={"name": "mlp", "features": (32, 32), "output": "linear"},
        discriminator=wide,
        g_optimizer=adam,
        d_optimizer=adam,
        labels=4,
    ).build()
    centres = jnp.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    labels = jnp.arange(32, dtype=jnp.int32) % K

    def batch(key):
        return {"image": centres[labels] + 0.1 * jax.random.normal(key, (32, 2)), "label": labels}

    state = jax.jit(method.init)(jax.random.key(0), {})
    labelled = {"image": centres * 0.8, "label": jnp.arange(4, dtype=jnp.int32)}
    state = replace(state, extras={"labelled": labelled})
    state, _ = jax.jit(lambda s, k: jax.lax.scan(lambda s, k: method.step(s, batch(k), k), s, k))(
        state, jax.random.split(jax.random.key(1), 300)
    )
    for name, logits in method.classify(state, batch(jax.random.key(2))["image"]).items():
        assert np.mean(np.asarray(logits).argmax(-1) == labels) == 1, name


@pytest.mark.parametrize(
    ("fields", "error", "told"),
    [
        ({"labels": 3}, ValueError, "labels=3 leaves some of the 4 classes without one"),
        ({"label_seed": -1}, ValueError, "label_seed must be"),
        ({"baseline_every": 0}, ValueError, "baseline_every at least 1"),
        ({"labelled_weight": 0.0}, ValueError, "labelled_weight must be above 0"),
        ({"classifier_ema_decay": 1.0}, ValueError, "classifier_ema_decay must be in"),
        ({"techniques": {"pack": 2}}, ValueError, "D is to classify single samples"),
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
