"""Methods of several networks, made of their losses."""

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan.adversarial import several
from jaxgan.config import variants
from jaxgan.learning.player import Player
from tests.conftest import same_bits

SGD = {"name": "sgd", "learning_rate": 0.1}
BATCH = {
    "image": jax.random.normal(jax.random.key(1), (8, 2)),
    "label": jnp.arange(8, dtype=jnp.int32) % 3,
}


Z = several.gaussian(3)


class Affine(nn.Module):
    """All of its inputs in, ``units`` out."""

    units: int

    @nn.compact
    def __call__(self, *inputs, train):
        flat = [x[:, None].astype(jnp.float32) if x.ndim == 1 else x for x in inputs]
        return nn.Dense(self.units)(jnp.concatenate(flat, axis=1))


def inputs(rows):
    x, z, label = rows["image"], rows["z"], rows["label"]
    return {"g": (z, label), "e": (x,), "d": (x, z)}


def critic(run, rows):
    x, z = rows["image"], rows["z"]
    noise = jax.vmap(lambda k: jax.random.normal(k, (2,)))(rows["key"])
    value = jnp.mean(run("d", x + noise, run("e", x)) - run("d", run("g", z, rows["label"]), z))
    return value, {"d/loss": value, "d/z": jnp.mean(z), "d/noise": jnp.mean(noise)}


def back(run, rows):
    value, measured = critic(run, rows)
    return -value, {"g/z": measured["d/z"], "g/noise": measured["d/noise"]}


def built(averaged=(), **fields):
    common = several.Common(SGD, (2,), **fields)
    units = {"g": 2, "e": 3, "d": 1}
    players = {
        name: Player(Affine(n), optax.sgd(0.1), axis_name=common.axis_name)
        for name, n in units.items()
    }
    updates = [(["d"], critic), (["g", "e"], back)]
    told = {"conditions": ("labels",), "averaged": averaged}
    return several.method(common, players, inputs, updates, latents=Z, **told)


def begun(method):
    return method.init(jax.random.key(0), BATCH)


def test_updates_come_in_turn_each_with_draws_of_its_own():
    method = built()
    state = begun(method)
    new, metrics = jax.jit(method.step)(state, BATCH, jax.random.key(2))
    assert new.step == 1
    assert {f"{name}/grad_norm" for name in ("d", "g", "e")} < set(metrics)
    assert len({float(metrics[f"{n}/{what}"]) for n in "dg" for what in ("z", "noise")}) == 4
    # D's loss is linear in its weights: by hand, with what it drew in its turn.
    d, g, e = (state.nets[name].params["Dense_0"]["kernel"] for name in "dge")
    seen = {}

    def look(run, rows):
        seen.update(rows)
        return critic(run, rows)

    one = several.Common(SGD, (2,))
    players = {n: Player(Affine(u), optax.sgd(0.1)) for n, u in {"g": 2, "e": 3, "d": 1}.items()}
    several.method(one, players, inputs, [(["d", "g", "e"], look)], latents=Z).step(
        state, BATCH, jax.random.key(2)
    )
    x, z = seen["image"], seen["z"]
    told = jnp.concatenate([z, seen["label"][:, None]], axis=1)
    noise = jax.vmap(lambda k: jax.random.normal(k, (2,)))(seen["key"])
    real, fake = jnp.concatenate([x + noise, x @ e], 1), jnp.concatenate([told @ g, z], 1)
    np.testing.assert_allclose(
        new.nets["d"].params["Dense_0"]["kernel"][:, 0],
        (d[:, 0] - 0.1 * jnp.mean(real - fake, axis=0)),
        rtol=1e-5,
        atol=1e-6,
    )


def test_the_average_follows_what_generates_and_what_it_is_asked_to():
    method = built(averaged=("e",), ema_decay=0.999)
    state = begun(method)
    new, _ = method.step(state, BATCH, jax.random.key(2))
    for name in "ge":
        before, after = state.nets[name], new.nets[name]
        kernels = [
            params["Dense_0"]["kernel"]
            for params in (before.params, after.params, after.ema["params"])
        ]
        np.testing.assert_allclose(kernels[2], 0.1 * kernels[0] + 0.9 * kernels[1], rtol=1e-5)
    assert new.nets["d"].ema is None
    assert begun(built(ema_decay=0.999)).nets["e"].ema is None
    assert begun(built(averaged=("e",), ema_decay=0.0)).nets["g"].ema is None


def test_a_sample_is_made_from_its_latents_and_labels():
    method = built()
    state, labels = begun(method), BATCH["label"]
    z = method.latents(jax.random.key(3), 8)
    samples = method.generate(state, z, labels=labels)
    kernel = state.nets["g"].params["Dense_0"]["kernel"]
    expected = jnp.concatenate([z, labels[:, None]], axis=1) @ kernel
    np.testing.assert_allclose(samples, expected, rtol=1e-5, atol=1e-6)
    part = method.generate(state, z[2:5], labels=labels[2:5])
    np.testing.assert_allclose(part, samples[2:5], rtol=1e-5)


@pytest.mark.parametrize("more", [{"axis_name": "batch"}, {"accumulate": 4}])
def test_it_does_not_matter_how_a_batch_is_cut(more):
    whole, cut = built(), built(**more)
    state, key = begun(whole), jax.random.key(2)
    expected, step = whole.step(state, BATCH, key), cut.step
    if "axis_name" in more:
        halves = jax.tree.map(lambda x: x.reshape(2, 4, *x.shape[1:]), BATCH)
        new = jax.pmap(step, "batch", in_axes=(None, 0, None))(state, halves, key)
        found = (jax.tree.map(lambda x: x[0], new[0]), {})
        expected = (expected[0], {})
    else:
        found = step(state, BATCH, key)
    for x, y in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-6)


