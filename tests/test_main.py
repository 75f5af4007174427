"""The command line and the library's front door, on one tiny run that all tests share."""

import functools
import json
import os
import shutil
import subprocess
import sys

import jax
import numpy as np
import pytest
from PIL import Image

import jaxgan
from jaxgan import errors, main, sampling
from tests.conftest import EXPERIMENTS

DIGITS = f"--config={EXPERIMENTS}/gan_digits.py"


@functools.cache
def train_once(folder):
    assert main.main([DIGITS, "--smoke", f"--workdir={folder}"]) == 0
    return folder


@pytest.fixture
def tiny_run(tmp_path_factory, command):
    """The folder of a finished run of 20 steps, trained once a session. Not to be changed."""
    return train_once(tmp_path_factory.getbasetemp() / "tiny_run")


@pytest.fixture
def command(monkeypatch, compilation_cache, capsys):
    """command(...) runs a command line here and returns its exit code, stdout and stderr."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(compilation_cache))

    def run(*arguments):
        capsys.readouterr()
        code = main.main([str(argument) for argument in arguments])
        return code, *capsys.readouterr()

    yield run
    jax.config.update("jax_compilation_cache_dir", str(compilation_cache))


def everything(folder):
    """The content of every file below ``folder``, but for the lock that names its last holder."""
    files = [p for p in folder.rglob("*") if p.is_file() and p.name != ".lock"]
    return {str(p.relative_to(folder)): p.read_bytes() for p in files}


def python(code, *arguments, **environment):
    """Another interpreter."""
    env = {**os.environ, "JAX_PLATFORMS": "cpu", **environment}
    done = [sys.executable, "-W", "error", "-c", code, *arguments]
    return subprocess.run(done, env=env, capture_output=True, text=True, timeout=120, check=False)


def test_without_a_flag_the_experiments_are_listed(command, monkeypatch):
    monkeypatch.chdir(EXPERIMENTS.parent)
    code, out, err = command()
    assert (code, err) == (0, "")
    for path in EXPERIMENTS.glob("*.py"):
        line = next(line for line in out.splitlines() if f"experiments/{path.name} " in line)
        assert line.endswith("."), "each with its one-line description"
    assert "dcgan_digits.py  DCGAN on the 1,797 embedded 8x8 digits" in out


def test_a_listing_does_not_wait_for_jax(tmp_path):
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "good.py").write_text('"""Good."""\n')
    (tmp_path / "experiments" / "bad.py").write_text("def (:\n")
    code = (
        "import os, sys; os.chdir(sys.argv[1]); from jaxgan import main; main.main([]);"
        "print('jax' in sys.modules)"
    )
    out = python(code, str(tmp_path)).stdout.splitlines()
    assert out[-1] == "False"
    assert out[-2] == "  experiments/good.py  Good."
    assert out[-3].startswith("  experiments/bad.py  (cannot be read: ")


def test_dry_run_prints_config_and_cost_and_writes_nothing(tmp_path, command):
    workdir = tmp_path / "run"
    arguments = [DIGITS, "--smoke", "--dry_run", f"--workdir={workdir}", "--config.steps=77"]
    code, out, err = command(*arguments, "--config.parallel.devices=1")
    assert (code, err) == (0, "")
    assert list(tmp_path.iterdir()) == []
    config, cost = out.split("\n\n")
    lines = [line.strip() for line in config.splitlines()]
    assert "steps: 77" in lines
    assert "loss: non_saturating" in lines, "a default of the method"
    assert "eps: 1.0e-08" in lines, "a default of its optimizer"
    # By hand: 64*16+16 + 16*16+16 + 16*64+64 and the same with one logit at the end.
    assert "parameters of g: 2,400" in cost
    assert "parameters of d: 1,329" in cost
    assert "samples: 1,498 of shape [8, 8, 1]" in cost
    assert "steps: 77 with 16 samples each, 0.8 epochs" in cost
    # Four bytes each: weights and two moments of both, and G's average.
    size = (4 * 2400 + 3 * 1329) * 4 / 1e6
    assert f"state: {size:.1f} MB on each of 1 devices" in cost
    assert f"disk: {4 * size:.1f} MB for 3 checkpoints" in cost


def test_dry_run_is_quick_and_quiet(tmp_path):
    """As a process: no warning of a library, little CPU, no file anywhere."""
    folders = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path / "home")}
    code = """
