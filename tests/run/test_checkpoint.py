import asyncio
import dataclasses
import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.base import errors, terminal
from jaxgan.run import checkpoint, manifest
from tests.conftest import EXPERIMENTS, same_bits

TREE = {"weights": np.arange(5000, dtype=np.float32).reshape(50, 100), "step": np.int32(7)}


def tree(offset=0.0):
    return {"weights": jnp.asarray(TREE["weights"] + offset), "step": jnp.int32(7)}


def template(like=None):
    sharding = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    shapes = jax.eval_shape(lambda: like or tree())
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharding), shapes)


def write(directory, steps, keep=9, metrics=(), **options):
    checkpoints = checkpoint.open_to_write(directory, keep=keep, needed=1, **options)
    for i, step in enumerate(steps):
        metric = metrics[i] if metrics else None
        checkpoints.save(step, tree(step), {"record": step}, metric)
    checkpoints.wait()
    checkpoints.close()


@pytest.fixture
def directory(tmp_path):
    write(tmp_path / "checkpoints", [100, 200])
    return tmp_path / "checkpoints"


def largest(folder):
    return max((p for p in folder.rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)


def truncated(folder):
    file = largest(folder)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def zeroed(folder):
    file = largest(folder)
    file.write_bytes(bytes(file.stat().st_size))


def flip(file, bit):
    data = bytearray(file.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    file.write_bytes(data)


def flipped(folder):
    file = largest(folder)
    flip(file, file.stat().st_size * 4)


def without_manifest(folder):
    (folder / manifest.MANIFEST).unlink()


def without_orbax_manifest(folder):
    (folder / "state" / "manifest.ocdbt").unlink()


def emptied(folder):
    shutil.rmtree(folder)
    folder.mkdir()


def of_another_dtype(folder):
    shutil.rmtree(folder)
    other = {"weights": tree()["weights"].astype(jnp.bfloat16), "step": jnp.int32(7)}
    checkpoints = checkpoint.open_to_write(folder.parent, keep=9, needed=1)
    checkpoints.save(int(folder.name), other, {})
    checkpoints.wait()
    checkpoints.close()


DAMAGES = [
    truncated, zeroed, flipped, without_manifest, without_orbax_manifest, emptied, of_another_dtype
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_step_is_noticed_and_the_one_before_used(directory, caplog, damage):
    damage(directory / "200")
    restored = checkpoint.restore(directory, template(), aside=directory.parent / "damaged")
    assert restored.step == 100
    assert same_bits(restored.tree, tree(100))
    assert restored.meta["record"] == 100
    (warning,) = caplog.messages
    assert "checkpoint 200 cannot be used" in warning
    assert "using checkpoint 100" in warning
    # Its number is free again, and nothing was thrown away.
    assert (directory.parent / "damaged" / "checkpoint_200").is_dir()
    write(directory, [200])
    assert checkpoint.restore(directory, template()).step == 200


def test_a_process_that_is_lost_meanwhile_is_no_damage(directory, monkeypatch):
    def look(*given, **named):
        raise ValueError("UNKNOWN: Gloo AllReduce failed: Connection closed by peer")

    monkeypatch.setattr(checkpoint.ocp.StandardCheckpointHandler, "metadata", look)
    aside = directory.parent / "damaged"
    with pytest.raises(errors.UserError, match="can be used"):
        checkpoint.restore(directory, template())
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    with pytest.raises(ValueError, match="Gloo AllReduce failed"):
        checkpoint.restore(directory, template(), aside=aside)
    assert checkpoint.steps(directory) == [100, 200]
    assert not aside.exists()


def test_every_listed_file_is_watched(directory):
    for file in manifest.files(directory / "200"):
        before = file.read_bytes()
        if not before:
            continue
        flip(file, len(before) * 8 - 1)
        assert manifest.damage(directory, 200) is not None, file
        file.write_bytes(before)
        assert manifest.damage(directory, 200) is None


def test_the_manifest_lists_the_arrays(directory):
    names = {p.relative_to(directory / "200").parts[0] for p in manifest.files(directory / "200")}
    assert {"state", "meta"} <= names


def test_no_good_step_is_an_error_and_not_a_new_start(directory):
    for step in ("100", "200"):
        truncated(directory / step)
    with pytest.raises(errors.UserError, match=r"step 200: .*; step 100: "):
        checkpoint.restore(directory, template())


def test_nothing_at_all_is_a_new_start(tmp_path):
    assert checkpoint.restore(tmp_path / "none", template()) is None


def test_another_architecture_is_told_by_path(directory):
    wanted = {**tree(), "more": jnp.zeros(3)}
    with pytest.raises(errors.UserError, match="more is missing in it"):
        checkpoint.restore(directory, template(wanted))
    wanted = {"weights": jnp.zeros((5, 5)), "step": jnp.int32(0)}
    with pytest.raises(errors.UserError, match=r"weights is float32\[50, 100\] there"):
        checkpoint.restore(directory, template(wanted))


def test_a_step_by_number(directory):
    assert checkpoint.restore(directory, template(), step=100).step == 100
    with pytest.raises(errors.UserError, match=r"no checkpoint of step 99 .* have 100, 200"):
        checkpoint.restore(directory, template(), step=99)


def test_the_last_ones_are_kept_and_the_best(tmp_path):
    write(tmp_path, [1, 2, 3], keep=2, metrics=[0.1, 0.7, 0.5], best=True)
    assert checkpoint.steps(tmp_path) == [1, 2, 3]
    # Reopened, it still knows how good step 1 was.
    write(tmp_path, [4, 5], keep=2, metrics=[0.3, 0.9], best=True)
    assert checkpoint.steps(tmp_path) == [1, 4, 5]
    write(tmp_path, [6], keep=2, metrics=[0.05], best=True)
    assert checkpoint.steps(tmp_path) == [5, 6]


def test_the_highest_is_best_where_the_config_says_so(tmp_path):
    write(tmp_path, [1, 2, 3], keep=1, metrics=[0.1, 0.7, 0.5], best=True, best_mode="max")
    assert checkpoint.steps(tmp_path) == [2, 3]


def test_a_state_that_is_donated_after_the_save_is_saved_as_it_was(tmp_path):
    advance = jax.jit(lambda t: jax.tree.map(lambda x: x * 2 + 1, t), donate_argnums=0)
    checkpoints = checkpoint.open_to_write(tmp_path, keep=50, needed=1)
    state, expected = {"x": jnp.arange(200_000.0)}, {}
    for step in range(20):
        state = advance(state)
        expected[step] = np.array(state["x"])
        checkpoints.save(step, state, {})
        for _ in range(3):
            state = advance(state)
    checkpoints.wait()
    checkpoints.close()
    for step, x in expected.items():
        restored = checkpoint.restore(tmp_path, template({"x": state["x"]}), step=step)
        assert same_bits(restored.tree["x"], x)


def test_a_relative_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(Path("runs/one"), [1])
    assert same_bits(checkpoint.restore(Path("runs/one"), template()).tree, tree(1))


@pytest.mark.parametrize(
    "story",
    [
        "Failed to write 13 bytes to file 8: File too large [os_error_code='27']",
        "to file 8: File too large [tensorstore_spec='{\"recheck\": true}'] [os_error_code='27']",
        "to file 8: File too large [os_error_code='27'] [tensorstore_spec='{\"recheck\": true}']",
    ],
)
def test_what_the_system_said_is_told_wherever_it_stands(story, tmp_path):
    told = r"\(File too large\); there is none yet"
    with (
        pytest.raises(errors.UserError, match=told),
        checkpoint.failing_as_user_error(tmp_path),
    ):
        raise ValueError(story)


# As on a full disk, files can no longer grow.
FULL_DISK = """
import resource, runpy, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
runpy.run_module("jaxgan.main", run_name="__main__")
"""


@pytest.mark.slow
def test_a_disk_that_fills_up_in_a_run_is_told_in_one_line(tmp_path):
    arguments = [f"--config={EXPERIMENTS}/dcgan_digits.py", "--smoke", f"--workdir={tmp_path}/run"]
    wide = "--config.method.discriminator.width=48"
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, *arguments, wide],
        env={**os.environ, "JAX_ENABLE_COMPILATION_CACHE": "0"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2, done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    line = lines[0]
    assert line.startswith("error: a checkpoint could not be written")
    assert "File too large" in line


def test_a_second_write_that_fails_while_orbax_gives_up_says_nothing(caplog):
    terminal.quiet()

    async def second():
        try:
            await asyncio.sleep(60)
        finally:
            raise OSError("File too large")

    async def both():
        task = asyncio.ensure_future(second())
        await asyncio.sleep(0)
        raise OSError(f"File too large, and {task} goes on")

    with pytest.raises(OSError, match="goes on"):
        asyncio.run(both())
    assert not caplog.records


def test_too_little_space_is_told_before_the_save(tmp_path, monkeypatch):
    checkpoints = checkpoint.open_to_write(tmp_path, keep=2, needed=2_000_000)
    usage = shutil.disk_usage(tmp_path)._replace(free=1_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(errors.UserError, match=r"too full .* 1 MB free, 4 MB wanted"):
        checkpoints.save(1, tree(), {})
    checkpoints.close()


@pytest.mark.filterwarnings("ignore")
def test_a_save_that_fails_is_told_and_leaves_the_last_good_one(tmp_path):
    write(tmp_path, [1])
    checkpoints = checkpoint.open_to_write(tmp_path, keep=5, needed=1)
    big = {"weights": jax.random.normal(jax.random.key(0), (400, 1000)), "step": jnp.int32(7)}
    # As on a full disk, files can no longer grow.
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limit[1]))
    try:
        checkpoints.save(2, big, {})
        with pytest.raises(errors.UserError, match=r"could not be written .* good one is step 1"):
            checkpoints.wait()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, handler)
    assert checkpoint.restore(tmp_path, template()).step == 1


def test_what_cannot_be_looked_into_is_told(directory, monkeypatch):
    def unreadable(path):
        raise PermissionError(13, "Permission denied", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(manifest, "checksum", unreadable)
        assert manifest.damage(directory, 200) == "it cannot be read: Permission denied"
        assert checkpoint.last_good(directory) is None
    (directory / "200" / manifest.MANIFEST).write_text("[3]")
    assert manifest.damage(directory, 200) == "its manifest is damaged"
    assert checkpoint.last_good(directory) == 100
    monkeypatch.setattr(Path, "iterdir", unreadable)
    with pytest.raises(errors.UserError, match="cannot be read: Permission denied"):
        checkpoint.steps(directory)


def test_a_disk_that_tells_no_size_is_written_to(tmp_path, monkeypatch):
    def unknown(path):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(shutil, "disk_usage", unknown)
    checkpoint.require_space(tmp_path, 1)


def test_little_space_is_told_in_small_units(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=300)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(errors.UserError, match=r"300 bytes free, 21.3 kB wanted"):
        checkpoint.require_space(tmp_path, 10_650)


def test_no_folder_can_be_made(tmp_path):
    (tmp_path / "checkpoints").write_text("a file")
    with pytest.raises(errors.UserError, match=r"cannot write to .*checkpoints: File exists"):
        checkpoint.open_to_write(tmp_path / "checkpoints", keep=1, needed=1)


def test_a_write_that_fails_at_the_close_is_one_line(tmp_path):
    write(tmp_path, [1])
    checkpoints = checkpoint.open_to_write(tmp_path, keep=5, needed=1)

    class Failing:
        def close(self):
            raise ValueError("to file 8: [os_error_code='28']")

    failing = dataclasses.replace(checkpoints, manager=Failing())
    with pytest.raises(errors.UserError, match=r"No space left .*; the last good one is step 1"):
        failing.close()
    checkpoints.close()


def test_only_what_the_template_leaves_open_is_taken_as_stored(tmp_path):
    kept = checkpoint.open_to_write(tmp_path, keep=1, needed=1)
    kept.save(3, {"state": jnp.ones(2), "totals": {"loss": jnp.zeros(())}}, {})
    kept.wait()
    kept.close()
    taken = checkpoint.restore(tmp_path, {"state": jnp.zeros(2), "totals": None}).tree
    assert same_bits(taken["state"], jnp.ones(2))
    assert set(taken["totals"]) == {"loss"}
    with pytest.raises(errors.UserError, match=r"no checkpoint in .* can be used"):
        checkpoint.restore(tmp_path, {"state": jnp.zeros(2)})
