"""What JAX's strict switches say of everything public, by shapes and dtypes alone."""

import contextlib
import os
import shutil
import subprocess
import sys
from dataclasses import fields

import jax
import jax.numpy as jnp
import pytest
from jax.extend.core import jaxprs_in_params

from jaxgan import augment, losses, nn, regularizers
from jaxgan.adversarial.techniques import SWITCHES, Techniques
from jaxgan.config import variants
from jaxgan.run import program
from jaxgan.watch import totals
from tests import public
from tests.conftest import EXPERIMENTS, METHODS, log_lines, smoke
from tests.public import GROUPS

SHAPE, CLASSES, B = (8, 8, 1), 3, 4
LARGE_SHAPE = (16, 16, 1)  # of a target, where it is larger than its image
# Together every technique, each with its own draws and branches.
TECHNIQUES = (
    {"r1": 1.0, "r2": 1.0, "lazy_interval": 4, "label_smoothing": 0.1, "historical_averaging": 0.1},
    {"gradient_penalty": 1.0, "instance_noise": 0.1, "replay": 5, "feature_matching": 1.0},
    {"gradient_penalty": 1.0, "gradient_penalty_kind": "dragan", "update_rule": "simultaneous"},
    {"gradient_penalty": 1.0, "gradient_penalty_kind": "one_sided", "update_rule": "loser"},
    {"gradient_penalty": 1.0, "gradient_penalty_kind": "zero_centred", "pack": 2},
    {"weight_clip": 0.1, "unrolled": 2, "d_refresh_every": 3, "d_refresh_steps": 2},
    {"feature_matching": 1.0, "feature_matching_alone": True, "orthogonal": 0.1},
    {"augment": "ada", "consistency": "icr", "lecam": 0.1, "r1": 1.0},
    {"augment": "apa", "top_k": 0.5},
    {"augment": "diffaugment", "consistency": "bcr"},
    {"augment": "latent", "r1": 1.0, "r2": 1.0, "penalty_sigma": 0.01},
)
# Numbers beside a switch, of which the default is as good.
BESIDE = ("gradient_penalty_target", "instance_noise_steps", "replay_share")
OF_SWITCHES = tuple(f"{switch}_" for switch in SWITCHES)
BESIDE += tuple(f.name for f in fields(Techniques) if f.name.startswith(OF_SWITCHES))


@contextlib.contextmanager
def strict():
    """64 bits allowed, and no axes added or types mixed without a word of ours: all at once."""
    with (
        jax.enable_x64(True),
        jax.numpy_rank_promotion("raise"),
        jax.numpy_dtype_promotion("strict"),
    ):
        yield


def check(function, args):
    """Traces a function: no float of 64 bits comes out or is met on the way, nor draws of any."""
    closed, shapes = jax.make_jaxpr(function, return_shape=True)(*args)
    wide = [x for x in jax.tree.leaves(shapes) if x.dtype in (jnp.float64, jnp.complex128)]
    assert not wide, f"gives {wide}"
    for eqn in equations(closed.jaxpr):
        for found in (v.aval for v in eqn.outvars):
            # A scalar of a weak type is a Python number: it takes the type of what it meets.
            number = getattr(found, "weak_type", False) and not found.shape
            assert number or found.dtype != jnp.float64, str(eqn)
        assert eqn.params.get("bit_width", 32) <= 32, f"other draws than with 32 bits: {eqn}"
    return shapes


def equations(jaxpr):
    """A jaxpr's equations, and those of all that it calls."""
    for eqn in jaxpr.eqns:
        yield eqn
        for sub in jaxprs_in_params(eqn.params):
            yield from equations(sub)


def faults(cases):
    """What is wrong with each of (name, function, arguments)."""
    found = []
    for name, function, args in cases:
        try:
            check(function, args)
        except Exception as error:
            found.append(f"{name}: {type(error).__name__}: {str(error)[:300]}")
    return found


SLOWLY = {"networks": pytest.mark.slow}  # each of them is traced in many tests, if not so strictly


@pytest.mark.parametrize("group", [pytest.param(g, marks=SLOWLY.get(g, ())) for g in GROUPS])
def test_functions_layers_and_networks(group):
    with strict():
        assert not faults(GROUPS[group]("float32"))


# Of augmentations, which trace for seconds, the quick suite has float32 above.
HALVES = [
    pytest.param(g, d, marks=pytest.mark.slow if d == "float16" or g == "augmentations" else ())
    for g in GROUPS
    if g != "networks"
    for d in ("bfloat16", "float16")
]


