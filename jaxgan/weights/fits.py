"""From a published file to networks of ours: whose it is, and what of it does not fit."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from jaxgan.base import errors
from jaxgan.weights import beside, gat, own, players, progan_files, r3gan, stylegan2, translators
from jaxgan.weights.fitting import Fitted
from jaxgan.weights.reading import File

# How the networks of each family that can be built are made.
FITS: dict[str, Callable[[File], Fitted]] = {
    **dict.fromkeys(stylegan2.PROGRAMS, stylegan2.fit),
    **dict.fromkeys(beside.FAMILIES, beside.fit),
    **dict.fromkeys(progan_files.FAMILIES, progan_files.fit),
    **dict.fromkeys(r3gan.FAMILIES, r3gan.fit),
    **dict.fromkeys(gat.FAMILIES, gat.fit),
    **dict.fromkeys(own.FAMILIES, own.fit),
}
# The family of networks from image to image, see ``translators``.
TRANSLATORS = "cyclegan_pix2pix"
# What a file that lacks something, or has something else in its place, makes an importer raise.
UNFIT = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


def fit(file: File) -> Fitted:
    """The networks of a file, every variable of the shape that it is due.

    Raises:
      UserError: in one line, if networks of its family cannot be built here, or naming the first
        tensor that does not fit.
    """
    if file.family == TRANSLATORS:
        raise errors.UserError(
            f"{file.path} is {told(file)}, which makes no images of latents; jaxgan.load(PATH)"
            ".translate(images) makes them of images"
        )
    if file.family not in FITS:
        raise errors.UserError(
            f"{file.path} is of {file.family}, whose networks cannot be built here; those of "
            f"{', '.join(FITS)} can"
        )
    with told_in_a_line(file):
        found = FITS[file.family](file)
        published = [
            *file.networks.values(),
            *(found.beside.networks.values() if found.beside else ()),
        ]
        players.check(found, "generator", published)
        try:
            players.check(found, "discriminator", published)
        except UNFIT as error:
            if found.beside is None or not beside.is_generator(file):
                raise
            found = beside.alone(found, error)
    return found


def told(file: File) -> str:
    """A network of CycleGAN or pix2pix in words.

    Raises:
      UserError: naming the first tensor that does not fit.
    """
    with told_in_a_line(file):
        found = translators.read(file.networks[""])
    return (
        f"the {found.name} of {file.family} with {found.norm} norm, {found.width} wide, from "
        f"{found.into} to {found.out} channels"
    )


@contextmanager
def told_in_a_line(file: File) -> Iterator[None]:
    """A context in which what does not fit becomes one line.

    Raises:
      UserError: naming the file and its family.
    """
    try:
        yield
    except UNFIT as error:
        raise errors.UserError(f"{file.path} ({file.family}): {errors.describe(error)}") from error
