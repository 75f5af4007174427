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
from jaxgan import main
from jaxgan.base import errors
from jaxgan.run import chips, judge, sampling, topology
from tests.conftest import EXPERIMENTS, TENSORBOARD, same_bits

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
    jax.config.update("jax_compilation_cache_dir", str(compilation_cache / "jaxgan" / "xla"))


def everything(folder):
    """The content of every file below ``folder``, but Python's own and the lock with its holder."""
    files = [p for p in folder.rglob("*") if p.is_file() and p.name != ".lock"]
    files = [p for p in files if p.parent.name != "__pycache__"]
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
    files = list(EXPERIMENTS.glob("*.py"))
    assert out.count(".py ") == len(files), "and no base"
    for path in files:
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


def test_the_users_own_compilation_cache_wins(monkeypatch, command):
    own = jax.config.jax_compilation_cache_dir
    main.keep_compiled()
    assert jax.config.jax_compilation_cache_dir == own
    jax.config.update("jax_compilation_cache_dir", None)  # which `command` sets back
    main.keep_compiled()
    cache = os.environ["XDG_CACHE_HOME"]
    assert jax.config.jax_compilation_cache_dir == f"{cache}/jaxgan/xla"
    jax.config.update("jax_compilation_cache_dir", None)
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null")
    main.keep_compiled()
    assert jax.config.jax_compilation_cache_dir is None, "where no folder can be made"


def test_the_variables_of_jax_win():
    code = """
import jax
from jaxgan import main
main.keep_compiled()
print(jax.config.jax_compilation_cache_dir, jax.config.jax_enable_compilation_cache)
"""
    named = {"JAX_COMPILATION_CACHE_DIR": "/own", "JAX_ENABLE_COMPILATION_CACHE": "0"}
    assert python(code, **named).stdout.split() == ["/own", "False"]


