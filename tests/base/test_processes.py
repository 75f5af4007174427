import os
import shutil
import signal
import socket
import subprocess
import sys

import jax
import pytest

from jaxgan import main
from jaxgan.base import errors, preemption, processes
from tests.base.test_parallel import jax_platforms
from tests.conftest import EXPERIMENTS, log_lines

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
EXPLICIT = dict(zip(processes.EXPLICIT, ("localhost:1", "2", "1"), strict=True))
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
    monkeypatch.setattr(processes.os, "environ", env)
    with jax_platforms("tpu"), processes.joined():
        assert processes.find_launch(env).count == count
    # JAX is asked for nothing where there is one process, and told the number else.
    expected = [] if count == 1 else [(process, count if process is not None else None)]
    assert [(given.get("process_id"), given.get("num_processes")) for given in asked] == expected
    assert all(given["initialization_timeout"] > processes.PATIENCE for given in asked)
    assert all(given["heartbeat_timeout_seconds"] < 60 for given in asked)


def test_the_hosts_of_a_pod_are_no_matter_where_the_tpu_is_not_used():
    with jax_platforms("cpu"):
        assert processes.find_launch(TPU).count == 1


def test_one_task_on_each_node_has_all_the_nodes_devices():
    four = SLURM | {"SLURM_STEP_NUM_NODES": "4"}
    assert processes.find_launch(four).arguments["local_device_ids"] == []
    for other in (
        SLURM,
        SLURM | {"SLURM_STEP_NUM_NODES": "2"},
        four | {"JAX_LOCAL_DEVICE_IDS": "1"},
    ):
        assert "local_device_ids" not in processes.find_launch(other).arguments


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
            processes.find_launch(changed)
        return str(caught.value)

    for name in (count, index):
        assert f"{name} must be a number, not 'x'" in refused(env | {name: "x"})
    for wrong in ("-1", env[count]):
        assert f"{index} must be at least 0 and less than {count}" in refused(env | {index: wrong})
    for name in env.keys() - {count, *processes.EXPLICIT, *OPEN_MPI, "SLURM_STEP_NODELIST"}:
        assert f"but {name} is not set; start all 4" in refused(without(env, name))


def test_open_mpi_5_is_told_where_process_0_is_or_says_that_it_must_be():
    env = without(OPEN_MPI, "OMPI_MCA_orte_hnp_uri")
    with pytest.raises(errors.UserError, match="but JAX_COORDINATOR_ADDRESS is not set"):
        processes.find_launch(env)
    assert processes.find_launch(env | {"JAX_COORDINATOR_ADDRESS": "localhost:1"}).count == 3


def test_an_address_without_a_port_is_named(monkeypatch):
    monkeypatch.setattr(os, "environ", EXPLICIT | {"JAX_COORDINATOR_ADDRESS": "localhost"})
    with pytest.raises(errors.UserError, match="HOST:PORT, not 'localhost'"), processes.joined():
        pass


def test_what_jax_makes_of_the_variables_is_one_line(monkeypatch):
    monkeypatch.setattr(os, "environ", SLURM | {"SLURM_JOB_ID": "x"})
    monkeypatch.setattr(jax.distributed, "initialize", lambda **given: int("x"))
    with (
        pytest.raises(errors.UserError, match=r"TASKS says 4 processes, .* 'x'.*; start all 4"),
        processes.joined(),
    ):
        pass


WAITING = """
import sys
from jaxgan.base import preemption
preemption.install()
from jaxgan import main
from jaxgan.base import processes
processes.TOLD, processes.PATIENCE = 0.1, float(sys.argv[1])
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


def sgd_experiment(name, more=""):
    """The smoke version of a digits experiment, by SGD."""
    return f"""
from jaxgan.config import load_experiment

def get_smoke_config():
    config = load_experiment("{EXPERIMENTS}/{name}_digits.py").get_smoke_config()
    config.method.g_optimizer = config.method.d_optimizer = {{"name": "sgd", "learning_rate": 0.01}}
    {more}
    return config
