"""How trained models and images show themselves in a notebook."""

import base64
import io
import os
import sys
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from PIL import Image
from tabulate import tabulate

from jaxgan.base import errors, terminal
from jaxgan.run import requests
from jaxgan.watch import pictures

PyTree = Any
# Samples of a model: fewer of images with a side above SMALL, more of points.
FEW, SMALL, FEWER, POINTS = 16, 64, 4, 2000


def show(images: Any) -> None:
    """Draws images as a grid where a notebook shows what a cell does; else in a window.

    Args:
      images: in [-1, 1] or uint8, [n, H, W, C] or one [H, W, C], grey (C = 1) or colour (C = 3); or
        points [n, 2]. Values outside are cut off.

    Raises:
      UserError: if they are of another shape, or no finite numbers; or where nothing shows them.
    """
    picture = pictures.picture(checked(images))
    if terminal.in_notebook():
        from IPython.display import display

        display(picture)
    elif sys.platform == "linux" and not {"DISPLAY", "WAYLAND_DISPLAY"} & set(os.environ):
        raise errors.UserError(
            "there is neither a notebook nor a screen to show images on; "
            "jaxgan.watch.pictures.picture(images).save('FILE.png') writes them"
        )
    else:
        picture.show()


def checked(images: Any) -> np.ndarray:
    """Images [n, H, W, C] or points [n, 2]; see ``show``."""
    try:
        found = np.asarray(images)
    except ValueError as error:
        raise errors.UserError(f"images are of one shape: {errors.describe(error)}") from error
    if found.ndim == 3:
        found = found[None]
    if found.dtype == np.uint8:
        found = found / np.float32(127.5) - 1
    points = found.ndim == 2 and found.shape[1] == 2
    drawable = points or (found.ndim == 4 and found.shape[3] in (1, 3))
    if not drawable or not found.size or found.dtype.kind not in "fiu":
        kind = f"{found.dtype} {list(found.shape)}"
        raise errors.UserError(
            f"images are [n, H, W, C] in [-1, 1], C = 1 or 3, or points [n, 2], not {kind}"
        )
    requests.check_finite("images", found)
    return found


def facts(run: Any) -> dict[str, str]:
    """What the model of a run is."""
    return {
        "method": run.config.method.name,
        "data": run.config.data.name,
        "samples": told(run.program.shape),
        "step": f"{run.step:,}",
        "parameters": parameters({name: net.params for name, net in run.state.nets.items()}),
    }


def line(model: Any) -> str:
    """What a model is, in a line."""
    told = ", ".join(f"{name} {value}" for name, value in model.facts.items())
    return f"<{type(model).__name__}: {told}>"


def page(model: Any, shape: tuple[int, ...] | None) -> str:
    """What a model is as HTML, below some samples if it makes any, of this shape."""
    table = tabulate(model.facts.items(), tablefmt="html", disable_numparse=True)
    return table if shape is None else png(pictures.picture(few(model, shape))) + table


def png(picture: Image.Image) -> str:
    """A picture as HTML that needs no file."""
    file = io.BytesIO()
    picture.save(file, format="PNG")
    return f'<img src="data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}">'


def few(model: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Some samples of a model that makes samples of this shape, always the same, of each class."""
    n = POINTS if len(shape) < 3 else FEW if max(shape[:2]) <= SMALL else FEWER
    return model.sample(jax.random.key(0), n, **model.cycle(None, n))


def told(shape: tuple[int, ...]) -> str:
    """A shape as it is said: 28 x 28 x 1."""
    return " x ".join(map(str, shape))


def parameters(networks: Mapping[str, PyTree]) -> str:
    """How many each network has, 1,234 of g."""
    counts = {name: sum(x.size for x in jax.tree.leaves(each)) for name, each in networks.items()}
    return ", ".join(f"{count:,} of {name}" for name, count in counts.items())
