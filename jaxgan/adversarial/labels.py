"""Games by label: what their samples are generated, or judged, under."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.base.state import Batch

PyTree = Any


def count_classes(conditional: bool, num_classes: int | None) -> int:
    """How many classes players are told of that may do without; a ValueError if there are none."""
    if conditional and not num_classes:
        raise ValueError("conditional=True needs labels, and the data have none")
    return num_classes or 0 if conditional else 0


def by_label(num_classes: int) -> dict[str, Any]:
    """The fields of a ``Game`` whose samples are generated, or judged, by their labels.

    Raises:
      ValueError: if there are no classes.
    """
    if num_classes < 1:
        raise ValueError(f"num_classes must be at least 1, not {num_classes}")

    def of_batch(batch: Batch, keys: jax.Array) -> PyTree:
        if "label" not in batch:
            raise ValueError("the method needs labels, and the batch has none")
        return {"labels": batch["label"].astype(jnp.int32)}

    def given(drawn: PyTree, asked: Mapping[str, Any], n: int) -> PyTree:
        labels = asked.get("labels")
        if labels is None:  # each class in turn
            return {"labels": jnp.arange(n, dtype=jnp.int32) % num_classes}
        labels = jnp.asarray(labels)
        if labels.ndim == 2:  # mixtures of classes
            return {"labels": labels}
        return {"labels": jnp.broadcast_to(labels, (n,))}

    return {
        "entries": ("image", "label"),
        "conditions": ("labels",),
        "example": {"labels": jnp.zeros((), jnp.int32)},
        "of_real": of_batch,
        "given": given,
    }


def told(conditions: PyTree) -> tuple:
    """What a player is told beside its samples or latents: the labels, if there are any."""
    return (conditions["labels"],) if "labels" in conditions else ()
