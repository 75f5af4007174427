import contextlib
import dataclasses
import os
import shutil
import signal
import socket
import subprocess
import sys

import jax
import numpy as np
import pytest
from jax.sharding import AxisType, Mesh, PartitionSpec

from jaxgan import data, main
from jaxgan.base import errors, parallel, preemption
from jaxgan.run import checkpoint, program, run_folder, trained
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


# Who says how many processes there are.

SLURM = {
    "SLURM_JOB_ID": "1",
    "SLURM_NTASKS": "4",
    "SLURM_STEP_NUM_TASKS": "4",
    "SLURM_STEP_NODELIST": "localhost",
    "SLURM_PROCID": "2",
    "SLURM_LOCALID": "0",
}
OPEN_MPI = {
    "OMPI_COMM_WORLD_SIZE": "3",
    "OMPI_COMM_WORLD_RANK": "1",
    "OMPI_COMM_WORLD_LOCAL_RANK": "1",
    "OMPI_MCA_orte_hnp_uri": "1531576320.0;tcp://localhost:34911",
}
EXPLICIT = dict(zip(parallel.EXPLICIT, ("localhost:1", "2", "1"), strict=True))
TPU = {"TPU_WORKER_HOSTNAMES": "a,b"}


def without(env, name):
    return {key: value for key, value in env.items() if key != name}


@pytest.mark.parametrize(
    ("env", "count", "process"),
    [
        ({}, 1, None),
        (SLURM, 4, 2),
        (without(SLURM, "SLURM_STEP_NUM_TASKS"), 4, 2),
        # A job of four: an interactive step of one in it, and its script, which is no step.
        (SLURM | {"SLURM_STEP_NUM_TASKS": "1"}, 1, None),
        (without(SLURM, "SLURM_STEP_NODELIST"), 1, None),
        # A step of four in a job that started with one.
        (SLURM | {"SLURM_NTASKS": "1"}, 4, 2),
        (OPEN_MPI, 3, 1),
        (SLURM | OPEN_MPI, 3, 1),
        (SLURM | OPEN_MPI | {"OMPI_COMM_WORLD_SIZE": "1"}, 4, 2),
        (SLURM | OPEN_MPI | EXPLICIT, 2, 1),
        (SLURM | OPEN_MPI | EXPLICIT | {"JAX_NUM_PROCESSES": "1"}, 1, None),
        (without(EXPLICIT, "JAX_PROCESS_ID"), 1, None),
        (TPU, 2, None),
        ({"TPU_WORKER_HOSTNAMES": "localhost"}, 1, None),
    ],
)
def test_the_nearest_launcher_says_how_many_processes_there_are(monkeypatch, env, count, process):
    asked = []
    monkeypatch.setattr(jax.distributed, "initialize", lambda **given: asked.append(given))
    monkeypatch.setattr(parallel.os, "environ", env)
    with jax_platforms("tpu"):
        parallel.initialize()
        assert parallel.find_launch(env).count == count
    # JAX is asked for nothing where there is one process, and told the number else.
    expected = [] if count == 1 else [(process, count if process is not None else None)]
    assert [(given.get("process_id"), given.get("num_processes")) for given in asked] == expected
    assert all(given["initialization_timeout"] > parallel.PATIENCE for given in asked)


def test_the_hosts_of_a_pod_are_no_matter_where_the_tpu_is_not_used():
    with jax_platforms("cpu"):
        assert parallel.find_launch(TPU).count == 1


def test_one_task_on_each_node_has_all_the_nodes_devices():
    four = SLURM | {"SLURM_STEP_NUM_NODES": "4"}
    assert parallel.find_launch(four).arguments["local_device_ids"] == []
    for other in (
        SLURM,
        SLURM | {"SLURM_STEP_NUM_NODES": "2"},
        four | {"JAX_LOCAL_DEVICE_IDS": "1"},
    ):
        assert "local_device_ids" not in parallel.find_launch(other).arguments


