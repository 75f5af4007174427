"""What the batches of a method are made of: its entries, each of a source and in an order."""

import dataclasses
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import data
from jaxgan.base.errors import UserError, unknown
from jaxgan.base.method import PIXELS, Method

PyTree = Any
# What is in every batch of labelled data, whether a method names it or not.
LABEL = "label"
# In a batch of indices: those of the entries that share one order.
INDEX = "index"
ENTRIES = ("image", "target", PIXELS, LABEL)
Sources = Mapping[str, data.Source]


class Part(NamedTuple):
    """Entries of the batch that are drawn together.

    Attributes:
      source: whose rows are these entries alone.
      order: its number, see ``data.indices``: 0 for those in the order of the images.
      name: of its indices in a batch.
    """

    source: data.Source
    order: int
    name: str


def parts(method: Method, sources: Sources) -> list[Part]:
    """The parts of a batch, that of the images first."""
    image = sources["image"]
    if PIXELS in method.entries:
        image = _with_pixels(image)
    names = {"image", *method.entries, LABEL} - {*method.apart}
    found = [Part(_only(image, names), 0, INDEX)]
    for order, name in enumerate(method.apart, 1):
        if name in sources:
            found.append(Part(_renamed(sources[name], name), order, name))
        else:
            found.append(Part(_only(image, {name}), order, name))
    return found


def _only(source: data.Source, names: Collection[str]) -> data.Source:
    """The source without the entries of its rows that are not among ``names``."""

    def read(indices: np.ndarray) -> data.Batch:
        return {name: rows for name, rows in source.read(indices).items() if name in names}

    return dataclasses.replace(source, read=read)


def _with_pixels(source: data.Source) -> data.Source:
    """The source of latents with the images behind them in its rows."""
    images = source.behind
    assert images, "the spec is checked to have them"

    def read(indices: np.ndarray) -> data.Batch:
        return {**source.read(indices), PIXELS: images.read(indices)["image"]}

    return dataclasses.replace(source, read=read)


def _renamed(source: data.Source, name: str) -> data.Source:
    """The source with its images under another name, and nothing else."""

    def read(indices: np.ndarray) -> data.Batch:
        return {name: source.read(indices)["image"]}

    return dataclasses.replace(source, read=read)


@flax.struct.dataclass
class Rows:
    """All rows of an entry.

    Attributes:
      flat: [N, values of a row]: a TPU gathers images of another layout, and would make a copy of
        all of them in each step.
      shape: of a row.
    """

    flat: Any
    shape: tuple[int, ...] = flax.struct.field(pytree_node=False)

    def __getitem__(self, indices: Any) -> Any:
        """The rows at these indices."""
        return self.flat[indices].reshape(-1, *self.shape)


def whole(parts: Sequence[Part]) -> dict[str, Rows]:
    """All rows of all entries."""
    return {
        name: Rows(rows.reshape(len(rows), -1), rows.shape[1:])
        for part in parts
        for name, rows in data.whole(part.source).items()
    }


def draw(parts: Sequence[Part], seed: int, step: int, batch_size: int) -> data.Batch:
    """The indices of the batch at ``step``: of each part, under its name, int32 [batch_size]."""
    order = partial(data.indices, seed, step, batch_size=batch_size)
    return {part.name: order(size=part.source.size, entry=part.order) for part in parts}


def drawn(
    parts: Sequence[Part], seed: int, steps: Iterable[int], batch_size: int
) -> Iterator[data.Batch]:
    """The indices of the batches at these steps, this process's share of each."""
    local = batch_size // jax.process_count()
    share = slice(jax.process_index() * local, (jax.process_index() + 1) * local)
    each = (draw(parts, seed, step, batch_size) for step in steps)
    return ({name: rows[share] for name, rows in batch.items()} for batch in each)


def streamed(parts: Sequence[Part], seed: int, start: int, batch_size: int) -> data.Merged:
    """The batches from step ``start`` on, this process's share of each; to be closed."""

    def read(part: Part) -> data.Stream:
        return data.stream(
            part.source,
            seed,
            batch_size=batch_size,
            start=start,
            process=jax.process_index(),
            processes=jax.process_count(),
            entry=part.order,
        )

    return data.Merged([read(part) for part in parts])


def pick(dataset: PyTree, indices: PyTree) -> PyTree:
    """The rows at ``indices`` of entries of a ``whole`` set, each by its own part's."""
    batch = {name: rows[indices.get(name, indices[INDEX])] for name, rows in dataset.items()}
    # What reads them is compiled as if they were streamed: else means round in another order.
    return jax.lax.optimization_barrier(batch)


def shapes(spec: data.Spec, n: int, entries: Sequence[str] = ("image",)) -> PyTree:
    """The batch that a method sees that reads these ``entries``, as shapes."""
    found = {"image": jax.ShapeDtypeStruct((n, *spec.shape), jnp.float32)}
    if "target" in entries and spec.target:
        found["target"] = jax.ShapeDtypeStruct((n, *spec.target), jnp.float32)
    if PIXELS in entries and spec.pixels:
        found[PIXELS] = jax.ShapeDtypeStruct((n, *spec.pixels), jnp.float32)
    if spec.num_classes:
        found[LABEL] = jax.ShapeDtypeStruct((n,), jnp.int32)
    return found


def check(method: Method, whose: str, spec: data.Spec, name: str) -> None:
    """Refuses data that do not have what the method reads together.

    Args:
      method: the method.
      whose: names it.
      spec: of the data.
      name: of the data.

    Raises:
      UserError: if there are no targets, or none that belong to the images; or if the method reads
        an entry that no data have, or draws one apart that it does not read.
    """
    for entry in method.entries:
        if entry not in ENTRIES:
            raise unknown(f"entry that {whose} reads", entry, ENTRIES)
    for entry in method.apart:
        if entry not in method.entries:
            raise unknown(f"entry that {whose} draws apart", entry, method.entries)
    if PIXELS in method.entries and not spec.pixels:
        raise UserError(f"{whose} reads the images of latents: set data.latent")
    if "target" not in method.entries:
        return
    if not spec.target:
        raise data.no_targets(whose, name)
    if spec.targets and "target" not in method.apart:
        raise UserError(
            f"{whose} needs pairs of an image and its target, and two data.domains have none; set"
            " data.name='pairs' and data.domains=()"
        )
