"""The loop: what it compiles, fetches, logs, decides and leaves behind."""

import contextlib
import dataclasses
import json
import shutil
import threading
import weakref

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax._src.array import ArrayImpl
from PIL import Image

import jaxgan
from jaxgan import data, evaluation, train
from jaxgan.base import errors, preemption
from jaxgan.data import datasets
from jaxgan.methods.gan import GAN
from jaxgan.run import checkpoint, program
from jaxgan.watch import callbacks, landscape, log, pictures
from tests.conftest import log_lines, run, same_bits, smoke, stop_at

COMPILED = "/jax/core/compile/backend_compile_duration"


@pytest.fixture(scope="module")
def settings():
    return smoke("gan_digits", "evaluation.every=10")


@pytest.fixture(scope="module")
def workdir(settings, tmp_path_factory):
    folder = tmp_path_factory.mktemp("train") / "run"
    assert run(settings, folder) == train.FINISHED
    return folder


@pytest.mark.parametrize(
    ("mode", "placement"),
    # Where batches come from and how they are cut meet in no code of ours.
    [
        ("jit", "stream"),
        ("pmap", "device"),
        pytest.param("jit", "device", marks=pytest.mark.slow),
        pytest.param("pmap", "stream", marks=pytest.mark.slow),
    ],
)
def test_nothing_is_compiled_or_fetched_between_log_lines(monkeypatch, mode, placement):
    settings = smoke("dcgan_digits", f"parallel.mode={mode}", f"data.placement={placement}")
    with settings.unlocked():
        settings.parallel.devices = 4
    ready = program.prepare(settings)
    source = data.open_source(settings.data, "train")
    carry, dataset = ready.start(), ready.dataset(source)
    batches = ready.batches(source, 0)
    for _ in range(2):
        carry = ready.at(0).step(carry, dataset, next(batches), ready.key)

    fetched, compiled = [], []
    value = ArrayImpl._value
    monkeypatch.setattr(
        ArrayImpl, "_value", property(lambda self: fetched.append(1) or value.fget(self))
    )
    jax.monitoring.register_event_duration_secs_listener(
        lambda name, *_, **__: compiled.append(name) if name == COMPILED else None
    )
    for _ in range(10):
        before = carry
        carry = ready.at(0).step(carry, dataset, next(batches), ready.key)
    assert not fetched
    assert not compiled
    # That both would have been noticed:
    float(carry["totals"]["count"])
    jax.jit(lambda x: x * 3.25 + 1)(jnp.ones(7)).block_until_ready()
    assert fetched
    assert compiled
    assert all(x.is_deleted() for x in jax.tree.leaves(before)), "the state is not donated"


def test_the_folder_of_a_run(workdir, settings):
    found = {p.name for p in workdir.iterdir()}
    assert found >= {"config.json", "metrics.jsonl", "checkpoints", "samples", "evaluation"}
    assert checkpoint.steps(workdir / "checkpoints") == [10, 20]
    assert json.loads((workdir / "config.json").read_text())["steps"] == settings.steps
    names = sorted(p.name for p in (workdir / "samples").iterdir())
    assert names == [f"step_{step:08}.png" for step in (0, 10, 20)]
    with Image.open(workdir / "samples.gif") as animation:
        assert animation.n_frames == 3


def test_the_log_is_finite_and_complete(workdir):
    lines = log_lines(workdir, timings=True)
    trained = [line for line in lines if "d/loss" in line]
    assert [line["step"] for line in trained] == [5, 10, 15, 20]
    for line in trained:
        assert line["time/images_per_second"] > 0
        assert {"d/real_accuracy", "d/fake_accuracy", "g/loss", "g/grad_norm"} <= line.keys()
    assert all(np.isfinite(v) for line in lines for v in line.values())
    measured = [line for line in lines if "eval/sliced_wasserstein" in line]
    assert [line["step"] for line in measured] == [10, 20]


def test_a_logged_metric_is_the_mean_over_its_interval(settings, workdir):
    ready = program.prepare(settings)
    source = data.open_source(settings.data, "train")
    carry, dataset, batches = ready.start(), ready.dataset(source), ready.batches(source, 0)
    losses = []
    for _ in range(5):
        carry = {**carry, "totals": ready.fresh_totals()}
        carry = ready.at(0).step(carry, dataset, next(batches), ready.key)
        losses.append(float(carry["totals"]["sums"]["d/loss"]))
    assert log_lines(workdir)[0]["d/loss"] == pytest.approx(np.mean(losses), rel=1e-6)


