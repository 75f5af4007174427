"""The domain extractor: a small classifier of the dataset itself, trained once, seeded and cached.

It makes every figure that needs features or a classifier available offline. Its features are not
Inception's: a Fréchet distance between them is never called FID.
"""

import dataclasses
import functools
import hashlib
import math
import time
import types
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import data
from jaxgan.base import errors, files
from jaxgan.extractors import kept
from jaxgan.extractors.classifier import WIDTH, Classifier, Recipe, Say, centre, fit
from jaxgan.extractors.extractor import Apply, Extractor, extract, to_bytes

PyTree = Any


@dataclasses.dataclass(frozen=True)
class Domain:
    """A domain extractor and how good it is.

    Attributes:
      extractor: its features are the penultimate layer's 128, after batch norm and SiLU (smooth,
        so that no feature of a class is constantly 0); it has the dataset's classes.
      accuracy: the share of test images that it classifies rightly.
      record: what made it, fit for JSON.
    """

    extractor: Extractor
    accuracy: float
    record: dict[str, Any]


def load(
    data_config: Any,
    *,
    splits: data.Splits | None = None,
    seed: int = 0,
    cache_dir: str | Path | None = None,
    say: Say = print,
) -> Domain:
    """The classifier of a dataset: from the cache, or trained on the training split.

    Stacked MNIST takes the classifier of MNIST for each colour: 384 features, and the logits of
    1,000 classes from the three digits.

    Args:
      data_config: ``config.data``, see ``data.open_source``; ``test_split`` is what the accuracy is
        measured on.
      splits: of the dataset, where they are open already.
      seed: of the parameters, the order and the shifts.
      cache_dir: where it is kept; ``$XDG_CACHE_HOME/jaxgan/extractors`` by default, nowhere where
        there is no home folder.
      say: shows a line: that it trains, and how far it is.

    Raises:
      UserError: if the dataset has no labels, or is not of images; or cannot be read.
    """
    folder = Path(cache_dir) if cache_dir else files.cache("extractors")
    if data_config.name == "stacked_mnist":
        data.describe(data_config)  # refuses what does not exist of it
        digits = {"data_dir": "", "split": "train", "test_split": "test", "image_size": 0}
        digits = {field: getattr(data_config, field, value) for field, value in digits.items()}
        mnist = types.SimpleNamespace(name="mnist", **digits)
        return _stack(load(mnist, seed=seed, cache_dir=folder, say=say))
    splits = splits or data.Splits(data_config)
    name, spec = data_config.name, splits.spec()
    _check(name, spec)
    train = splits.source()
    test = splits.source(getattr(data_config, "test_split", "test"))
    recipe = Recipe()
    tested = _rows(test, recipe.tested)
    made_by = {
        "recipe": dataclasses.asdict(recipe),
        "seed": seed,
        "dataset": name,
        "shape": list(spec.shape),
        "num_classes": spec.num_classes,
        "n_train": train.size,
        "n_test": test.size,
        "train": _checksum(_rows(train, recipe.tested)),
        "test": _checksum(tested),
    }
    path = folder and folder / kept.file_name(made_by)
    found = kept.read(path, made_by, say) if path else None
    if found is None:
        say(f"training a classifier of {name}, once: {train.size} images of {list(spec.shape)}")
        start = time.perf_counter()
        variables = fit(_rows(train, recipe.rows), spec.num_classes, recipe, seed, say)
        extractor = _extractor(name, variables, spec)
        right = accuracy(extractor, *tested)
        record = {**made_by, "digest": extractor.digest, "accuracy": right}
        seconds = time.perf_counter() - start
        say(f"it is right on {right:.2%} of the test images, after {seconds:.0f} seconds")
        if path:
            kept.write(path, variables, record, say)
        return Domain(extractor, right, record)
    variables, record = found
    return Domain(_extractor(name, variables, spec), float(record["accuracy"]), record)


def fitted(
    source: data.Source, *, seed: int = 0, cache_dir: str | Path | None = None, say: Say = print
) -> PyTree:
    """The variables of a ``Classifier`` of a source's targets, or of its images without any.

    From the cache, or trained as those of ``load`` are.

    Raises:
      UserError: if it has no labels, or is not of images.
    """
    _check(source.name, source.spec)
    folder, recipe = Path(cache_dir) if cache_dir else files.cache("extractors"), Recipe()
    rows = _rows(source, recipe.rows, "target" if source.target else "image")
    made_by = {
        "recipe": dataclasses.asdict(recipe),
        "seed": seed,
        "dataset": source.name,
        "shape": list(source.target or source.shape),
        "num_classes": source.num_classes,
        "n_train": source.size,
        "train": _checksum(rows),
    }
    path = folder and folder / kept.file_name(made_by)
    if path and (found := kept.read(path, made_by, say)):
        return found[0]
    say(f"training a classifier of {source.name}, once: {source.size} images")
    variables = fit(rows, source.num_classes, recipe, seed, say)
    if path:
        record = {**made_by, "digest": kept.digest_of(variables), "accuracy": math.nan}
        kept.write(path, variables, record, say)
    return variables


