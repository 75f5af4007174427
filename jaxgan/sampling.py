"""A trained model from a run's folder: load it, and sample."""

import dataclasses
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from jaxgan import checkpoint, config, errors, evaluation, pictures, program, workdir
from jaxgan.state import State

CHUNK = 250


@dataclasses.dataclass(frozen=True)
class Model:
    """A method with trained weights.

    Attributes:
      config: of the run.
      method: built from it.
      state: restored.
      step: of the checkpoint.
    """

    config: ConfigDict
    method: Any
    state: State
    step: int

    @cached_property
    def _sample(self) -> Callable[..., jax.Array]:
        return jax.jit(self.method.sample, static_argnums=2)

    def sample(self, key: jax.Array, n: int, **conditions: Any) -> np.ndarray:
        """Samples [n, H, W, C] (or [n, 2]) in [-1, 1].

        Args:
          key: a JAX random key.
          n: how many.
          **conditions: what the method's ``sample`` takes, ``labels`` [n] for a conditional one.

        Raises:
          UserError: if the method does not take such a condition.
        """
        try:
            return draw(self._sample, self.state, key, n, **conditions)
        except TypeError as error:
            if conditions and "unexpected keyword" in str(error):
                given = ", ".join(conditions)
                raise errors.UserError(
                    f"method {self.config.method.name!r} does not take {given}"
                ) from error
            raise


def draw(
    sample: Callable[..., jax.Array], state: State, key: jax.Array, n: int, **conditions: Any
) -> np.ndarray:
    """Samples in chunks of at most 250, so that any number fits; conditions are cut alike."""
    chunk = min(n, CHUNK)
    parts = []
    for start in range(0, n, chunk):
        # A whole chunk also at the end, where the first rows are enough: one compilation.
        rows = np.arange(start, start + chunk).clip(max=n - 1)
        given = {name: np.asarray(value)[rows] for name, value in conditions.items()}
        images = sample(state, jax.random.fold_in(key, start // chunk), chunk, **given)
        parts.append(np.asarray(images))
    return np.concatenate(parts)[:n]


def load(folder: str | Path, step: int | None = None) -> Model:
    """The model in a run's folder, on one device.

    Args:
      folder: the run's ``workdir``.
      step: of the checkpoint, the newest good one by default.

    Raises:
      UserError: if there is no run, no such checkpoint, or none that can be used.
    """
    folder = Path(folder)
    stored = workdir.read_config(folder)
    experiment = stored.pop("experiment", "")
    if experiment:
        config.import_from(Path(experiment).parent)
    settings = ConfigDict(stored)
    settings.parallel.devices, settings.parallel.mode, settings.evaluation.every = 1, "jit", 0
    ready = program.prepare(settings)
    restored = checkpoint.restore(folder / workdir.CHECKPOINTS, ready.template, step=step)
    if restored is None:
        raise errors.UserError(f"there is no checkpoint in {folder} yet")
    return Model(settings, ready.method, restored.tree["state"], restored.step)


def evaluate(model: Model, folder: Path) -> str:
    """Measures the model as the training loop does, writes the result down and describes it."""
    result = evaluation.measure(
        model.sample,
        evaluation.held_out_samples(model.config),
        jax.random.fold_in(jax.random.key(model.config.seed), program.EVALUATE),
        evaluation.protocol(model.config, model.step),
    )
    evaluation.record(result, folder / workdir.EVALUATION)
    return evaluation.describe(result)


def write(model: Model, path: Path, n: int, seed: int) -> None:
    """Writes n samples: a PNG grid, or an ``.npz`` with ``images`` uint8 (points: float32).

    Raises:
      UserError: for another ending, or a place that cannot be written to.
    """
    if path.suffix not in (".png", ".npz"):
        raise errors.UserError(f"samples are written as .png or .npz, not {path.name!r}")
    samples = model.sample(jax.random.key(seed), n)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".png":
            pictures.save(pictures.picture(samples), path)
        else:
            stored = pictures.to_bytes(samples) if samples.ndim == 4 else samples
            np.savez(path, images=stored)
    except OSError as error:
        raise errors.UserError(f"cannot write {path}: {error.strerror}") from error