def test_an_evaluation_says_how_it_was_measured(workdir):
    (path,) = (workdir / "evaluation").glob("step_00000020_select_*.json")
    result = json.loads(path.read_text())
    assert result["protocol"]["split"] == "train"
    assert result["protocol"]["n_real"] == result["protocol"]["n_generated"] == 50
    figure = result["figures"]["sliced_wasserstein"]
    assert 0 < figure["floor"] < figure["value"]
    assert result["step"] == 20


def test_samples_in_three_lines(workdir):
    gan = jaxgan.load(workdir)
    images = gan.sample(jax.random.key(0), 7)
    assert images.shape == (7, 8, 8, 1)
    assert np.abs(images).max() <= 1
    assert same_bits(images, gan.sample(jax.random.key(0), 7))
    assert jaxgan.load(workdir, step=10).step == 10


def test_more_samples_than_a_chunk(workdir):
    gan = jaxgan.load(workdir)
    images = gan.sample(jax.random.key(0), 601)
    assert images.shape == (601, 8, 8, 1)
    assert len({image.tobytes() for image in images}) == 601


def test_a_finished_run_stays_as_it_is_and_may_be_extended(workdir, settings, tmp_path):
    shutil.copytree(workdir, tmp_path / "run")
    before = log_lines(tmp_path / "run")
    assert run(settings, tmp_path / "run") == train.FINISHED
    assert log_lines(tmp_path / "run") == before
    longer = smoke("gan_digits", "evaluation.every=10", "steps=30")
    assert run(longer, tmp_path / "run") == train.FINISHED
    assert log_lines(tmp_path / "run")[: len(before)] == before
    assert checkpoint.steps(tmp_path / "run" / "checkpoints")[-1] == 30