def _check(name: str, spec: data.Spec) -> None:
    """Refuses what no classifier can learn of."""
    if not spec.num_classes:
        raise errors.UserError(f"the domain extractor needs labels, and {name} has none")
    if len(spec.shape) != 3:
        raise errors.UserError(f"the domain extractor needs images, and {name} has points")


def accuracy(extractor: Extractor, images: np.ndarray, labels: np.ndarray) -> float:
    """The share of images that the extractor puts into the class asked for.

    Of generated images and the labels they were generated with, it is the conditional accuracy.

    Args:
      extractor: one with logits.
      images: uint8 [n, H, W, C], or float in [-1, 1].
      labels: integers [n].

    Raises:
      ValueError: if there are not as many labels as images, or the extractor has no logits.
    """
    if np.shape(labels) != (len(images),):
        raise ValueError(f"{len(images)} images need as many labels, got {np.shape(labels)}")
    logits = extract(extractor, to_bytes(images)).logits
    if logits is None:
        raise ValueError(f"{extractor.name} has no logits: it classifies nothing")
    return float(np.mean(logits.argmax(axis=1) == np.asarray(labels)))


def _rows(source: data.Source, most: int, entry: str = "image") -> tuple[np.ndarray, np.ndarray]:
    """The labelled ones of at most so many rows, evenly spaced: their ``entry``.

    Returns:
      Images uint8 [n, H, W, C], and labels int32 [n] in [0, num_classes).

    Raises:
      UserError: if none of them has a label.
    """
    n = min(source.size, most)
    chosen = np.arange(n) * source.size // n
    parts = [source.read(chosen[i : i + 1024]) for i in range(0, n, 1024)]
    images = np.concatenate([to_bytes(part[entry]) for part in parts])
    labels = np.concatenate([part["label"] for part in parts])
    labelled = (labels >= 0) & (labels < source.num_classes)
    if not labelled.any():
        raise errors.UserError(
            f"the domain extractor needs labels, and no sample of {source.name} has one in its "
            f"split {source.split!r}"
        )
    return images[labelled], labels[labelled]


def _checksum(rows: tuple[np.ndarray, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for array in rows:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


@functools.lru_cache
def _apply(name: str, shape: tuple[int, ...], num_classes: int) -> Apply:
    """The same function every time, so that it is compiled once."""
    network = Classifier(num_classes)

    def apply(variables: PyTree, images: jax.Array) -> tuple[jax.Array, jax.Array]:
        if images.shape[1:] != shape:
            raise ValueError(f"{name} takes images {list(shape)}, got {list(images.shape[1:])}")
        found: Any = network.apply(variables, centre(images), train=False)
        return found

    return apply


def _extractor(dataset: str, variables: PyTree, spec: data.Spec) -> Extractor:
    name = f"domain_{dataset}"
    apply = _apply(name, spec.shape, spec.num_classes)
    return Extractor(
        name, kept.digest_of(variables), "none", WIDTH, spec.num_classes, variables, apply
    )


def _stack(digit: Domain) -> Domain:
    """MNIST's classifier on each of three colours; right where all three digits are."""
    one = digit.extractor
    extractor = dataclasses.replace(
        one,
        name="domain_stacked_mnist",
        dim=3 * one.dim,
        num_classes=one.num_classes**3,
        apply=_apply_stacked(one.apply),
    )
    # Of independent digits, as those of a stacked image are.
    right = digit.accuracy**3
    return Domain(extractor, right, {**digit.record, "accuracy": right, "stacked": 3})


@functools.lru_cache
def _apply_stacked(digit: Apply) -> Apply:
    def apply(variables: PyTree, images: jax.Array) -> tuple[jax.Array, jax.Array]:
        if images.shape[-1] != 3:
            raise ValueError(f"stacked digits have 3 channels, got {images.shape[-1]}")
        seen: Any = [digit(variables, images[..., c : c + 1]) for c in range(3)]
        r, g, b = (jax.nn.log_softmax(logits) for _, logits in seen)
        joint = r[:, :, None, None] + g[:, None, :, None] + b[:, None, None, :]
        features = jnp.concatenate([features for features, _ in seen], axis=1)
        return features, joint.reshape(len(images), -1)

    return apply
