"""CycleGAN: its losses written out in NumPy, its pools, and the authors' falling rate."""

import dataclasses
import json
import os
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan import config as config_lib
from jaxgan.config import variants
from jaxgan.learning.players import Players
from jaxgan.methods.cyclegan import CycleGAN
from tests.conftest import EXPERIMENTS, same_bits

B = 4
FIELDS = {
    "generator": {"name": "translator", "width": 4, "residual_blocks": 1},
    "discriminator": {"name": "patchgan", "width": 4, "layers": 1, "normalization": "none"},
    "optimizer": {"name": "sgd", "learning_rate": 1e-4},
    "shape": (8, 8, 1),
    "target_shape": (8, 8, 1),
    "pool": 6,
}
BATCH = {
    "image": jax.random.uniform(jax.random.key(1), (B, 8, 8, 1), minval=-1.0),
    "target": jax.random.uniform(jax.random.key(2), (B, 8, 8, 1), minval=-1.0),
}
X, Y = BATCH["image"], BATCH["target"]


@pytest.fixture(scope="module")
def begun():
    variant = variants.made(CycleGAN, FIELDS)
    method = variant.build()
    return variant, method, jax.jit(method.init)(jax.random.key(0), BATCH)


@pytest.fixture(scope="module")
def step(begun):
    return jax.jit(begun[1].step)


def run_of(variant, state):
    """Weights begin so small that any image has the same logits: larger ones tell images apart."""
    nets = {
        name: dataclasses.replace(net, params=jax.tree.map(lambda w: 20 * w, net.params))
        if name in ("dx", "dy")
        else net
        for name, net in state.nets.items()
    }
    return lambda name, *inputs: Players(variant.players).apply(nets, name, *inputs)


def l1(a, b):
    return np.abs(np.asarray(a, np.float64) - np.asarray(b, np.float64)).mean()


def test_losses_are_those_of_the_paper(begun):
    """Least squares to 1, ten times the cycle both ways, five times the identity."""
    variant, _, state = begun
    run = run_of(variant, state)
    value, metrics = variant.g_loss(run, {"g": X, "f": Y})
    g, f = (lambda x: run("g", x)), (lambda x: run("f", x))
    judged = [np.asarray(run(d, x).logits, np.float64) for d, x in (("dy", g(X)), ("dx", f(Y)))]
    fooled = sum(((x - 1) ** 2).mean() for x in judged)
    cycle = l1(f(g(X)), X) + l1(g(f(Y)), Y)
    identity = l1(g(Y), Y) + l1(f(X), X)
    np.testing.assert_allclose(value, fooled + 10 * cycle + 5 * identity, rtol=1e-5)
    np.testing.assert_allclose(metrics["g/cycle"], l1(f(g(X)), X), rtol=1e-5)
    shown = {"dy": g(X), "dx": f(Y)}
    value, metrics = variant.d_loss(run, {"g": X, "f": Y, **shown})
    real = [np.asarray(run(d, x).logits, np.float64) for d, x in (("dy", Y), ("dx", X))]
    halves = [((r - 1) ** 2).mean() + (x**2).mean() for r, x in zip(real, judged, strict=True)]
    np.testing.assert_allclose(value, sum(halves) / 2, rtol=1e-5)
    np.testing.assert_allclose(metrics["dx/loss"], halves[1] / 2, rtol=1e-5)


def test_discriminators_see_what_was_made_before_the_translations_moved(begun, step):
    """As the authors' program: and while a pool fills, the new images, in their order."""
    variant, _, state = begun
    new, _ = step(state, BATCH, jax.random.key(3))
    run = run_of(variant, state)
    for judge, made in (("dy", run("g", X)), ("dx", run("f", Y))):
        pool = new.extras["pools"][judge]
        assert pool.stored == B
        np.testing.assert_allclose(pool.samples[:B], made, atol=1e-5)
    again, _ = step(new, BATCH, jax.random.key(4))
    assert again.extras["pools"]["dy"].stored == 6


def test_each_discriminator_has_a_pool_of_its_own(begun, step):
    variant, _, state = begun
    full = {
        judge: pool._replace(
            samples=jnp.full_like(pool.samples, grey), stored=jnp.full_like(pool.stored, 6)
        )
        for (judge, pool), grey in zip(state.extras["pools"].items(), (0.5, -0.5), strict=True)
    }
    new, _ = step(state.replace(extras={"pools": full}), BATCH, jax.random.key(3))
    run = run_of(variant, state)
    for judge, made in (("dy", run("g", X)), ("dx", run("f", Y))):
        known = np.concatenate([made, full[judge].samples[:1]])
        kept = np.asarray(new.extras["pools"][judge].samples)
        apart = np.abs(kept[:, None] - known[None]).max((2, 3, 4))
        np.testing.assert_allclose(apart.min(1), 0, atol=1e-5, err_msg=judge)
        assert len(set(apart.argmin(1))) > 1, "nothing was exchanged"


@pytest.mark.slow
def test_without_a_pool_nothing_is_kept():
    method = variants.made(CycleGAN, {**FIELDS, "pool": 0}).build()
    state = jax.jit(method.init)(jax.random.key(0), BATCH)
    assert state.extras == {}
    new, _ = jax.jit(method.step)(state, BATCH, jax.random.key(3))
    assert new.extras == {}
    assert not same_bits(new.nets, state.nets)


def test_what_no_run_can_have_is_refused():
    with pytest.raises(ValueError, match="must be at least 0"):
        variants.made(CycleGAN, {**FIELDS, "pool": -1})
    with pytest.raises(ValueError, match="no identity: identity=0"):
        variants.made(CycleGAN, {**FIELDS, "target_shape": (8, 8, 3)}).build()
    fields = {**FIELDS, "target_shape": (8, 8, 3), "identity": 0.0}
    assert variants.made(CycleGAN, fields).build().apart == ("target",)


def test_the_rate_falls_as_in_the_authors_program():
    """Theirs falls once an epoch, ours at every step: at the end of an epoch they are the same."""
    path = Path(os.environ.get("JAXGAN_TEST_SHARED", "nowhere")) / "golden" / "pieces.json"
    if not path.is_file():
        pytest.skip("no pieces.json in JAXGAN_TEST_SHARED")
    golden = json.loads(path.read_text())["linear_decay_100_100"]
    rates = np.array(golden["lr_during_epoch_1_to_200"])
    theirs = optax.schedules.linear_schedule(1.0, 0.0, 101, 99)
    np.testing.assert_allclose(2e-4 * theirs(np.arange(200)), rates, rtol=1e-5)
    experiment = EXPERIMENTS / "cyclegan_small_pairs.py"
    config = config_lib.load_experiment(str(experiment)).get_config()
    fields = config.method.optimizer.schedule.to_dict()
    ours = optax.schedules.linear_schedule(**{k: v for k, v in fields.items() if k != "name"})
    each = 2e-4 * ours(np.linspace(0, config.steps, 200, endpoint=False))
    assert np.abs(each - rates).max() <= 2e-4 / 100
