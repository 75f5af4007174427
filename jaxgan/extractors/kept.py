"""Trained classifiers kept in files: found again by what made them, and checked."""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from flax import traverse_util

from jaxgan.base import errors, files

PyTree = Any
Say = Callable[[str], None]


def file_name(made_by: dict[str, Any]) -> str:
    """For people the dataset and its shape, and for us a hash of everything."""
    made = hashlib.sha256(json.dumps(made_by, sort_keys=True).encode()).hexdigest()
    dataset = made_by["dataset"].replace("/", "_").replace(":", "_")
    return f"domain_{dataset}_{'x'.join(map(str, made_by['shape']))}_{made[:16]}.npz"


def digest_of(variables: PyTree) -> str:
    """The SHA-256 of all parameters and statistics: their names, shapes and bytes."""
    digest = hashlib.sha256()
    for name, value in sorted(traverse_util.flatten_dict(variables, sep="/").items()):
        array = np.ascontiguousarray(value)
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def write(path: Path, variables: PyTree, record: dict[str, Any], say: Say) -> None:
    """Keeps the classifier; a disk that takes nothing costs the next run the training, no more."""
    arrays = traverse_util.flatten_dict(variables, sep="/")
    try:
        with files.replacing(path) as temporary, temporary.open("wb") as file:
            np.savez(file, record=np.array(json.dumps(record)), **arrays)
    except OSError as error:
        say(f"the classifier cannot be kept: {error}")


def read(path: Path, made_by: dict[str, Any], say: Say) -> tuple[PyTree, dict[str, Any]] | None:
    """What ``write`` kept, or None if there is nothing or not what was written."""
    if not os.path.exists(path):
        return None
    try:
        # Opened here, because NumPy leaves a file open that it finds damaged.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        record = json.loads(str(arrays.pop("record")))
        variables = traverse_util.unflatten_dict(arrays, sep="/")
        if digest_of(variables) != record["digest"]:
            raise ValueError("the parameters are not those that were written")
        if {key: record[key] for key in made_by} != made_by:
            raise ValueError("it was made in another way than its name says")
        float(record["accuracy"])
    except Exception as error:  # zip, zlib, JSON and NumPy errors, whichever the damage meets first
        say(f"the classifier in {path} is damaged, and is trained again: {errors.describe(error)}")
        return None
    return variables, record