def test_a_listing_where_there_is_no_clone(tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(main, "__file__", str(tmp_path / "site-packages" / "jaxgan" / "main.py"))
    code, out, err = command()
    assert (code, err) == (0, "")
    assert "none here: they are files of jaxgan's repository, in experiments/" in out


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
    # Before training, after each ten steps, and at the end; a frame of 504 by 504 pixels.
    assert "pictures: about 0.0 MB for 9, 2.3 MB animated" in cost


def test_a_dry_run_for_a_slice_says_more_after_what_it_says_without(command, monkeypatch):
    arguments = (DIGITS, "--smoke", "--dry_run", "--config.parallel.devices=1")
    _, plain, _ = command(*arguments)
    for name in chips.ENVIRONMENT:
        monkeypatch.setenv(name, "of before")  # and set back after the test
    asked = []
    monkeypatch.setattr(topology, "find", lambda name: asked.append(name) or chips.find(name))

    def describe(config, tpus, *, quick):
        return f"{config.steps} steps on {tpus.count} chips{', quickly' * quick}"

    monkeypatch.setattr(topology, "describe", describe)
    code, out, err = command(*arguments, "--topology=v5e:2x4")
    assert (code, err, asked) == (0, "", ["v5e:2x4"])
    assert out == f"{plain}20 steps on 8 chips\n"
    assert command(*arguments, "--topology=v5e:2x4", "--quick")[1] == f"{out[:-1]}, quickly\n"
    assert {name: os.environ[name] for name in chips.ENVIRONMENT} == chips.ENVIRONMENT


def test_dry_run_is_quick_and_quiet(tmp_path):
    """As a process: no warning of a library, nor TensorFlow, little CPU, no file anywhere."""
    folders = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path / "home")}
    code = """
import resource, sys
from jaxgan import main
assert main.main(sys.argv[1:]) == 0
usage = resource.getrusage(resource.RUSAGE_SELF)
assert usage.ru_utime + usage.ru_stime < 10, usage
assert "jaxgan.train" in sys.modules and "tensorflow" not in sys.modules
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
        *(["tensorboard"] if TENSORBOARD else []),
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


def test_samples_of_the_raw_weights(tiny_run):
    gan, key = jaxgan.load(tiny_run), jax.random.key(0)
    averaged, raw = gan.sample(key, 4), gan.sample(key, 4, averaged=False)
    np.testing.assert_array_equal(averaged, gan.sample(key, 4, averaged=True))
    assert not np.array_equal(averaged, raw)
    latents = gan.latents(key, 4)
    np.testing.assert_array_equal(averaged, gan.generate(latents))
    np.testing.assert_array_equal(raw, gan.generate(latents, averaged=False))


def test_labels_asked_of_an_unconditional_method(tiny_run):
    gan = jaxgan.load(tiny_run)
    with pytest.raises(errors.UserError, match="'gan' does not take 'labels'; it takes: nothing"):
        gan.sample(jax.random.key(0), 4, labels=np.arange(4))


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


def reports(run):
    """The results of ``--mode=evaluate``, by step."""
    found = (json.loads(p.read_text()) for p in (run / "evaluation").glob("*_report_*.json"))
    return {result["step"]: result for result in found}


def test_mode_evaluate_prints_a_table_and_writes_what_made_it(tiny_run, tmp_path, command):
    run = shutil.copytree(tiny_run, tmp_path / "run")
    code, out, err = command(f"--workdir={run}", "--mode=evaluate")
    assert (code, err) == (0, "")
    ((step, result),) = reports(run).items()
    figure = result["figures"]["sliced_wasserstein"]
    assert step == 20
    assert out.startswith("step 20 (final): 50 generated samples against 50 of digits (test)")
    row = next(line.split() for line in out.splitlines() if "sliced_wasserstein" in line)
    assert row == ["sliced_wasserstein", f"{figure['value']:.5g}", f"{figure['floor']:.5g}"]


def test_one_step_or_all_of_them_or_more_samples_are_evaluated(tiny_run, tmp_path, command):
    run = shutil.copytree(tiny_run, tmp_path / "run")
    assert command(f"--workdir={run}", "--mode=evaluate", "--step=10")[0] == 0
    assert set(reports(run)) == {10}
    assert command(f"--workdir={run}", "--mode=evaluate", "--step=all", "--n=70")[0] == 0
    assert set(reports(run)) == {10, 20}
    assert {r["protocol"]["n_generated"] for r in reports(run).values()} <= {50, 70}


def test_the_final_and_the_best_are_shown_and_a_wide_gap_told(tmp_path, command):
    run = tmp_path / "run"
    ranked = ["--config.checkpoint.best=eval/sliced_wasserstein", "--config.evaluation.every=10"]
    spoilt = "--config.method.g_optimizer.learning_rate=1.0"
    assert command(DIGITS, "--smoke", f"--workdir={run}", *ranked, spoilt)[0] == 0
    best = judge.best_step(run)
    code, out, _ = command(f"--workdir={run}", "--mode=evaluate")
    assert code == 0
    shown = reports(run)
    assert set(shown) == {best, 20}
    if best != 20:
        values = [shown[s]["figures"]["sliced_wasserstein"]["value"] for s in (20, best)]
        assert f"{values[0]:.4g} at the end, {values[1]:.4g} at the best checkpoint" in out
    assert command(f"--workdir={run}", "--mode=sample", "--step=best")[0] == 0
    assert (run / "samples" / f"sample_{best:08}.png").exists()


def test_a_gap_is_wide_where_the_end_is_much_worse_than_the_best():
    def of(final, best, mode):
        figures = {"final": final, "best": best}
        results = {
            i: {"checkpoint": role, "figures": {"frechet": {"value": value}}}
            for i, (role, value) in enumerate(figures.items())
        }
        return judge.gaps(results, {"best": "eval/frechet", "best_mode": mode})

    assert of(20.0, 10.0, "min") == [
        "frechet: 20 at the end, 10 at the best checkpoint: a wide gap, 2.00 times"
    ]
    assert of(11.0, 10.0, "min") == ["frechet: 11 at the end, 10 at the best checkpoint"]
    assert "a wide gap" in of(0.5, 0.9, "max")[0]


def test_an_export_is_a_folder_to_load_with_its_statistics_renewed(tmp_path, command):
    run, out = tmp_path / "run", tmp_path / "exported"
    fields = ("--config.steps=5", "--config.evaluation.every=0", "--config.sample.every=0")
    renewed = ("--config.method.generator.batch_norm=1", "--config.evaluation.recalibrate=3")
    assert command(DIGITS, "--smoke", f"--workdir={run}", *fields, *renewed)[0] == 0
    assert command(f"--workdir={run}", "--mode=export", f"--out={out}")[1] == f"{out}\n"
    first, second = jaxgan.load(run), jaxgan.load(out)
    averages = [model.state.nets["g"].ema for model in (first, second)]
    assert same_bits(averages[0]["params"], averages[1]["params"])
    assert not same_bits(averages[0]["stats"], averages[1]["stats"])
    state, _ = sampling.recalibrate(first.program, first.state)
    assert same_bits(state.nets["g"].ema["stats"], averages[1]["stats"])
    code, _, err = command(f"--workdir={run}", "--mode=export", f"--out={out}")
    assert (code, err) == (2, f"error: {out} is there already; take another --out\n")


def test_a_model_is_evaluated_under_another_config_than_it_was_trained(tiny_run, tmp_path, command):
    run = shutil.copytree(tiny_run, tmp_path / "run")
    arguments = [DIGITS, "--smoke", f"--workdir={run}", "--mode=evaluate"]
    assert command(*arguments, "--config.evaluation.n=20")[0] == 0
    assert reports(run)[20]["protocol"]["n_real"] == 20


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


@pytest.mark.skipif(not TENSORBOARD, reason="needs the tf extra")
@pytest.mark.parametrize("before", ["", "import jax; "])
def test_tensorflow_starts_without_a_word_unless_it_is_asked_for_them(before):
    code = f"{before}from jaxgan import lookup; lookup.quiet_tensorflow(); import tensorflow"
    quiet, asked = python(code), python(code, TF_CPP_MIN_LOG_LEVEL="0")
    assert (quiet.returncode, quiet.stderr, asked.returncode) == (0, "", 0)
    assert "oneDNN" in asked.stderr


@pytest.mark.slow
def test_a_run_says_nothing_on_standard_error_with_any_of_the_extras(tmp_path):
    code = "import sys; from jaxgan import main; sys.exit(main.main(sys.argv[1:]))"
    short = ("--config.steps=1", "--config.sample.every=0", "--config.evaluation.every=0")
    arguments = [DIGITS, "--smoke", f"--workdir={tmp_path}/run", *short]
    done = python(code, *arguments, XDG_CACHE_HOME=str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "run" / "tensorboard").exists() == bool(TENSORBOARD)
