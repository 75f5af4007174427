"""TFDS datasets, read from array_record without TensorFlow, and never downloaded by reading."""

import difflib
import importlib.util
import logging
import os
import pathlib
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from jaxgan.base import files
from jaxgan.base.errors import UserError
from jaxgan.data import images, mixtures
from jaxgan.data.source import Batch, Source, Spec, digest_of, one_line

# The datasets that are not TFDS's; here, because an unknown name may be meant to be one of them.
BUILT_IN = ("digits", "digit_edges", *mixtures.NAMES, "stacked_mnist", "folder", "pairs", "npz")
_VERSION = re.compile(r"\d+\.\d+\.\d+")
_CHUNK = 1024  # records held at a time where their labels are wanted


def default_dir(data_dir: str) -> pathlib.Path:
    """The folder of prepared datasets: ``data_dir``, else $TFDS_DATA_DIR, else TFDS's default.

    Raises:
      UserError: the folder lies in a home folder, and there is none.
    """
    chosen = data_dir or os.environ.get("TFDS_DATA_DIR")
    if chosen:
        return files.expanded(chosen)
    try:
        return files.expanded("~/tensorflow_datasets")
    except UserError as error:
        raise UserError(f"{error} in data.data_dir or TFDS_DATA_DIR") from error


def check_name(name: str) -> None:
    """Raise a UserError naming the nearest known dataset, if TFDS has no such dataset."""
    import tensorflow_datasets as tfds

    base = re.split("[/:]", name, maxsplit=1)[0]
    known = [*BUILT_IN, *tfds.list_builders(with_community_datasets=False)]
    if base in known:
        return
    near = difflib.get_close_matches(base.lower(), known, n=1)
    hint = (
        f"did you mean {near[0]!r}?" if near else f"known: {', '.join(BUILT_IN)}, and those of TFDS"
    )
    ours = base.isidentifier() and base not in sys.stdlib_module_names
    if ours and importlib.util.find_spec(base) is not None:
        hint = f"of the module of that name, name a function: {base + '.FUNCTION'!r}"
    raise UserError(f"unknown dataset {name!r}; {hint}")


def describe(
    name: str, data_dir: str, split: str, *, image_size: int = 0, channels: int = 0
) -> Spec:
    """The spec of ``open_catalogue``, from the metadata of the prepared dataset alone."""
    return _spec(_builder(name, default_dir(data_dir)).info, split, image_size, channels)


def open_catalogue(
    name: str, data_dir: str, split: str, *, image_size: int = 0, channels: int = 0
) -> Source:
    """A prepared TFDS image dataset: uint8 [N, H, W, C], with its feature 'label' if it has one.

    ``name`` is NAME, NAME/CONFIG, or either with :VERSION; without a version, the newest prepared
    one. Images are decoded whenever they are read.

    Raises:
      UserError: TFDS has no such dataset; it is not prepared in ``data_dir`` as array_record; it
        has no such split; it has no uint8 feature 'image' of fixed size, or of any size where
        ``image_size`` is given; or, on reading, a record is damaged.
    """
    import tensorflow_datasets as tfds

    # TFDS says once that OpenCV would be faster; here Pillow is meant.
    logging.getLogger("absl").addFilter(_about_anything_but_opencv)
    builder = _builder(name, default_dir(data_dir))
    spec = _spec(builder.info, split, image_size, channels)
    kinds = builder.info.features.items()
    stored = [key for key, kind in kinds if isinstance(kind, tfds.features.Image)]
    encoded = dict.fromkeys(stored, tfds.decode.SkipDecoding())
    records = _records(name, builder, split)
    undecoded = _records(name, builder, split, decoders=encoded)

    def read(indices: np.ndarray) -> Batch:
        rows = records(indices)
        pixels = [images.fit(row["image"], image_size, channels) for row in rows]
        batch = {"image": np.stack(pixels)}
        if spec.num_classes:
            batch["label"] = np.array([row["label"] for row in rows], np.int32)
        return batch

    def labels(indices: np.ndarray) -> np.ndarray:
        parts = (indices[start : start + _CHUNK] for start in range(0, len(indices), _CHUNK))
        found = [row["label"] for part in parts for row in undecoded(part)]
        return np.array(found, np.int32)

    return Source(
        name,
        split,
        read=read,
        labels=labels if spec.num_classes else None,
        ids=lambda: _ids(builder.info, split),
        **spec._asdict(),
    )


def _records(
    name: str, builder: Any, split: str, **options: Any
) -> Callable[[np.ndarray], Sequence[Any]]:
    """What maps indices [B] to the records, each a dictionary of its features."""
    try:
        source = builder.as_data_source(split=split, **options)
    except Exception as error:  # array_record reports a damaged file in its own many ways
        raise _damaged(name, builder, error) from error

    def records(indices: np.ndarray) -> Sequence[Any]:
        chosen = [int(i) for i in indices]
        try:
            return source.__getitems__(chosen)  # in one call: three times as fast as one by one
        except Exception as error:
            raise _damaged(name, builder, error, _culprit(source, chosen, split)) from error

    return records


def _ids(info: Any, split: str) -> np.ndarray:
    """The places of a split's records among those of all splits, int64 [N], see ``Source``."""
    first, total = {}, 0
    for part in (info.splits[known] for known in sorted(info.splits)):
        for path, length in zip(part.filepaths, part.shard_lengths, strict=True):
            first[os.path.basename(path)], total = total, total + length
    return np.concatenate(
        [
            first[part.basename()] + np.arange(part.skip, part.skip + part.take, dtype=np.int64)
            for part in info.splits[split].file_instructions
        ]
    )


