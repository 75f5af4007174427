"""ProGAN: its stages in a run, its optimizers as new, its loss against the paper's."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import config as config_lib
from jaxgan import data, train
from jaxgan.base import errors, parallel
from jaxgan.config import variants
from jaxgan.methods.progan import ProGAN
from jaxgan.networks import Critique
from jaxgan.run import checkpoint, program
from tests.adversarial.play import SGD
from tests.conftest import log_lines, run, same_bits, smoke, stop_at

# Of the smoke config: steps of 4x4, of the fade, and of 8x8, 20 in all.
FIRST, WHOLE = 6, 10
SLOW = pytest.mark.slow
B = 8
NETWORK = {"name": "progan", "widths": (4, 4)}
KEY = jax.random.key(0)
REAL = jax.random.uniform(jax.random.key(7), (B, 8, 8, 1), minval=-1)
BATCH = {"image": REAL, "label": jnp.arange(B, dtype=jnp.int32) % 3}


def make(**fields):
    """A variant whose second stage is faded in from step 3 to step 7."""
    small = {
        "generator": NETWORK,
        "discriminator": NETWORK,
        "g_optimizer": SGD,
        "d_optimizer": SGD,
        "shape": (8, 8, 1),
        "latent_dim": 5,
        "stable_kimg": 0.02,
        "fade_kimg": 0.032,
    }
    given = {name: fields.pop(name) for name in ("axis_name", "steps") if name in fields}
    return variants.made(ProGAN, {**small, **fields}, batch_size=B, **given)


def start(variant, step=0):
    """A state of a method at that step, of a generator that shows something."""
    state = jax.jit(variant.build().init)(KEY, BATCH)
    moved = jax.tree.map(lambda x: x + 0.1, state.nets["g"])
    nets = {**state.nets, "g": dataclasses.replace(moved, opt_state=state.nets["g"].opt_state)}
    return dataclasses.replace(state, step=jnp.int32(step), nets=nets)


def at(variant, step):
    return variant.build().at(step)


def test_the_stages_of_a_training():
    variant = make()
    sides = [at(variant, step)[0] for step in range(8)]
    assert sides == [4, 4, 4, 8, 8, 8, 8, 8]
    assert len(variant.build().phases(100)) == 2
    assert variant.stages[-1].whole == 7


def test_images_are_counted_over_all_updates_of_d():
    assert make(n_critic=2).stages[-1].first == 2
    assert make(n_critic=2).build().minibatches == 2


def test_every_stage_logs_the_same_and_keeps_the_state():
    variant = make()
    steps = [jax.jit(at(variant, step)[1].step) for step in (0, 3)]
    state, found = start(variant), []
    for i in range(9):
        new, metrics = steps[i >= 3](state, BATCH, KEY)
        shape = lambda tree: jax.tree.map(lambda x: (x.shape, x.dtype), tree)  # noqa: E731
        assert shape(new) == shape(state)
        found.append((float(metrics["g/resolution"]), float(metrics["g/alpha"])))
        state = new
    expected = [(4, 1)] * 3 + [(8, (8 * i - 20) / 32) for i in range(3, 7)] + [(8, 1)] * 2
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_only_the_stages_that_run_learn():
    variant = make()
    state = start(variant)
    new, _ = jax.jit(at(variant, 0)[1].step)(state, BATCH, KEY)
    for name, still in (("g", {"conv_8_up", "conv_8_same", "to_image_8"}), ("d", None)):
        old, moved = state.nets[name].params, new.nets[name].params
        stayed = {k for k in old if same_bits(old[k], moved[k])}
        assert stayed == (still or {"conv_8_same", "conv_8_down", "from_image_8"})


def test_samples_and_scores_are_those_of_the_step():
    variant = make()
    z = variant.build().latents(KEY, 4)
    images, logits = {}, {}
    for phase, step in ((0, 0), (3, 5), (3, 7)):
        method, state = at(variant, phase)[1], start(variant, step)
        images[step] = jax.jit(lambda s, m=method: m.generate(s, z, averaged=False))(state)
        logits[step] = jax.jit(lambda s, m=method: m.scores(s, REAL))(state)
    alpha = (8 * 5 - 20) / 32
    blend = (1 - alpha) * images[0] + alpha * images[7]
    np.testing.assert_allclose(images[5], blend, rtol=1e-5, atol=1e-6)
    # Of 4x4 pixels, each four times.
    np.testing.assert_array_equal(images[0][:, ::2, ::2], images[0][:, 1::2, 1::2])
    assert not np.allclose(images[7][:, ::2, ::2], images[7][:, 1::2, 1::2], atol=1e-5)
    assert len({np.asarray(x).tobytes() for x in logits.values()}) == 3


@pytest.mark.parametrize("step", [3, 4, *(pytest.param(s, marks=pytest.mark.slow) for s in (7, 8))])
def test_optimizers_are_as_new_where_a_stage_begins_and_where_its_fade_ends(step):
    adam = {"name": "adam", "learning_rate": 0.01, "b1": 0.5}
    variant = make(g_optimizer=adam, d_optimizer=adam)
    fresh = start(variant, step)

    def worn(net):
        inner = jax.tree.map(lambda x: x + jnp.asarray(3, x.dtype), net.opt_state.inner)
        return net.replace(opt_state=net.opt_state.replace(inner=inner))

    old = fresh.replace(nets={name: worn(net) for name, net in fresh.nets.items()})
    take = jax.jit(at(variant, step)[1].step)
    assert same_bits(take(old, BATCH, KEY), take(fresh, BATCH, KEY)) == (step in (3, 7))


def test_real_images_are_faded_as_the_networks_are():
    """Of real images that are one pixel in four already, a fade leaves all."""
    variant, alpha = make(), (8 * 3 - 20) / 32
    state, take = start(variant, 3), jax.jit(at(variant, 3)[1].step)
    coarse = REAL.reshape(B, 4, 2, 4, 2, 1).mean((2, 4)).repeat(2, 1).repeat(2, 2)
    seen = [take(state, {**BATCH, "image": x}, KEY)[1]["g/diversity"] for x in (REAL, coarse)]
    # The variance of the same generated images, over that of the real ones.
    variance = [np.sum(np.var(x, axis=0)) for x in (alpha * REAL + (1 - alpha) * coarse, coarse)]
    np.testing.assert_allclose(seen[0] / seen[1], variance[1] / variance[0], rtol=1e-4)


def test_the_loss_is_wgan_gp_with_drift():
    """Values of the authors' ``loss.py`` without the penalty."""
    variant = make(techniques={}, drift=0.001)
    real = Critique(jnp.array([1.2, -0.4, 0.3]), jnp.zeros(3))
    fake = Critique(jnp.array([0.5, 0.1, -0.9]), jnp.zeros(3))
    loss, metrics = variant.d_terms(real, fake, {}, {})
    loss += variant.common.objective.discriminator(real.logits, fake.logits)
    penalties = 10 * np.square(np.array([0.8, 1.3, 1.0]) - 1)
    per_sample = np.array([-0.29856, 1.40016, -1.19991]) - penalties
    np.testing.assert_allclose(loss, per_sample.mean(), atol=1e-6)
    np.testing.assert_allclose(metrics["d/drift"], np.mean([1.44, 0.16, 0.09]), rtol=1e-5)
    usual = make().common
    assert (usual.loss, usual.techniques.gradient_penalty) == ("wasserstein", 10)


