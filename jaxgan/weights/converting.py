"""``jaxgan.weights.convert``: a published weights file in our own form."""

import os
from pathlib import Path

from jaxgan.base import errors, files
from jaxgan.weights import containers, fits, own, reading

SUFFIX = ".safetensors"


def check_request(out: files.Place) -> Path:
    """The place to write to.

    Raises:
      UserError: for another ending than ``.safetensors``, or where no new file can be made.
    """
    place = files.expanded(out)
    if place.suffix != SUFFIX:
        raise errors.UserError(f"converted weights are written as {SUFFIX}, not {place.name!r}")
    if os.path.lexists(place):
        raise errors.UserError(f"{place} is there already; take another place")
    files.check_place(place)
    return place


def convert(path: files.Place, out: files.Place) -> Path:
    """Writes a published weights file in our own form, see ``jaxgan.weights.own``.

    ``jaxgan.load`` reads it back to the same bits, with the licence and the SHA-256 of what it was
    made of.

    Args:
      path: the file, or the folder, as ``jaxgan.load`` takes it.
      out: a new file that ends in ``.safetensors``.

    Returns:
      ``out``, its ``~`` replaced.

    Raises:
      UserError: in one line, if ``path`` cannot be loaded, was converted already, or ``out`` cannot
        be written.
    """
    place = check_request(out)
    write(reading.read(path), place)
    return place


def write(file: reading.File, place: Path) -> None:
    """Writes a file that was read, see ``convert``.

    Raises:
      UserError: if it does not fit, was converted already, or cannot be written.
    """
    if file.family == containers.OWN:
        raise errors.UserError(f"{file.path} was converted already; copy it")
    own.write(fits.fit(file), file, place)
