"""What led to a result, beside what it was measured by."""

import hashlib
import importlib.metadata
import json
from typing import Any

import jax
from ml_collections import ConfigDict

PACKAGES = ("jaxgan", "jax", "jaxlib", "flax", "numpy", "scipy")


def made_by(config: ConfigDict) -> dict[str, Any]:
    """The versions, the config, the seed and the backend of a run, as its results tell them."""
    return {
        "versions": {name: version(name) for name in PACKAGES},
        "config": digest(json.loads(config.to_json_best_effort())),
        "seed": config.seed,
        "backend": jax.default_backend(),
    }


def version(package: str) -> str:
    """Of a package; ``'unknown'`` for one that runs without having been installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def digest(value: Any) -> str:
    """The SHA-256 of a value as JSON, in hex."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
