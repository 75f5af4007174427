"""Whether stored arrays are those of a configuration: the same paths, shapes and types."""

from typing import Any

import jax

PyTree = Any


def leaves(tree: PyTree) -> dict[str, tuple[tuple[int, ...], str]]:
    """Shape and dtype of every array, by its path."""

    def name(key: Any) -> str:
        return str(getattr(key, "key", getattr(key, "name", getattr(key, "idx", key))))

    flat, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {
        ".".join(name(key) for key in path): (tuple(leaf.shape), str(leaf.dtype))
        for path, leaf in flat
    }


def compare(stored: dict, wanted: dict) -> str:
    """The first way in which a stored tree differs from the one wanted, or ''."""
    for path in sorted(stored.keys() ^ wanted.keys()):
        where = "not in this configuration" if path in stored else "missing in it"
        return f"it is of another architecture: {path} is {where}"
    for path, (shape, dtype) in wanted.items():
        if stored[path] != (shape, dtype):
            there = f"{stored[path][1]}{list(stored[path][0])}"
            return f"it does not fit: {path} is {there} there, {dtype}{list(shape)} here"
    return ""
