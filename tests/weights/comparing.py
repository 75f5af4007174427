"""What tests of imported networks share: golden files, layouts, and how near is near enough."""

import os
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import weights

SHARED = os.environ.get("JAXGAN_TEST_SHARED")


def golden_file(name):
    """A golden file, or the test is skipped."""
    path = Path(SHARED or "nowhere", "golden", name)
    if not path.exists():
        pytest.skip(f"no {name} in JAXGAN_TEST_SHARED")
    return path


def golden(name):
    """The inputs and outputs of a golden file."""
    with np.load(golden_file(f"{name}.npz")) as stored:
        return dict(stored)


def tensors(name, whole=False):
    """The tensors of a golden weights file."""
    file = weights.read(golden_file(name))
    return file if whole else file.networks[""]


def nchw(x):
    return np.asarray(x).transpose(0, 3, 1, 2)


def nhwc(x):
    return np.asarray(x).transpose(0, 2, 3, 1)


def apply(module, variables, x, y=None, train=False):
    """What a network of ours gives."""
    labels = [] if y is None else [jnp.asarray(y, jnp.int32)]
    mutable = [name for name in variables if name != "params"] if train else False
    run = jax.jit(lambda v, x: module.apply(v, x, *labels, train=train, mutable=mutable))
    out = run(jax.tree.map(jnp.asarray, variables), jnp.asarray(x))
    return out[0] if train else out


def close(found, wanted, tolerance=1e-4):
    """To the tolerance of the golden files."""
    gap = np.abs(np.asarray(found) - wanted).max()
    assert gap <= tolerance * max(1.0, float(np.std(wanted))), gap
