"""A trained model from a run's folder: load it, and sample."""

import dataclasses
import inspect
import os
from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict
from tqdm import tqdm

from jaxgan import (
    checkpoint,
    config,
    errors,
    evaluation,
    parallel,
    pictures,
    program,
    resolve,
    workdir,
)
from jaxgan.data import Spec
from jaxgan.program import Program
from jaxgan.state import State

CHUNK = 250


@dataclasses.dataclass(frozen=True)
class Model:
    """A method with trained weights.

    Attributes:
      program: of the run.
      state: restored.
      step: of the checkpoint.
    """

    program: Program
    state: State
    step: int

    @property
    def config(self) -> ConfigDict:
        """Of the run."""
        return self.program.config

    @property
    def method(self) -> Any:
        """Built from the config."""
        return self.program.method

    @cached_property
    def _compiled(self) -> dict[Any, Callable[..., jax.Array]]:
        return {}

    def sample(self, key: jax.Array, n: int, **conditions: Any) -> np.ndarray:
        """Samples [n, H, W, C] (or [n, 2]) in [-1, 1].

        Args:
          key: a JAX random key.
          n: how many.
          **conditions: what the method's ``sample`` takes: an array with a row for each sample
            (``labels`` [n] for a conditional method), or a single value that holds for all.

        Raises:
          UserError: if n is less than 1, the method does not take such a condition, or one has not
            n rows.
        """
        if n < 1:
            raise errors.UserError(f"the number of samples must be at least 1, not {n}")
        self._check(n, conditions)
        each = {name: value for name, value in conditions.items() if np.ndim(value)}
        whole = {name: value for name, value in conditions.items() if name not in each}
        if (variant := tuple(whole.items())) not in self._compiled:
            function = partial(self.method.sample, **whole)
            self._compiled[variant] = jax.jit(function, static_argnums=2)
        return draw(self._compiled[variant], self.state, key, n, **each)

    def _check(self, n: int, conditions: dict[str, Any]) -> None:
        """Refuses conditions that the method does not take or lacks, or that are not n."""
        name = self.config.method.name
        # After the state, the key and n.
        parameters = list(inspect.signature(self.method.sample).parameters.values())[3:]
        known = {p.name: p.default for p in parameters}
        for given, value in conditions.items():
            if given not in known and all(p.kind != p.VAR_KEYWORD for p in parameters):
                takes = ", ".join(known) or "nothing"
                raise errors.UserError(
                    f"method {name!r} does not take {given!r}; it takes: {takes}"
                )
            if np.ndim(value) and len(value) != n:
                raise errors.UserError(f"{given!r} has {len(value)} rows for {n} samples")
        for p in parameters:
            needed = p.default is p.empty and p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)
            if needed and p.name not in conditions:
                raise errors.UserError(f"method {name!r} needs {p.name!r} to sample")


