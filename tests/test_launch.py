"""What starts a run elsewhere: scripts run with stand-ins for their engines, and files that agree.

No cloud is asked. How far each file was tried on its engine says ``launch/README.md``.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from jaxgan import config
from jaxgan.base import preemption
from jaxgan.base.processes import EXPLICIT
from tests.conftest import EXPERIMENTS

ROOT = Path(__file__).resolve().parent.parent
LAUNCH = ROOT / "launch"
SCRIPTS = sorted([*LAUNCH.glob("*.sh"), *LAUNCH.glob("*.sbatch")])
# Beside this interpreter, where the dev extra puts it.
SHELLCHECK = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")


def stand_in(path, body):
    """A program of that name, in place of one that is not here."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/bash\n{body}\n")
    path.chmod(0o755)
    return path


def run(command, **env):
    done = subprocess.run(
        [str(part) for part in command],
        env=os.environ | {name: str(value) for name, value in env.items()},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.name)
def test_scripts_are_sound(script):
    assert run(["bash", "-n", script]) == (0, "", "")
    if SHELLCHECK is None:
        pytest.skip("no shellcheck: it is in the dev extra")
    assert run([SHELLCHECK, script]) == (0, "", "")


def test_what_is_named_is_there(tmp_path):
    """Experiments load with the fields that stand beside them, on data of their kind."""
    (tmp_path / "a").mkdir()
    for i in range(8):
        noise = np.random.default_rng(i).integers(0, 256, (256, 256, 3), np.uint8)
        Image.fromarray(noise).save(tmp_path / "a" / f"{i}.png")
    loaded = 0
    for path in set(LAUNCH.iterdir()) - {LAUNCH / "README.md"}:
        text = path.read_text()
        fields = re.findall(r"--config\.[\w.]+=[^\s\\]+", text)
        fields = [re.sub(r"(data_dir=).*", rf"\1{tmp_path}", field) for field in fields]
        for name in set(re.findall(r"experiments/\w+\.py", text)):
            config.load(str(ROOT / name), fields)
            loaded += 1
    assert loaded >= 4


def test_the_table_names_every_file():
    table = (LAUNCH / "README.md").read_text()
    named = set(re.findall(r"^\| \[`([\w.]+)`\]", table, re.MULTILINE))
    assert named == {path.name for path in LAUNCH.iterdir()} - {"README.md"}


# local.sh


def test_local_gives_each_process_its_variables(tmp_path):
    python = stand_in(
        tmp_path / "python",
        'echo "$JAX_PROCESS_ID of $JAX_NUM_PROCESSES at '
        '$JAX_COORDINATOR_ADDRESS gpu $JAX_LOCAL_DEVICE_IDS:$(printf " <%s>" "$@")"',
    )
    code, out, err = run([LAUNCH / "local.sh", 3, "--config=a b", "--smoke"], PYTHON=python)
    lines = sorted(out.splitlines())
    (address,) = {re.search(r"at (\S+)", line)[1] for line in lines}
    assert re.fullmatch(r"localhost:2\d{4}", address)
    given = "<-m> <jaxgan.main> <--config=a b> <--smoke>"
    assert lines == [f"{i} of 3 at {address} gpu {i}: {given}" for i in range(3)]
    assert (code, err) == (0, "")


@pytest.mark.parametrize("heeds", [True, False])
def test_local_ends_the_others_when_one_fails(tmp_path, heeds):
    trap = "" if heeds else 'trap "" TERM;'
    python = stand_in(
        tmp_path / "python",
        f'{trap} if [ $JAX_PROCESS_ID = 1 ]; then exit 4; fi; sleep 50; echo "went on"',
    )
    began = time.monotonic()
    code, out, err = run([LAUNCH / "local.sh", 3, "--smoke"], PYTHON=python, GRACE=1)
    assert (code, out) == (4, "")
    assert "local.sh: process 1 ended with 4; ending the other 2\n" in err
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_local_passes_a_signal_on_to_all(tmp_path, number):
    body = """trap 'echo "saved $JAX_PROCESS_ID"; exit 75' TERM
trap 'echo "no such signal"' INT HUP
echo ready
for i in {1..200}; do sleep 0.05; done"""
    with subprocess.Popen(
        [LAUNCH / "local.sh", "2", "--smoke"],
        env=os.environ | {"PYTHON": str(stand_in(tmp_path / "python", body))},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert [process.stdout.readline() for _ in range(2)] == ["ready\n"] * 2
        process.send_signal(number)
        out, _ = process.communicate(timeout=20)
    assert process.returncode == preemption.EXIT_CODE
    assert sorted(out.splitlines()) == ["saved 0", "saved 1"]


@pytest.mark.parametrize("arguments", [[], ["0"], ["--config=x"]])
def test_local_wants_a_number_first(arguments):
    code, out, err = run([LAUNCH / "local.sh", *arguments])
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("usage: local.sh PROCESSES")


# slurm.sbatch


@pytest.mark.parametrize(("code", "requeued"), [(75, "requeue 17\n"), (0, ""), (3, ""), (137, "")])
def test_slurm_puts_the_job_into_the_queue_again(tmp_path, code, requeued):
    stand_in(tmp_path / "srun", f'echo "$@"; exit {code}')
    stand_in(tmp_path / "scontrol", 'echo "$@"')
    command = [LAUNCH / "slurm.sbatch", "--config=a b", "--smoke"]
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "SLURM_JOB_ID": 17, "PYTHON": "py"}
    started = "--kill-on-bad-exit=1 py -m jaxgan.main --config=a b --smoke\n"
    assert run(["bash", *command], **env) == (code, started + requeued, "")


