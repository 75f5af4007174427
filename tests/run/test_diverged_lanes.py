"""Lanes that are not finite: frozen, skipped, not ranked by; the run goes on, or has ended."""

from types import SimpleNamespace

import jax
import numpy as np
import pytest

from jaxgan import data, train
from jaxgan.run import checkpoint, lane_folders, lanes, pauses, program
from jaxgan.watch import totals
from tests.conftest import log_lines, run, smoke, stop_at
from tests.run.test_lanes import SHORT, distance, poison, seeded

pytestmark = pytest.mark.usefixtures("quick_classifier")


def test_a_lane_stays_frozen_after_a_line_is_logged():
    """Its state is finite: it is that before the step in which it diverged."""
    settings = seeded(smoke("gan_digits"), 0, 2)
    ready = program.prepare(settings)
    source = data.open_source(settings.data, "train")
    carry = ready.start()
    counted = jax.device_get(carry["totals"])
    counted["nonfinite"]["d"] = np.array([totals.NEVER, 3], np.int32)
    counted["count"] = np.full(2, 4, np.int32)
    carry |= {"totals": ready.fresh_totals(counted)}
    assert not carry["totals"]["count"].any()
    before = jax.device_get(carry)
    batch = next(ready.batches(source, 0))
    carry = jax.device_get(ready.at(0).step(carry, ready.dataset(source), batch, ready.key))
    moved = [distance(*(lanes.take(x, i, ready.devices) for x in (before, carry))) for i in (0, 1)]
    assert moved[0] > 0
    assert moved[1] == 0


@pytest.mark.parametrize("stopped", [-1, 2])
def test_when_all_diverge_the_run_has(tmp_path, monkeypatch, capsys, stopped):
    stop_at(monkeypatch, stopped)
    poison(monkeypatch, 0, 1)
    settings = smoke("cgan_digits", *SHORT, "seeds=2")
    assert run(settings, tmp_path / "run") == train.DIVERGED
    assert "there is no checkpoint yet" in capsys.readouterr().err
    assert not checkpoint.steps(tmp_path / "run" / "checkpoints")


def test_a_skipped_step_is_one_lanes_own(tmp_path, monkeypatch, capsys):
    poison(monkeypatch, 1)
    settings = smoke("cgan_digits", *SHORT, "seeds=2", "health.on_nonfinite=skip")
    assert run(settings, tmp_path / "run") == train.FINISHED
    assert "finished at step 12 (12 steps skipped):" in capsys.readouterr().out  # of 24
    lines = [log_lines(lane_folders.place(tmp_path / "run", seed)) for seed in range(2)]
    assert not any("skipped" in line for line in lines[0])
    assert [line["skipped"] for line in lines[1] if "skipped" in line] == [4, 4, 4]


@pytest.mark.parametrize(
    ("each", "metric"),
    [
        (((1.0, False), (4.0, False)), 2.5),
        (((1.0, False), (None, True), (4.0, False)), 2.5),
        (((1.0, False), (None, False)), None),
        (((None, True),), None),
    ],
)
def test_a_checkpoint_is_ranked_by_the_seeds_that_go_on(tmp_path, each, metric):
    saved = []
    to_write = SimpleNamespace(save=lambda *given: saved.append(given))
    seeds = [SimpleNamespace(record={"metric": of, "diverged": gone}) for of, gone in each]
    of_all = SimpleNamespace(config={})
    pauses.save(pauses.Run(of_all, tmp_path, to_write, None, {}, None, None, seeds), None, 4)
    ((step, _, meta, ranked),) = saved
    assert (step, ranked) == (4, metric)
    assert [record["metric"] for record in meta["record"]] == [None] * len(each)


def test_the_best_checkpoint_is_by_the_mean_over_seeds(tmp_path):
    more = ("seeds=2", "checkpoint.best=g/loss", "checkpoint.keep=1")
    settings = smoke("cgan_digits", *SHORT, *more)
    assert run(settings, tmp_path / "run") == train.FINISHED
    logged = [log_lines(lane_folders.place(tmp_path / "run", seed)) for seed in range(2)]
    ranked = checkpoint.metrics(tmp_path / "run" / "checkpoints")
    for step, value in ranked.items():
        mine = [
            line["g/loss"]
            for of in logged
            for line in of
            if line["step"] == step and "g/loss" in line
        ]
        assert value == pytest.approx(np.mean(mine))