def test_what_the_state_keeps_beside_networks_reaches_losses_whole():
    """It is no sample's: a batch of 8 in 4 parts leaves its 3 numbers together."""
    seen = []

    def loss(run, rows):
        assert rows["image"].shape == (2, 2)
        seen.append(rows["extras"]["kept"])
        return jnp.mean(run("g", rows["image"])) * jnp.sum(rows["extras"]["kept"]), {}

    def method(parts):
        common, player = (
            several.Common(SGD, (2,), accumulate=parts),
            Player(Affine(1), optax.sgd(1)),
        )
        called = lambda rows: {"g": (rows["image"],)}  # noqa: E731
        keep = lambda batch: {"kept": batch["prepared"]}  # noqa: E731
        return several.method(
            common, {"g": player}, called, [(["g"], loss)], latents=Z, extras=keep
        )

    image, prepared = BATCH["image"], jnp.array([1.0, 2.0, 4.0])
    state = method(4).init(jax.random.key(0), {"image": image, "prepared": prepared})
    new, _ = jax.jit(method(4).step)(state, {"image": image}, jax.random.key(2))
    assert {x.shape for x in seen} == {(3,)}
    np.testing.assert_array_equal(new.extras["kept"], prepared)
    before, after = (x.nets["g"].params["Dense_0"]["kernel"][:, 0] for x in (state, new))
    np.testing.assert_allclose(after, before - 7 * jnp.mean(image, axis=0), rtol=1e-5, atol=1e-6)


def test_a_phase_in_which_networks_rest_logs_what_the_whole_logs():
    common = several.Common(SGD, (2,))
    players = {n: Player(Affine(u), optax.sgd(0.1)) for n, u in {"g": 2, "e": 3, "d": 1}.items()}
    told = {"latents": Z, "conditions": ("labels",)}
    only = lambda run, rows: (jnp.mean(run("e", rows["image"])), {"e/loss": 3.0})  # noqa: E731
    called = lambda rows: {"e": (rows["image"],)}  # noqa: E731
    part = several.method(
        common, {"e": players["e"]}, called, [(["e"], only)], generator="e", **told
    )
    whole = several.method(common, players, inputs, [(["d"], critic), (["g", "e"], back)], **told)
    phase, state = several.at_rest(part, whole), begun(whole)
    new, metrics = phase.step(state, BATCH, jax.random.key(2))
    _, expected = jax.eval_shape(whole.step, state, BATCH, jax.random.key(2))
    assert set(metrics) == {*expected, "e/loss"}
    assert {name for name, x in metrics.items() if x != 0} == {"e/loss", "e/grad_norm"}
    moved = {n: not same_bits(new.nets[n].params, state.nets[n].params) for n in players}
    assert moved == {"g": False, "e": True, "d": False}
    assert new.step == 1
    assert phase.conditions == ("labels",)


@dataclasses.dataclass(frozen=True)
class Variant:
    common: several.Common = dataclasses.field(metadata=several.flat())
    generator: dict
    g_optimizer: dict
    latent_dim: int = 5

    def build(self):
        c = self.common
        players = {"g": c.player("generator", self.generator, self.g_optimizer, shape=c.shape)}
        loss = lambda run, rows: (jnp.mean(run("g", rows["z"])), {})  # noqa: E731
        latents = several.gaussian(self.latent_dim)
        called = lambda rows: {"g": (rows["z"],)}  # noqa: E731
        return several.method(c, players, called, [(["g"], loss)], latents=latents)


def test_fields_lie_flat_and_what_no_run_can_have_is_refused():
    network = {"name": "mlp", "features": (4,)}
    fields = {"generator": network, "optimizer": SGD, "g_optimizer": SGD, "shape": (2, 2, 1)}
    method = variants.made(Variant, fields).build()
    assert method.sample(begun(method), jax.random.key(0), 3).shape == (3, 2, 2, 1)
    assert method.latents(jax.random.key(0), 3).shape == (3, 5)
    for wrong in ({"latent_dim": 0}, {"ema_decay": 1.0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            variants.made(Variant, {**fields, **wrong}).build()


def test_what_an_author_gets_wrong_is_told():
    players = {n: Player(Affine(u), optax.sgd(0.1)) for n, u in {"g": 2, "e": 3, "d": 1}.items()}
    common, both = several.Common(SGD, (2,)), [(["d"], critic), (["g", "e"], back)]
    with pytest.raises(ValueError, match="no update moves the player 'e'"):
        several.method(common, players, inputs, [(["d"], critic), (["g"], back)], latents=Z)
    with pytest.raises(ValueError, match="no player is called 'painter'"):
        several.method(common, players, inputs, both, latents=Z, generator="painter")
    with pytest.raises(ValueError, match="no player is called 'painter', which is to be averaged"):
        several.method(common, players, inputs, both, latents=Z, averaged=("painter",))
    method = built()
    state = begun(method)
    with pytest.raises(ValueError, match="made under 'labels', which is not given"):
        method.sample(state, jax.random.key(0), 2)
    alone = lambda run, rows: critic(run, rows)[0]  # noqa: E731
    wrong = several.method(common, players, inputs, [(["d", "g", "e"], alone)], latents=Z)
    with pytest.raises(TypeError, match="the loss of d, g, e must return"):
        wrong.step(state, BATCH, jax.random.key(0))
    alike = lambda rows: {**inputs(rows), "e": 3.0}  # noqa: E731
    untupled = several.method(common, players, alike, both, latents=Z)
    with pytest.raises(TypeError, match="the inputs of 'e' must be a tuple, not float"):
        begun(untupled)