@pytest.mark.slow
def test_another_loss_by_config():
    variant = make(loss="hinge", techniques={"r1": 1.0}, drift=0.0)
    _, metrics = jax.jit(at(variant, 3)[1].step)(start(variant, 4), BATCH, KEY)
    assert {"d/r1", "d/real_accuracy"} <= set(metrics)


@pytest.mark.slow
def test_learning_rates_by_resolution():
    moved, variants_of = [], (make(), make(rates=((8, 0.25),)))
    for variant in variants_of:
        assert variant.game(variant.stages[0]).common.d_optimizer == SGD
        state = start(variant, 4)
        new, _ = jax.jit(at(variant, 4)[1].step)(state, BATCH, KEY)
        old, new = (s.nets["d"].params["conv_4_same"]["kernel"] for s in (state, new))
        moved.append(new - old)
    np.testing.assert_allclose(moved[1], 0.25 * moved[0], rtol=1e-3, atol=1e-7)


@pytest.mark.slow
def test_by_label_g_is_told_it_and_d_guesses_it():
    variant = make(conditional=True, num_classes=3)
    method = at(variant, 3)[1]
    assert (method.entries, method.conditions) == (("image", "label"), ("labels",))
    state = start(variant, 5)
    _, metrics = jax.jit(method.step)(state, BATCH, KEY)
    assert {"d/class_accuracy", "g/class_accuracy", "d/drift"} <= set(metrics)
    z = method.latents(KEY, 3)
    paint = jax.jit(lambda labels: method.generate(state, z, labels=labels))
    assert not np.allclose(paint(jnp.array([0, 1, 2])), paint(jnp.array([1, 1, 2])))
    heads = {"classes": jnp.log(jnp.array([[0.5, 0.3, 0.2]] * 2))}
    critique, labels = Critique(jnp.ones(2), jnp.zeros(2), heads), {"labels": jnp.array([0, 2])}
    loss, _ = make(conditional=True, num_classes=3, classifier_weight=2.0).d_terms(
        critique, critique, labels, labels
    )
    np.testing.assert_allclose(loss, 0.001 - 2 * (np.log(0.5) + np.log(0.2)), rtol=1e-5)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"conditional": True}, "conditional=True needs labels, and the data have none"),
        ({"classifier_weight": 0.0}, "classifier_weight must be above 0"),
        ({"drift": float("nan")}, "drift must be at least 0"),
        ({"rates": ((16, 2.0),)}, r"rates must be pairs of a side \(4, 8\)"),
        ({"rates": ((8, -1.0),)}, "a factor of at least 0"),
        ({"shape": (28, 28, 1)}, "side must be a power of two"),
        ({"steps": 3}, "grow to 8 x 8 pixels at step 3, and config.steps=3 ends before"),
    ],
)
def test_what_cannot_be_is_refused(fields, told):
    with pytest.raises(ValueError, match=told):
        make(**fields)
    assert make(steps=4)


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("data.image_size=28", r"\[28, 28, 1\] do not grow from 4 x 4 pixels by doubling"),
        ("data.image_size=16", "grow to 16 x 16 pixels at step 16"),
        ("steps=6", "at step 6, and config.steps=6 ends before"),
        ("method.first=3", "do not grow from 3 x 3"),
        ("method.generator.name=dcgan", "generator 'dcgan' takes no stage, which the method needs"),
        ("method.batch_size=3", "config field 'method.batch_size'"),
        ("method.generator.stage=4", "config field 'method.generator.stage'"),
        ("method.rates=8,2", "config.method.rates must be of type list of values"),
    ],
)
def test_what_a_config_cannot_have_is_one_line(override, told):
    more = ["steps=16"] if "16" in override else []
    with pytest.raises(errors.UserError, match=told) as caught:
        program.prepare(smoke("progan_digits", override, *more))
    assert "\n" not in str(caught.value)


