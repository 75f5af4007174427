"""Our own form of published weights: our variables in a safetensors file, and where they are from.

Each variable is a float32 tensor named by its path, ``g/params/Conv_0/kernel``. The metadata have
one entry, ``jaxgan``, with JSON:

- ``format``: 1.
- ``family``, ``licence``, ``files`` (``name`` and ``sha256`` of each): what was converted.
- ``version``: of the jaxgan that did.
- ``network``, ``latent_dim``, ``generator``, ``discriminator``: the family in ``jaxgan.networks``
  and the fields of both modules, of which the latter may be ``null``.
- ``sha256``: of all values as they stand in the file.
"""

import hashlib
import importlib.metadata
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxgan import networks
from jaxgan.base import files
from jaxgan.weights import families, players
from jaxgan.weights.containers import OWN
from jaxgan.weights.fitting import Fitted
from jaxgan.weights.own_files import FORMAT
from jaxgan.weights.reading import File

PyTree = Any
FAMILIES = (OWN,)
PLAYERS = ("g", "d")
ALIGNMENT = 8


def fit(file: File) -> Fitted:
    """The networks of a file that ``write`` made.

    Raises:
      ValueError: for a network that jaxgan has not.
    """
    told = file.settings
    # A name of another place would be imported.
    if told["network"] not in networks.names():
        raise ValueError(f"network {told['network']!r} is not known here")
    g, d = (nested(file.networks.get(player, {})) for player in PLAYERS)
    judge = told["discriminator"]
    return Fitted(
        told["network"],
        told["latent_dim"],
        in_tuples(told["generator"]),
        g,
        None if judge is None else in_tuples(judge),
        None if judge is None else d,
    )


def write(fitted: Fitted, file: File, out: Path) -> None:
    """Writes the networks of ``file``, whole or not at all.

    Raises:
      WriteError: if it cannot be written.
    """
    trees = {"g": fitted.g, "d": fitted.d or {}}
    values = {path: np.asarray(x, "<f4", order="C") for path, x in players.leaves(trees)}
    header, end, digest = {}, 0, hashlib.sha256()
    for path, value in values.items():
        start, end = end, end + value.nbytes
        header[path] = {"dtype": "F32", "shape": value.shape, "data_offsets": [start, end]}
        digest.update(value.data)
    told = {**describe(fitted, file), "sha256": digest.hexdigest()}
    metadata = {OWN: json.dumps(told)}
    text = json.dumps({"__metadata__": metadata, **header}).encode()
    text += b" " * (-len(text) % ALIGNMENT)
    with files.replacing(out) as new, new.open("wb") as stream:
        stream.write(len(text).to_bytes(8, "little") + text)
        for value in values.values():
            stream.write(value.data)


def describe(fitted: Fitted, file: File) -> dict[str, Any]:
    """What is written beside the values."""
    sources = [file] if fitted.beside is None else [file, fitted.beside]
    return {
        "format": FORMAT,
        "family": file.family,
        "licence": file.licence,
        "files": [{"name": each.path.name, "sha256": each.sha256} for each in sources],
        "version": importlib.metadata.version("jaxgan"),
        "network": fitted.network,
        "latent_dim": fitted.latent_dim,
        "generator": families.plain(fitted.generator),
        "discriminator": families.plain(fitted.discriminator),
    }


def nested(flat: Mapping[str, np.ndarray]) -> dict[str, PyTree]:
    """A tree of dicts from arrays by their paths."""
    tree: dict[str, PyTree] = {}
    for path, value in flat.items():
        *above, last = path.split("/")
        node = tree
        for name in above:
            node = node.setdefault(name, {})
        node[last] = value
    return tree


def in_tuples(value: Any) -> Any:
    """Lists as tuples, which modules take for fields."""
    if isinstance(value, Mapping):
        return {name: in_tuples(entry) for name, entry in value.items()}
    return tuple(map(in_tuples, value)) if isinstance(value, list) else value
