"""Opening a file of weights: which container it is, and the tree of what it holds."""

import functools
import json
import math
import pickle
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import jax.numpy as jnp
import numpy as np

from jaxgan.base import errors
from jaxgan.weights import unpickling

# Of a safetensors file, what is no tensor; and the entry in it that tells a file of ours.
METADATA, OWN = "__metadata__", "jaxgan"
# What a safetensors file calls its types.
SAFE = {
    "BF16": np.dtype(jnp.bfloat16),
    "BOOL": np.dtype("?"),
    "F16": np.dtype("<f2"),
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
    "I16": np.dtype("<i2"),
    "I32": np.dtype("<i4"),
    "I64": np.dtype("<i8"),
    "I8": np.dtype("i1"),
    "U8": np.dtype("u1"),
}


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """A context with what a file holds, its tensors readable by ``tensors.array`` inside of it.

    Known are both containers of ``torch.save``, plain pickles, ``.npz`` and safetensors. No code in
    them is run, and what is neither a tensor nor a container is refused.

    Raises:
      UserError: in one line, if it is none of these, damaged, cut short or refused.
    """
    try:
        with path.open("rb") as file:
            begins = file.read(9)
            file.seek(0)
            if begins[4:] == b"\0\0\0\0{":  # before the others: its length may look like theirs
                yield _safetensors(file)
            elif begins[:2] == b"PK":
                with zipfile.ZipFile(file) as archive:
                    yield _in_zip(archive, path)
            elif begins[:1] == pickle.PROTO:
                yield unpickling.load(file, path, functools.partial(_take, file))
            else:
                raise ValueError(f"it begins with {begins!r}" if begins else "it is empty")
    except errors.UserError:
        raise
    except OSError as error:
        raise errors.UserError(f"cannot read {path}: {error.strerror or error}") from error
    except Exception as error:  # a damaged pickle raises almost anything
        raise errors.UserError(
            f"{path} is no weights file, or damaged: {errors.describe(error)}"
        ) from error


def _take(file: IO[bytes], start: int, size: int) -> bytes:
    file.seek(start)
    return file.read(size)


def _in_zip(archive: zipfile.ZipFile, path: Path) -> Any:
    """What PyTorch wrote since 1.6, or NumPy."""
    names = archive.namelist()
    roots = [name.removesuffix("data.pkl") for name in names if name.endswith("/data.pkl")]
    if not roots:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    root = min(roots, key=len)
    if f"{root}byteorder" in names and archive.read(f"{root}byteorder").strip() != b"little":
        raise ValueError("it was written by a big-endian machine")
    with archive.open(f"{root}data.pkl") as stream:
        raw = functools.cache(lambda key: archive.read(f"{root}data/{key}"))
        return unpickling.Unpickler(stream, path, raw).load()


def _safetensors(file: IO[bytes]) -> Any:
    """A header of JSON after its length, then the values."""
    size = int.from_bytes(file.read(8), "little")
    header = json.loads(file.read(size))
    metadata = header.pop(METADATA, None) or {}
    found: dict[str, Any] = {METADATA: metadata} if OWN in metadata else {}
    for name, entry in header.items():
        dtype, shape = SAFE[entry["dtype"]], entry["shape"]
        start, end = entry["data_offsets"]
        if start < 0 or end - start != math.prod(shape) * dtype.itemsize:
            raise ValueError(f"{name} is at {start} to {end}, which is not {shape} of {dtype}")
        values = np.frombuffer(_take(file, 8 + size + start, end - start), dtype)
        found[name] = values.reshape(shape)
    return found