@pytest.mark.parametrize(("group", "dtype"), HALVES)
def test_half_precision_with_64_bits_allowed(group, dtype):
    with jax.enable_x64(True):
        assert not faults(GROUPS[group](dtype))


def test_everything_public_is_looked_at():
    names = [name for cases in GROUPS.values() for name, *_ in cases("float32")]
    seen = {name.split(" ")[0].split(".")[-1] for name in names}
    for module in (losses, regularizers, augment, nn):
        # `adversarial` finds the losses, `plain` is how the layers make their parameters.
        missing = public.names(module) - seen - {"adversarial", "plain"}
        assert not missing, f"{module.__name__}: {sorted(missing)}"


def test_every_technique_is_on_in_one_of_the_sets():
    on = {name for chosen in TECHNIQUES for name in chosen}
    assert on | {*BESIDE} == set(Techniques.__dataclass_fields__)


GROWING = {"name": "progan", "widths": (6, 4)}
STYLED = {"name": "stylegan2", "width": 32, "max_width": 4}
JUDGE = {"name": "patchgan", "width": 4, "layers": 1}
# What a method needs otherwise than the others.
PAIRED = {"r1": 0.1, "r2": 0.1, "penalty_sigma": 0.01, "augment": "latent"}
ATTENTIVE = {"name": "gat", "patch": 4, "width": 8, "attention_heads": 2, "depth": 4}
OWN = {
    "gat": {
        "generator": ATTENTIVE,
        "discriminator": {**ATTENTIVE, "label_features": 6},
    },
    "vae": {
        "generator": {"name": "mlp", "features": (7, 5), "output": "linear"},
        "binarization": "dynamic",
        "free_bits": 0.1,
    },
    "stylegan2": {
        "generator": {**STYLED, "features": 4, "mapping_layers": 1},
        "discriminator": {**STYLED, "minibatch_stddev": 2},
        "r1_interval": 2,
        "path_interval": 2,
    },
    "progan": {
        "generator": GROWING,
        "discriminator": GROWING,
        "loss": "non_saturating",
        "stable_kimg": 0.064,
        "fade_kimg": 0.064,
    },
    "pix2pix": {"generator": {"name": "unet", "width": 4, "depth": 3}, "discriminator": JUDGE},
    "bigan": {"discriminator": {"name": "pair_mlp", "features": (7, 5), "batch_norm": True}},
    "srgan": {
        "generator": {"name": "srresnet", "width": 4, "residual_blocks": 1},
        "discriminator": {"name": "srresnet", "width": 4, "stages": 1, "features": 5},
        "target_shape": LARGE_SHAPE,
        "d_optimizer": None,
        "pretrain_steps": 3,
        "features": {"extractor": "domain", "layers": ("conv_0",), "size": 12},
    },
    "fast_style": {
        "generator": {"name": "translator", "width": 4, "residual_blocks": 1},
        "extractor": "domain",
        "content_layers": ("conv_1",),
        "style_layers": ("conv_0", "conv_1"),
        "style": "read when a run begins",
        "variation": 0.1,
    },
    "cyclegan": {
        "generator": {"name": "translator", "width": 4, "residual_blocks": 1},
        "discriminator": JUDGE,
    },
}


def described(tree):
    return [(x.shape, x.dtype) for x in jax.tree.leaves(tree)]


def made(name, optimizer, switches, size=B):
    """A small variant, its batch, and the key of a step."""
    cls = variants.find(name)
    if name == "sgan":
        switches = {k: v for k, v in switches.items() if k != "pack"}
    if name == "gat":
        switches = {k: v for k, v in switches.items() if k not in ("pack", "replay")}
    if name in ("r3gan", "gat"):  # of pairs
        switches = {k: v for k, v in switches.items() if k not in ("label_smoothing", "top_k")}
    if name == "stylegan2":  # it has an R1 of its own
        switches = {k: v for k, v in switches.items() if k not in ("r1", "lazy_interval")}
    given = {
        "generator": {"name": "mlp", "features": (7, 5), "batch_norm": True},
        "discriminator": {"name": "mlp", "features": (7, 5)},
        "g_optimizer": {"name": optimizer, "learning_rate": 0.1},
        "d_optimizer": {"name": optimizer, "learning_rate": 0.1},
        "optimizer": {"name": optimizer, "learning_rate": 0.1},
        "encoder": {"name": "mlp", "features": (7, 5)},
        "shape": SHAPE,
        "target_shape": SHAPE,
        "num_classes": CLASSES,
        "latent_dim": 6,
        "baseline_every": 2,
        "techniques": switches,
        **OWN.get(name, {}),
    }
    if name == "gat":  # with the techniques of one image a sample, or with its own
        given |= {"guidance": "none"} if switches else {"techniques": PAIRED}
    known = {k: v for k, v in given.items() if k in variants.fields(cls)}
    image = jnp.zeros((size, *SHAPE), jnp.float32)
    target = jnp.zeros((size, *known.get("target_shape", SHAPE)), jnp.float32)
    batch = {"image": image, "target": target, "label": jnp.zeros(size, jnp.int32)}
    return variants.made(cls, known), batch, jax.random.key(0)


