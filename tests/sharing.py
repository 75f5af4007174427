"""What is traced and compiled of a method, once for many runs in one process."""

import contextlib
import dataclasses

import pytest

from jaxgan.config import variants
from jaxgan.run import program


@contextlib.contextmanager
def shared(programs):
    """Runs of one method share what they trace and compile, whatever else their configs say.

    Args:
      programs: a dictionary, in which it is kept.
    """
    trace, compiled = program.traced, program.Compiled

    def trace_once(config, axis_name=None):
        cls = variants.find(config.method.name)
        run = [config.precision, config.accumulate, config.rematerialize]
        run += [config[name] for name in ("steps", "batch_size") if asks(cls, name)]
        # `build` as well, which a test may have put there.
        key = (cls.build, axis_name, config.method.to_json_best_effort(), *run)
        if key not in programs:
            programs[key] = trace(config, axis_name)
        return programs[key]

    def compile_once(config, devices, state, autoencoder, arms, mapped):
        # What `Compiled` reads of the config.
        rules = (config.health.on_nonfinite, config.evaluation.averaged)
        key = (*map(id, (*arms, *mapped)), devices, autoencoder, *rules)
        if key not in programs:
            # Which holds them.
            programs[key] = compiled(config, devices, state, autoencoder, arms, mapped)
        return programs[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(program, "traced", trace_once)
        patch.setattr(program, "Compiled", compile_once)
        yield


def asks(cls, name):
    """Whether a method is told that field of the run: without, it is the same whatever it is."""
    return any(
        field.metadata.get("of_run") == name
        or ("flat" in field.metadata and asks(variants.hints(cls)[field.name], name))
        for field in dataclasses.fields(cls)
    )