@pytest.mark.parametrize(
    ("env", "count", "index"),
    [
        (SLURM, "SLURM_STEP_NUM_TASKS", "SLURM_PROCID"),
        (OPEN_MPI, "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"),
        (EXPLICIT, "JAX_NUM_PROCESSES", "JAX_PROCESS_ID"),
    ],
)
def test_a_launchers_variable_that_is_wrong_is_named(env, count, index):
    def refused(changed):
        with pytest.raises(errors.UserError) as caught:
            parallel.find_launch(changed)
        return str(caught.value)

    for name in (count, index):
        assert f"{name} must be a number, not 'x'" in refused(env | {name: "x"})
    for wrong in ("-1", env[count]):
        assert f"{index} must be at least 0 and less than {count}" in refused(env | {index: wrong})
    for name in env.keys() - {count, *parallel.EXPLICIT, *OPEN_MPI, "SLURM_STEP_NODELIST"}:
        assert f"but {name} is not set; start all 4" in refused(without(env, name))


def test_open_mpi_5_is_told_where_process_0_is_or_says_that_it_must_be():
    env = without(OPEN_MPI, "OMPI_MCA_orte_hnp_uri")
    with pytest.raises(errors.UserError, match="but JAX_COORDINATOR_ADDRESS is not set"):
        parallel.find_launch(env)
    assert parallel.find_launch(env | {"JAX_COORDINATOR_ADDRESS": "localhost:1"}).count == 3


def test_an_address_without_a_port_is_named(monkeypatch):
    monkeypatch.setattr(os, "environ", EXPLICIT | {"JAX_COORDINATOR_ADDRESS": "localhost"})
    with pytest.raises(errors.UserError, match="HOST:PORT, not 'localhost'"):
        parallel.initialize()


def test_what_jax_makes_of_the_variables_is_one_line(monkeypatch):
    monkeypatch.setattr(os, "environ", SLURM | {"SLURM_JOB_ID": "x"})
    monkeypatch.setattr(jax.distributed, "initialize", lambda **given: int("x"))
    with pytest.raises(errors.UserError, match=r"TASKS says 4 processes, .* 'x'.*; start all 4"):
        parallel.initialize()


WAITING = """
import sys
from jaxgan.base import preemption
preemption.install()
from jaxgan import main
from jaxgan.base import parallel
parallel.TOLD, parallel.PATIENCE = 0.1, float(sys.argv[1])
sys.exit(main.main(sys.argv[2:]))
"""


