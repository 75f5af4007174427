"""Phases: a method whose step changes statically at step 7, see ``plugins/phased.py``."""

from pathlib import Path

import jax
import numpy as np
import pytest

import jaxgan
from jaxgan import config as config_lib
from jaxgan import train
from jaxgan.config import complete
from jaxgan.run import checkpoint, compiled, judge, program, sampling
from tests.conftest import log_lines, run, same_bits, stop_at

OWN_PROGRAMS = True
PHASED = Path(__file__).parent.parent / "plugins" / "phased.py"


def settings(*overrides):
    return config_lib.load(str(PHASED), [f"--config.{each}" for each in overrides])


def final(config, workdir):
    return checkpoint.restore(workdir / "checkpoints", program.prepare(config).template).tree


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of a run that nothing stopped."""
    folder = tmp_path_factory.mktemp("whole")
    assert run(settings(), folder) == train.FINISHED
    return folder


def test_the_step_changes_at_step_7(whole):
    assert [line["g/second"] for line in log_lines(whole)] == [0.0] * 7 + [1.0] * 7


@pytest.mark.parametrize("at", [5, 7, 11])
def test_a_run_resumed_inside_a_phase_or_between_two_ends_in_the_same_bits(
    whole, tmp_path, monkeypatch, at
):
    stop_at(monkeypatch, at)
    assert run(settings(), tmp_path) == 75
    monkeypatch.undo()
    assert run(settings(), tmp_path) == train.FINISHED
    assert log_lines(tmp_path) == log_lines(whole)
    assert same_bits(final(settings(), tmp_path), final(settings(), whole))


@pytest.mark.parametrize("more", ["parallel.mode=pmap", "parallel.mode=jit"])
def test_devices_do_not_change_it(whole, tmp_path, more):
    assert run(settings(more, "parallel.devices=4"), tmp_path) == train.FINISHED
    states = [final(settings(), folder)["state"] for folder in (whole, tmp_path)]
    w = [state.nets["g"].params["w"] for state in states]
    np.testing.assert_allclose(*w, atol=1e-6)


def test_each_phase_is_compiled_once_and_no_dispatch_lies_in_two(tmp_path, monkeypatch):
    made, called = [], []
    original = compiled.Compiled.__init__

    def counting(self, *arguments):
        original(self, *arguments)
        made.append(self)

    monkeypatch.setattr(compiled.Compiled, "__init__", counting)
    for name in ("step", "several"):
        member = getattr(compiled.Compiled, name)

        def noted(self, name=name, member=member):
            called.append((made.index(self), name))
            return member.__get__(self)

        monkeypatch.setattr(compiled.Compiled, name, property(noted))
    config = settings("steps_per_call=3", "log.every=14", "checkpoint.every=14")
    assert run(config, tmp_path / "three") == train.FINISHED
    single, three = [(0, "step")], [(0, "several")]
    # 3 + 3 + 1 steps of the first phase, 3 + 3 + 1 of the second.
    assert called == three * 2 + single + [(1, "several")] * 2 + [(1, "step")]
    assert len(made) == 2
    monkeypatch.undo()
    assert run(settings("log.every=14", "checkpoint.every=14"), tmp_path / "one") == train.FINISHED
    assert log_lines(tmp_path / "three") == log_lines(tmp_path / "one")
    assert same_bits(final(config, tmp_path / "three"), final(config, tmp_path / "one"))


@pytest.mark.parametrize(("step", "sign"), [(6, 1), (9, -1), (14, -1)])
def test_samples_are_those_of_the_phase_of_the_checkpoint(whole, step, sign):
    gan, key = jaxgan.load(whole, step=step), jax.random.key(0)
    w, z = np.asarray(gan.state.nets["g"].params["w"]), gan.latents(key, 4)
    expected = np.clip(sign * w + 0.01 * z, -1, 1)
    np.testing.assert_allclose(gan.sample(key, 4), expected, atol=1e-6)
    np.testing.assert_allclose(gan.generate(z), expected, atol=1e-6)
    judged = sampling.subject(gan.program, gan.state).draw(key, 4)
    np.testing.assert_allclose(judged, expected, atol=1e-6)


def test_a_checkpoint_of_each_phase_is_evaluated(whole):
    told = judge.evaluate(whole, "all", None, 20)
    assert told.count("sliced_wasserstein") >= 5


def test_phases_must_log_the_same(tmp_path):
    with pytest.raises(TypeError, match=r"every phase must log .*, and one has .*g/more"):
        run(settings("method.other_metrics=True"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_the_phases_of_a_training_are_found():
    config = complete(settings())
    for steps, count in ((1, 1), (6, 1), (7, 2), (1000, 2)):
        assert len(config_lib.build(config).phases(steps)) == count
