"""Two classes of a labelled dataset as unpaired domains: the images, and their targets."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from jaxgan.base.errors import UserError
from jaxgan.data import classes
from jaxgan.data.labels import read_all
from jaxgan.data.source import Batch, Source, Spec

Domains = Sequence[str | int]


def describe(spec: Spec, labels: np.ndarray, domains: Domains, where: str) -> Spec:
    """The spec of the two domains of a labelled set.

    Args:
      spec: of the whole set.
      labels: of all its samples, int [N].
      domains: the classes, see ``cut``.
      where: names the set and its split.

    Raises:
      UserError: as ``cut`` does.
    """
    first, second = _find_rows(spec, labels, domains, where)
    return Spec(
        spec.shape, 0, len(first), digest=spec.digest, target=spec.shape, targets=len(second)
    )


def cut(source: Source, domains: Domains, where: str) -> dict[str, Source]:
    """The samples of two classes, without labels: by the first one 'image', by the other 'target'.

    Args:
      source: labelled.
      domains: the names or the numbers of the two classes. A name that is a number stands for the
        class of that name, if there is one.
      where: names the set and its split.

    Raises:
      UserError: the set has no labels; it has no such class; or the split has no sample of one.
    """
    labels = read_all(source)
    rows = _find_rows(source.spec, labels, domains, where)
    image, target = (
        _select(source, chosen, str(domain)) for chosen, domain in zip(rows, domains, strict=True)
    )
    image = dataclasses.replace(image, target=target.shape, targets=target.size)
    return {"image": image, "target": target}


def _select(source: Source, rows: np.ndarray, domain: str) -> Source:
    """The samples ``rows`` of a source, each under the name 'image'."""

    def read(indices: np.ndarray) -> Batch:
        return {"image": source.read(rows[indices])["image"]}

    name = f"{source.name} ({domain})"
    unlabelled = {"num_classes": 0, "classes": (), "labels": None}
    return classes.select(source, rows, name=name, read=read, **unlabelled)


def _find_rows(
    spec: Spec, labels: np.ndarray, domains: Domains, where: str
) -> tuple[np.ndarray, np.ndarray]:
    """The indices of the samples of each of the two classes."""
    if spec.target:
        raise UserError(f"data.domains are two classes of a labelled set, and {where} is of pairs")
    if not spec.num_classes:
        raise UserError(f"data.domains are two classes, and {where} has no labels")
    if len(domains) != 2:
        raise UserError(f"data.domains must be two classes, not {len(domains)}")
    first, second = (classes.number(spec, domain, "data.domains", where) for domain in domains)
    if first == second:
        raise UserError(f"data.domains must be two classes, not {domains[0]!r} twice")
    rows = [np.flatnonzero(labels == label) for label in (first, second)]
    for domain, found in zip(domains, rows, strict=True):
        if not len(found):
            raise UserError(f"{where} has no sample of the class {domain!r} of data.domains")
    return rows[0], rows[1]
