"""Data in the latent space of an autoencoder: from a config to what a method is trained on.

The method sees latents ``(z - shift) * scale``; whoever looks at its samples sees images.
"""

import dataclasses
import math
from collections.abc import Callable
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from jaxgan import data
from jaxgan.base import draws, errors, files, parallel
from jaxgan.base.autoencoder import Autoencoder, scaled, unscaled
from jaxgan.base.method import TRANSLATED, Method
from jaxgan.data import latents

PyTree = Any
# Images encoded at a time by each device.
BATCH = 32
# What decides, beside the stored images, how they come out of ``data.Splits``.
FIELDS = ("image_size", "pad", "channels", "bad_images", "flip", "without")


@dataclasses.dataclass(frozen=True)
class Encoded:
    """The splits of ``config.data``, whose images a method gets as latents.

    Attributes:
      config: completed.
      splits: of the images themselves.
      autoencoder: what encodes them.
    """

    config: ConfigDict
    splits: data.Splits
    autoencoder: Autoencoder

    def spec(self, split: str = "") -> data.Spec:
        """That of a split, with the shape of a latent.

        Raises:
          UserError: as ``data.Splits.spec`` does.
        """
        return described(self.splits.spec(split), self.autoencoder)

    @cached_property
    def direct(self) -> data.Source:
        """The training split's moments, encoded as they are read, and the mirrored ones if asked.

        Raises:
          UserError: as ``data.Splits.source`` does.
        """
        source, flip = self.splits.source(), self.config.data.flip
        return latents.encoded(source, self._encode, self.autoencoder.latent, flip=flip)

    @property
    def kept(self) -> bool:
        """Whether they are encoded already."""
        return latents.are_kept(self.splits.source(), self.direct, self._made_by)

    @property
    def plan(self) -> str:
        """What there is to encode, in a line."""
        direct, name = self.direct, self.autoencoder.name
        count, size = direct.size, direct.size * math.prod(direct.shape) * latents.DTYPE.itemsize
        mirrored = ", mirrored ones among them," if self.config.data.flip else ""
        told = "are encoded already" if self.kept else "would be encoded"
        shape = list(self.autoencoder.latent)
        return (
            f"latents: {count:,} images{mirrored} {told} by {name} to {shape}, {files.amount(size)}"
        )

    @cached_property
    def _kept(self) -> data.Source:
        images, size = self.splits.source(), BATCH * self._devices.mesh.size
        with errors.stage("encoding the data by", self.autoencoder.name):
            return latents.kept(images, self.direct, self._made_by, size)

    def sources(self, split: str = "") -> dict[str, data.Source]:
        """The training split's moments, encoded once.

        Raises:
          UserError: as ``latents.kept`` does.
        """
        assert not split, "the method sees the training split alone"
        return {"image": self._kept}

    def source(self, split: str = "") -> data.Source:
        """The latents' means of the training split, without mirrored ones: float32, as trained on.

        Raises:
          UserError: as ``latents.kept`` does.
        """
        assert not split, "the method sees the training split alone"
        moments, spec = self._kept, self.spec()

        def read(indices: np.ndarray) -> data.Batch:
            rows = moments.read(indices)
            mean = np.split(rows["image"].astype(np.float32), 2, axis=-1)[0]
            return {**rows, "image": scaled(self.autoencoder, mean)}

        images = self.splits.source()
        known: dict[str, Any] = {"shape": spec.shape, "pixels": spec.pixels, "behind": images}
        return dataclasses.replace(images, read=read, **known)

    @property
    def _made_by(self) -> dict[str, Any]:
        fields = {name: self.config.data[name] for name in FIELDS}
        return {**fields, "autoencoder": self.autoencoder.digest}

    @cached_property
    def _devices(self) -> parallel.Devices:
        """Those of this process, as many as the run may have: each process encodes for itself."""
        here = jax.local_devices()[: self.config.parallel.devices or None]
        return parallel.over(here, "jit", BATCH * len(here), 1)

    @cached_property
    def _encoder(self) -> Callable[[np.ndarray], jax.Array]:
        devices, autoencoder = self._devices, self.autoencoder

        def moments(variables: PyTree, images: jax.Array) -> jax.Array:
            seen = data.to_float({"image": devices.cut(images)})["image"]
            return jnp.concatenate(autoencoder.encode(variables, seen), axis=-1)

        variables = jax.device_put(autoencoder.variables, devices.replicated)
        compiled = jax.jit(moments, out_shardings=devices.replicated)
        return lambda images: compiled(variables, images)

    def _encode(self, images: np.ndarray) -> np.ndarray:
        """See ``latents.Encode``; always as many at a time, of which the last ones may be none."""
        size, found = BATCH * self._devices.mesh.size, []
        for start in range(0, len(images), size):
            part = images[start : start + size]
            rows = np.arange(size).clip(max=len(part) - 1)
            moments = np.asarray(self._encoder(part[rows]))[: len(part)]
            with np.errstate(over="ignore"):  # too large a number is told where it is written
                found.append(moments.astype(latents.DTYPE))
        return np.concatenate(found)


