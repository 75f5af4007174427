"""The blend between an old and a new branch of a network that grows."""

from jax import Array


def fade_in(old: Array, new: Array, alpha: float | Array) -> Array:
    """``(1 - alpha) * old + alpha * new`` (Karras et al. 2018, figure 2).

    Args:
      old: output of the branch that goes, already resampled to the shape of ``new``.
      new: output of the branch that comes.
      alpha: in [0, 1]; may be traced, so that one compiled step serves a whole fade. It is exact
        at both ends, as long as the branch that is off is finite.

    Returns:
      The blend, of the shape and dtype of ``new``.

    Raises:
      ValueError: for an ``old`` of another shape, and an alpha outside [0, 1] that is not traced.
    """
    if isinstance(alpha, int | float) and not 0 <= alpha <= 1:
        raise ValueError(f"alpha must be in [0, 1], got {alpha}")
    if old.shape != new.shape:
        raise ValueError(f"old must have the shape of new {new.shape}, got {old.shape}")
    return ((1 - alpha) * old + alpha * new).astype(new.dtype)
