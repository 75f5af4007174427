"""Keys of a run's own, and several steps in one dispatch: the same bits, cut where one is due."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import data, train
from jaxgan.run import checkpoint, compiled, program
from tests.conftest import log_lines, run, same_bits, smoke, stop_at

STEPS = ("steps=14", "log.every=5", "checkpoint.every=7", "sample.every=0", "evaluation.every=0")


def final(settings, workdir):
    ready = program.prepare(settings)
    return checkpoint.restore(workdir / "checkpoints", ready.template).tree


def test_each_purpose_and_each_step_has_a_key_of_its_own():
    ready = program.prepare(smoke("gan_digits"))
    purposes = (program.INIT, program.SAMPLE, program.EVALUATE, program.RECALIBRATE)
    keys = [ready.key, *map(ready.purpose_key, purposes)]
    keys += [jax.random.fold_in(ready.key, t) for t in range(3)]
    assert len({np.asarray(jax.random.key_data(key)).tobytes() for key in keys}) == len(keys)


def test_a_step_draws_by_its_number():
    """The same state and batch at another step: other latents, and so another generator."""
    ready = program.prepare(smoke("gan_digits"))
    source = data.open_source(ready.config.data, "train")
    dataset, batch = ready.dataset(source), next(ready.batches(source, 0))
    start, moved = jax.device_get(ready.start()), []
    for step in (3, 3, 4):
        state = start["state"].replace(step=jnp.int32(step))
        carry = ready.devices.replicate({**start, "state": state})
        carry = ready.at(0).step(carry, dataset, batch, ready.key)
        moved.append(jax.device_get(carry["state"].nets["g"].params))
    assert same_bits(moved[0], moved[1])
    assert not same_bits(moved[0], moved[2])


@pytest.mark.parametrize("mode", ["jit", pytest.param("pmap", marks=pytest.mark.slow)])
def test_the_bits_are_those_of_single_steps(tmp_path, monkeypatch, mode):
    """With the same folder resumed in between, at a step where no dispatch of four ends."""
    settings = [
        smoke("gan_digits", *STEPS, f"parallel.mode={mode}", f"steps_per_call={k}") for k in (1, 4)
    ]
    assert run(settings[0], tmp_path / "1") == train.FINISHED
    stop_at(monkeypatch, 9)
    assert run(settings[1], tmp_path / "4") == 75
    monkeypatch.undo()
    assert run(settings[1], tmp_path / "4") == train.FINISHED
    assert log_lines(tmp_path / "1") == log_lines(tmp_path / "4")
    assert same_bits(*(final(s, tmp_path / k) for s, k in zip(settings, "14", strict=True)))


def test_steps_are_dispatched_together_where_nothing_is_due(tmp_path, monkeypatch):
    settings, called = smoke("gan_digits", *STEPS, "steps_per_call=4"), []
    for name in ("step", "several"):
        member = getattr(compiled.Compiled, name)

        def counting(self, name=name, member=member):
            function = member.func(self)
            return lambda *arguments: called.append(name) or function(*arguments)

        monkeypatch.setattr(compiled.Compiled, name, property(counting))
    assert run(settings, tmp_path / "run") == train.FINISHED
    # Pauses after 5, 7, 10 and 14.
    one, four = ["step"], ["several"]
    assert called == four + one + one * 2 + one * 3 + four