def test_data_without_labels_are_enough(tmp_path):
    np.savez(tmp_path / "x.npz", images=np.zeros((40, 8, 8, 1), np.uint8))
    plain = ("data.name=npz", f"data.data_dir={tmp_path / 'x.npz'}", "evaluation.every=0")
    overrides = [*plain, "data.test_split=train"]
    assert program.prepare(smoke("progan_digits", *overrides)).method.entries == ("image",)
    with pytest.raises(errors.UserError, match="conditional=True needs labels"):
        program.prepare(smoke("progan_digits", *overrides, "method.conditional=True"))


def settings(*overrides):
    quiet = ("evaluation.every=0", "sample.every=0", "steps=12", "log.every=1")
    return smoke("progan_digits", *quiet, "checkpoint.every=0", *overrides)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of a run that nothing stopped."""
    folder = tmp_path_factory.mktemp("whole")
    assert run(settings(), folder) == train.FINISHED
    return folder


def final(workdir):
    return checkpoint.restore(workdir / "checkpoints", program.prepare(settings()).template).tree


@pytest.mark.slow  # the quick suite resumes between phases in tests/run/test_phases.py
@pytest.mark.parametrize("step", [FIRST, FIRST + 2, WHOLE])
def test_a_run_resumed_in_a_fade_or_at_its_ends_ends_in_the_same_bits(
    whole, tmp_path, monkeypatch, step
):
    stop_at(monkeypatch, step)
    assert run(settings(), tmp_path) == 75
    monkeypatch.undo()
    assert run(settings(), tmp_path) == train.FINISHED
    assert log_lines(tmp_path) == log_lines(whole)
    assert same_bits(final(tmp_path), final(whole))


def test_the_log_tells_the_stages(whole):
    found = [(line["g/resolution"], line["g/alpha"]) for line in log_lines(whole)]
    fade = [(8, (16 * step - 80) / 80) for step in range(FIRST, WHOLE)]
    np.testing.assert_allclose(found, [(4, 1)] * FIRST + fade + [(8, 1)] * 2, atol=1e-6)


def test_a_stage_is_compiled_once():
    ready = program.prepare(settings())
    phases = [ready.at(step) for step in range(12)]
    assert len({id(phase) for phase in phases}) == 2
    assert phases[FIRST] is phases[11] is not phases[FIRST - 1]


def after_the_fade_begins(*overrides):
    """Three steps from the first one of the fade on, by SGD."""
    config = smoke("progan_digits", *overrides).copy_and_resolve_references()
    with config.unlocked():
        for player in ("g_optimizer", "d_optimizer"):
            config.method[player] = {"name": "sgd", "learning_rate": 1e-2}
    ready = program.prepare(config_lib.complete(config_lib.plain(config)))
    source = data.open_source(config.data, "train")
    carry, batches = ready.start(), ready.batches(source, FIRST)
    state = dataclasses.replace(carry["state"], step=ready.devices.replicate(np.int32(FIRST)))
    carry, dataset = {**carry, "state": state}, ready.dataset(source)
    for _ in range(3):
        carry = ready.at(FIRST).step(carry, dataset, next(batches), ready.key)
    return jax.device_get(ready.devices.gather(carry))


@SLOW
@pytest.mark.parametrize("how", ["mode=jit", "mode=pmap", "shard_parameters=True"])
def test_four_devices_change_nothing_in_a_fade(how, monkeypatch):
    monkeypatch.setattr(parallel, "LEAST", 64)  # here networks are narrow
    expected = after_the_fade_begins()
    found = after_the_fade_begins("parallel.devices=4", f"parallel.{how}")
    for a, b in zip(*map(jax.tree.leaves, (found, expected)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)
