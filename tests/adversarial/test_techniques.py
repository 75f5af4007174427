"""Each switch alone, on arrays: noise, lazy penalties, who is behind, what is refused."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, Mesh, PartitionSpec

from jaxgan import config as config_lib
from jaxgan import losses
from jaxgan.adversarial import techniques, vitals
from jaxgan.adversarial.penalties import penalties as penalize
from jaxgan.adversarial.techniques import Techniques
from jaxgan.base import draws, errors
from jaxgan.config import variants
from jaxgan.run import program
from tests.conftest import EXPERIMENTS


def keys(n):
    return draws.sample_keys(jax.random.key(3), n)


def test_all_are_off_by_default():
    t = Techniques()
    x = jnp.ones((4, 2))
    total, found = penalize(t, None, None, x, x, keys(4), jnp.int32(0), None, {})
    assert (total, found) == (0, {})
    assert t.update_rule == "alternating"
    for name in ("label_smoothing", "weight_clip", "replay", "unrolled", "historical_averaging"):
        assert not getattr(t, name)


def linear(slope):
    """A critic whose gradient is ``slope`` everywhere."""
    return lambda x: x @ jnp.asarray(slope)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        # |(3, 4)| = 5 for reals and what lies between, |(1, 0)| = 1 for fakes.
        ({"gradient_penalty": 10.0}, 10 * (5 - 1) ** 2),
        ({"gradient_penalty": 2.0, "gradient_penalty_target": 7.0}, 2 * (5 - 7) ** 2),
        (
            {
                "gradient_penalty": 2.0,
                "gradient_penalty_target": 7.0,
                "gradient_penalty_kind": "one_sided",
            },
            0,
        ),
        ({"gradient_penalty": 2.0, "gradient_penalty_kind": "one_sided"}, 2 * 16),
        ({"gradient_penalty": 2.0, "gradient_penalty_kind": "zero_centred"}, 2 * 25),
        ({"gradient_penalty": 2.0, "gradient_penalty_kind": "dragan"}, 2 * 16),
        ({"r1": 10.0}, 5 * 25),
        ({"r2": 10.0}, 5 * 1),
        ({"r1": 2.0, "r2": 4.0, "gradient_penalty": 1.0}, 25 + 2 + 16),
    ],
)
def test_penalties_by_hand(fields, expected):
    x = jax.random.normal(jax.random.key(0), (8, 2))
    total, found = penalize(
        Techniques(**fields),
        linear([3.0, 4.0]),
        linear([1.0, 0.0]),
        x,
        -x,
        keys(8),
        jnp.int32(1),
        None,
        {},
    )
    assert total == pytest.approx(expected, rel=1e-5)
    assert set(found) == {k for k in fields if k in ("r1", "r2", "gradient_penalty")}


def test_penalties_are_taken_where_the_paper_says():
    """A critic |x|^2 has the gradient 2 x: its norms tell where it was asked."""
    real, fake = jnp.full((64, 1), 3.0), jnp.full((64, 1), -1.0)

    def norms(**fields):
        seen = []

        def critic(x):
            seen.append(np.asarray(jax.lax.stop_gradient(x)))
            return jnp.sum(x**2, axis=-1)

        with jax.disable_jit():
            penalize(Techniques(**fields), critic, critic, real, fake, keys(64), 0, None, {})
        return seen[0]

    assert (norms(r1=1.0) == 3).all()
    assert (norms(r2=1.0) == -1).all()
    between = norms(gradient_penalty=1.0)
    assert -1 <= between.min() < -0.5
    assert 2.5 < between.max() <= 3
    assert len(np.unique(between)) == 64, "a place of its own for each sample"
    assert (np.abs(norms(gradient_penalty=1.0, gradient_penalty_kind="dragan") - 3) < 0.1).all()


def test_lazy_equals_eager_on_average_and_is_a_branch():
    x = jax.random.normal(jax.random.key(0), (8, 2))

    def total(step, **fields):
        critic = linear([3.0, 4.0])
        return penalize(Techniques(**fields), critic, critic, x, x, keys(8), step, None, {})[0]

    eager = total(jnp.int32(0), r1=0.1, r2=0.3)
    lazy = [total(jnp.int32(s), r1=0.1, r2=0.3, lazy_interval=4) for s in range(8)]
    assert np.mean(lazy) == pytest.approx(float(eager), rel=1e-6)
    assert [bool(v) for v in lazy] == [True, False, False, False] * 2
    jaxpr = jax.make_jaxpr(lambda s: total(s, r1=0.1, lazy_interval=4))(jnp.int32(0))
    assert " cond[" in str(jaxpr), "skipped, not multiplied by zero"


@pytest.mark.parametrize("step", [0, 1])
def test_lazy_penalties_of_a_batch_that_is_split(step):
    """Under `shard_map` with its own checks, without them, and under `pmap`, as of the whole."""
    t = Techniques(r1=0.1, r2=0.3, lazy_interval=4, gradient_penalty=1.0)
    x = jax.random.normal(jax.random.key(0), (8, 3))
    weights, step = jax.random.normal(jax.random.key(1), (3,)), jnp.int32(step)

    def loss(w, x, keys, axis_name=None):
        def critic(x):
            return jnp.tanh(x @ w)

        value, found = penalize(t, critic, critic, x, x - 1, keys, step, axis_name, {})
        return (value, found) if axis_name is None else jax.lax.pmean((value, found), axis_name)

    grad = jax.value_and_grad(loss, has_aux=True)
    expected = jax.jit(grad)(weights, x, keys(8))
    mesh = Mesh(np.array(jax.devices()[:4]), ("data",), axis_types=(AxisType.Auto,))
    whole, split = PartitionSpec(), PartitionSpec("data")
    specs = {"mesh": mesh, "in_specs": (whole, split, split), "out_specs": whole}

    def shard(*args):
        return jax.lax.pmean(grad(*args, "data"), "data")

    cut = x.reshape(4, 2, 3), keys(8).reshape(4, 2)
    options = {"in_axes": (None, 0, 0), "out_axes": None, "devices": jax.devices()[:4]}
    for way, found in {
        "checked": jax.jit(jax.shard_map(partial(grad, axis_name="data"), **specs))(
            weights, x, keys(8)
        ),
        "unchecked": jax.jit(jax.shard_map(shard, **specs, check_vma=False))(weights, x, keys(8)),
        "pmap": jax.pmap(shard, "data", **options)(weights, *cut),
    }.items():
        for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6, err_msg=way)


def test_lazy_penalties_of_many_seeds_are_a_branch_still():
    x = jax.random.normal(jax.random.key(0), (8, 2))

    def total(w, step):
        t, critic = Techniques(r1=0.1, lazy_interval=4), linear(w)
        return penalize(t, critic, critic, x, x, keys(8), step, None, {})[0]

    seeds = jnp.ones((3, 2))
    jaxpr = jax.make_jaxpr(jax.vmap(total, (0, None)))(seeds, jnp.int32(0))
    assert " cond[" in str(jaxpr)


@pytest.mark.parametrize("name", [n for n in losses.NAMES if n != "wasserstein"])
def test_who_is_behind(name):
    loss, ones = losses.adversarial(name), jnp.ones(5)
    tie = loss.tie
    deficit = lambda real, fake: vitals.deficit(loss, real * ones, fake * ones, {})  # noqa: E731
    assert deficit(tie, tie) == pytest.approx(0, abs=1e-6)
    assert deficit(tie + 2, tie - 2) < -0.1, "D tells them apart: G is behind"
    assert deficit(tie - 2, tie + 2) > 0.1, "D takes each for the other: D is behind"


def test_the_deficit_in_numpy():
    real, fake = np.array([0.3, -1.0]), np.array([0.2, 0.9])
    softplus = lambda x: np.logaddexp(0, x)  # noqa: E731
    d = softplus(-real).mean() + softplus(fake).mean() - 2 * np.log(2)
    g = softplus(-fake).mean() - np.log(2)
    found = vitals.deficit(losses.non_saturating, jnp.asarray(real), jnp.asarray(fake), {})
    assert found == pytest.approx(d - g, rel=1e-5)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"update_rule": "both"}, "update_rule must be one of alternating, simultaneous, loser"),
        ({"gradient_penalty_kind": "gp"}, "gradient_penalty_kind must be one of wgan_gp"),
        ({"r1": -1.0}, "techniques.r1 must be at least 0, not -1.0"),
        ({"r2": float("nan")}, "techniques.r2 must be at least 0, not nan"),
        ({"pack": 0}, "techniques.pack must be at least 1, not 0"),
        ({"lazy_interval": 0}, "techniques.lazy_interval must be at least 1"),
        ({"lazy_interval": 4}, "lazy_interval has no effect without r1 or r2"),
        ({"label_smoothing": 1.0}, "label_smoothing must be below 1"),
        ({"replay_share": 1.5}, "replay_share must be at most 1"),
        ({"feature_matching_alone": True}, "leaves G without a loss: set feature_matching"),
        (
            {"gradient_penalty_kind": "zero_centred", "gradient_penalty_target": 2.0},
            "gradient_penalty_target has no effect",
        ),
        ({"weight_clip": 0.1, "gradient_penalty": 1}, "weight_clip and gradient_penalty bound"),
        ({"update_rule": "simultaneous", "unrolled": 2}, "unrolled looks ahead of an update of D"),
        ({"update_rule": "loser", "d_refresh_every": 5}, "d_refresh_every adds updates of D"),
        ({"augment": "adaptive"}, "augment must be one of none, diffaugment, latent, ada, apa"),
        ({"augment_p": 0.1}, "augment_p has no effect without augment"),
        ({"augment": "ada", "augment_p": 1.1}, "augment_p must be at most 1"),
        ({"augment": "ada", "augment_kimg": 0.0}, "augment_kimg must be above 0"),
        ({"augment": "ada", "augment_transforms": (("blot", 1.0),)}, "transforms must be one of"),
        ({"augment": "ada", "augment_transforms": (("blit", -1.0),)}, "has a factor of -1.0"),
        ({"augment": "diffaugment", "augment_policy": "colour"}, "augment_policy must be one of"),
        ({"consistency": "acr"}, "consistency must be one of none, cr, bcr, zcr, icr"),
        ({"consistency": "zcr", "replay": 10}, "consistency='zcr' compares .* not with replay"),
        ({"lecam_start": 10}, "lecam_start has no effect without lecam"),
        ({"top_k": 0.5, "top_k_every": 0}, "top_k_every must be at least 1"),
    ],
)
def test_what_contradicts_itself(fields, told):
    with pytest.raises(ValueError, match=told) as caught:
        Techniques(**fields)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("techniques.")


@pytest.mark.parametrize(
    ("fields", "loss", "n_critic", "discriminator", "told"),
    [
        ({"label_smoothing": 0.1}, "hinge", 1, {}, "label_smoothing needs a loss with labels"),
        ({"weight_clip": 0.1}, "wasserstein", 1, {"weight": "spectral"}, "weight_clip and"),
        ({"update_rule": "loser"}, "hinge", 2, {}, "update_rule='loser'.*n_critic=2"),
        ({"update_rule": "simultaneous"}, "hinge", 2, {}, "'simultaneous'.*n_critic=2"),
        ({"update_rule": "loser"}, "wasserstein", 1, {}, "'loser'.* this loss have no level"),
        ({"top_k": 0.5}, "relativistic_pairing", 1, {}, "top_k weighs samples by themselves"),
        ({"augment": "ada"}, "hinge", 1, {}, r"augment='ada' is of images.* shape \[2\]"),
        ({"consistency": "bcr"}, "hinge", 1, {}, "consistency='bcr' is of images"),
    ],
)
def test_what_contradicts_the_method(fields, loss, n_critic, discriminator, told):
    of, shape = losses.adversarial(loss), (2,)
    with pytest.raises(ValueError, match=told):
        techniques.check(Techniques(**fields), of, n_critic, discriminator, shape)
    techniques.check(Techniques(), of, n_critic, discriminator, shape)


def test_each_is_documented():
    for field in dataclasses.fields(Techniques):
        assert f"{field.name}:" in Techniques.__doc__, field.name


def load(*overrides):
    given = [f"--config.method.techniques.{o}" for o in overrides]
    return config_lib.load(str(EXPERIMENTS / "gan_digits.py"), given)


def test_each_is_a_field_of_the_config():
    found = load("r1=1", "update_rule=loser", "pack=2").method.techniques
    assert set(found) == {f.name for f in dataclasses.fields(Techniques)}
    assert (found.r1, found.update_rule, found.pack, found.r2) == (1.0, "loser", 2, 0.0)
    assert type(found.r1) is float
    section = config_lib.plain(load("r1=1").method)
    made = variants.made(variants.find(section.pop("name")), section)
    assert made.common.techniques == Techniques(r1=1.0)


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("r3=1", r"unknown config field 'method.techniques.r3'; did you mean 'method.techniques.r"),
        ("unroled=1", "did you mean 'method.techniques.unrolled'"),
        ("r1=much", "config.method.techniques.r1 must be of type float, not 'much'"),
        ("pack=1.5", "config.method.techniques.pack must be of type int"),
        ("name=x", "unknown config field 'method.techniques.name'"),
    ],
)
def test_a_slip_in_the_config_is_refused(override, told):
    with pytest.raises(errors.UserError, match=told):
        load(override)


def test_a_slip_in_an_experiment_is_refused(tmp_path):
    path = tmp_path / "slip.py"
    path.write_text(
        f"import sys; sys.path.append({str(EXPERIMENTS)!r})\n"
        "import gan_digits\n"
        "def get_config():\n"
        "    config = gan_digits.get_config()\n"
        "    config.method.techniques = {'instance_nois': 0.1}\n"
        "    return config\n"
    )
    told = (
        "unknown field of config.method.techniques 'instance_nois'; did you mean 'instance_noise'"
    )
    with pytest.raises(errors.UserError, match=told):
        config_lib.load(str(path))


def test_a_contradiction_is_told_at_the_start():
    wrong = load("weight_clip=0.1")
    with wrong.unlocked():
        wrong.method.discriminator.weight = "spectral"
    with pytest.raises(errors.UserError, match=r"weight_clip and discriminator.weight='spectral'"):
        config_lib.build(wrong)
    with pytest.raises(errors.UserError, match="pack=5 does not divide the 64 samples"):
        program.prepare(load("pack=5"))