def _culprit(records: Any, chosen: Sequence[int], split: str) -> str:
    """The name of the first record of ``chosen`` that cannot be read by itself."""
    for index in chosen:
        try:
            records[index]
        except Exception:
            return f"record {index} of {split!r}"
    return f"records of {split!r}"


def _about_anything_but_opencv(record: logging.LogRecord) -> bool:
    return "OpenCV is not installed" not in str(record.msg)


def _builder(name: str, root: pathlib.Path) -> Any:
    """The read-only builder of a prepared dataset, found without writing anything.

    ``tfds.data_source`` and ``tfds.builder`` would start a download for a set that is missing.
    """
    import tensorflow_datasets as tfds

    folder = _find(name, root)
    if folder is None:
        check_name(name)
        raise UserError(f"dataset {name!r} is not prepared in {root}; {_how_to(name, root)}")
    try:
        builder = tfds.builder_from_directory(folder)
        formats = {f.value for f in builder.info.available_file_formats()}
    except Exception as error:
        raise UserError(
            f"dataset {name!r} in {folder} is damaged: {one_line(error)}; delete that folder,"
            f" then {_how_to(name, root)}"
        ) from error
    if "array_record" not in formats:
        raise UserError(
            f"dataset {name!r} in {folder} is stored as {', '.join(sorted(formats))}, which needs"
            f" TensorFlow to read; delete that folder, then {_how_to(name, root)}"
        )
    return builder


def _how_to(name: str, root: pathlib.Path) -> str:
    return (
        "prepare it with: pip install 'jaxgan[tf]' &&"
        f" python -m jaxgan.data.prepare {name} --data_dir={root}"
    )


def _find(name: str, root: pathlib.Path) -> pathlib.Path | None:
    """The folder of the newest prepared version of a dataset, or None."""
    base, _, version = name.partition(":")
    if not base or ".." in base or base.startswith("/"):
        return None
    folder = root / base
    if version:
        return folder / version if _prepared(folder / version) else None
    found = _versions(folder)
    if found:
        return found[-1]
    configs = sorted(sub.name for sub in _folders(folder) if _versions(sub))
    if configs:
        raise UserError(
            f"dataset {name!r} in {root} has configs; set data.name to one of:"
            f" {', '.join(f'{base}/{config}' for config in configs)}"
        )
    return None


def _folders(folder: pathlib.Path) -> list[pathlib.Path]:
    return [sub for sub in folder.iterdir() if sub.is_dir()] if folder.is_dir() else []


def _versions(folder: pathlib.Path) -> list[pathlib.Path]:
    found = [sub for sub in _folders(folder) if _VERSION.fullmatch(sub.name) and _prepared(sub)]
    return sorted(found, key=lambda sub: [int(n) for n in sub.name.split(".")])


def _prepared(folder: pathlib.Path) -> bool:
    return (folder / "dataset_info.json").is_file()


def _spec(info: Any, split: str, image_size: int, channels: int) -> Spec:
    """The spec of a split, after checking that it is one of images that can be batched."""
    name = info.name
    try:
        part = info.splits[split]  # also understands 'train[:1000]'
        size = part.num_examples
        missing = [str(path) for path in part.filepaths if not os.path.exists(path)]
    except (KeyError, ValueError) as error:
        known = ", ".join(sorted(info.splits))
        raise UserError(f"dataset {name!r} has no split {split!r}; it has: {known}") from error
    if missing:
        raise UserError(f"dataset {name!r} is incomplete: the file {missing[0]} is missing")
    if not size:
        raise UserError(f"the split {split!r} of dataset {name!r} is empty")
    features = info.features
    # TFDS's own mapping: it has no get().
    image: Any = features["image"] if "image" in features else None  # noqa: SIM401
    shape: Any = getattr(image, "shape", ())
    if len(shape) != 3 or shape[-1] not in (1, 3) or image.np_dtype != np.uint8:
        raise UserError(
            f"dataset {name!r} has no 'image' of uint8 [H, W, 1 or 3]; its features are:"
            f" {', '.join(sorted(features))}"
        )
    if None in shape and not image_size:
        raise UserError(f"the images of dataset {name!r} differ in size; set data.image_size")
    label: Any = features["label"] if "label" in features else None  # noqa: SIM401
    num_classes = getattr(label, "num_classes", None) or 0
    return Spec(
        images.fitted(shape, image_size, channels),
        num_classes,
        size,
        tuple(label.names) if num_classes else (),
        _digest(info, part),
    )


def _digest(info: Any, part: Any) -> str:
    """The digest of a part of a split, from metadata and the sizes of its files."""
    files = [
        (file.basename(), os.path.getsize(file.filename), file.skip, file.take)
        for file in part.file_instructions
    ]
    # Files grow by 64 KiB, and these sizes, which only whole splits have, by the byte.
    used = {name for name, *_ in files}
    whole = [
        (known, int(info.splits[known].num_bytes), info.splits[known].shard_lengths)
        for known in sorted(info.splits)
        if used & {os.path.basename(path) for path in info.splits[known].filepaths}
    ]
    return digest_of(str(info.version), files, whole)


def _damaged(name: str, builder: Any, error: Exception, what: str = "the data") -> UserError:
    return UserError(
        f"cannot read {what} of dataset {name!r} in {builder.data_dir}: {one_line(error)}"
    )
