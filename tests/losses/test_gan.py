"""The adversarial losses against PyTorch, closed forms, and themselves on several devices."""

import ast
import inspect
import math
import subprocess
import sys
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.sharding import Mesh, PartitionSpec
from torch.nn import functional

from jaxgan import losses, regularizers
from tests.conftest import EXPERIMENTS

# What is compiled here runs once: half the time to compile is worth more than speed.
jit = partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})
LABELLED = ("minimax", "non_saturating", "least_squares")
RELATIVISTIC = ("relativistic_average", "relativistic_pairing")


def logits(shape=(6,), seed=0, scale=3.0):
    rng = np.random.default_rng(seed)
    return [(scale * rng.standard_normal(shape)).astype(np.float32) for _ in range(2)]


def bce(x, label):
    target = torch.as_tensor(np.broadcast_to(np.asarray(label, np.float64), x.shape).copy())
    return functional.binary_cross_entropy_with_logits(x, target)


# Written from the papers, in float64; real first, as in ``discriminator``.
TORCH_D = {
    "minimax": lambda r, f, a=1.0, b=0.0: bce(r, a) + bce(f, b),
    "non_saturating": lambda r, f, a=1.0, b=0.0: bce(r, a) + bce(f, b),
    "least_squares": lambda r, f, a=1.0, b=0.0: (
        (r - torch.as_tensor(a)).square().mean() + (f - torch.as_tensor(b)).square().mean()
    ),
    "wasserstein": lambda r, f: f.mean() - r.mean(),
    "hinge": lambda r, f: (1 - r).clamp(min=0).mean() + (1 + f).clamp(min=0).mean(),
    "relativistic_average": lambda r, f: bce(r - f.mean(), 1) + bce(f - r.mean(), 0),
    "relativistic_pairing": lambda r, f: bce(r - f, 1),
}
TORCH_G = {
    "minimax": lambda f, r: -bce(f, 0),
    "non_saturating": lambda f, r: bce(f, 1),
    "least_squares": lambda f, r: (f - 1).square().mean(),
    "wasserstein": lambda f, r: -f.mean(),
    "hinge": lambda f, r: -f.mean(),
    "relativistic_average": lambda f, r: bce(f - r.mean(), 1) + bce(r - f.mean(), 0),
    "relativistic_pairing": lambda f, r: bce(f - r, 1),
}


def reference(function, *arrays):
    tensors = [torch.tensor(a, dtype=torch.float64, requires_grad=True) for a in arrays]
    value = function(*tensors)
    grads = torch.autograd.grad(value, tensors, allow_unused=True)
    return value.item(), [
        np.zeros(a.shape) if g is None else g.numpy() for a, g in zip(arrays, grads, strict=True)
    ]


