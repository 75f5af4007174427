"""Images of the user's own as targets: read, brought to a size and colour, and that is told."""

import collections
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from jaxgan import data
from jaxgan.base import errors
from jaxgan.data import images

KINDS = {1: "grey", 3: "in colour"}


def check(paths: Sequence[Path]) -> None:
    """Refuses files that are no images, by their headers.

    Raises:
      UserError: naming the first.
    """
    for path in paths:
        images.header(path)


def read(paths: Sequence[Path], shape: tuple[int, ...]) -> np.ndarray:
    """Images in files as float32 [n, H, W, C] in [-1, 1] of a shape; what was changed is told.

    One of another size has its largest centred square resized. Grey ones become coloured, and
    coloured ones grey, where the shape says so.

    Raises:
      UserError: if one cannot be read, or cannot be brought to the shape.
    """
    H, W, C = shape
    if C not in KINDS:
        raise errors.UserError(f"images of {C} channels are made, and a file has 1 or 3")
    found, changed = [], collections.Counter[str]()
    for path in paths:
        image = images.decode(path)
        if (count := images.frames(path)) > 1:
            changed[f"the first of {count} frames is taken"] += 1
        height, width, channels = image.shape
        if (height, width) != (H, W):
            if H != W:
                raise errors.UserError(f"{path} is {width} x {height}, and {W} x {H} is due")
            square = "" if height == width else "the centred square of "
            changed[f"{square}{width} x {height} was resized to {W} x {H}"] += 1
        if channels != C:
            changed[f"{KINDS[channels]} was made {KINDS[C]}"] += 1
        found.append(images.fit(image, H if H == W else 0, C))
    for what, count in changed.items():
        where = str(paths[0]) if len(paths) == 1 else f"{count} of {len(paths)} images"
        logging.getLogger("jaxgan").warning("%s: %s", where, what)
    return data.to_float({"image": np.stack(found)})["image"]