def draw(
    sample: Callable[..., jax.Array],
    state: State,
    key: jax.Array,
    n: int,
    *,
    chunk: int = CHUNK,
    **conditions: Any,
) -> np.ndarray:
    """Samples in chunks of at most ``chunk``, so that any number fits; conditions are cut alike."""
    chunk = min(n, chunk)
    parts = []
    quiet = n == chunk or jax.process_index() > 0 or None  # None: only on a terminal
    for start in tqdm(range(0, n, chunk), desc="samples", disable=quiet, leave=False):
        # A whole chunk also at the end, where the first rows are enough: one compilation.
        rows = np.arange(start, start + chunk).clip(max=n - 1)
        given = {name: np.asarray(value)[rows] for name, value in conditions.items()}
        images = sample(state, jax.random.fold_in(key, start // chunk), chunk, **given)
        parts.append(np.asarray(images))
    return np.concatenate(parts)[:n]


def subject(ready: Program, state: State) -> evaluation.Subject:
    """A state of a run as it is evaluated: its weights and statistics as the config says.

    Raises:
      UserError: if statistics are to be renewed that the method has not.
    """
    state, statistics = recalibrated(ready, state)
    kept = any(net.ema is not None for net in state.nets.values())
    settings = ready.config.evaluation

    scores = ready.scores and partial(ready.scores, state)
    log_weight = ready.log_weight and jax.tree_util.Partial(ready.log_weight, state)
    return evaluation.Subject(
        draw=partial(draw, ready.sample, state, chunk=settings.batch_size),
        weights="averaged" if kept and settings.averaged else "raw",
        statistics=statistics,
        conditional=evaluation.is_conditional(ready.config),
        scores=scores,
        log_weight=log_weight,
        classify=ready.classify and partial(ready.classify, state),
    )


def recalibrated(ready: Program, state: State) -> tuple[State, str]:
    """The state with its batch statistics renewed, if the config says so, and what to call them.

    Raises:
      UserError: if the method cannot renew them.
    """
    settings = ready.config.evaluation
    if not settings.recalibrate:
        return state, "as trained"
    if not hasattr(ready.method, "recalibrate"):
        name = ready.config.method.name
        raise errors.UserError(
            f"config.evaluation.recalibrate: method {name!r} has no batch statistics to renew"
        )
    n, batches = settings.batch_size, settings.recalibrate
    renew = jax.jit(
        partial(ready.method.recalibrate, n=n, batches=batches, averaged=settings.averaged),
        out_shardings=ready.devices.replicated,
    )
    key = ready.purpose_key(program.RECALIBRATE)
    return renew(state, key), f"renewed over {batches} batches of {n}"


def load(
    folder: str | Path,
    step: int | None = None,
    settings: ConfigDict | None = None,
    *,
    devices: int = 1,
) -> Model:
    """The model in a run's folder.

    Args:
      folder: the run's ``workdir``.
      step: of the checkpoint, the newest good one by default.
      settings: instead of the config stored there, of which it may differ in what is safe to
        change and in how it is evaluated.
      devices: how many to use at most; 0: all.

    Raises:
      UserError: if there is no run, no such checkpoint, or none that can be used, or ``settings``
        are of another run.
    """
    folder = Path(folder)
    completed, spec = stored_config(folder)
    if settings is not None:
        stored, given = workdir.to_json(completed), workdir.to_json(settings)
        changed = workdir.changes({**stored, "evaluation": given["evaluation"]}, given)
        if changed:
            raise errors.UserError(f"the run in {folder} has another config: {changed}")
        completed = settings.copy_and_resolve_references()
    limit = devices or len(parallel.visible())
    # A batch size chosen for other devices need not divide by those here.
    used = max(d for d in range(1, limit + 1) if completed.batch_size % d == 0)
    completed.parallel.update({"devices": used, "mode": "jit"})
    ready = program.prepare(completed, spec)
    restored = checkpoint.restore(folder / workdir.CHECKPOINTS, ready.template, step=step)
    if restored is None:
        raise errors.UserError(f"there is no checkpoint in {folder} yet")
    return Model(ready, restored.tree["state"], restored.step)


def stored_config(folder: Path) -> tuple[ConfigDict, Spec | None]:
    """The config of the run in ``folder``, completed, and what its data looked like.

    Raises:
      UserError: if there is no run, or its config names what is not there.
    """
    stored = workdir.read_config(folder)
    experiment, dataset = stored.pop("experiment", ""), stored.pop("dataset", None)
    if experiment:
        config.import_from(Path(experiment).parent)
    try:
        # The data themselves may be elsewhere by now.
        spec = Spec(**resolve.plain(dataset)) if dataset else None
        return config.complete(stored), spec
    except (errors.UserError, TypeError) as error:
        raise errors.UserError(f"{folder / workdir.CONFIG}: {error}") from error


def check_request(path: Path | None, n: int, seed: int) -> None:
    """Refuses what ``write`` could not do, before the model is loaded.

    Raises:
      UserError: for no samples, a seed that no key has, another ending than ``.png`` or ``.npz``,
        or a place where no file can be made.
    """
    if n < 1:
        raise errors.UserError(f"the number of samples must be at least 1, not {n}")
    if not 0 <= seed < 2**32:
        raise errors.UserError(f"the seed must be at least 0 and less than 2**32, not {seed}")
    if path is None:
        return
    if path.suffix not in (".png", ".npz"):
        raise errors.UserError(f"samples are written as .png or .npz, not {path.name!r}")
    nearest = next(parent for parent in path.absolute().parents if parent.exists())
    if path.is_dir() or not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise errors.UserError(f"cannot write {path}: no file can be made there")


def write(model: Model, path: Path, n: int, seed: int) -> None:
    """Writes n samples: a PNG grid, or an ``.npz`` with ``images`` uint8 (points: float32).

    Raises:
      UserError: as ``check_request`` does, or if the file cannot be written after all.
    """
    check_request(path, n, seed)
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
