"""ProGAN's published files as networks of ours, at the stage and the fade they were left in."""

from typing import Any

from jaxgan.networks import progan as networks
from jaxgan.weights import progan
from jaxgan.weights.fitting import Fitted, judged_by
from jaxgan.weights.reading import File

PyTree = Any
FAMILIES = ("progan_tf", "progan_zoo")


def fit(file: File) -> Fitted:
    """The averaged generator of a file and its discriminator.

    Raises:
      ValueError: if a setting or a tensor does not fit.
    """
    if file.family == "progan_tf":
        of = {name: file.settings[name]["static_kwargs"] for name in ("Gs", "D")}
        fields, g = progan.generator(file.networks["Gs"], of["Gs"])
        d_fields, d = progan.discriminator(file.networks["D"], of["D"])
    else:
        fields, g = progan.zoo_generator(file.networks["avgG"], file.settings)
        d_fields, d = progan.zoo_discriminator(file.networks["netD"], file.settings)
    G, D = networks.Generator(**fields), networks.Discriminator(**d_fields)
    classes = fields.get("num_classes") or 0

    def generate(g: PyTree, z: Any, labels: Any, *_: Any) -> Any:
        return G.apply(g, z, labels, train=False)

    def discriminate(d: PyTree, images: Any, labels: Any) -> Any:
        return judged_by(D)(d, images, None)  # D guesses labels, and is told of none

    kernel = g["params"]["dense"]["kernel"]
    return Fitted(fields["shape"], len(kernel) - classes, classes, g, generate, (), d, discriminate)
