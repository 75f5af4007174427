"""jaxgan: generative adversarial networks in JAX and Flax."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxgan.run.trained import Model


def load(workdir: Any, step: int | None = None) -> "Model":
    """The model in a run's folder: ``gan = jaxgan.load(workdir); gan.sample(key, 64)``.

    See ``jaxgan.run.trained.load``.
    """
    # Imported here: `import jaxgan.losses` must load nothing but JAX.
    from jaxgan.run import trained

    return trained.load(workdir, step)
