"""The networks of those who keep each in a file of its own: a file's, and of the one beside it."""

import dataclasses
import logging
from pathlib import Path
from typing import Any

from jaxgan.base import errors
from jaxgan.weights import biggan, biggan_deep, dcgan, mimicry, reading
from jaxgan.weights.fitting import Fitted
from jaxgan.weights.reading import File

FAMILIES = ("biggan_pytorch", "biggan_deep_hf", "mimicry", "dcgan_example")


def fit(file: File) -> Fitted:
    """The generator of a file, and the discriminator in the one beside it, if there is one.

    ``G_ema.pth`` and ``D.pth``, ``netG_STEP_steps.pth`` and ``netD_STEP_steps.pth``, or
    ``netG_epoch_N.pth`` and ``netD_epoch_N.pth``; either may be named.

    Raises:
      ValueError: if a generator's tensors do not fit, or there is none.
    """
    if file.family == "biggan_deep_hf":
        return fit_hugging_face(file)
    beside = other(file)
    g, d = (file, beside) if is_generator(file) else (beside, file)
    if g is None:
        raise ValueError(
            f"it is a discriminator, and no {partners(file.path)[0].name} is beside it"
        )
    network, mapping = program(g)
    fields, variables = mapping.generator(g.networks[""], g.settings)
    judging: tuple[Any, Any] = (None, None)
    told: ValueError | None = None
    try:
        if d is not None:
            judging = program(d)[1].discriminator(d.networks[""], d.settings)
    except ValueError as error:
        if d is file:
            raise
        told = error
    latent_dim = mapping.latent_dim(fields, variables)
    found = Fitted(network, latent_dim, fields, variables, *judging, beside)
    return found if told is None else alone(found, told)


def alone(found: Fitted, error: BaseException) -> Fitted:
    """The generator without the discriminator in the file beside, which a warning tells of."""
    assert found.beside is not None
    logging.warning("%s is left aside: %s", found.beside.path, errors.describe(error))
    return dataclasses.replace(found, discriminator=None, d=None, beside=None)


def fit_hugging_face(file: File) -> Fitted:
    """The generator alone; its truncation is of the latents and of the batch statistics.

    Raises:
      ValueError: if tensors do not fit.
    """
    fields, variables = biggan_deep.hugging_face(file.networks[""], file.settings)
    return Fitted("biggan_deep", biggan_deep.latent_dim(fields, variables), fields, variables)


def program(file: File) -> tuple[str, Any]:
    """The networks of ours that a file's are, and how its tensors become theirs."""
    if file.family == "mimicry":
        return "mimicry", mimicry
    if file.family == "dcgan_example":
        return "dcgan", dcgan
    if "blocks.0.0.conv3.weight" in file.networks[""]:
        return "biggan_deep", biggan_deep
    return "biggan", biggan


def is_generator(file: File) -> bool:
    """Whether a file holds a generator."""
    # The first layer of the DCGAN example's discriminator has no batch norm.
    starts = ("output_layer.", "l1.", "main.1.")
    return any(key.startswith(starts) for key in file.networks[""])


def partners(path: Path) -> list[Path]:
    """Where the other network of a file may be, the averaged generator first."""
    name = path.name
    for start, others in (
        ("netG", ["netD"]),
        ("netD", ["netG"]),
        ("G_ema", ["D"]),
        ("G", ["D"]),
        ("D", ["G_ema", "G"]),
    ):
        if name.startswith(start):
            return [path.with_name(other + name.removeprefix(start)) for other in others]
    return [path.with_name("G.pth")]


def other(file: File) -> File | None:
    """What is beside a file, if it is of the same family and the other player's."""
    for path in partners(file.path):
        if not path.is_file():
            continue
        try:
            found = reading.read(path)
        except errors.UserError as error:
            logging.warning("%s; it is left aside", error)
            continue
        if found.family == file.family and is_generator(found) != is_generator(file):
            return found
    return None
