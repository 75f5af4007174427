"""The domain extractor: a small classifier of the dataset itself, trained once, seeded and cached.

It makes every figure that needs features or a classifier available offline. Its features are not
Inception's: a Fréchet distance between them is never called FID.
"""

import dataclasses
import functools
import hashlib
import json
import os
import time
import types
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util

from jaxgan import data
from jaxgan.base import errors, files
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
    if not spec.num_classes:
        raise errors.UserError(f"the domain extractor needs labels, and {name} has none")
    if len(spec.shape) != 3:
        raise errors.UserError(f"the domain extractor needs images, and {name} has points")
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
    path = folder and folder / _file_name(made_by)
    found = _read(path, made_by, say) if path else None
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
            _write(path, variables, record, say)
        return Domain(extractor, right, record)
    variables, record = found
    return Domain(_extractor(name, variables, spec), float(record["accuracy"]), record)


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


def _rows(source: data.Source, most: int) -> tuple[np.ndarray, np.ndarray]:
    """The labelled ones of at most so many rows, evenly spaced.

    Returns:
      Images uint8 [n, H, W, C], and labels int32 [n] in [0, num_classes).

    Raises:
      UserError: if none of them has a label.
    """
    n = min(source.size, most)
    chosen = np.arange(n) * source.size // n
    parts = [source.read(chosen[i : i + 1024]) for i in range(0, n, 1024)]
    images = np.concatenate([to_bytes(part["image"]) for part in parts])
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


def _file_name(made_by: dict[str, Any]) -> str:
    """For people the dataset and its shape, and for us a hash of everything."""
    made = hashlib.sha256(json.dumps(made_by, sort_keys=True).encode()).hexdigest()
    dataset = made_by["dataset"].replace("/", "_").replace(":", "_")
    return f"domain_{dataset}_{'x'.join(map(str, made_by['shape']))}_{made[:16]}.npz"


def _extractor(dataset: str, variables: PyTree, spec: data.Spec) -> Extractor:
    name = f"domain_{dataset}"
    apply = _apply(name, spec.shape, spec.num_classes)
    return Extractor(name, _digest(variables), "none", WIDTH, spec.num_classes, variables, apply)


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


def _digest(variables: PyTree) -> str:
    """The SHA-256 of all parameters and statistics: their names, shapes and bytes."""
    digest = hashlib.sha256()
    for name, value in sorted(traverse_util.flatten_dict(variables, sep="/").items()):
        array = np.ascontiguousarray(value)
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _write(path: Path, variables: PyTree, record: dict[str, Any], say: Say) -> None:
    """Keeps the classifier; a disk that takes nothing costs the next run the training, no more."""
    arrays = traverse_util.flatten_dict(variables, sep="/")
    try:
        with files.replacing(path) as temporary, temporary.open("wb") as file:
            np.savez(file, record=np.array(json.dumps(record)), **arrays)
    except OSError as error:
        say(f"the classifier cannot be kept: {error}")


def _read(path: Path, made_by: dict[str, Any], say: Say) -> tuple[PyTree, dict[str, Any]] | None:
    """What ``_write`` kept, or None if there is nothing or not what was written."""
    if not os.path.exists(path):
        return None
    try:
        # Opened here, because NumPy leaves a file open that it finds damaged.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        record = json.loads(str(arrays.pop("record")))
        variables = traverse_util.unflatten_dict(arrays, sep="/")
        if _digest(variables) != record["digest"]:
            raise ValueError("the parameters are not those that were written")
        if {key: record[key] for key in made_by} != made_by:
            raise ValueError("it was made in another way than its name says")
        float(record["accuracy"])
    except Exception as error:  # zip, zlib, JSON and NumPy errors, whichever the damage meets first
        say(f"the classifier in {path} is damaged, and is trained again: {errors.describe(error)}")
        return None
    return variables, record
