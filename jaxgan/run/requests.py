"""What a trained model is asked for, looked at before anything is drawn."""

import math
import operator
import os
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.base import errors, files
from jaxgan.base.method import Method
from jaxgan.run.program import Program

PyTree = Any
# Characters of what somebody gives: enough to know it again.
SHOWN = 150


def check_count(n: Any, shape: tuple[int, ...] = ()) -> None:
    """Refuses to draw no samples, or more of this shape than the machine has memory for.

    Raises:
      UserError: if n is no whole number, less than 1, or too large.
    """
    try:
        count = operator.index(n)
    except TypeError:
        raise errors.UserError(f"the number of samples must be whole, not {n!r}") from None
    if count < 1:
        raise errors.UserError(f"the number of samples must be at least 1, not {n}")
    size, there = (
        count * math.prod(shape) * 4,
        os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
    )
    if size > there:
        raise errors.UserError(
            f"{count:,} samples {list(shape)} need {files.amount(size)}, and this machine has "
            f"{files.amount(there)}"
        )


def check_key(key: Any) -> None:
    """Refuses what JAX draws nothing by.

    Raises:
      UserError: if it is no random key, of the new kind or the old one.
    """
    dtype = getattr(key, "dtype", None)
    kinds = dtype is not None and jnp.issubdtype(dtype, jax.dtypes.prng_key)
    if not (kinds and key.ndim == 0) and not (dtype == np.uint32 and np.shape(key) == (2,)):
        raise errors.UserError(f"a random key is due, such as jax.random.key(0), not {key!r}")


def check_latents(method: Method, latents: PyTree) -> int:
    """How many samples these are the latents of.

    Raises:
      UserError: naming the shapes that are due, if these are others or no numbers; or for none.
    """
    due = jax.eval_shape(lambda: method.latents(jax.random.key(0), 1))
    given: list[Any] = jax.tree.leaves(latents)
    tree: Any = jax.tree.structure(latents)
    shapes = [_shape(x) for x in given]
    n = shapes[0][0] if shapes and shapes[0] else 0
    if tree != jax.tree.structure(due) or shapes != [
        (n, *x.shape[1:]) for x in jax.tree.leaves(due)
    ]:
        wanted = _written(jax.tree.map(lambda x: ["n", *x.shape[1:]], due))
        found = _written(jax.tree.unflatten(tree, map(_kind, given)))
        raise errors.UserError(f"latents must be {wanted}, not {found}")
    check_count(n)
    for each in given:
        check_finite("latents", each)
    return n


def check_conditions(
    ready: Program, method: Method, n: int, conditions: dict[str, Any]
) -> dict[str, Any]:
    """Conditions of n samples in the type that the method takes.

    Raises:
      UserError: for those that it does not take, that are not n, or that are out of range.
    """
    name, known, spec = ready.config.method.name, method.conditions, ready.spec
    choices = {"labels": spec.num_classes, **method.choices}
    found = {}
    for given, value in conditions.items():
        if given not in known:
            takes = ", ".join(known) or "nothing"
            raise errors.UserError(f"method {name!r} does not take {given!r}; it takes: {takes}")
        check_rows(given, value, n)
        found[given] = numbers(given, value, choices.get(given), spec.classes)
    return found


def check_array(name: str, value: Any, shape: tuple[int, ...]) -> np.ndarray:
    """The value as float32 [n, *shape], for some n.

    Raises:
      UserError: if it has another shape, none of them, or no finite numbers.
    """
    found = _shape(value)
    if found is None or len(found) != len(shape) + 1 or found[1:] != shape or not found[0]:
        due = ", ".join(map(str, ("n", *shape)))
        raise errors.UserError(f"{name} must be [{due}], not {_kind(value)}")
    check_finite(name, value)
    return np.asarray(value, np.float32)


def check_finite(name: str, value: Any) -> None:
    """Refuses numbers that are not all finite.

    Raises:
      UserError: naming them.
    """
    if not np.isfinite(np.asarray(value, np.float32)).all():
        raise errors.UserError(f"{name} must be finite")


def check_rows(name: str, value: Any, n: int) -> None:
    """Refuses a condition that is neither one for all of n samples nor has a row for each.

    Raises:
      UserError: naming it.
    """
    if np.ndim(value) and len(value) != n:
        raise errors.UserError(f"{name!r} has {len(value)} rows for {n} samples")
    if name == "labels" and np.ndim(value) > 1:
        shape = list(np.shape(value))
        raise errors.UserError(f"'labels' must be [{n}] or one for all, not {shape}")


def cycle(labels: Any, n: int, choices: int, classes: tuple[str, ...]) -> dict[str, Any]:
    """``labels`` [n]: those that are given, or else all, in turn.

    Raises:
      UserError: as ``numbers`` does.
    """
    values = np.arange(choices) if labels is None else labels
    return {"labels": np.resize(numbers("labels", values, choices, classes), n)}


def numbers(name: str, value: Any, choices: int | None, classes: tuple[str, ...]) -> Any:
    """The value of a condition as it was trained on.

    Args:
      name: of the condition.
      value: an array, or a single value.
      choices: how many whole numbers from 0 on it may be; ``None`` where it may be any number.
      classes: names that stand for these numbers.

    Raises:
      UserError: if it is not such a number, or not finite.
    """
    array = np.asarray(value)
    if array.dtype.kind == "U" and choices and classes:
        if unknown := sorted(set(array.ravel().tolist()) - set(classes)):
            raise errors.unknown("class", unknown[0], classes)
        array = np.vectorize(classes.index, otypes=[np.int32])(array)
    if array.dtype.kind not in ("iu" if choices else "iuf") or not np.isfinite(array).all():
        kind = f"whole numbers from 0 to {choices - 1}" if choices else "numbers"
        raise errors.UserError(f"{name!r} must be {kind}, not {_shown(value)}")
    if choices and array.size and not 0 <= array.min() <= array.max() < choices:
        raise errors.UserError(
            f"{name!r} must be from 0 to {choices - 1}, not {array.min()} to {array.max()}"
        )
    return array if array.ndim else array.item()


def _shown(value: Any) -> str:
    """A value in a few words."""
    array = np.asarray(value)
    return repr(value) if array.ndim == 0 else f"{array.dtype} {list(array.shape)}"


def _shape(value: Any) -> tuple[int, ...] | None:
    """The shape of an array of numbers; ``None`` of anything else."""
    try:
        array = value if isinstance(value, jax.Array) else np.asarray(value)
    except ValueError:  # rows of different lengths
        return None
    number = array.dtype == bool or jnp.issubdtype(array.dtype, jnp.number)
    return array.shape if number else None


def _kind(value: Any) -> Any:
    """The shape of an array of numbers, as a list; the type of anything else."""
    shape = _shape(value)
    return type(value).__name__ if shape is None else list(shape)


def _written(tree: PyTree) -> str:
    """A tree of shapes in one line."""
    text = str(tree).replace("'n'", "n")
    return text if len(text) <= SHOWN else f"{text[:SHOWN]} ..."
