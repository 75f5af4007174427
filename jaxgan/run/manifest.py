"""The manifest of a checkpoint: checksums of its files, before it is believed."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import jax

from jaxgan.base.files import Place

MANIFEST = "manifest.json"

# What Orbax writes, or writes again, after the manifest; they hold nothing of the state.
UNLISTED = (MANIFEST, "commit_success.txt", "_CHECKPOINT_METADATA")


def write_manifests(directory: Path) -> None:
    """Writes the checksums of every step folder that has none, before Orbax renames it."""
    if jax.process_index() != 0:
        return
    for folder in directory.iterdir():
        if folder.is_dir() and not (folder / MANIFEST).exists():
            sums = {str(p.relative_to(folder)): checksum(p) for p in files(folder)}
            (folder / MANIFEST).write_text(json.dumps(sums, indent=1, sort_keys=True))


def files(folder: Path) -> Iterator[Path]:
    """The files of a step that its manifest lists."""
    return (p for p in sorted(folder.rglob("*")) if p.is_file() and p.name not in UNLISTED)


def checksum(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def damage(directory: Place, step: int) -> str | None:
    """What is wrong with a step's files, or ``None``."""
    folder = Path(directory, str(step))
    try:
        if not any(folder.iterdir()):
            return "its folder is empty"
        manifest = folder / MANIFEST
        if not manifest.is_file():
            return "it has no manifest"
        try:
            sums = dict(json.loads(manifest.read_bytes()))
        except (ValueError, TypeError):
            return "its manifest is damaged"
        for name, expected in sums.items():
            if not (folder / name).is_file():
                return f"{name} is missing"
            if checksum(folder / name) != expected:
                return f"{name} is damaged"
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    return None
