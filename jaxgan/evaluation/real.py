"""The real samples of an evaluation, in two parts, and their features, computed once.

A checkpoint is chosen on the part ``'select'`` and reported on the part ``'report'``, so that the
figure reported is not the luckiest of many on the same samples.
"""

import contextlib
import hashlib
import os
from collections.abc import Callable
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from jaxgan import data, errors, files
from jaxgan.evaluation.extractor import Extractor, Features, to_bytes
from jaxgan.evaluation.figures import Real, Sample

PARTS = ("select", "report")
# Of each kind, for the discriminator's mean logits.
SCORED = 500
Look = Callable[[np.ndarray], Features]


def split_of(config: ConfigDict, part: str) -> str:
    """The split whose samples are the reference of ``part``."""
    settings = config.data
    return settings.test_split if part == "report" else selection_split(config)


def selection_split(config: ConfigDict) -> str:
    """The validation split, or the training split where the dataset has none."""
    return config.data.validation_split or config.data.split


def read(config: ConfigDict, part: str, look: Look | None, *, memorization: bool) -> Real:
    """The real samples of ``part``.

    Args:
      config: of the run; ``evaluation.n`` is the most on each side.
      part: ``'select'`` or ``'report'``.
      look: gives features; ``None`` for none.
      memorization: whether to read the whole training split as well, and unseen samples.

    Raises:
      UserError: if there are fewer than four samples.
    """
    n = config.evaluation.n
    reference = data.open_source(config.data, split_of(config, part))
    other = data.open_source(config.data, selection_split(config))
    if min(reference.size, other.size) < 4:
        raise errors.UserError(f"{config.data.name} has too few samples to evaluate on")
    if reference.split == other.split:
        # Cut in two, so that the floor is between samples that are not the same ones.
        half = min(n, reference.size // 2)
        order = shuffled(config, reference)
        chosen, rest = order[:half], order[half : 2 * half]
    else:
        chosen, rest = (shuffled(config, source)[:n] for source in (reference, other))
    training = held_out = None
    if memorization:
        seen = data.open_source(config.data, config.data.split)
        unseen = data.open_source(config.data, config.data.test_split)
        training = sample(seen, np.arange(seen.size), look)
        held_out = sample(unseen, shuffled(config, unseen)[:n], look)
    return Real(
        reference=sample(reference, chosen, look),
        other=sample(other, rest, look),
        held_out=held_out,
        training=training,
        seen=floats(config, config.data.split),
        unseen=floats(config, config.data.test_split),
        mixture=mixture(config),
        seed=config.seed,
    )


def floats(config: ConfigDict, split: str) -> np.ndarray:
    """At most 500 samples of a split as a network gets them, in [-1, 1]."""
    source = data.open_source(config.data, split)
    rows = source.read(shuffled(config, source)[:SCORED])
    return np.asarray(data.to_float(rows)["image"])


def mixture(config: ConfigDict) -> tuple[np.ndarray, float] | None:
    """The means and the standard deviation of the modes that the data are drawn around."""
    name = config.data.name
    if name not in data.mixtures.NAMES or not data.describe(config.data).num_classes:
        return None
    return data.mixtures.means(name), data.mixtures.sigma(name)


def shuffled(config: ConfigDict, source: data.Source) -> np.ndarray:
    """The indices of all samples, in an order that the seed gives."""
    return data.indices(config.seed, 0, size=source.size, batch_size=source.size)


def sample(source: data.Source, indices: np.ndarray, look: Look | None) -> Sample:
    """These samples of a source, with their features."""
    rows = [source.read(part) for part in np.array_split(indices, -(-len(indices) // 1000))]
    values = np.concatenate([row["image"] for row in rows])
    labels = np.concatenate([row["label"] for row in rows]) if source.num_classes else None
    return seen(values, labels, look)


def seen(values: np.ndarray, labels: np.ndarray | None, look: Look | None) -> Sample:
    """Samples with what ``look`` finds in them; images become bytes, as they would in a file."""
    if values.ndim == 4:
        values = to_bytes(values)
    if look is None:
        return Sample(values, labels)
    found = look(values)
    return Sample(values, labels, found.features, found.logits)


def digest(values: np.ndarray) -> str:
    """The SHA-256 of an array's shape and content, in hex."""
    told = f"{values.dtype}{values.shape}".encode()
    return hashlib.sha256(told + np.ascontiguousarray(values).tobytes()).hexdigest()


def remembered(extractor: Extractor, look: Look) -> Look:
    """``look``, which keeps what it finds in a file named after the content of the images."""

    def cached(values: np.ndarray) -> Features:
        name = f"{extractor.name}_{extractor.digest[:12]}_{extractor.resize}_{digest(values)}.npz"
        folder = files.cache("features")
        if folder is None:
            return look(values)
        path = folder / name
        if os.path.exists(path):
            try:
                with path.open("rb") as file, np.load(file) as stored:
                    return Features(stored["features"], stored.get("logits"))
            except Exception:  # whatever a damaged file is refused with: it is made again
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)
        found = look(values)
        arrays: dict[str, Any] = {"features": found.features}
        if found.logits is not None:
            arrays["logits"] = found.logits
        try:
            with files.replacing(path) as new, new.open("wb") as target:
                np.savez(target, **arrays)
        except OSError:  # a full or read-only disk costs time, not the result
            pass
        return found

    return cached
