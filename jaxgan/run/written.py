"""Samples of a model, written to a file."""

from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxgan.base import errors, files
from jaxgan.base.method import TRANSLATED
from jaxgan.run import requests
from jaxgan.run.pretrained import Pretrained
from jaxgan.run.trained import Model
from jaxgan.watch import pictures


def check_request(path: files.Place | None, n: int, seed: int) -> None:
    """Refuses what ``write`` could not do, before the model is loaded.

    Raises:
      UserError: for no samples, a seed that no key has, another ending than ``.png`` or ``.npz``,
        or a place where no file can be made.
    """
    requests.check_count(n)
    if not 0 <= seed < 2**32:
        raise errors.UserError(f"the seed must be at least 0 and less than 2**32, not {seed}")
    if path is None:
        return
    path = Path(path)
    if path.suffix not in (".png", ".npz"):
        raise errors.UserError(f"samples are written as .png or .npz, not {path.name!r}")
    files.check_place(path)


def write(
    model: Model | Pretrained,
    path: files.Place,
    n: int,
    seed: int,
    labels: Any = None,
    **settings: Any,
) -> None:
    """Writes n samples: a PNG grid, or an ``.npz`` with ``images`` uint8 (points: float32).

    Args:
      model: what samples.
      path: of the file. An ``.npz`` has the ``labels`` [n] too, where the method takes any.
      n: how many.
      seed: of the samples.
      labels: for a conditional method, gone through in turn; all of its classes by default.
      **settings: what else samples of the model take.

    Raises:
      UserError: as ``check_request`` and the model's ``sample`` do, or if the file cannot be
        written after all.
    """
    path = Path(path)
    check_request(path, n, seed)
    if isinstance(model, Model) and TRANSLATED in model.method.conditions:
        raise errors.UserError(
            f"method {model.config.method.name!r} makes images of images: "
            "--mode=translate --in=FOLDER --out=FOLDER"
        )
    conditions = model.cycle(labels, n)
    samples = model.sample(jax.random.key(seed), n, **conditions, **settings)
    if path.suffix == ".png":
        pictures.save(pictures.picture(samples), path)
    else:
        stored = pictures.to_bytes(samples) if samples.ndim == 4 else samples
        with files.replacing(path) as new, new.open("wb") as file:
            np.savez(file, images=stored, **conditions)
