"""Style mixing: the coarse styles of one image with the fine ones of another, as a matrix."""

from typing import Any

import jax
import numpy as np

from jaxgan.base import errors
from jaxgan.latent import generator as generators
from jaxgan.latent import styles

PyTree = Any


def mix(
    gan: Any,
    coarse: PyTree,
    fine: PyTree,
    first: int | None = None,
    *,
    labels: Any = None,
    fine_labels: Any = None,
) -> np.ndarray:
    """Images [R + 1, N + 1, H, W, C]: a row for each coarse latent, a column for each fine one.

    The first column are the coarse latents' own images and the first row those of the fine ones;
    their corner is blank. Karras et al. 2019, "A Style-Based Generator Architecture for Generative
    Adversarial Networks" (arXiv:1812.04948), figure 3. Noise is each row's; in the first row each
    column's own.

    Args:
      gan: of ``jaxgan.load``, with styles.
      coarse: latents of R samples, of whose styles those before layer ``first`` are taken.
      fine: latents of N samples, of those from there on.
      first: from 1 to L - 1, L being the generator's layers; ``None``: half of them.
      labels: of the coarse ones in turn; ``None``: all classes in turn, where there are any.
      fine_labels: of the fine ones, likewise.

    Raises:
      UserError: if the generator has no styles or not so many, or latents or labels do not fit.
    """
    made = generators.of(gan)
    L = styles.layers(made)
    at = L // 2 if first is None else first
    if not 1 <= at < L:
        raise errors.UserError(f"the first fine layer must be from 1 to {L - 1}, not {at}")
    R, N = made.check(coarse), made.check(fine)
    told, fine_told = made.labels(labels, R), made.labels(fine_labels, N)
    down = styles.repeated(made, styles.mapped(made, coarse, told))
    across = styles.repeated(made, styles.mapped(made, fine, fine_told))
    crossed = np.broadcast_to(down[:, None], (R, N, *down.shape[1:])).copy()
    crossed[:, :, at:] = across[None, :, at:]
    rows = np.arange(R * N) // N
    inner = styles.painted(
        made, crossed.reshape(R * N, *down.shape[1:]), generators.rows(coarse, rows)
    )
    found = np.full((R + 1, N + 1, *made.shape), -1.0, np.float32)
    found[0, 0] = 1.0
    found[1:, 1:] = inner.reshape(R, N, *made.shape)
    found[1:, 0] = styles.painted(made, down, coarse)
    found[0, 1:] = styles.painted(made, across, fine)
    return found


def drawn(gan: Any, key: jax.Array, n: int, first: int | None = None) -> np.ndarray:
    """``mix`` of n coarse and n fine latents that are drawn.

    Raises:
      UserError: as ``mix`` does.
    """
    made = generators.of(gan)
    styles.check(made)
    latents = made.draw(key, 2 * n)
    half = np.arange(n)
    return mix(made, generators.rows(latents, half), generators.rows(latents, n + half), first)
