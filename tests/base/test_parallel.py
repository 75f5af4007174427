import contextlib
import dataclasses
import os
import subprocess
import sys

import jax
import numpy as np
import pytest
from jax.sharding import AxisType, Mesh, PartitionSpec

from jaxgan import data
from jaxgan.base import errors, parallel
from jaxgan.run import checkpoint, program, run_folder, trained
from tests.conftest import EXPERIMENTS, smoke
from tests.test_laws import sgd
from tests.test_strict import made


def losses(settings, carry, step, steps):
    """The losses of the next ``steps`` steps, one by one."""
    ready = program.prepare(settings)
    source = data.open_source(settings.data, "train")
    dataset, batches = ready.dataset(source), ready.batches(source, step)
    found = []
    for _ in range(steps):
        carry = {**carry, "totals": ready.fresh_totals()}
        carry = ready.at(0).step(carry, dataset, next(batches), ready.key)
        sums = jax.device_get(carry["totals"]["sums"])
        found.append([sums["d/loss"], sums["g/loss"]])
    return np.array(found), carry


def on(count, mode="jit"):
    settings = smoke("gan_digits", f"parallel.mode={mode}", "steps=40")
    with settings.unlocked():
        settings.parallel.devices = count
    return sgd(settings)


def test_a_checkpoint_of_4_devices_goes_on_with_2_1_and_4(tmp_path):
    settings = on(4)
    ready = program.prepare(settings)
    _, carry = losses(settings, ready.start(), 0, 5)
    checkpoints = checkpoint.open_to_write(tmp_path, keep=1, needed=1)
    checkpoints.save(5, carry, {})
    checkpoints.wait()
    checkpoints.close()
    expected, _ = losses(settings, carry, 5, 10)
    assert np.ptp(expected[:, 0]) > 1e-4, "nothing moves: the comparison would say nothing"
    # Four by `jit` are where it comes from; each other number, and each other mode.
    for count, mode in ((2, "jit"), (1, "jit"), (4, "pmap")):
        other = on(count, mode)
        restored = checkpoint.restore(tmp_path, program.prepare(other).template)
        found, _ = losses(other, restored.tree, 5, 10)
        np.testing.assert_allclose(found, expected, atol=1e-5, rtol=0, err_msg=f"{count} {mode}")


def test_an_indivisible_batch_is_refused_with_the_nearest_sizes():
    with pytest.raises(errors.UserError, match="6 is not divisible by 4 devices; try 4 or 8"):
        parallel.devices("jit", 4, 6)


def test_packs_that_do_not_divide_a_devices_share_are_refused_at_the_start():
    packed = ("parallel.mode=pmap", "method.techniques.pack=8")
    settings = smoke("gan_digits", *packed)
    assert program.prepare(settings).batch == 16
    settings.parallel.devices = 4
    with pytest.raises(errors.UserError, match="pack=8 does not divide the 4 samples"):
        program.prepare(settings)


def test_more_devices_than_there_are():
    with pytest.raises(errors.UserError, match="is 99, but there are 4"):
        parallel.devices("jit", 99, 99)


def test_the_batch_is_cut_over_devices_and_the_state_is_on_each():
    settings = on(4)
    ready = program.prepare(settings)
    batch = next(ready.batches(data.open_source(settings.data, "train"), 0))
    shards = batch["index"].addressable_shards
    assert [s.data.shape for s in shards] == [(ready.batch // 4,)] * 4
    assert np.unique(np.asarray(batch["index"])).size == ready.batch
    for leaf in jax.tree.leaves(ready.start()):
        assert leaf.sharding.is_fully_replicated
        assert len(leaf.sharding.device_set) == 4


@pytest.mark.parametrize(
    ("platform", "error", "told"),
    [
        # JAX's own, where no GPU is visible.
        ("cuda", AssertionError(), r"no cuda device: pip install -U 'jax\[cuda13\]' \(none is"),
        (
            "tpu",
            RuntimeError("no libtpu"),
            r"no tpu device: .*'jax\[tpu\]' \(RuntimeError: no libtpu",
        ),
        ("rocm", RuntimeError("not known"), "no rocm device: RuntimeError: not known"),
        (None, Exception("a plugin's own"), "no usable device: Exception: a plugin's own"),
    ],
)
def test_a_platform_without_a_device_is_one_line(monkeypatch, tmp_path, platform, error, told):
    def devices():
        raise error

    settings = smoke("gan_digits")
    run_folder.claim(tmp_path, run_folder.describe(settings, "", data.describe(settings.data)))
    for name in ("devices", "device_count", "local_devices", "default_backend"):
        monkeypatch.setattr(jax, name, devices)
    with jax_platforms(platform):
        for call in (lambda: parallel.devices("jit", 0, 4), lambda: trained.load(tmp_path)):
            with pytest.raises(errors.UserError, match=told):
                call()


def test_jax_has_no_cuda_device_where_none_is_visible(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "jaxgan.main", f"--config={EXPERIMENTS}/gan_digits.py", "--dry_run"],
        env=os.environ | {"JAX_PLATFORMS": "cuda", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert done.stderr.startswith("error: JAX has no cuda device: ")
    assert done.stderr.count("\n") == 1


@contextlib.contextmanager
def jax_platforms(names):
    before = jax.config.values["jax_platforms"]
    jax.config.update("jax_platforms", names)
    try:
        yield
    finally:
        jax.config.update("jax_platforms", before)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gan", "sgan", "stylegan2"])
def test_a_step_in_a_users_shard_map_that_checks_types(name):
    """JAX sums the gradients of shared parameters itself there: they are to be averaged once."""
    switches = {"r1": 1.0, "lazy_interval": 2, "d_refresh_every": 2, "replay": 8}
    switches = {} if name == "stylegan2" else switches  # it has an R1 of its own
    variant, batch, key = made(name, "sgd", switches, size=8)
    whole = variant.build()
    state = jax.jit(whole.init)(key, batch)
    batch = {**batch, "image": jax.random.normal(key, batch["image"].shape)}
    split_common = dataclasses.replace(variant.common, axis_name="data")
    shard = dataclasses.replace(variant, common=split_common).build()

    def step(*args):
        state, metrics = shard.step(*args)
        return state, jax.lax.pmean(metrics, "data")

    mesh = Mesh(np.array(jax.devices()[:4]), ("data",), axis_types=(AxisType.Auto,))
    specs = (PartitionSpec(), PartitionSpec("data"), PartitionSpec())
    split = jax.shard_map(step, mesh=mesh, in_specs=specs, out_specs=PartitionSpec())
    expected, found = jax.jit(whole.step)(state, batch, key), jax.jit(split)(state, batch, key)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)