# tpu_pod.sh

GCLOUD = """echo "$*" >>"$LOG"
case "$*" in
  *" describe "*) cat "$STATE" 2>/dev/null; [ -e "$STATE" ] ;;
  *" create "*) echo ACTIVE >"$STATE" ;;
  *" delete "*) rm "$STATE" ;;
  *jaxgan.main*)
    read -r code state <"$PLAN"
    sed -i 1d "$PLAN"
    echo "$state" >"$STATE"
    exit "$code"
    ;;
esac
"""
# Of each start of the training: its exit code, and what is then left of the slice. What follows.
PLANS = {
    "finishes": (["0 ACTIVE"], 0, 1),
    "is preempted": (["255 SUSPENDED", "0 ACTIVE"], 0, 2),
    "is saved on hosts that stay": (["75 ACTIVE"] * 6 + ["0 ACTIVE"], 0, 1),
    "has a wrong flag": (["2 ACTIVE"], 2, 1),
    "diverges": (["3 ACTIVE"], 3, 1),
    "crashes on hosts that stay": (["1 ACTIVE"] * 4, 1, 1),
}


@pytest.mark.parametrize("name", PLANS)
def test_tpu_pod_goes_on_until_the_run_is_over(tmp_path, name):
    starts, ends, slices = PLANS[name]
    stand_in(tmp_path / "bin" / "gcloud", GCLOUD)
    stand_in(tmp_path / "bin" / "git", ":")
    plan, log = tmp_path / "plan", tmp_path / "log"
    plan.write_text("".join(f"{start}\n" for start in starts))
    code, _, err = run(
        [LAUNCH / "tpu_pod.sh", "--config=a b.py", "--workdir=/runs/x"],
        PATH=f"{tmp_path}/bin:{os.environ['PATH']}",
        **{"NAME": "pod", "ZONE": "z", "TYPE": "v5litepod-16", "VERSION": "v", "NFS": "s:/r"},
        **{"POLL": 0, "PLAN": plan, "LOG": log, "STATE": tmp_path / "state"},
    )
    asked = log.read_text()
    assert (code, plan.read_text()) == (ends, ""), err
    assert asked.count(" create ") == asked.count(" delete ") == slices
    assert asked.count("-m jaxgan.main --config=a\\ b.py --workdir=/runs/x") == len(starts)
    assert re.search(r"create pod --node-id=pod .*--spot --zone=z", asked)
    assert not (tmp_path / "state").exists()


# The two in YAML


