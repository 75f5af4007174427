"""ProGAN's published files as networks of ours, at the stage and the fade they were left in."""

from jaxgan.weights import progan
from jaxgan.weights.fitting import Fitted
from jaxgan.weights.reading import File

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
    into = len(g["params"]["dense"]["kernel"])
    return Fitted("progan", into - (fields["num_classes"] or 0), fields, g, d_fields, d)
