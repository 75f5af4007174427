"""An autoencoder by its path: a run of ours with an encoder and a decoder, or published weights."""

import hashlib
import json
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxgan import data, networks
from jaxgan.base import errors, files
from jaxgan.base.autoencoder import Autoencoder
from jaxgan.base.state import Net, State, weights
from jaxgan.extractors import kept
from jaxgan.networks import autoencoder
from jaxgan.run import run_folder, sampling, trained
from jaxgan.run.trained import Model
from jaxgan.weights import autoencoder as published

PyTree = Any
# Shift and scale of each channel.
Measured = tuple[tuple[float, ...], tuple[float, ...]]
# In a run's folder: how its latents are distributed.
SCALE = "latents.json"
# Training images that this is measured over.
MEASURED = 1000
# The networks of a method that encodes, see ``adversarial.encoding``.
DECODER, ENCODER = "g", "e"


def load(path: files.Place, shape: tuple[int, ...] | None = None) -> Autoencoder:
    """The autoencoder in a run's folder, or the published one in a folder or a file.

    Of published weights see ``jaxgan.weights.autoencoder.load``. Of a run the shift of a channel is
    its mean, and the scale one over its deviation, to four digits, over 1,000 of the training
    images and by how each is distributed. They are measured once, for which the run's data must be
    there, and kept in the folder as ``latents.json``.

    Args:
      path: of the folder or the file.
      shape: [H, W, C] of the images that it is for. Published weights take other sizes than those
        that they were trained on, which they have by default; a run does not.

    Raises:
      UserError: in one line, if there is none, if a run's method has no encoder and decoder of
        images, its latents are no map, its images are not of ``shape``, or its data are not there
        to be measured.
    """
    place = files.expanded(path)
    if published.is_published(place):
        return published.load(path, shape)
    return of_run(trained.load(place), path, shape)


def of_run(model: Model, path: files.Place, shape: tuple[int, ...] | None = None) -> Autoencoder:
    """The autoencoder that a trained model is; see ``load``."""
    method, config, image = model.method, model.config, model.program.spec.shape
    latent = latent_map(model, path)
    if shape is not None and tuple(shape) != image:
        raise errors.UserError(f"{path} is of images {list(image)}, not {list(shape)}")
    nets = {
        name: Net(*weights(model.state.nets[name], config.evaluation.averaged), opt_state=())
        for name in (DECODER, ENCODER)
    }

    def state(variables: PyTree) -> State:
        return State(step=model.state.step, nets=variables, extras={})

    def encode(variables: PyTree, images: jax.Array) -> tuple[jax.Array, jax.Array]:
        assert method.posterior is not None
        mean, deviation = method.posterior(state(variables), images)
        return mean.reshape(-1, *latent), deviation.reshape(-1, *latent)

    def decode(variables: PyTree, latents: jax.Array) -> jax.Array:
        return method.generate(state(variables), latents.reshape(len(latents), -1))

    digest = digest_of(model, nets)
    measured = read_scale(Path(path), digest, latent[-1])
    if measured is None:
        measured = measure(model, path, encode, nets)
        write_scale(Path(path), digest, *measured)
    shift, scale = measured
    return Autoencoder(
        name=str(path),
        digest=digest,
        shape=image,
        latent=latent,
        scale=scale,
        shift=shift,
        variables=nets,
        encode=encode,
        decode=decode,
    )


def latent_map(model: Model, path: files.Place) -> tuple[int, int, int]:
    """[h, w, c] of a model's latents.

    Raises:
      UserError: if it is no autoencoder of images with such a map.
    """
    name, section = model.config.method.name, model.config.method
    if model.method.posterior is None or model.method.conditions:
        raise errors.UserError(
            f"{path}: method {name!r} is no autoencoder of images alone; train one by method 'vae'"
        )
    network = section.generator.name
    if not issubclass(networks.find_class("generator", network), autoencoder.Generator):
        raise errors.UserError(
            f"{path}: the latents of network {network!r} are no map [h, w, c]; train networks"
            f" 'autoencoder', as experiments/vae_map_cifar10.py does"
        )
    halvings = len(section.generator.widths) - 1
    return autoencoder.latent_map(model.program.spec.shape, halvings, section.latent_dim)


def digest_of(model: Model, nets: dict[str, Net]) -> str:
    """A digest of the weights, and of the settings of method and networks."""
    variables = {name: {"params": net.params, "stats": net.stats} for name, net in nets.items()}
    told = {**run_folder.to_json(model.config.method), "precision": model.config.precision}
    whole = hashlib.sha256(kept.digest_of(variables).encode())
    whole.update(json.dumps(told, sort_keys=True).encode())
    return whole.hexdigest()


def measure(model: Model, path: files.Place, encode: Any, variables: PyTree) -> Measured:
    """Means of the channels of training images' latents, and one over deviations, to four digits.

    Raises:
      UserError: if the data are not there.
    """
    try:
        trained.warn_of_other_data(path, model)
        source = data.Splits(model.config.data).source()
        count = min(MEASURED, source.size)
        rows = np.linspace(0, source.size, count, endpoint=False).astype(np.int64)
        images = data.to_float(source.read(rows))["image"]
    except errors.UserError as error:
        raise errors.UserError(
            f"{path}: the scale of its latents is measured over its training images: {error}"
        ) from error
    encoder = jax.jit(encode)
    mean, deviation = sampling.in_chunks(
        lambda chosen: encoder(variables, images[chosen]), count, sampling.CHUNK
    )
    of_all = (0, 1, 2)
    shift = np.mean(mean, axis=of_all, dtype=np.float64)
    square = np.square(mean - shift) + np.square(deviation, dtype=np.float64)
    scale = 1 / np.sqrt(square.mean(axis=of_all))

    def rounded(values: Any) -> tuple[float, ...]:
        # So that it does not depend on where it was measured.
        return tuple(float(f"{value:.4g}") for value in values)

    return rounded(shift), rounded(scale)


def read_scale(folder: Path, digest: str, channels: int) -> Measured | None:
    """What ``write_scale`` kept of these weights, or ``None``."""
    try:
        told = json.loads((files.expanded(folder) / SCALE).read_text())
        shift, scale = (tuple(map(float, told[name])) for name in ("shift", "scale"))
        known = told["digest"] == digest and len(shift) == len(scale) == channels
        return (shift, scale) if known else None
    except (OSError, ValueError, LookupError, TypeError):
        return None


def write_scale(
    folder: Path, digest: str, shift: tuple[float, ...], scale: tuple[float, ...]
) -> None:
    """Keeps them in the run's folder; where nothing can be written they are measured again."""
    told = {"digest": digest, "shift": shift, "scale": scale}
    try:
        with files.replacing(files.expanded(folder) / SCALE) as path:
            path.write_text(json.dumps(told) + "\n")
    except files.WriteError:
        return
