"""Toy distributions in the plane, with the modes that coverage is measured against.

Each is generated in the units of the papers that use it and divided by a constant, ``SCALE``, so
that every point lies in [-1, 1]; ``means`` and ``sigma`` are in the same, scaled, units.

- ``ring``: 8 Gaussians on the unit circle, sigma 0.01 (Metz et al. 2017, arXiv:1611.02163).
- ``grid``: 25 Gaussians at {-4, -2, 0, 2, 4}^2, sigma 0.05 (as in Lin et al. 2018,
  arXiv:1712.04086).
- ``random``: 25 Gaussians at means drawn uniformly from [-4, 4]^2, sigma 0.05. Means drawn from a
  square are those of AdaGAN's toy data (Tolstikhin et al. 2017, arXiv:1701.02386); their number,
  the sigma, both as in ``grid``, and the seeded draw are our own, as is that a mean nearer than
  20 sigma to an earlier one is drawn again: modes that overlap could not be counted.
- ``swiss_roll``: (t cos t, t sin t) with t uniform in [1.5 pi, 4.5 pi], noise 0.25 (the plane of
  scikit-learn's ``make_swiss_roll``, as in Gulrajani et al. 2017, arXiv:1704.00028).
"""

from typing import Any

import numpy as np

from jaxgan.base.errors import UserError
from jaxgan.data.source import Source, Spec, check_split, in_memory, numbered

# The place of a name is the key of its random stream: a new one goes to the end.
NAMES = ("grid", "ring", "swiss_roll", "random")
SCALE = {"ring": 1.25, "grid": 5.0, "swiss_roll": 16.0, "random": 5.0}
SIZES = {"train": 100_000, "test": 10_000}
_SIGMA = {"ring": 0.01, "grid": 0.05, "swiss_roll": 0.25, "random": 0.05}
_RANDOM_MODES, _RANDOM_SIDE, _RANDOM_GAP = 25, 4.0, 1.0


def means(name: str) -> np.ndarray:
    """The modes' centres of ``ring``, ``grid`` or ``random``: float32 [K, 2], in the data's units.

    Raises:
      UserError: there are no modes, as for ``swiss_roll``.
    """
    if name == "ring":
        # Without endpoint=False the last centre would be the first again, and the modes seven.
        angles = np.linspace(0.0, 2.0 * np.pi, 8, endpoint=False)
        centres = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    elif name == "grid":
        ticks = np.array([-4.0, -2.0, 0.0, 2.0, 4.0])
        centres = np.stack(np.meshgrid(ticks, ticks, indexing="ij"), axis=-1).reshape(-1, 2)
    elif name == "random":
        centres = _scatter()
    else:
        raise UserError(f"{name!r} has no modes; 'ring', 'grid' and 'random' have")
    return (centres / SCALE[name]).astype(np.float32)


def _scatter() -> np.ndarray:
    """The means of ``random``, float64 [25, 2]: each keeps its distance from those before it."""
    # Raw words, which NumPy keeps the same from version to version (see order._permutation).
    words = np.random.Philox(key=[NAMES.index("random") + 1, len(SIZES)]).random_raw(1000)
    candidates = _RANDOM_SIDE * (words.reshape(-1, 2) / 2.0**63 - 1.0)
    centres: list[np.ndarray] = []
    for point in candidates:
        if all(np.linalg.norm(point - centre) > _RANDOM_GAP for centre in centres):
            centres.append(point)
    return np.stack(centres[:_RANDOM_MODES])


def sigma(name: str) -> float:
    """The standard deviation, per axis, of the noise around the modes or the curve."""
    return _SIGMA[name] / SCALE[name]


def describe(name: str, split: str) -> Spec:
    """The spec of ``open_mixture``, without drawing a point."""
    check_split(f"dataset {name!r}", split, list(SIZES))
    modes = 0 if name == "swiss_roll" else len(means(name))
    return Spec((2,), modes, SIZES[split], digest=f"{name}, sigma {sigma(name):g}: {split}")


def open_mixture(name: str, split: str) -> Source:
    """The points of a toy distribution: float32 [N, 2] in [-1, 1], the same in every run.

    Labels are the index of the mode, into ``means(name)``; ``swiss_roll`` has none.
    """
    spec = describe(name, split)
    known: dict[str, Any] = {
        "digest": spec.digest,
        "ids": lambda: numbered(list(SIZES).index(split), spec.size),
    }
    # The key, not a seed: distinct keys give streams that are known not to overlap.
    rng = np.random.Generator(
        np.random.Philox(key=[NAMES.index(name) + 1, list(SIZES).index(split)])
    )
    noise = rng.standard_normal((spec.size, 2)) * sigma(name)
    if name == "swiss_roll":
        t = 1.5 * np.pi * (1.0 + 2.0 * rng.random(spec.size))
        curve = np.stack([t * np.cos(t), t * np.sin(t)], axis=1) / SCALE[name]
        return in_memory(name, split, (curve + noise).astype(np.float32), None, 0, **known)
    labels = rng.integers(spec.num_classes, size=spec.size)
    points = (means(name)[labels] + noise).astype(np.float32)
    return in_memory(name, split, points, labels, spec.num_classes, **known)
