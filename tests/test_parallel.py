import dataclasses
import os
import socket
import subprocess
import sys

import jax
import numpy as np
import pytest
from jax.sharding import AxisType, Mesh, PartitionSpec

from jaxgan import checkpoint, data, errors, parallel, program
from tests.conftest import EXPERIMENTS, log_lines, smoke
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
        carry = ready.step(carry, dataset, next(batches), ready.key)
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
    for count in (2, 1, 4):
        for mode in ("jit", "pmap"):
            other = on(count, mode)
            restored = checkpoint.restore(tmp_path, program.prepare(other).template)
            found, _ = losses(other, restored.tree, 5, 10)
            np.testing.assert_allclose(
                found, expected, atol=1e-5, rtol=0, err_msg=f"{count} {mode}"
            )


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


def free_port():
    with socket.socket() as s:
        s.bind(("localhost", 0))
        return s.getsockname()[1]


SGD_EXPERIMENT = f"""
from jaxgan.config import load_experiment

def get_smoke_config():
    config = load_experiment("{EXPERIMENTS}/dcgan_digits.py").get_smoke_config()
    config.method.g_optimizer = config.method.d_optimizer = {{"name": "sgd", "learning_rate": 0.01}}
    return config
"""


def run_processes(count, workdir, *overrides):
    """The same run in ``count`` processes on this machine, each with 2 / count devices."""
    port, processes = free_port(), []
    experiment = workdir.parent / "sgd_digits.py"
    experiment.write_text(SGD_EXPERIMENT)
    for index in range(count):
        env = {
            **os.environ,
            "XLA_FLAGS": f"--xla_force_host_platform_device_count={2 // count}",
            "JAX_PLATFORMS": "cpu",
            "XDG_CACHE_HOME": str(workdir.parent / f"cache{count}{index}"),
        }
        if count > 1:
            env |= {
                "JAX_COORDINATOR_ADDRESS": f"localhost:{port}",
                "JAX_NUM_PROCESSES": str(count),
                "JAX_PROCESS_ID": str(index),
            }
        command = [
            sys.executable,
            "-m",
            "jaxgan.main",
            f"--config={experiment}",
            "--smoke",
            f"--workdir={workdir}",
            *overrides,
        ]
        processes.append(
            subprocess.Popen(
                command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
        )
    results = [p.communicate(timeout=240) for p in processes]
    return [(p.returncode, *result) for p, result in zip(processes, results, strict=True)]


@pytest.mark.parametrize(
    ("mode", "placement", "extractor"),
    [("jit", "stream", "none"), pytest.param("pmap", "device", "domain", marks=pytest.mark.slow)],
)
def test_two_processes_train_and_evaluate_as_one(tmp_path, mode, placement, extractor):
    overrides = (
        f"--config.parallel.mode={mode}",
        f"--config.data.placement={placement}",
        f"--config.evaluation.extractor={extractor}",
    )
    alone, together = tmp_path / "alone", tmp_path / "together"
    for count, workdir in ((1, alone), (2, together)):
        for code, _, err in run_processes(count, workdir, *overrides):
            assert code == 0, err
    for one, two in zip(log_lines(alone), log_lines(together), strict=True):
        assert one.keys() == two.keys()
        for name in one:
            if "accuracy" not in name:
                assert two[name] == pytest.approx(one[name], abs=1e-4, rel=1e-4), name
    # And the run of two processes is resumed by one.
    ((code, out, err),) = run_processes(1, together, *overrides, "--config.steps=30")
    assert code == 0, err
    assert "going on from step 20" in out


@pytest.mark.parametrize("name", ["gan", "sgan"])
def test_a_step_in_a_users_shard_map_that_checks_types(name):
    """JAX sums the gradients of shared parameters itself there: they are to be averaged once."""
    switches = {"r1": 1.0, "lazy_interval": 2, "d_refresh_every": 2, "replay": 8}
    whole, batch, key = made(name, "sgd", switches, size=8)
    state = whole.init(key, batch)
    batch = {**batch, "image": jax.random.normal(key, batch["image"].shape)}
    shard = dataclasses.replace(whole, axis_name="data")

    def step(*args):
        state, metrics = shard.step(*args)
        return state, jax.lax.pmean(metrics, "data")

    mesh = Mesh(np.array(jax.devices()[:4]), ("data",), axis_types=(AxisType.Auto,))
    specs = (PartitionSpec(), PartitionSpec("data"), PartitionSpec())
    split = jax.shard_map(step, mesh=mesh, in_specs=specs, out_specs=PartitionSpec())
    expected, found = jax.jit(whole.step)(state, batch, key), jax.jit(split)(state, batch, key)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)
