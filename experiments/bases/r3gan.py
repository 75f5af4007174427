"""R3GAN's published settings, for whatever images."""

from typing import Any

# Both players' optimizer at the start.
ADAM = {"name": "adam", "learning_rate": 2e-4, "b1": 0.0, "b2": 0.9}


def techniques(gamma: float) -> dict[str, Any]:
    """Both penalties, and ADA's transformations with half of p for colour."""
    transforms = (("blit", 1.0), ("geometry", 1.0), ("cutout", 1.0), ("color", 0.5))
    return {"r1": gamma, "r2": gamma, "augment": "ada", "augment_transforms": transforms}