def compare(function, expected, *arrays):
    value, grads = jit(jax.value_and_grad(function, tuple(range(len(arrays)))))(*arrays)
    expected_value, expected_grads = reference(expected, *arrays)
    assert value.dtype == jnp.float32
    assert value.shape == ()
    np.testing.assert_allclose(value, expected_value, rtol=1e-5)
    for a, b in zip(grads, expected_grads, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("shape", [(6,), (6, 1), (2, 3, 3, 1)])
@pytest.mark.parametrize("name", losses.NAMES)
def test_equals_the_papers_equation(name, shape):
    loss = losses.adversarial(name)
    real, fake = logits(shape)
    compare(loss.discriminator, TORCH_D[name], real, fake)
    compare(loss.generator, TORCH_G[name], fake, real)


@pytest.mark.parametrize("labels", [(0.9, 0.0), (0.9, 0.1), (0.0, 1.0), "soft"])
@pytest.mark.parametrize("name", LABELLED)
def test_labels_equal_pytorch(name, labels):
    real, fake = logits((4, 2), seed=1)
    if labels == "soft":  # one label a sample, broadcast over its two logits
        labels = np.random.default_rng(2).uniform(size=(2, 4, 1))
    loss = partial(
        losses.adversarial(name).discriminator, real_label=labels[0], fake_label=labels[1]
    )
    compare(loss, lambda r, f: TORCH_D[name](r, f, *labels), real, fake)


def test_generator_labels():
    _, fake = logits()
    compare(partial(losses.non_saturating.generator, label=0.9), lambda f: bce(f, 0.9), fake)
    compare(partial(losses.least_squares.generator, label=0.0), lambda f: f.square().mean(), fake)


def test_values_without_hidden_factors():
    zero = jnp.zeros(5)
    two_logs = 2 * math.log(2)
    expected = {
        "minimax": (two_logs, -math.log(2)),
        "non_saturating": (two_logs, math.log(2)),
        "least_squares": (1.0, 1.0),
        "wasserstein": (0.0, 0.0),
        "hinge": (2.0, 0.0),
        "relativistic_average": (two_logs, two_logs),
        "relativistic_pairing": (math.log(2), math.log(2)),
    }
    for name, (d, g) in expected.items():
        loss = losses.adversarial(name)
        assert loss.discriminator(zero, zero) == pytest.approx(d)
        assert loss.generator(zero, zero) == pytest.approx(g)


@pytest.mark.parametrize("name", losses.NAMES)
def test_bfloat16_logits_give_float32_arithmetic(name):
    real, fake = (jnp.asarray(x, jnp.bfloat16) for x in logits((64,)))
    loss = losses.adversarial(name)
    for function, args in ((loss.discriminator, (real, fake)), (loss.generator, (fake, real))):
        value = jit(function)(*args)
        assert value.dtype == jnp.float32
        full = jit(lambda *xs, f=function: f(*(x.astype(jnp.float32) for x in xs)))(*args)
        np.testing.assert_array_equal(value, full)


@pytest.mark.parametrize("name", losses.NAMES)
def test_finite_for_confident_logits(name):
    real, fake = jnp.array([1e4, -1e4]), jnp.array([-1e4, 1e4])
    loss = losses.adversarial(name)
    for function, args in ((loss.discriminator, (real, fake)), (loss.generator, (fake, real))):
        value, grads = jit(jax.value_and_grad(function, (0, 1)))(*args)
        assert np.isfinite(value)
        assert np.isfinite(grads).all()


def test_small_losses_are_not_cancelled():
    x = jnp.array([20.0])
    np.testing.assert_allclose(
        losses.non_saturating.discriminator(x, -x), 2 * math.log1p(math.exp(-20)), rtol=1e-5
    )


@pytest.mark.parametrize("name", losses.NAMES)
def test_under_jit_and_vmap(name):
    real, fake = logits((3, 5))
    loss = losses.adversarial(name)
    for function, args in ((loss.discriminator, (real, fake)), (loss.generator, (fake, real))):
        single = jit(function)
        rows = [single(*(x[i] for x in args)) for i in range(3)]
        np.testing.assert_allclose(jit(jax.vmap(function))(*args), rows, rtol=1e-6)


@settings(deadline=None, max_examples=12)
@given(shift=st.floats(-20, 20), seed=st.integers(0, 1000))
@pytest.mark.parametrize("name", RELATIVISTIC)
def test_relativistic_losses_ignore_a_common_shift(name, shift, seed):
    real, fake = logits(seed=seed)
    loss = losses.adversarial(name)
    for function in (loss.discriminator, loss.generator):
        np.testing.assert_allclose(
            function(real + np.float32(shift), fake + np.float32(shift)),
            function(real, fake),
            rtol=1e-4,
            atol=1e-5,
        )


@settings(deadline=None, max_examples=12)
@given(seed=st.integers(0, 1000))
@pytest.mark.parametrize("name", losses.NAMES)
def test_the_order_of_samples_does_not_matter(name, seed):
    real, fake = logits(seed=seed)
    order = np.random.default_rng(seed).permutation(len(real))
    loss = losses.adversarial(name).discriminator
    np.testing.assert_allclose(loss(real[order], fake[order]), loss(real, fake), rtol=1e-5)


def coupled(parameter, x, name, axis_name=None):
    """A loss through one shared parameter, that of D and G together."""
    real, fake = jnp.sin(parameter * x[:, 0]), jnp.cos(parameter * x[:, 1])
    loss = losses.adversarial(name)
    d = loss.discriminator(real, fake, axis_name=axis_name)
    return d + 2 * loss.generator(fake, real, axis_name=axis_name)


def all_losses(parameter, x, axis_name=None, reduce=lambda v: v):
    """The value and the gradient of each; one program, since compiling is what takes the time."""
    return {
        name: jax.value_and_grad(lambda p, n=name: reduce(coupled(p, x, n, axis_name)))(parameter)
        for name in losses.NAMES
    }


@pytest.mark.skipif(jax.device_count() < 4, reason="needs four devices")
def test_a_split_batch_gives_the_same_loss_and_gradient():
    x = jnp.asarray(np.random.default_rng(0).standard_normal((8, 2)), jnp.float32)
    parameter = jnp.float32(1.3)
    devices = jax.devices()[:4]
    mean = partial(jax.lax.pmean, axis_name="data")

    def shard(parameter, x):
        return mean(all_losses(parameter, x, "data"))

    specs = {
        "mesh": Mesh(np.array(devices), ("data",)),
        "in_specs": (PartitionSpec(), PartitionSpec("data")),
        "out_specs": PartitionSpec(),
    }
    results = {
        "pmap": jax.pmap(shard, "data", in_axes=(None, 0), out_axes=None, devices=devices)(
            parameter, x.reshape(4, 2, 2)
        ),
        # Without the check psum transposes to psum, as in pmap; with it, to a broadcast, and the
        # gradient of the averaged loss is already that of the whole batch.
        "unchecked": jit(jax.shard_map(shard, **specs, check_vma=False))(parameter, x),
        "checked": jit(jax.shard_map(partial(all_losses, axis_name="data", reduce=mean), **specs))(
            parameter, x
        ),
    }
    expected = jit(all_losses)(parameter, x)
    for way, result in results.items():
        for name in losses.NAMES:
            np.testing.assert_allclose(
                result[name], expected[name], rtol=1e-5, err_msg=f"{name}, {way}"
            )


@pytest.mark.parametrize("name", sorted(set(losses.NAMES) - set(LABELLED)))
def test_labels_are_refused_where_there_are_none(name):
    loss = losses.adversarial(name)
    x = jnp.zeros(3)
    with pytest.raises(ValueError, match="real_label"):
        loss.discriminator(x, x, real_label=0.9)
    with pytest.raises(ValueError, match="fake_label"):
        loss.discriminator(x, x, fake_label=jnp.zeros(3))
    with pytest.raises(ValueError, match="label"):
        loss.generator(x, x, label=0.9)


def test_bad_arguments_are_named():
    x = jnp.zeros(3)
    with pytest.raises(ValueError, match="fake_logits"):
        losses.relativistic_pairing.discriminator(x, x[:, None])
    for name in RELATIVISTIC:
        with pytest.raises(ValueError, match="real_logits"):
            losses.adversarial(name).generator(x)
    with pytest.raises(ValueError, match="real_label"):
        losses.minimax.discriminator(x[:, None], x, real_label=x)  # would pair all with all
    with pytest.raises(ValueError, match="fake_label is 2"):
        losses.non_saturating.discriminator(x, x, fake_label=2)
    with pytest.raises(ValueError, match="real_logits"):
        losses.hinge.discriminator(x[:0], x)
    with pytest.raises(ValueError, match="relativistic_pairing"):
        losses.adversarial("hing")


def test_the_table_of_conventions_lists_every_loss_and_penalty():
    page = (EXPERIMENTS.parent / "docs" / "losses.md").read_text()
    helpers = {"adversarial", "global_norm", "gradient_norms", "path_lengths", "perturb_latents"}
    for module in (losses, regularizers):
        public = {
            name
            for name, value in vars(module).items()
            if (inspect.isfunction(value) or isinstance(value, losses.AdversarialLoss))
            and not name.endswith(("_init", "_update"))
        }
        missing = {name for name in public - helpers if f"`{name}`" not in page}
        assert not missing


# What is on the record of a loss, of the functions themselves.


def refuses(function, *arguments, **keywords):
    try:
        function(*arguments, **keywords)
    except ValueError:
        return True
    return False


@pytest.mark.parametrize("name", losses.NAMES)
def test_paired_is_a_generator_that_compares_with_real_logits(name):
    loss, (real, fake) = losses.adversarial(name), logits()
    assert refuses(loss.generator, fake) == loss.paired == (name in RELATIVISTIC)
    moved = loss.generator(fake, real) != loss.generator(fake, 2 * real + 1)
    assert bool(moved) == loss.paired


@pytest.mark.parametrize("name", losses.NAMES)
def test_labelled_is_a_discriminator_that_takes_labels(name):
    loss, (real, fake) = losses.adversarial(name), logits()
    for label in ({"real_label": 0.9}, {"fake_label": 0.1}):
        assert refuses(loss.discriminator, real, fake, **label) != loss.labelled
    assert loss.labelled == (name in LABELLED)


@pytest.mark.parametrize("name", losses.NAMES)
def test_at_the_tie_no_other_constant_is_better_for_the_discriminator(name):
    loss, grid = losses.adversarial(name), np.linspace(-3, 3, 25)
    at = {c: float(loss.discriminator(np.full(4, c), np.full(4, c))) for c in grid}
    if loss.tie is None:
        # A critic's loss knows no level: neither does the generator's, which falls without end.
        assert max(at.values()) == min(at.values()) == 0
        far = [float(loss.generator(np.full(4, c), np.zeros(4))) for c in (0.0, 1e3, 1e6)]
        assert far[0] > far[1] + 100 > far[2] + 200
    else:
        at_tie = float(loss.discriminator(np.full(4, loss.tie), np.full(4, loss.tie)))
        assert at_tie <= min(at.values()) + 1e-6


@pytest.mark.parametrize("name", losses.NAMES)
def test_the_threshold_has_both_kinds_of_samples_alike_on_its_sides(name):
    loss = losses.adversarial(name)
    above, below = (np.abs(x) for x in logits(seed=3))

    def value(real, fake):
        return float(loss.discriminator(real.astype(np.float32), fake.astype(np.float32)))

    if loss.threshold is None:
        # All that counts is how far apart they are, wherever they lie.
        assert value(above + 5, -below + 5) == pytest.approx(value(above, -below), rel=1e-5)
        return
    t = loss.threshold
    assert value(t + above, t - below) == pytest.approx(value(t + below, t - above), rel=1e-5)
    assert value(t + above, t - below) < value(t - above, t + below)
    assert value(above + t + 5, -below + t + 5) != pytest.approx(
        value(above + t, t - below), rel=0.1
    )


def test_a_loss_of_ones_own_is_plain_until_it_says_otherwise():
    loss = losses.AdversarialLoss(lambda r, f, **_: 0.0, lambda f, r=None, **_: 0.0)
    assert (loss.paired, loss.labelled, loss.tie, loss.threshold) == (False, False, 0.0, 0.0)


@pytest.mark.parametrize("module", ["losses", "regularizers", "augment"])
def test_imports_jax_alone(module):
    heavy = ("flax", "optax", "orbax", "tensorflow", "tensorflow_datasets", "torch", "clu")
    code = f"import sys, jaxgan.{module}; print([m for m in {heavy} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_buffers_use_jax_alone():
    """The package around them has Flax; they themselves could stand anywhere."""
    path = Path(losses.__file__).parents[1] / "adversarial" / "buffers.py"
    nodes = list(ast.walk(ast.parse(path.read_text())))
    whole = {a.name for node in nodes if isinstance(node, ast.Import) for a in node.names}
    parts = {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    assert whole == {"jax", "jax.numpy"}
    assert parts == {"typing", "jax", "jax.typing", "jaxgan.base.draws"}
