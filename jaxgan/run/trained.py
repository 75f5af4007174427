"""A trained model from a run's folder: load it, sample from it, translate, encode."""

import dataclasses
import logging
from functools import cache
from pathlib import Path
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from jaxgan import config, data
from jaxgan.base import environment, errors, files, parallel
from jaxgan.base.method import TRANSLATED, Method
from jaxgan.base.state import State
from jaxgan.data import Spec
from jaxgan.run import (
    checkpoint,
    encoded,
    lane_folders,
    lanes,
    notebook,
    program,
    requests,
    run_folder,
    sampling,
)
from jaxgan.run.program import Program

PyTree = Any


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
    def facts(self) -> dict[str, str]:
        """What it is, as a notebook shows it."""
        return notebook.facts(self)

    def __repr__(self) -> str:
        """Its facts."""
        return notebook.line(self)

    def _repr_html_(self) -> str:
        shape = None if TRANSLATED in self.method.conditions else self.program.shape
        return notebook.page(self, shape)

    @property
    def config(self) -> ConfigDict:
        """Of the run."""
        return self.program.config

    @property
    def method(self) -> Method:
        """Built from the config, in the phase of the checkpoint."""
        return self.program.at(self.step).method

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the labels 0, 1, ...; () where the data had none."""
        return self.program.spec.classes

    def sample(
        self, key: jax.Array, n: int, *, averaged: bool | None = None, **conditions: Any
    ) -> np.ndarray:
        """Samples [n, H, W, C] (or [n, 2]) in [-1, 1]: ``generate`` of n ``latents``.

        Args:
          key: a JAX random key.
          n: how many.
          averaged: see ``generate``.
          **conditions: likewise.

        Raises:
          UserError: if n is less than 1, or as ``generate`` does.
        """
        return self._generate(self.latents(key, n), n, averaged, conditions)

    def latents(self, key: jax.Array, n: int) -> PyTree:
        """What n samples are generated from: an array [n, Z], or a tree of arrays [n, ...].

        Raises:
          UserError: if n is less than 1 or too large, or the key is none.
        """
        requests.check_count(n, self.program.shape)
        requests.check_key(key)
        return sampling.latents(self.program, key, n)

    def generate(
        self, latents: PyTree, *, averaged: bool | None = None, **conditions: Any
    ) -> np.ndarray:
        """Samples [n, H, W, C] (or [n, 2]) in [-1, 1] of latents, see ``latents``.

        Args:
          latents: a tree of arrays [n, ...], of the shapes that ``latents`` has.
          averaged: by the averaged weights or the raw ones; ``None``: as the config says.
          **conditions: what the method takes: an array with a row for each sample (``labels`` [n]
            for a conditional method), or a single value that holds for all. A label is a number, or
            a name in ``classes``.

        Raises:
          UserError: if latents are of another shape, the method does not take such a condition, or
            one has not n rows, or values that the method was not trained on.
        """
        n = requests.check_latents(self.method, latents)
        return self._generate(latents, n, averaged, conditions)

    @property
    def channels(self) -> int:
        """Of the images that ``translate`` takes.

        Raises:
          UserError: if the method makes no images of images.
        """
        if TRANSLATED not in self.method.conditions:
            name = self.config.method.name
            raise errors.UserError(f"method {name!r} makes no images of images")
        return self.program.shape[-1]

    def translate(
        self, images: Any, *, key: jax.Array | None = None, averaged: bool | None = None
    ) -> np.ndarray:
        """What is made of images [n, H, W, C] in [-1, 1], of any size that the network takes.

        Args:
          images: of the channels that it was trained on.
          key: of what a translation has of chance, such as pix2pix's dropout; ``None``: always the
            same.
          averaged: see ``generate``.

        Raises:
          UserError: if the method makes no images of images, or the images are of other channels or
            of a size that it cannot take.
        """
        shape = (*np.shape(images)[1:3], self.channels)
        values = requests.check_array("images", images, shape)
        used = jax.random.key(0) if key is None else key
        return self.sample(used, len(values), averaged=averaged, image=values)

    def encode(self, images: Any, *, averaged: bool | None = None) -> np.ndarray:
        """The latents [n, Z] of images [n, *shape] in [-1, 1], to ``generate`` these again from.

        Raises:
          UserError: if the method has no encoder, or the images are of another shape.
        """
        if self.method.encode is None:
            raise errors.UserError(f"method {self.config.method.name!r} has no encoder")
        values = requests.check_array("images", images, self.program.shape)
        with errors.stage("encoding images by", f"method {self.config.method.name!r}"):
            return sampling.encode(self.program, self.state, values, averaged=averaged)

    def anomaly(self, images: Any, *, samples: int = 50, seed: int = 0) -> np.ndarray:
        """How unlike those trained on images [n, *shape] in [-1, 1] are: scores float64 [n].

        Of a method with a likelihood ``-log p(x)`` in nats, by the importance-weighted bound of
        ``samples`` draws of z (1: the negative ELBO, by one draw), see ``losses``. They are drawn
        by ``seed`` and each image's content, so that an image has the same score in any batch. Of
        another method with an encoder it is the error of ``generate(encode(images))``, the mean
        square over an image's values.

        Raises:
          UserError: if the method has neither, or needs conditions to make an image again; or the
            images are of another shape.
        """
        values = requests.check_array("images", images, self.program.shape)
        with errors.stage("scoring images by", f"method {self.config.method.name!r}"):
            return sampling.anomaly(self.program, self.state, values, samples=samples, seed=seed)

    def cycle(self, labels: Any, n: int) -> dict[str, Any]:
        """``labels`` [n] for as many samples, of some (``None``: of all) in turn; {} without any.

        Raises:
          UserError: if the method takes none, or there are no such classes.
        """
        if labels is None and "labels" not in self.method.conditions:
            return {}
        # Before the values: whether it takes any.
        requests.check_conditions(self.program, self.method, 1, {"labels": 0})
        return requests.cycle(labels, n, self.program.spec.num_classes, self.classes)

    def _generate(
        self, latents: PyTree, n: int, averaged: bool | None, conditions: dict[str, Any]
    ) -> np.ndarray:
        given = requests.check_conditions(self.program, self.method, n, conditions)
        with errors.stage("generating samples by", f"method {self.config.method.name!r}"):
            return sampling.generate(self.program, self.state, latents, averaged=averaged, **given)


def load(
    workdir: files.Place,
    step: int | None = None,
    settings: ConfigDict | None = None,
    *,
    devices: int = 1,
) -> Model:
    """The model in a run's folder; a warning says where JAX draws other numbers than in the run.

    Args:
      workdir: the run's folder.
      step: of the checkpoint, the newest good one by default.
      settings: instead of the config stored there, of which it may differ in what is safe to
        change and in how it is evaluated.
      devices: how many of this process to use at most; 0: all, of all processes.

    Raises:
      UserError: if there is no run, no such checkpoint, or none that can be used, or ``settings``
        are of another run.
    """
    workdir = Path(workdir)
    run_folder.check_name(workdir)
    completed, spec = stored_config(workdir)
    warn_of_other_numbers(workdir)
    if settings is not None:
        run_folder.check_settings(workdir, completed, settings)
        completed = settings.copy_and_resolve_references()
    size, in_parts = completed.batch_size, completed.parallel.shard_parameters
    on = parallel.that_divide(size, devices)
    completed.parallel.update({"devices": len(on), "mode": "jit"})
    told = run_folder.group(run_folder.read_config(workdir), run_folder.AUTOENCODER)
    autoencoder = encoded.again(completed, told)
    spec = spec or data.Splits(completed.data).spec()
    used = parallel.over(on, "jit", size, 1, in_parts=in_parts)
    ready = program.assemble(completed, spec, used, autoencoder)
    lane = lane_folders.find(workdir)
    template = ready.template
    if lane is not None:
        # The others are read with it, and let go.
        together = parallel.over(on, "jit", size, lane[1])
        template = lanes.stacked(ready.shapes, together)
    restored = checkpoint.restore(lane_folders.checkpoints(workdir), template, step=step)
    if restored is None:
        raise errors.UserError(f"there is no checkpoint in {workdir} yet")
    tree = restored.tree
    if lane is not None:
        tree = lanes.take(tree, lane[0], together)
    # What a step logs is as stored: none is traced to sample.
    shapes = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), tree)
    ready = dataclasses.replace(ready, shapes=shapes)
    return Model(ready, tree["state"], restored.step)


def stored_config(workdir: files.Place) -> tuple[ConfigDict, Spec | None]:
    """The config of the run in ``workdir``, completed, and what its data looked like.

    Raises:
      UserError: if there is no run, or its config names what is not there.
    """
    workdir = Path(workdir)
    stored = run_folder.read_config(workdir)
    if experiment := stored.get(run_folder.EXPERIMENT):
        config.import_from(Path(experiment).parent)
    try:
        # The data themselves may be elsewhere by now.
        dataset = stored.get(run_folder.DATASET)
        spec = Spec(**config.plain(dataset)) if dataset else None
        return config.complete(run_folder.of_config(stored)), spec
    except (errors.UserError, TypeError) as error:
        raise errors.UserError(f"{workdir / run_folder.CONFIG}: {error}") from error


def warn_of_other_numbers(workdir: files.Place) -> None:
    """Warns where JAX's switches are not those of the run: the same seed gives other samples."""
    trained = run_folder.group(run_folder.read_config(workdir), run_folder.ENVIRONMENT)
    if changed := environment.changes(trained, environment.present()):
        warn(f"JAX draws or computes other numbers than in {workdir}: {changed}")


def warn_of_other_data(workdir: files.Place, model: Model) -> None:
    """Warns where the data that a model is measured on are not those that it was trained on.

    Raises:
      UserError: if the data are not there.
    """
    spec = encoded.described(data.describe(model.config.data), model.program.autoencoder)
    now = {run_folder.DATASET: run_folder.to_json(spec._asdict())}
    if changed := run_folder.data_changes(run_folder.read_config(workdir), now):
        warn(f"the data have changed since the run in {workdir} was trained: {changed}")


@cache
def warn(text: str) -> None:
    """One line, once: a model is loaded for each of its checkpoints."""
    logging.getLogger("jaxgan").warning(text)
