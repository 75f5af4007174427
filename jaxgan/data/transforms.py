"""What happens to a batch inside the compiled program."""

from typing import Any

import jax.numpy as jnp


def to_float(batch: dict[str, Any]) -> dict[str, Any]:
    """The batch with its images, of all entries, as float32 in [-1, 1]; the rest stays as it is.

    uint8 images [B, H, W, C] become ``(x - 127.5) / 127.5``; float images and points pass through.
    It is meant to run inside the compiled step, so that a quarter of the bytes cross to the device.
    """
    stored = {name for name in ("image", "target", "pixels") if name in batch}
    # Centred first: XLA compiles the division to a product, and x / 127.5 - 1 would take 255 to
    # above 1.
    return batch | {
        name: (batch[name].astype(jnp.float32) - 127.5) / 127.5
        for name in stored
        if batch[name].dtype == jnp.uint8
    }
