"""Several steps in one dispatch: the same bits, cut where something is due."""

import pytest

from jaxgan import train
from jaxgan.run import checkpoint, compiled, program
from tests.conftest import log_lines, run, same_bits, smoke, stop_at

STEPS = ("steps=14", "log.every=5", "checkpoint.every=7", "sample.every=0", "evaluation.every=0")


def final(settings, workdir):
    ready = program.prepare(settings)
    return checkpoint.restore(workdir / "checkpoints", ready.template).tree


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