def of(config: ConfigDict, splits: data.Splits | None = None) -> data.Splits | Encoded:
    """What a method is trained on: the splits themselves, or their latents.

    Raises:
      UserError: as ``find`` does.
    """
    splits = splits or data.Splits(config.data)
    if not config.data.latent:
        return splits
    return Encoded(config, splits, find(config.data, splits.spec()))


def whose(splits: data.Splits | Encoded) -> Autoencoder | None:
    """The autoencoder of what is trained on."""
    return splits.autoencoder if isinstance(splits, Encoded) else None


def describe(settings: Any) -> data.Spec:
    """Of what a method is trained on that ``config.data`` names, see ``config.load``.

    Raises:
      UserError: as ``data.describe`` and ``find`` do.
    """
    spec = data.describe(settings)
    return described(spec, find(settings, spec) if settings.latent else None)


def described(spec: data.Spec, autoencoder: Autoencoder | None) -> data.Spec:
    """The spec of images as that of their latents, if an autoencoder is given."""
    if autoencoder is None:
        return spec
    return spec._replace(shape=tuple(autoencoder.latent), pixels=spec.shape)


def find(settings: Any, spec: data.Spec) -> Autoencoder:
    """The autoencoder that ``config.data`` names, for images of this spec.

    Raises:
      UserError: if there is none, it is of other images, or the data are no images alone.
    """
    latents.check(spec, settings.name)
    found = load(settings.latent, tuple(spec.shape))
    if tuple(found.shape) != tuple(spec.shape):
        raise errors.UserError(
            f"the autoencoder data.latent={settings.latent} is of images {list(found.shape)}, and "
            f"{settings.name} has {list(spec.shape)}"
        )
    return found


def load(path: files.Place, shape: tuple[int, ...]) -> Autoencoder:
    """The autoencoder at a path.

    Raises:
      UserError: if it cannot be had.
    """
    # Not above: a run of ours may be one, and its model is made of what this file gives.
    from jaxgan.run import autoencoders

    try:
        return autoencoders.load(path, shape)
    except errors.UserError as error:
        raise errors.UserError(f"config.data.latent: {error}") from error


def again(config: ConfigDict, told: dict[str, Any]) -> Autoencoder | None:
    """The autoencoder of a run, to decode its samples.

    Args:
      config: of the run.
      told: what is stored of it, see ``tell``.

    Raises:
      UserError: if it is not there, or another one.
    """
    if not config.data.latent:
        return None
    found = load(config.data.latent, tuple(told.get("shape", ())))
    if changed := changes(told, tell(found)):
        raise errors.UserError(changed)
    return found


def tell(autoencoder: Autoencoder | None) -> dict[str, Any]:
    """What ``config.json`` holds of an autoencoder: by this it is known again."""
    if autoencoder is None:
        return {}
    return {
        "digest": autoencoder.digest,
        "shape": list(autoencoder.shape),
        "scale": list(autoencoder.scale),
        "shift": list(autoencoder.shift),
    }


def changes(old: dict[str, Any], new: dict[str, Any]) -> str:
    """What to say where two of ``tell`` differ; '' where they do not."""
    if old == new:
        return ""
    if not old or not new:
        return "a run goes on in pixels or in latents, as it began: data.latent has changed"
    told = ", ".join(
        f"{name} was {str(old.get(name))[:16]}, now {str(new.get(name))[:16]}"
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    )
    return f"the run's latents are of another autoencoder than data.latent names: {told}"


def check(autoencoder: Autoencoder | None, method: Method, whose: str) -> None:
    """Refuses a method that has no use for an autoencoder's latents, if there is one.

    Raises:
      UserError: naming it.
    """
    if autoencoder and (TRANSLATED in method.conditions or "target" in method.entries):
        raise errors.UserError(
            f"{whose} makes images of images, and data.latent is for those that make them of"
            " latents alone; set data.latent=''"
        )


def drawn(autoencoder: Autoencoder, batch: PyTree, key: jax.Array, axis_name: str | None) -> PyTree:
    """A batch of moments with latents in their place, each drawn by a key of its sample's.

    Args:
      autoencoder: which says how they are scaled.
      batch: with ``image``: moments [B, h, w, 2 c].
      key: of the step.
      axis_name: the mapped axis over which the batch is split.
    """
    mean, deviation = jnp.split(batch["image"].astype(jnp.float32), 2, axis=-1)
    keys = draws.sample_keys(key, len(mean), axis_name)
    z = mean + deviation * draws.normal(keys, mean.shape[1:])
    return {**batch, "image": scaled(autoencoder, z)}


def looked(autoencoder: Autoencoder, variables: PyTree, images: jax.Array) -> jax.Array:
    """Images [n, H, W, C] in [-1, 1] as a method sees them: the means of their latents."""
    if len(images) <= BATCH:
        return scaled(autoencoder, autoencoder.encode(variables, images)[0])

    def one(image: jax.Array) -> jax.Array:
        return autoencoder.encode(variables, image[None])[0][0]

    # Whoever has images scored may have many of them, each of which takes an encoder much memory.
    return scaled(autoencoder, jax.lax.map(one, images, batch_size=BATCH))


def shown(autoencoder: Autoencoder, variables: PyTree, samples: jax.Array) -> jax.Array:
    """A method's samples as images [n, H, W, C], about in [-1, 1]."""
    return autoencoder.decode(variables, unscaled(autoencoder, samples))
