"""Law 11: the step compiles for a TPU slice, which needs no collective but sums."""

import importlib.util
import re
import subprocess
import sys

import pytest

from tests.conftest import EXPERIMENTS

pytestmark = [pytest.mark.tpu, pytest.mark.usefixtures("optimized")]


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
    data = ("data.name=benchmarks.blank.images", f"data.data_dir={classes}")
    fields = ("batch_size=512", "data.placement=stream", "evaluation.every=0", *data, *overrides)
    command = [sys.executable, "-m", "jaxgan.main", f"--config=experiments/{experiment}.py"]
    out = subprocess.run(
        [*command, "--dry_run", f"--topology={topology}", *(f"--config.{f}" for f in fields)],
        cwd=EXPERIMENTS.parent,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert re.search(r"^collectives: \d+ all-reduce; ", out, re.M), out
    assert ", it fits\n" in out, out