import resource, sys
from jaxgan import main
assert main.main(sys.argv[1:]) == 0
usage = resource.getrusage(resource.RUSAGE_SELF)
assert usage.ru_utime + usage.ru_stime < 10, usage
"""
    done = python(code, f"--config={EXPERIMENTS}/dcgan_digits.py", "--dry_run", **folders)
    assert (done.returncode, done.stderr) == (0, "")
    assert "parameters of d: " in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_folder_of_a_run(tiny_run):
    assert {path.name for path in tiny_run.iterdir()} == {
        ".lock",
        "checkpoints",
        "config.json",
        "evaluation",
        "metrics.jsonl",
        "samples",
        "samples.gif",
    }
    assert [path.name for path in sorted((tiny_run / "samples").iterdir())] == [
        "step_00000000.png",
        "step_00000010.png",
        "step_00000020.png",
    ]
    stored = json.loads((tiny_run / "config.json").read_text())
    assert stored["experiment"] == str(EXPERIMENTS / "gan_digits.py")
    assert stored["method"]["g_optimizer"]["b2"] == 0.999


def test_load_and_sample_in_three_lines(tiny_run):
    gan = jaxgan.load(tiny_run)
    samples = gan.sample(jax.random.key(0), 5)
    assert (samples.shape, samples.dtype) == ((5, 8, 8, 1), np.float32)
    assert np.abs(samples).max() <= 1
    assert samples.std() > 0
    np.testing.assert_array_equal(samples, gan.sample(jax.random.key(0), 5))
    assert not np.array_equal(samples, gan.sample(jax.random.key(1), 5))


def test_load_takes_the_newest_step_or_a_given_one(tiny_run):
    assert jaxgan.load(tiny_run).step == 20
    older = jaxgan.load(str(tiny_run), step=10)
    assert (older.step, int(older.state.step)) == (10, 10)


def test_samples_beyond_one_chunk(tiny_run, monkeypatch):
    gan, key = jaxgan.load(tiny_run), jax.random.key(3)
    monkeypatch.setattr(sampling, "CHUNK", 4)
    samples = gan.sample(key, 10)
    assert samples.shape == (10, 8, 8, 1)
    assert len(np.unique(samples.reshape(10, -1), axis=0)) == 10
    np.testing.assert_array_equal(samples[:9], gan.sample(key, 9))


def test_a_single_value_is_a_condition_too(tiny_run):
    gan, key = jaxgan.load(tiny_run), jax.random.key(0)
    averaged, raw = gan.sample(key, 4), gan.sample(key, 4, averaged=False)
    np.testing.assert_array_equal(averaged, gan.sample(key, 4, averaged=True))
    assert not np.array_equal(averaged, raw)


def test_labels_asked_of_an_unconditional_method(tiny_run):
    gan = jaxgan.load(tiny_run)
    with pytest.raises(errors.UserError, match="'gan' does not take 'labels'; it takes: averaged"):
        gan.sample(jax.random.key(0), 4, labels=np.arange(4))


def test_the_rows_of_a_condition_are_counted(tiny_run):
    gan = jaxgan.load(tiny_run)
    with pytest.raises(errors.UserError, match="'averaged' has 3 rows for 4 samples"):
        gan.sample(jax.random.key(0), 4, averaged=np.ones(3))


@pytest.mark.parametrize("n", [0, -1])
def test_at_least_one_sample(tiny_run, n):
    with pytest.raises(errors.UserError, match=f"at least 1, not {n}"):
        jaxgan.load(tiny_run).sample(jax.random.key(0), n)


def test_mode_sample_writes_a_grid(tiny_run, tmp_path, command):
    out = tmp_path / "deep" / "grid.png"
    code, printed, err = command(f"--workdir={tiny_run}", "--mode=sample", "--n=9", f"--out={out}")
    assert (code, printed, err) == (0, f"{out}\n", "")
    with Image.open(out) as image:
        # Three by three tiles of 8 pixels and a seam, enlarged by a whole factor.
        assert image.size == (27 * (512 // 27), 27 * (512 // 27))
        assert image.mode == "L"


def test_mode_sample_writes_arrays(tiny_run, tmp_path, command):
    out = tmp_path / "samples.npz"
    arguments = [f"--workdir={tiny_run}", "--mode=sample", "--n=7", f"--out={out}"]
    assert command(*arguments, "--seed=5")[0] == 0
    with np.load(out) as arrays:
        images = arrays["images"]
    assert (images.shape, images.dtype) == ((7, 8, 8, 1), np.uint8)
    floats = jaxgan.load(tiny_run).sample(jax.random.key(5), 7)
    np.testing.assert_array_equal(images, np.round((floats + 1) * 127.5).astype(np.uint8))
    assert command(*arguments, "--seed=6")[0] == 0
    with np.load(out) as arrays:
        assert not np.array_equal(images, arrays["images"])


def test_mode_sample_has_a_place_of_its_own(tiny_run, tmp_path, command):
    run = shutil.copytree(tiny_run, tmp_path / "run")
    before = everything(run)
    code, out, _ = command(f"--workdir={run}", "--mode=sample", "--step=10")
    assert (code, out) == (0, f"{run}/samples/sample_00000010.png\n")
    after = everything(run)
    assert set(after) - set(before) == {"samples/sample_00000010.png"}
    assert before.items() <= after.items()


def test_mode_evaluate_prints_and_writes(tiny_run, tmp_path, command):
    run = shutil.copytree(tiny_run, tmp_path / "run")
    recorded = run / "evaluation" / "step_00000020.json"
    in_the_loop = json.loads(recorded.read_text())
    recorded.unlink()
    code, out, err = command(f"--workdir={run}", "--mode=evaluate")
    result = json.loads(recorded.read_text())
    assert (code, err) == (0, "")
    assert out == (
        f"step 20  sliced_wasserstein {result['value']:.4g}  "
        f"(real against real: {result['floor']:.4g})\n"
    )
    assert (result["step"], result["n_real"], result["data"]) == (20, 50, "digits")
    # The same samples, the same directions: the figure that the loop logged.
    assert result["value"] == pytest.approx(in_the_loop["value"], rel=1e-5)
    assert {k: v for k, v in result.items() if k not in ("value", "floor")} == {
        k: v for k, v in in_the_loop.items() if k not in ("value", "floor")
    }


def test_a_model_is_used_under_its_config_with_what_is_safe_to_change(tiny_run, tmp_path, command):
    run = shutil.copytree(tiny_run, tmp_path / "run")
    arguments = [DIGITS, "--smoke", f"--workdir={run}", "--mode=evaluate"]
    assert command(*arguments, "--config.evaluation.n=20")[0] == 0
    assert json.loads((run / "evaluation" / "step_00000020.json").read_text())["n_real"] == 20


def test_a_run_ranked_by_its_evaluation_is_loaded(tiny_run, tmp_path):
    run = shutil.copytree(tiny_run, tmp_path / "run")
    stored = json.loads((run / "config.json").read_text())
    stored["checkpoint"]["best"] = "eval/sliced_wasserstein"
    (run / "config.json").write_text(json.dumps(stored))
    assert jaxgan.load(run).step == 20


def test_a_config_of_an_older_version_is_completed(tiny_run, tmp_path):
    run = shutil.copytree(tiny_run, tmp_path / "run")
    stored = json.loads((run / "config.json").read_text())
    del stored["health"], stored["method"]["ema_decay"], stored["method"]["g_optimizer"]["eps"]
    (run / "config.json").write_text(json.dumps(stored))
    assert jaxgan.load(run).config.method.ema_decay == 0.999


HEAVY = ("tensorflow", "flax", "optax", "orbax", "tensorflow_datasets", "clu", "grain")


@pytest.mark.parametrize(
    ("module", "forbidden"),
    [("jaxgan", (*HEAVY, "jax")), ("jaxgan.losses", HEAVY), ("jaxgan.main", (*HEAVY, "jax"))],
)
def test_imports_nothing_heavy(module, forbidden):
    code = f"import sys, {module}; print(*sorted({{m.split('.')[0] for m in sys.modules}}))"
    done = python(code)
    assert (done.returncode, done.stderr) == (0, "")
    assert not set(forbidden) & set(done.stdout.split())


def test_training_imports_no_tensorflow(tmp_path):
    code = "import sys; from jaxgan import main; main.main(sys.argv[1:]); print(*sys.modules)"
    done = python(code, DIGITS, "--smoke", "--dry_run", XDG_CACHE_HOME=str(tmp_path))
    assert "jaxgan.train" in done.stdout
    assert "tensorflow" not in done.stdout.split()
