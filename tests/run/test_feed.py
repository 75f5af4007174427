"""What a batch is made of: entries of one row, and entries drawn apart, up to the step."""

import dataclasses
import itertools
import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxgan import config as config_lib
from jaxgan import data, train
from jaxgan.base import errors
from jaxgan.run import checkpoint, feed, plan, program, run_folder, trained
from tests.conftest import log_lines, quickly, run, same_bits, smoke, stop_at

PLUGIN = Path(__file__).parent.parent / "plugins" / "translator.py"
# Aligned rows; aligned rows that are not to be paired; two classes.
SETS = ("pairs", "apart", "domains")
DOMAINS = ("data.name=folder", "data.domains=summer,winter")


def save(path, value, channels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L" if channels == 1 else "RGB", (4, 4), (value,) * channels).save(path)


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """A folder of pairs, 11 of which are trained on; and one of two classes, of 11 and of 7."""
    root = tmp_path_factory.mktemp("stored")
    for i in range(11):
        save(root / f"pairs/train/A/{i:02}.png", 10 * i, 3)
        save(root / f"pairs/train/B/{i:02}.png", 250 - 10 * i, 1)
        save(root / f"domains/train/summer/{i:02}.png", 10 * i, 1)
    for i in range(7):
        save(root / f"domains/train/winter/{i:02}.png", 255 - 9 * i, 1)
    return root


@pytest.fixture
def load(stored):
    """load(kind, override, ...) -> the config of a small method on that data."""

    def make(kind, *overrides, method_name="translator"):
        apart = () if kind == "pairs" else ("method.apart=target",)
        where = f"data.data_dir={stored / ('domains' if kind == 'domains' else 'pairs')}"
        if kind == "domains":
            apart += DOMAINS
        given = ("parallel.devices=1", where, *apart, *overrides)
        return config_lib.load(str(PLUGIN), [f"--config.{text}" for text in given])

    return make


def batches(settings, start=0, count=4):
    """The batches of some steps as the step sees them, before they are floats."""
    ready = program.prepare(settings)
    sources = data.open_sources(settings.data)
    dataset, drawn = ready.dataset(sources), ready.batches(sources, start)
    found = [jax.device_get(next(drawn)) for _ in range(count)]
    drawn.close()
    return found if dataset is None else [feed.pick(jax.device_get(dataset), b) for b in found]


def test_entries_of_one_row_stay_together_in_the_order_of_the_images(load):
    settings = load("pairs")
    for t, batch in enumerate(batches(settings)):
        rows = data.indices(settings.seed, t, size=11, batch_size=8)
        np.testing.assert_array_equal(batch["image"][:, 0, 0, 0], 10 * rows)
        np.testing.assert_array_equal(batch["target"][:, 0, 0, 0], 250 - 10 * rows)


@pytest.mark.parametrize("kind", ["apart", "domains"])
def test_entries_drawn_apart_have_orders_of_their_own(load, kind):
    settings, size = load(kind), 7 if kind == "domains" else 11
    values = (lambda i: 255 - 9 * i) if kind == "domains" else (lambda i: 250 - 10 * i)
    drawn = []
    for t, batch in enumerate(batches(settings, count=6)):
        rows = data.indices(settings.seed, t, size=11, batch_size=8)
        np.testing.assert_array_equal(batch["image"][:, 0, 0, 0], 10 * rows)
        other = data.indices(settings.seed, t, size=size, batch_size=8, entry=1)
        np.testing.assert_array_equal(batch["target"][:, 0, 0, 0], values(other))
        drawn += other.tolist()
    # Each has epochs of its own length, and the order of one says nothing of the other's.
    assert sorted(drawn[:size]) == list(range(size))
    assert drawn[:size] != data.indices(settings.seed, 0, size=size, batch_size=size).tolist()


@pytest.mark.parametrize("kind", SETS)
def test_streamed_batches_are_those_drawn_on_the_device_from_any_step(load, kind):
    device = batches(load(kind))
    assert same_bits(batches(load(kind, "data.placement=stream")), device)
    assert same_bits(batches(load(kind, "data.placement=stream"), start=2, count=2), device[2:])
    assert same_bits(batches(load(kind), start=2, count=2), device[2:])


@pytest.mark.parametrize("placement", ["device", "stream"])
@pytest.mark.parametrize("kind", SETS)
def test_each_process_takes_its_share_of_every_entry(load, monkeypatch, kind, placement):
    settings = load(kind, f"data.placement={placement}")
    ready, sources = program.prepare(settings), data.open_sources(settings.data)
    whole = next(ready.batches(sources, 3))
    monkeypatch.setattr(type(ready.devices), "shard", lambda self, batch: batch)
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    parts = []
    for process in range(2):
        monkeypatch.setattr(jax, "process_index", lambda process=process: process)
        parts.append(next(ready.batches(sources, 3)))
    together = jax.tree.map(lambda *rows: np.concatenate(rows), *parts)
    assert same_bits(jax.device_get(whole), together)


def test_closing_a_batch_of_two_streams_closes_both():
    closed = []

    class Endless:
        def __init__(self, name):
            self.name = name

        def __next__(self):
            return {self.name: 1}

        def close(self):
            closed.append(self.name)

    both = data.Stream(data.Merged([Endless("image"), Endless("target")]), dict)
    assert next(both) == {"image": 1, "target": 1}
    both.close()
    assert closed == ["image", "target"]


def final(settings, workdir):
    ready = program.prepare(settings)
    return checkpoint.restore(workdir / "checkpoints", ready.template).tree


@pytest.mark.parametrize(
    ("kind", "placement"), quickly(itertools.product(SETS, ("device", "stream")), 1, 2, 5)
)
def test_a_run_that_is_stopped_goes_on_to_the_same_bits(
    load, tmp_path, monkeypatch, kind, placement
):
    settings = load(kind)
    assert run(settings, tmp_path / "whole") == train.FINISHED
    stopped = load(kind, f"data.placement={placement}", "steps_per_call=2")
    stop_at(monkeypatch, 4)
    assert run(stopped, tmp_path / "resumed") == 75
    monkeypatch.undo()
    assert run(stopped, tmp_path / "resumed") == train.FINISHED
    assert log_lines(tmp_path / "whole") == log_lines(tmp_path / "resumed")
    assert same_bits(final(settings, tmp_path / "whole"), final(stopped, tmp_path / "resumed"))
    losses = [line["g/loss"] for line in log_lines(tmp_path / "whole") if "g/loss" in line]
    assert len(set(losses)) == 6


@pytest.mark.parametrize("kind", SETS)
def test_modes_and_numbers_of_devices_do_not_matter(load, tmp_path, kind):
    lines = []
    for i, (mode, devices) in enumerate([("jit", 1), ("jit", 4), ("pmap", 4)]):
        settings = load(kind, f"parallel.mode={mode}", f"parallel.devices={devices}")
        assert run(settings, tmp_path / str(i)) == train.FINISHED
        lines.append([line for line in log_lines(tmp_path / str(i)) if "g/loss" in line])
    for other in lines[1:]:
        for one, two in zip(lines[0], other, strict=True):
            for name in ("g/image", "g/target") + (("g/loss",) if kind == "pairs" else ()):
                assert two[name] == pytest.approx(one[name], abs=1e-5), name


def test_a_run_is_loaded_and_sampled_without_its_data(load, tmp_path, stored):
    settings = load("domains")
    assert run(settings, tmp_path / "run") == train.FINISHED
    moved = stored.rename(stored.with_name("moved"))
    try:
        model = trained.load(tmp_path / "run")
        assert model.sample(jax.random.key(0), 2).shape == (2, 4, 4, 1)
        assert model.program.spec.targets == 7
    finally:
        moved.rename(stored)


@pytest.mark.parametrize("side", ["summer", "winter"])
def test_another_sample_of_either_domain_is_refused(load, tmp_path, side):
    for name in ("summer", "winter"):
        for i in range(4):
            save(tmp_path / f"own/train/{name}/{i}.png", 10 * i, 1)
    settings = load("domains", f"data.data_dir={tmp_path / 'own'}")
    assert run(settings, tmp_path / "run") == train.FINISHED
    save(tmp_path / f"own/train/{side}/1.png", 99, 1)
    with pytest.raises(errors.UserError, match="the data have changed"):
        run(load("domains", f"data.data_dir={tmp_path / 'own'}", "steps=9"), tmp_path / "run")
    save(tmp_path / f"own/train/{side}/9.png", 9, 1)
    what = {"summer": "size", "winter": "targets"}[side]
    with pytest.raises(errors.UserError, match=rf"dataset\.{what} was 4, now 5"):
        run(load("domains", f"data.data_dir={tmp_path / 'own'}", "steps=9"), tmp_path / "run")


def test_what_older_runs_stored_of_their_data_is_read():
    spec = data.Spec((8, 8, 1), 10, 1498)
    new = json.loads(json.dumps(spec._asdict()))
    old = {name: value for name, value in new.items() if not name.startswith("target")}
    assert data.Spec(**config_lib.plain(old)) == spec
    assert not run_folder.data_changes({"dataset": old}, {"dataset": new})


@pytest.mark.parametrize(
    ("kind", "overrides", "told"),
    [
        ("pairs", ("data.name=digits",), "needs targets, and .*'digits' has none; set data.name"),
        ("domains", ("method.apart=()",), "needs pairs .*set data.name='pairs'"),
    ],
)
def test_data_that_do_not_have_what_a_method_reads_are_one_line(
    load, tmp_path, kind, overrides, told
):
    with pytest.raises(errors.UserError, match=told):
        run(load(kind, *overrides), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_method_without_a_field_for_the_targets_shape_is_refused_too(stored):
    ready = program.prepare(smoke("gan_digits"))
    method = data.Spec((8, 8, 1), 0, 9)
    with pytest.raises(errors.UserError, match="needs targets"):
        feed.check(
            dataclasses.replace(ready.method, entries=("image", "target")), "it", method, "x"
        )


def test_an_entry_drawn_apart_that_is_not_read_is_refused(load):
    with pytest.raises(errors.UserError, match="draws apart 'targte'; did you mean 'target'"):
        program.prepare(load("pairs", "method.apart=targte"))


def test_a_method_of_images_trains_on_the_images_of_pairs_and_of_domains(stored, tmp_path, caplog):
    for kind in ("pairs", "domains"):
        where = {"pairs": ["data.name=pairs"], "domains": DOMAINS}[kind]
        where = [*where, f"data.data_dir={stored / kind}"]
        settings = smoke("gan_digits", "evaluation.every=0", "steps=2", *where)
        sources = data.open_sources(settings.data)
        ready = program.prepare(settings)
        assert set(ready.dataset(sources)) == {"image"}
        assert set(next(ready.batches(sources, 0))) == {"index"}
        assert run(settings, tmp_path / kind) == train.FINISHED
    assert not caplog.messages


def test_a_dry_run_tells_of_both(load):
    told = plan.describe(load("domains"))
    assert "samples: 11 of shape [4, 4, 1]" in told
    assert "targets: 7 of shape [4, 4, 1], drawn apart, 6.9 epochs" in told
    told = plan.describe(load("pairs"))
    assert "samples: 11 of shape [4, 4, 3]" in told
    assert "targets: 11 of shape [4, 4, 1], each with its sample, 4.4 epochs" in told
    assert "targets" not in plan.describe(smoke("gan_digits")).split("parameters of")[1]


def test_targets_become_floats_as_images_do():
    batch = {name: np.array([[0, 255]], np.uint8) for name in ("image", "target", "other")}
    floats = data.to_float(batch)
    np.testing.assert_array_equal(floats["target"], [[-1.0, 1.0]])
    assert floats["image"].dtype == floats["target"].dtype == jnp.float32
    assert floats["other"].dtype == np.uint8