"""


BATCH_NORM = "config.method.generator.batch_norm = True"


PLAYERS = ("generator", "discriminator")


def start_processes(caches, *arguments, hosts=None, address=""):
    """The same command in a process for each of these caches, with a device each.

    Of several hosts: what each command begins with there, and the address of process 0.
    """
    address = address or f"localhost:{free_port()}"
    started, flags = [], os.environ.get("XLA_FLAGS", "")
    for index, cache in enumerate(caches):
        env = {
            **os.environ,
            "XLA_FLAGS": f"{flags} --xla_force_host_platform_device_count=1",
            "JAX_PLATFORMS": "cpu",
            "XDG_CACHE_HOME": str(cache),
            "JAX_COORDINATOR_ADDRESS": address,
            "JAX_NUM_PROCESSES": str(len(caches)),
            "JAX_PROCESS_ID": str(index),
        }
        before = hosts[index] if hosts else ()
        command = [*before, sys.executable, "-m", "jaxgan.main", *arguments]
        started.append(
            subprocess.Popen(
                command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
        )
    return started


def run_processes(caches, *arguments, **where):
    """See ``start_processes``; the exit code, stdout and stderr of each, when all have ended."""
    started = start_processes(caches, *arguments, **where)
    results = [p.communicate(timeout=240) for p in started]
    return [(p.returncode, *result) for p, result in zip(started, results, strict=True)]


@pytest.mark.parametrize(
    ("mode", "placement", "extractor", "in_parts"),
    [
        ("jit", "stream", "none", False),
        pytest.param("jit", "stream", "none", True, marks=pytest.mark.slow),
        pytest.param("pmap", "device", "domain", False, marks=pytest.mark.slow),
    ],
)
def test_two_processes_train_and_evaluate_as_one(
    tmp_path, monkeypatch, capsys, mode, placement, extractor, in_parts
):
    experiment = tmp_path / "sgd_digits.py"
    experiment.write_text(sgd_experiment("gan", BATCH_NORM))
    arguments = (
        f"--config={experiment}",
        "--smoke",
        f"--config.parallel.mode={mode}",
        f"--config.data.placement={placement}",
        f"--config.evaluation.extractor={extractor}",
    )
    if in_parts:  # wide enough to be cut
        widths = (f"--config.method.{name}.features=128,256" for name in PLAYERS)
        arguments = (*arguments, *widths, "--config.parallel.shard_parameters=True")
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
    same_lines(alone, together)
    # And the run of two processes is resumed by one.
    assert main.main([*here, f"--workdir={together}", "--config.steps=30"]) == 0
    assert "going on from step 20" in capsys.readouterr().out


@pytest.mark.slow
def test_two_processes_train_as_one_in_the_latents_of_a_run(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    trained, experiment = tmp_path / "vae", tmp_path / "sgd_digits.py"
    vae = f"--config={EXPERIMENTS}/vae_map_digits.py"
    assert main.main([vae, "--smoke", f"--workdir={trained}"]) == 0
    experiment.write_text(sgd_experiment("gat"))
    arguments = (f"--config={experiment}", "--smoke", f"--config.data.latent={trained}")
    alone, together = tmp_path / "alone", tmp_path / "together"
    assert main.main([*arguments, "--config.parallel.devices=2", f"--workdir={alone}"]) == 0
    caches = tmp_path / "cache0", tmp_path / "cache1"
    for code, _, err in run_processes(caches, *arguments, f"--workdir={together}"):
        assert code == 0, err
    same_lines(alone, together)


def same_lines(one_run, other):
    """Their logs are equal but for rounding; the shares of signs may differ by one."""
    for one, two in zip(log_lines(one_run), log_lines(other), strict=True):
        assert one.keys() == two.keys()
        for name in one:
            if "accuracy" not in name:
                assert two[name] == pytest.approx(one[name], abs=1e-4, rel=1e-4), name