LARGE = ("progan", "stylegan2")  # traced for seconds
# The others take the techniques from where the GAN does: the quick suite has their own losses.
STEPS = [
    pytest.param(name, t, id=f"{name}-{'-'.join(t)}", marks=pytest.mark.slow if late else ())
    for name in METHODS
    for t in ({}, *TECHNIQUES)
    for late in [(t and name != "gan") or name in LARGE]
]


@pytest.mark.parametrize(("name", "switches"), STEPS)
def test_steps(name, switches):
    with strict():
        # Optax's Adam mixes dtypes itself, and has 64 bits on the way.
        variant, batch, key = made(name, "sgd", switches)
        ready = variant.build()
        state = jax.eval_shape(ready.init, key, batch)
        for phase in ready.phases(100):
            new, metrics = check(phase.step, (state, batch, key))
            assert described(new) == described(state)
            assert set(described(metrics)) == {((), jnp.dtype("float32"))}


@pytest.mark.parametrize("name", METHODS)
def test_what_a_trained_model_is_asked(name):
    with strict():
        variant, batch, key = made(name, "sgd", {})
        ready = variant.build()
        state = jax.eval_shape(ready.init, key, batch)
        latents = check(lambda k: ready.latents(k, B), (key,))
        given = {"image": batch["image"]} if "image" in ready.conditions else {}
        for phase in ready.phases(100):
            check(lambda s, z, phase=phase: phase.generate(s, z, **given), (state, latents))
        check(lambda s, k: ready.sample(s, k, B, **given), (state, key))
        if ready.recalibrate is not None:
            check(lambda s, k: ready.recalibrate(s, k, B, 2), (state, key))
        if ready.log_weight is not None:
            keys = jax.random.split(key, B)
            check(lambda s, x, k: ready.log_weight(s, x, k), (state, batch["image"], keys))
        recognize = getattr(variant, "recognize", None)
        for more in (ready.scores, ready.classify, ready.encode, recognize):
            if more is not None:
                check(more, (state, batch["image"]))


# Adam is the same for all: the quick suite has one of a game, and one of several networks.
ADAM = [pytest.param(n, marks=() if n in ("gan", "vae") else pytest.mark.slow) for n in METHODS]


@pytest.mark.parametrize("name", ADAM)
def test_adam_keeps_the_state_with_64_bits_allowed(name):
    with jax.enable_x64(True):
        variant, batch, key = made(name, "adam", {"unrolled": 1, "historical_averaging": 1.0})
        ready = variant.build()
        state = jax.eval_shape(ready.init, key, batch)
        new, metrics = jax.eval_shape(ready.step, state, batch, key)
    assert described(new) == described(state)
    assert set(described(metrics)) == {((), jnp.dtype("float32"))}


def test_a_run_fits_its_own_checkpoint_with_64_bits_allowed():
    ready = program.prepare(smoke("gan_digits"))
    with jax.enable_x64(True):
        wide = program.prepare(smoke("gan_digits"))
        state, sums = wide.shapes["state"], wide.shapes["totals"]
        batch = program.batch_shapes(wide.spec, wide.batch)

        def step(state, sums, batch, key):
            new, metrics = wide.method.step(state, batch, key)
            return totals.add(sums, state, new, metrics, skip=True)

        after = jax.eval_shape(step, state, sums, batch, jax.random.key(0))
    assert described(after) == described((state, sums))
    assert described(wide.shapes) == described(ready.shapes)


@pytest.mark.slow
def test_an_interrupted_run_goes_on_with_64_bits_allowed(tmp_path):
    """By the command line, as the switch is set there: from the checkpoint at 14 of 20 steps."""

    def run():
        flags = (f"--config={EXPERIMENTS}/gan_digits.py", "--smoke", "--config.checkpoint.every=7")
        command = (sys.executable, "-m", "jaxgan.main", *flags, f"--workdir={tmp_path}")
        subprocess.run(command, env={**os.environ, "JAX_ENABLE_X64": "1"}, check=True)
        return log_lines(tmp_path)

    lines = run()
    shutil.rmtree(tmp_path / "checkpoints" / "20")
    assert run() == lines
