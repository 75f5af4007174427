"""jaxgan: generative adversarial networks in JAX and Flax."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxgan.run.pretrained import Pretrained
    from jaxgan.run.trained import Model
    from jaxgan.run.translating import Translating


def show(images: Any) -> None:
    """Draws images [n, H, W, C] in [-1, 1], or points [n, 2], in a notebook: a grid.

    See ``jaxgan.run.notebook.show``.

    Raises:
      UserError: if they are of another shape, or no numbers.
    """
    from jaxgan.run import notebook

    notebook.show(images)


def load(
    path: Any, step: int | None = None, *, seed: int | None = None
) -> "Model | Pretrained | Translating":
    """A trained model: ``gan = jaxgan.load(path); gan.sample(key, 64)``.

    Of a run's folder or an export (see ``jaxgan.run.trained.load``), or of a weights file that
    somebody published (see ``jaxgan.run.pretrained.load``; CycleGAN's and pix2pix's generators
    ``translate`` images, see ``jaxgan.run.translating``).

    Args:
      path: of the folder or the file.
      step: of a run's checkpoint, the newest by default; a published file has none.
      seed: which one, of a run of several (``config.seeds``).

    Raises:
      UserError: if there is none that can be used.
    """
    # Imported here: `import jaxgan.losses` must load nothing but JAX.
    from jaxgan.base import errors, files
    from jaxgan.run import lane_folders, trained, translating

    place = files.expanded(path)
    if place.is_file() or (place / "pytorch_model.bin").is_file():
        if step is not None:
            raise errors.UserError(f"{place} is no run, and has no step {step}")
        return translating.load(place)
    return trained.load(path if seed is None else lane_folders.place(place, seed), step)