@pytest.mark.parametrize(("process", "number"), [(0, signal.SIGTERM), (1, signal.SIGINT)])
def test_a_wait_for_others_is_told_and_ends_by_a_signal_or_by_itself(tmp_path, process, number):
    def start(patience):
        return subprocess.Popen(
            [
                *(sys.executable, "-c", WAITING, patience, f"--workdir={tmp_path}/run"),
                *(f"--config={EXPERIMENTS}/gan_digits.py", "--smoke"),
            ],
            env=os.environ
            | {"JAX_PLATFORMS": "cpu", "XDG_CACHE_HOME": str(tmp_path)}
            | {"JAX_COORDINATOR_ADDRESS": f"localhost:{free_port()}"}
            | {"JAX_NUM_PROCESSES": "4", "JAX_PROCESS_ID": str(process)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    with start("2") as patient, start("300") as signalled:
        waits = "waiting for 3 others: JAX_NUM_PROCESSES says 4 processes\n"
        assert signalled.stderr.readline() == waits
        signalled.send_signal(number)
        out, err = signalled.communicate(timeout=60)
        assert (signalled.returncode, out, err) == (-number, "", "")
        out, err = patient.communicate(timeout=60)
        assert (patient.returncode, out) == (2, "")
        assert err.startswith(waits + "error: waited 2 s for 3 others: ")
        assert err.count("\n") == 2, err
    assert not (tmp_path / "run").exists()


def test_a_signal_that_came_before_the_wait_ends_it_too():
    code = """
import os, signal
from jaxgan.base import preemption
preemption.install()
os.kill(os.getpid(), signal.SIGTERM)
with preemption.at_once():
    print("waits")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (-signal.SIGTERM, "")


def test_after_the_wait_sigint_is_remembered_again_and_sigterm_left_to_jax():
    handlers = {number: signal.getsignal(number) for number in preemption.SIGNALS}
    try:
        preemption.install()
        with preemption.at_once():
            assert {signal.getsignal(n) for n in preemption.SIGNALS} == {signal.SIG_DFL}
        assert signal.getsignal(signal.SIGINT) is preemption._remember
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    with preemption.at_once():  # of a library's user, whose handlers stay
        assert {n: signal.getsignal(n) for n in preemption.SIGNALS} == handlers


def test_sigint_of_one_of_several_is_passed_on_to_jax(monkeypatch):
    """Which agrees with the others on a step to save at by SIGTERM alone."""
    handlers, told = {number: signal.getsignal(number) for number in preemption.SIGNALS}, []
    monkeypatch.setattr(jax.distributed, "is_initialized", lambda: True)
    try:
        preemption.install()
        signal.signal(signal.SIGTERM, lambda number, frame: told.append(number))  # JAX's
        signal.raise_signal(signal.SIGINT)
        assert told == [signal.SIGTERM]
        assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL  # a second one ends it
        signal.raise_signal(signal.SIGTERM)
        assert len(told) == 2
    finally:
        preemption._received.clear()
        for number, handler in handlers.items():
            signal.signal(number, handler)


def free_port():
    with socket.socket() as s:
        s.bind(("localhost", 0))
        return s.getsockname()[1]


SGD_EXPERIMENT = f"""
from jaxgan.config import load_experiment

def get_smoke_config():
    config = load_experiment("{EXPERIMENTS}/gan_digits.py").get_smoke_config()
    config.method.generator.batch_norm = True
    config.method.g_optimizer = config.method.d_optimizer = {{"name": "sgd", "learning_rate": 0.01}}
    return config
"""


def run_processes(caches, *arguments):
    """The same command in a process for each of these caches, on this machine, with a device each.

    Returns the exit code, stdout and stderr of each.
    """
    port, processes, flags = free_port(), [], os.environ.get("XLA_FLAGS", "")
    for index, cache in enumerate(caches):
        env = {
            **os.environ,
            "XLA_FLAGS": f"{flags} --xla_force_host_platform_device_count=1",
            "JAX_PLATFORMS": "cpu",
            "XDG_CACHE_HOME": str(cache),
            "JAX_COORDINATOR_ADDRESS": f"localhost:{port}",
            "JAX_NUM_PROCESSES": str(len(caches)),
            "JAX_PROCESS_ID": str(index),
        }
        command = [sys.executable, "-m", "jaxgan.main", *arguments]
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
def test_two_processes_train_and_evaluate_as_one(
    tmp_path, monkeypatch, capsys, mode, placement, extractor
):
    experiment = tmp_path / "sgd_digits.py"
    experiment.write_text(SGD_EXPERIMENT)
    arguments = (
        f"--config={experiment}",
        "--smoke",
        f"--config.parallel.mode={mode}",
        f"--config.data.placement={placement}",
        f"--config.evaluation.extractor={extractor}",
    )
    here = (*arguments, "--config.parallel.devices=2")
    alone, together, cache = (tmp_path / name for name in ("alone", "together", "cache"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    assert main.main([*here, f"--workdir={alone}"]) == 0
    # A classifier that other devices trained is another one: both runs are measured by one.
    caches = tmp_path / "cache0", tmp_path / "cache1"
    for other in caches if extractor == "domain" else ():
        shutil.copytree(cache / "jaxgan" / "extractors", other / "jaxgan" / "extractors")
    for code, _, err in run_processes(caches, *arguments, f"--workdir={together}"):
        assert code == 0, err
    for one, two in zip(log_lines(alone), log_lines(together), strict=True):
        assert one.keys() == two.keys()
        for name in one:
            if "accuracy" not in name:
                assert two[name] == pytest.approx(one[name], abs=1e-4, rel=1e-4), name
    # And the run of two processes is resumed by one.
    assert main.main([*here, f"--workdir={together}", "--config.steps=30"]) == 0
    assert "going on from step 20" in capsys.readouterr().out


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