def test_a_line_after_the_last_checkpoint_is_not_there_twice(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 5, "a": 1}\n{"step": 10, "a": 2}\n{"step": 15, "a": 3}\n{"step": 1')
    log.truncate(path, 10)
    assert path.read_text() == '{"step": 5, "a": 1}\n{"step": 10, "a": 2}\n'


# TensorBoard, where the `tf` extra is installed.


@pytest.fixture
def events():
    """events(workdir) -> the steps, and the values of d/loss, that both of its readers find."""
    module = "tensorboard.backend.event_processing"
    readers = [
        pytest.importorskip(f"{module}.{name}", exc_type=ImportError)
        for name in ("event_accumulator", "plugin_event_accumulator")
    ]
    pytest.importorskip("tensorflow", exc_type=ImportError)
    from tensorboard.util import tensor_util

    def read(workdir):
        found = []
        for reader in readers:
            all_of_it = reader.EventAccumulator(str(workdir / "tensorboard"), {"tensors": 0})
            told = all_of_it.Reload().Tensors("d/loss")
            losses = [float(tensor_util.make_ndarray(e.tensor_proto)) for e in told]
            grids = [e.step for e in all_of_it.Tensors("samples")]
            found.append(([e.step for e in told], losses, grids))
        assert found[0] == found[1]
        return found[0]

    return read


def as_logged(workdir):
    lines = [line for line in log_lines(workdir) if "d/loss" in line]
    losses = [float(np.float32(line["d/loss"])) for line in lines]
    return [line["step"] for line in lines], losses, [0, 10, 20]


def test_tensorboard_has_the_steps_of_a_resumed_run_once(tmp_path, events):
    assert run(smoke("gan_digits"), tmp_path) == train.FINISHED
    assert events(tmp_path) == as_logged(tmp_path)
    # Killed after step 20 was logged, before it was saved; the last event was cut off.
    shutil.rmtree(tmp_path / "checkpoints" / "20")
    from tensorboard.backend.event_processing import plugin_event_accumulator

    watching = plugin_event_accumulator.EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    (written,) = (tmp_path / "tensorboard").iterdir()
    with written.open("ab") as file:
        file.write(written.read_bytes()[:50])
    assert run(smoke("gan_digits"), tmp_path) == train.FINISHED
    assert events(tmp_path)[0] == [5, 10, 15, 20]
    assert events(tmp_path) == as_logged(tmp_path)
    # So has a TensorBoard that had read them before.
    assert [e.step for e in watching.Reload().Tensors("d/loss")] == [5, 10, 15, 20]
    # Before there was any checkpoint.
    shutil.rmtree(tmp_path / "checkpoints")
    assert run(smoke("gan_digits"), tmp_path) == train.FINISHED
    assert events(tmp_path) == as_logged(tmp_path)


def test_tensorboard_has_the_steps_of_a_run_that_was_rolled_back_once(
    monkeypatch, tmp_path, events
):
    poisoned(monkeypatch, at=18, until=0.6)
    assert run(smoke("gan_digits", "health.on_nonfinite=rollback"), tmp_path) == train.FINISHED
    assert events(tmp_path)[0] == [5, 10, 15, 20]
    assert events(tmp_path) == as_logged(tmp_path)


# What goes wrong in training, caused on purpose.


def poisoned(monkeypatch, at, player="d", until=None):
    """Makes a player NaN at step ``at``, as long as its learning rate is above ``until``."""
    build = GAN.build

    def with_poison(self):
        method = build(self)

        def step(state, batch, key):
            new, metrics = method.step(state, batch, key)
            factor = state.nets[player].opt_state.factor
            bad = (state.step + 1 == at) & ((until is None) | (factor > (until or 0)))
            net = new.nets[player]
            params = jax.tree.map(lambda x: jnp.where(bad, jnp.nan, x), net.params)
            nets = {**new.nets, player: net.replace(params=params)}
            return new.replace(nets=nets), metrics

        return dataclasses.replace(method, step=step)

    monkeypatch.setattr(GAN, "build", with_poison)


@pytest.mark.parametrize("player", ["d", "g"])
def test_a_nonfinite_parameter_stops_the_run_and_names_it(monkeypatch, tmp_path, capsys, player):
    poisoned(monkeypatch, at=13, player=player)
    assert run(smoke("gan_digits"), tmp_path / "run") == train.DIVERGED
    err = capsys.readouterr().err
    assert f"{player!r} at step 13" in err
    assert "last good checkpoint is step 10" in err
    assert checkpoint.steps(tmp_path / "run" / "checkpoints") == [10]
    state = jaxgan.load(tmp_path / "run").state
    assert all(np.isfinite(x).all() for x in jax.tree.leaves(state))
    # Nothing of the bad interval was logged or drawn.
    assert max(line["step"] for line in log_lines(tmp_path / "run")) == 10
    assert not (tmp_path / "run" / "samples" / "step_00000020.png").exists()


def test_a_nonfinite_step_is_rolled_back_with_a_lower_rate(monkeypatch, tmp_path, capsys):
    poisoned(monkeypatch, at=13, until=0.6)
    settings = smoke("gan_digits", "health.on_nonfinite=rollback")
    assert run(settings, tmp_path / "run") == train.FINISHED
    out = capsys.readouterr().out
    assert "rolled back to step 10, learning rates times 0.5" in out
    model = jaxgan.load(tmp_path / "run")
    assert model.step == 20
    assert all(net.opt_state.factor == 0.5 for net in model.state.nets.values())
    assert [x["step"] for x in log_lines(tmp_path / "run") if "d/loss" in x] == [5, 10, 15, 20]


def test_rolling_back_ends_after_so_many_times(monkeypatch, tmp_path, capsys):
    poisoned(monkeypatch, at=13)
    settings = smoke("gan_digits", "health.on_nonfinite=rollback", "health.max_rollbacks=2")
    assert run(settings, tmp_path / "run") == train.DIVERGED
    assert capsys.readouterr().out.count("rolled back") == 2


@pytest.mark.parametrize("end", ["rollback", "interrupt"])
def test_however_the_loop_ends_the_threads_that_read_ahead_do(monkeypatch, tmp_path, end):
    held, batches = [], program.Program.batches

    def hold(*arguments):
        held.append(batches(*arguments))
        return held[-1]

    def interrupted(step):
        if end == "interrupt" and step == 3:
            raise KeyboardInterrupt
        return False

    monkeypatch.setattr(program.Program, "batches", hold)
    monkeypatch.setattr(preemption, "requested", interrupted)
    poisoned(monkeypatch, at=13, until=0.6)
    settings = smoke("gan_digits", "data.placement=stream", "health.on_nonfinite=rollback")
    before = set(threading.enumerate())
    with pytest.raises(KeyboardInterrupt) if end == "interrupt" else contextlib.nullcontext():
        assert run(settings, tmp_path / "run") == train.FINISHED
    assert len(held) == (1 if end == "interrupt" else 2)
    readers = [thread for thread in set(threading.enumerate()) - before if "grain" in thread.name]
    for thread in readers:
        thread.join(timeout=5)
    assert not any(thread.is_alive() for thread in readers)


def test_a_nonfinite_update_is_skipped(monkeypatch, tmp_path):
    poisoned(monkeypatch, at=13)
    settings = smoke("gan_digits", "health.on_nonfinite=skip")
    assert run(settings, tmp_path / "run") == train.FINISHED
    skipped = {line["step"]: line.get("skipped", 0) for line in log_lines(tmp_path / "run")}
    assert skipped[15] == 1
    assert skipped[10] == skipped[20] == 0
    model = jaxgan.load(tmp_path / "run")
    assert model.state.step == 20
    assert all(np.isfinite(x).all() for x in jax.tree.leaves(model.state))


# Callbacks.


def test_a_tracker_waits_for_an_improvement():
    rule = smoke("gan_digits").early_stopping.copy_and_resolve_references()
    rule.metric, rule.patience, rule.min_delta = "g/loss", 2, 0.1
    tracker = callbacks.start()["early_stopping"]
    fired = []
    for value in [1.0, 0.95, 0.8, 0.75, 0.75, 0.9]:
        tracker, now = callbacks.track(tracker, rule, {"g/loss": value})
        fired.append(now)
    assert fired == [False, False, False, False, True, False]
    assert tracker["best"] == 0.8
    assert callbacks.track(tracker, rule, {"other": 0.0}) == (tracker, False)


def test_early_stopping_ends_the_run_and_a_resume_does_not_restart_it(tmp_path, capsys):
    overrides = ["early_stopping.metric=d/loss", "early_stopping.patience=1", "steps=200"]
    settings = smoke("gan_digits", *overrides, "early_stopping.min_delta=10.0")
    assert run(settings, tmp_path / "run") == train.FINISHED
    assert "stopped early" in capsys.readouterr().out
    assert jaxgan.load(tmp_path / "run").step == 10
    before = log_lines(tmp_path / "run")
    assert run(settings, tmp_path / "run") == train.FINISHED
    assert log_lines(tmp_path / "run") == before


def test_a_plateau_lowers_the_rates_and_is_remembered_over_a_resume(tmp_path, monkeypatch):
    overrides = ["reduce_on_plateau.metric=d/loss", "reduce_on_plateau.min_delta=10.0"]
    settings = smoke("gan_digits", *overrides, "reduce_on_plateau.patience=2")
    assert run(settings, tmp_path / "whole") == train.FINISHED
    stop_at(monkeypatch, 12)
    assert run(settings, tmp_path / "resumed") == preemption.EXIT_CODE
    monkeypatch.undo()
    assert run(settings, tmp_path / "resumed") == train.FINISHED
    whole, resumed = jaxgan.load(tmp_path / "whole"), jaxgan.load(tmp_path / "resumed")
    assert whole.state.nets["g"].opt_state.factor == 0.5
    assert same_bits(whole.state, resumed.state)


def test_a_lowered_rate_is_a_smaller_update():
    settings = smoke("gan_digits")
    ready = program.prepare(settings)
    source = data.open_source(settings.data, "train")
    batch = data.to_float(source.read(np.arange(ready.batch)))
    state = ready.start()["state"]
    lowered = jaxgan.learning.player.scale_learning_rates(state, 0.25)
    moved = []
    for start in (state, lowered):
        new, _ = jax.jit(ready.method.step)(start, batch, jax.random.key(0))
        change = jax.tree.map(lambda a, b: a - b, new.nets["d"].params, start.nets["d"].params)
        moved.append(change["Dense_0"]["kernel"])
    np.testing.assert_allclose(moved[1], moved[0] * 0.25, rtol=1e-2, atol=1e-7)


def test_the_best_checkpoint_by_a_logged_metric_stays(tmp_path):
    overrides = ["checkpoint.best=d/loss", "checkpoint.best_mode=max", "checkpoint.keep=1"]
    settings = smoke("gan_digits", *overrides, "checkpoint.every=5")
    assert run(settings, tmp_path / "run") == train.FINISHED
    losses = {x["step"]: x["d/loss"] for x in log_lines(tmp_path / "run") if "d/loss" in x}
    best = max(losses, key=losses.get)
    assert checkpoint.steps(tmp_path / "run" / "checkpoints") == sorted({best, 20})


def test_the_last_step_is_saved_where_no_interval_ends(tmp_path):
    settings = smoke("gan_digits", "steps=7", "checkpoint.every=5", "evaluation.every=0")
    assert run(settings, tmp_path / "run") == train.FINISHED
    assert checkpoint.steps(tmp_path / "run" / "checkpoints") == [5, 7]
    never = smoke("gan_digits", "steps=7", "checkpoint.every=0", "evaluation.every=0")
    assert run(never, tmp_path / "never") == train.FINISHED
    assert checkpoint.steps(tmp_path / "never" / "checkpoints") == [7]


# Pictures.


def test_a_grid_puts_each_image_in_its_place():
    images = np.linspace(-1, 1, 6)[:, None, None, None] * np.ones((6, 4, 4, 3))
    grid = np.asarray(pictures.grid(images))
    assert grid.shape[2] == 3
    factor = grid.shape[1] // 15
    centres = grid[2 * factor + factor :: 5 * factor, 2 * factor + factor :: 5 * factor, 0]
    expected = pictures.to_bytes(np.linspace(-1, 1, 6)).reshape(2, 3)
    np.testing.assert_array_equal(centres[:2, :3], expected)


def test_a_density_is_dark_where_the_points_are_with_y_upwards():
    shade = np.asarray(pictures.density(np.full((50, 2), [0.8, 0.8])))
    row, column = np.unravel_index(shade.argmin(), shade.shape)
    assert row < shade.shape[0] / 4
    assert column > shade.shape[1] * 3 / 4


def test_a_long_animation_has_so_many_frames_and_reads_them_one_by_one(tmp_path, monkeypatch):
    paths = [tmp_path / f"{i:03}.png" for i in range(400)]
    for i, path in enumerate(paths):
        Image.new("L", (8, 8), i * 255 // 399).save(path)
    opened, frames, most = [], [], []
    open_image, frame = Image.open, pictures.frame

    def opening(path):
        assert all(image.fp is None for image in opened), "another is open still"
        opened.append(open_image(path))
        return opened[-1]

    def counted(path):
        shown = frame(path)
        frames.append(weakref.ref(shown))
        most.append(sum(held() is not None for held in frames))
        return shown

    monkeypatch.setattr(pictures.Image, "open", opening)
    monkeypatch.setattr(pictures, "frame", counted)
    pictures.animate(paths, tmp_path / "all.gif")
    monkeypatch.undo()
    assert len(opened) == pictures.FRAMES
    assert max(most) <= 4, "they are held, all of them"
    with Image.open(tmp_path / "all.gif") as animation:
        assert animation.n_frames == pictures.FRAMES
        ends = []
        for i in (0, pictures.FRAMES - 1):
            animation.seek(i)
            ends.append((animation.convert("L").getpixel((0, 0)), animation.info["duration"]))
        assert ends == [(0, 400), (255, 2000)]


def test_frames_keep_every_grey(tmp_path):
    greys = np.arange(256, dtype=np.uint8).reshape(16, 16)
    for name, shown in (("a.png", greys), ("b.png", greys[::-1])):
        pictures.save(Image.fromarray(shown), tmp_path / name)
    pictures.animate([tmp_path / "a.png", tmp_path / "b.png"], tmp_path / "grey.gif")
    with Image.open(tmp_path / "grey.gif") as animation:
        for i, expected in enumerate((greys, greys[::-1])):
            animation.seek(i)
            np.testing.assert_array_equal(animation.convert("L"), expected)


@pytest.mark.parametrize("count", [1, 2, 99, 100, 101, 250])
def test_frames_are_spread_over_all_pictures(count):
    chosen = pictures.choose(list(range(count)))
    assert len(chosen) == min(count, pictures.FRAMES)
    assert (chosen[0], chosen[-1]) == (0, count - 1)
    assert set(np.diff(chosen)) <= {count // 99, count // 99 + 1, 1}
    assert len(set(chosen)) == len(chosen)


def test_a_frame_is_bounded_whatever_the_picture_is(tmp_path):
    pictures.save(Image.new("L", (3000, 1500)), tmp_path / "wide.png")
    pictures.animate([tmp_path / "wide.png"], tmp_path / "wide.gif")
    with Image.open(tmp_path / "wide.gif") as animation:
        assert animation.size == (pictures.FRAME_PIXELS, pictures.FRAME_PIXELS // 2)


@pytest.mark.parametrize("shape", [(8, 8, 1), (30, 20, 3), (2,)])
def test_the_size_of_a_picture_is_known_before(tmp_path, shape):
    samples = np.random.default_rng(0).uniform(-1, 1, (500, *shape))
    if shape == (2,):
        logits = 4 * np.sin(landscape.places() * [9, 7]).sum(axis=1)
        image = landscape.landscape(samples, samples, logits)
    else:
        image = pictures.grid(samples)
    pictures.save(image, tmp_path / "one.png")
    pictures.animate([tmp_path / "one.png"], tmp_path / "one.gif")
    for name, told in zip(("one.png", "one.gif"), pictures.sizes(500, shape), strict=True):
        assert told / 8 < (tmp_path / name).stat().st_size < 4 * told, name


def test_values_beyond_the_range_are_cut_off_and_not_wrapped():
    np.testing.assert_array_equal(
        pictures.to_bytes(np.array([-2.0, -1, 0, 1, 2])), [0, 0, 128, 255, 255]
    )


def test_what_cannot_be_evaluated_is_told_and_training_goes_on(tmp_path, capsys, monkeypatch):
    def refuse(*_):
        raise errors.UserError("the samples cannot be measured: they are not finite")

    monkeypatch.setattr(evaluation.Evaluator, "measure", refuse)
    settings = smoke("gan_digits", "evaluation.every=10", "checkpoint.every=20")
    assert run(settings, tmp_path / "run") == train.FINISHED
    told = capsys.readouterr().err
    assert "step 10 is not evaluated: the samples cannot be measured" in told
    assert checkpoint.steps(tmp_path / "run" / "checkpoints") == [20]


def test_a_fault_in_an_evaluation_costs_no_step(tmp_path, monkeypatch):
    def fail(*_):
        raise RuntimeError("out of memory")

    settings = smoke("gan_digits", "evaluation.every=10", "checkpoint.every=20")
    with monkeypatch.context() as patch:
        patch.setattr(evaluation.Evaluator, "measure", fail)
        with pytest.raises(RuntimeError, match="out of memory"):
            run(settings, tmp_path / "run")
    assert checkpoint.steps(tmp_path / "run" / "checkpoints") == [10]
    assert run(settings, tmp_path / "run") == train.FINISHED
    assert [line["step"] for line in log_lines(tmp_path / "run") if "d/loss" in line][-1] == 20


@pytest.mark.slow
def test_each_split_is_opened_once_in_a_run(tmp_path, monkeypatch):
    opened, open_sources = [], datasets.open_sources

    def counting(data, split=None, **more):
        opened.append(split or data.split)
        return open_sources(data, split, **more)

    monkeypatch.setattr(datasets, "open_sources", counting)
    overrides = ("evaluation.every=10", "evaluation.n=40", "method.labels=20")
    assert run(smoke("sgan_digits", *overrides), tmp_path / "run") == train.FINISHED
    assert sorted(opened) == ["test", "train"]


def test_splits_that_share_samples_are_told_at_the_start(tmp_path, capsys):
    settings = smoke("gan_digits", "evaluation.every=20", "data.test_split=train")
    assert run(settings, tmp_path / "run") == train.FINISHED
    told = capsys.readouterr().err.splitlines()
    (line,) = (line for line in told if "shares" in line)
    assert "data.test_split 'train' shares 1498 of its 1498 samples with data.split" in line
    line = [line for line in log_lines(tmp_path / "run") if "eval/sliced_wasserstein" in line][-1]
    assert "eval/overfitting" not in line
