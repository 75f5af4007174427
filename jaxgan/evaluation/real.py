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

from jaxgan import data
from jaxgan.base import errors, files
from jaxgan.data.labels import read_labels
from jaxgan.evaluation.figures import SEED, Real, Sample
from jaxgan.extractors.extractor import Extractor, Features, to_bytes

PARTS = ("select", "report")
# Of each kind, for the discriminator's mean logits.
SCORED = 500
# Labels that are counted at most.
COUNTED = 20_000
Look = Callable[[np.ndarray], Features]


def split_of(config: ConfigDict, part: str) -> str:
    """The split whose samples are the reference of ``part``."""
    settings = config.data
    return settings.test_split if part == "report" else selection_split(config)


def selection_split(config: ConfigDict) -> str:
    """The validation split, or the training split where the dataset has none."""
    return config.data.validation_split or config.data.split


def read(
    config: ConfigDict, splits: data.Splits, part: str, look: Look | None, *, memorization: bool
) -> Real:
    """The real samples of ``part``: the same ones whatever the seed of the run.

    Args:
      config: of the run; ``evaluation.n`` is the most on each side.
      splits: of its dataset.
      part: ``'select'`` or ``'report'``.
      look: gives features; ``None`` for none.
      memorization: whether to read the whole training split as well, and unseen samples.

    Raises:
      UserError: if there are fewer than four samples.
    """
    n = config.evaluation.n
    reference = splits.source(split_of(config, part))
    other = splits.source(selection_split(config))
    if min(reference.size, other.size) < 4:
        raise errors.UserError(f"{config.data.name} has too few samples to evaluate on")
    chosen, rest = sides(reference, other, n)
    seen, unseen = splits.source(), splits.source(config.data.test_split)
    fresh = unseen_rows(splits, config)
    training = held_out = None
    if memorization and len(fresh):
        training = sample(seen, np.arange(seen.size), look)
        held_out = sample(unseen, fresh[:n], look)
    return Real(
        reference=sample(reference, chosen, look),
        other=sample(other, rest, look),
        held_out=held_out,
        training=training,
        seen=floats(seen, shuffle(seen)[:SCORED]),
        unseen=floats(unseen, fresh[:SCORED]) if len(fresh) else None,
        unseen_rows=fresh,
        mixture=mixture(config, reference.num_classes),
        class_weights=class_weights(reference),
    )


def sides(reference: data.Source, other: data.Source, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The indices of at most n samples of each of two splits, no stored sample on both sides."""
    if reference.split == other.split:
        # Cut in two, so that the floor is between samples that are not the same ones.
        half, order = min(n, reference.size // 2), shuffle(reference)
        return order[:half], order[half : 2 * half]
    chosen, rest = shuffle(reference), shuffle(other)
    if len(both := data.shared(reference, other)):
        # What both have is dealt out.
        chosen = chosen[~np.isin(data.ids(reference)[chosen], both[1::2])]
        rest = rest[~np.isin(data.ids(other)[rest], both[::2])]
    return chosen[:n], rest[:n]


def unseen_rows(splits: data.Splits, config: ConfigDict) -> np.ndarray:
    """The indices, in a fixed order, of the samples of the test split that are not trained on.

    None where there are fewer than four: nothing could be said of them.
    """
    unseen = splits.source(config.data.test_split)
    rows = shuffle(unseen)
    rows = rows[data.apart(unseen, splits.source())[rows]]
    return rows if len(rows) >= 4 else rows[:0]


def left_out(splits: data.Splits, config: ConfigDict) -> np.ndarray:
    """Images of the test split in [-1, 1] of classes that ``data.without`` leaves out.

    At most ``evaluation.n``, the same ones every time; perhaps none.
    """
    source = splits.complete.source(config.data.test_split)
    where = f"the split {source.split!r} of {config.data.name!r}"
    wanted = data.classes.numbers(source.spec, config.data.without, where)
    order = shuffle(source)
    rows = order[np.isin(read_labels(source, order), wanted)]
    return (
        floats(source, rows[: config.evaluation.n]) if len(rows) else np.zeros((0, *source.shape))
    )


def overlaps(splits: data.Splits, config: ConfigDict) -> list[str]:
    """What to say of splits that share samples and should not: a line for each pair."""
    settings, told = config.data, []
    train, test = splits.source(), splits.source(settings.test_split)
    if count := len(data.shared(train, test)):
        left_out = (
            "overfitting, d_held_out and memorization are measured on the others"
            if len(unseen_rows(splits, config))
            else "overfitting, d_held_out, memorization and all else that needs unseen samples "
            "are left out"
        )
        told.append(
            f"data.test_split {test.split!r} shares {count} of its {test.size} samples with "
            f"data.split {train.split!r}: {left_out}"
        )
    if settings.validation_split:
        chosen_by = splits.source(settings.validation_split)
        if count := len(data.shared(chosen_by, test)):
            told.append(
                f"data.validation_split {chosen_by.split!r} shares {count} samples with "
                f"data.test_split {test.split!r}: a checkpoint is reported on what it is chosen by"
            )
    return told


def class_weights(source: data.Source) -> np.ndarray | None:
    """How often each class stands in a split, float64 [num_classes]; None without labels."""
    if not source.num_classes:
        return None
    rows = np.arange(min(source.size, COUNTED)) * source.size // min(source.size, COUNTED)
    labels = read_labels(source, rows)
    known = labels[(labels >= 0) & (labels < source.num_classes)]
    counts = np.bincount(known, minlength=source.num_classes).astype(np.float64)
    return counts if counts.sum() else None


def floats(source: data.Source, indices: np.ndarray) -> np.ndarray:
    """Samples of a split as a network gets them, in [-1, 1]."""
    return np.asarray(data.to_float(source.read(indices))["image"])


def mixture(config: ConfigDict, num_classes: int) -> tuple[np.ndarray, float] | None:
    """The means and the standard deviation of the modes that the data are drawn around."""
    name = config.data.name
    if name not in data.mixtures.NAMES or not num_classes:
        return None
    return data.mixtures.means(name), data.mixtures.sigma(name)


def shuffle(source: data.Source) -> np.ndarray:
    """The indices of all samples, in an order that depends on nothing but their number."""
    return data.indices(SEED, 0, size=source.size, batch_size=source.size)


def sample(source: data.Source, indices: np.ndarray, look: Look | None) -> Sample:
    """These samples of a source, with their features; a label that is none becomes -1."""
    rows = [source.read(part) for part in np.array_split(indices, -(-len(indices) // 1000))]
    values, labels = np.concatenate([row["image"] for row in rows]), None
    if source.num_classes:
        labels = np.concatenate([row["label"] for row in rows])
        labels = np.where((labels >= 0) & (labels < source.num_classes), labels, -1)
    return look_at(values, labels, look)


def look_at(values: np.ndarray, labels: np.ndarray | None, look: Look | None) -> Sample:
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


def remember(extractor: Extractor, look: Look) -> Look:
    """``look``, which keeps what it finds in a file named after the content of the images."""

    def look_once(values: np.ndarray) -> Features:
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

    return look_once
