"""Other people's weights: what is read from their published files, without running any of it."""

from pathlib import Path

from jaxgan.base.files import Place
from jaxgan.weights.reading import File, read


def convert(path: Place, out: Place) -> Path:
    """Writes a published weights file in our own form; see ``jaxgan.weights.converting``.

    Raises:
      UserError: in one line, if ``path`` cannot be loaded or ``out`` cannot be written.
    """
    # Here: reading a file loads no networks.
    from jaxgan.weights import converting

    return converting.convert(path, out)
