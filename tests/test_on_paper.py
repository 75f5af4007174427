"""Law 11: the step compiles for a TPU slice, which needs no collective but sums."""

import importlib.util
import json
import subprocess
import sys

import pytest

from tests.conftest import EXPERIMENTS

pytestmark = pytest.mark.tpu
GIB = 2**30


@pytest.mark.parametrize("topology", ["v5e:2x4", "v5e:16x16"])
@pytest.mark.parametrize(
    ("experiment", "classes", "overrides"),
    [
        ("dcgan_cifar10", 0, ()),
        ("sngan_resnet_cifar10", 0, ()),
        ("biggan_cifar10", 10, ()),
        ("r3gan_cifar10", 10, ()),
        ("stylegan2_cifar10", 10, ("batch_size=512", "method.techniques.augment=none")),
    ],
)
def test_a_step_needs_sums_alone_and_fits_a_chip(experiment, classes, overrides, topology):
    if importlib.util.find_spec("libtpu") is None:
        pytest.skip("no libtpu")
    command = [sys.executable, "-m", "tests.on_paper", experiment, topology, str(classes), "0"]
    out = subprocess.run(
        [*command, "batch_size=512", *overrides],
        cwd=EXPERIMENTS.parent,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = json.loads(out.splitlines()[-1])
    assert set(found["collectives"]) <= {"all-reduce"}, found
    assert found["state"] + found["temporary"] < 15.75 * GIB, found