def test_jobset_agrees_with_itself_and_with_jaxgan():
    jobset = yaml.safe_load((LAUNCH / "jobset.yaml").read_text())
    assert (jobset["apiVersion"], jobset["kind"]) == ("jobset.x-k8s.io/v1alpha2", "JobSet")
    spec = jobset["spec"]
    (replicated,) = spec["replicatedJobs"]
    job = replicated["template"]["spec"]
    pod = job["template"]["spec"]
    (container,) = pod["containers"]
    env = {each["name"]: each for each in container["env"]}
    assert {*EXPLICIT} <= {*env}
    # As many processes as pods, each with the number of its pod.
    processes = int(env["JAX_NUM_PROCESSES"]["value"])
    assert processes == job["parallelism"] == job["completions"]
    assert "job-completion-index" in env["JAX_PROCESS_ID"]["valueFrom"]["fieldRef"]["fieldPath"]
    assert job["completionMode"] == "Indexed"
    # Process 0 where its name is.
    host, port = env["JAX_COORDINATOR_ADDRESS"]["value"].split(":")
    name, network = jobset["metadata"]["name"], spec["network"]
    assert host == f"{name}-{replicated['name']}-0-0.{network['subdomain']}"
    assert network["enableDNSHostnames"] is True
    assert int(port) == container["ports"][0]["containerPort"]
    # Saved after a signal: without limit, all pods anew.
    assert (pod["restartPolicy"], job["backoffLimit"]) == ("Never", 0)
    saved, evicted = job["podFailurePolicy"]["rules"]
    assert saved["onExitCodes"]["values"] == [preemption.EXIT_CODE]
    assert saved["onExitCodes"]["containerName"] == container["name"]
    assert saved["action"] == evicted["action"] == "FailJob"
    (rule,) = spec["failurePolicy"]["rules"]
    assert rule["onJobFailureReasons"] == ["PodFailurePolicy"]
    assert rule["action"] == "RestartJobSetAndIgnoreMaxRestarts"
    # The run's folder lies on the volume.
    (mount,), (volume,) = container["volumeMounts"], pod["volumes"]
    assert mount["name"] == volume["name"]
    assert any(arg.startswith(f"--workdir={mount['mountPath']}/") for arg in container["args"])
    assert container["command"] == ["python", "-m", "jaxgan.main"]


def test_sky_gives_each_node_its_variables(tmp_path):
    task = yaml.safe_load((LAUNCH / "sky.yaml").read_text())
    recovery = task["resources"]["job_recovery"]
    assert recovery["recover_on_exit_codes"] == [preemption.EXIT_CODE]
    assert task["resources"]["use_spot"] is True
    assert run(["bash", "-n", "-c", task["setup"]]) == (0, "", "")
    variables = " ".join(f"${name}" for name in EXPLICIT)
    stand_in(tmp_path / "jaxgan" / "bin" / "python", f'echo "{variables} $*"; exit 75')
    stand_in(tmp_path / "bin" / "mountpoint", '[ "$*" = "-q /runs" ]')
    code, out, err = run(
        ["bash", "-c", task["run"]],
        PATH=f"{tmp_path}/bin:{os.environ['PATH']}",
        **{"HOME": tmp_path, "NFS": "s:/r", "SKYPILOT_NUM_NODES": 2, "SKYPILOT_NODE_RANK": 1},
        SKYPILOT_NODE_IPS="10.0.0.1\n10.0.0.2",
    )
    assert (code, err) == (75, "")
    assert out.startswith("10.0.0.1:8476 2 1 -m jaxgan.main --config=experiments/")


@pytest.mark.slow
def test_local_trains_is_stopped_goes_on_and_sees_one_die(tmp_path):
    arguments = [
        *(f"--config={EXPERIMENTS}/gan_digits.py", "--smoke", f"--workdir={tmp_path}/run"),
        *("--config.steps=100000", "--config.checkpoint.every=100000", "--config.log.every=20"),
        *("--config.evaluation.every=0", "--config.sample.every=0"),
    ]
    env = os.environ | {"PYTHON": sys.executable, "JAX_PLATFORMS": "cpu"}
    env |= {"PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(tmp_path), "GRACE": "2"}

    def start():
        command, both = [LAUNCH / "local.sh", "2", *arguments], subprocess.STDOUT
        process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=both, text=True)
        said = [process.stdout.readline()]
        while said[-1] and not said[-1].startswith("step "):
            said.append(process.stdout.readline())
        assert said[-1], "".join(said)
        return process, "".join(said)

    def kill(number):
        found = run(["pgrep", "-P", process.pid, "-f", "jaxgan.main"])[1]
        os.kill(int(found.split()[1]), number)

    # Told to the script, and, with another signal, to one process alone.
    stopped = None
    for alone in (False, True):
        process, said = start()
        assert stopped is None or f"going on from step {stopped}" in said
        if alone:
            kill(signal.SIGINT)
        else:
            process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=120)
        assert process.returncode == preemption.EXIT_CODE, out
        (stopped,) = re.findall(r"saved at step (\d+)", out)
    process, said = start()
    assert f"going on from step {stopped}" in said
    began = time.monotonic()
    kill(signal.SIGKILL)
    out, _ = process.communicate(timeout=120)
    assert (process.returncode, time.monotonic() - began < 30) == (137, True), out
    assert "process 1 ended with 137; ending the other 1" in out
