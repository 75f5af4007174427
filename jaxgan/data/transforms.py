"""What happens to a batch inside the compiled program."""

from typing import Any

import jax.numpy as jnp


def to_float(batch: dict[str, Any]) -> dict[str, Any]:
    """The batch with its images as float32 in [-1, 1]; every other entry is left as it is.

    uint8 images [B, H, W, C] become ``(x - 127.5) / 127.5``; float images and points pass through.
    It is meant to run inside the compiled step, so that a quarter of the bytes cross to the device.
    """
    image = batch["image"]
    if image.dtype == jnp.uint8:
        # Centred first: XLA compiles the division to a product, and x / 127.5 - 1 would take 255
        # to above 1.
        image = (image.astype(jnp.float32) - 127.5) / 127.5
    return {**batch, "image": image}
