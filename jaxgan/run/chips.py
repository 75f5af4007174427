"""TPUs by name: what a chip has, what a slice is called, and the least time that work takes on it.

Figures of the chips are of Google Cloud's pages (docs.cloud.google.com/tpu/docs/v4, v5e, v5p, v6e):
peak arithmetic in bfloat16, bandwidth of HBM, and of the interconnect half of what they call
bidirectional, for v4 six links of 50 GB/s (Jouppi et al. 2023, arXiv:2304.01433). Of the 32, 16, 95
and 32 GB of HBM there, ``hbm`` is what a program may take, as libtpu 0.0.42 says when it refuses
one that takes more. JAX need not be loaded.
"""

import dataclasses
import math
import re
from typing import Any

from jaxgan.base.errors import UserError

MOST = 256
# Before JAX is loaded. Nothing runs, so another process may have libtpu as well. Nothing is kept of
# what is compiled: JAX cannot read it again where there is no TPU.
ENVIRONMENT = {
    "JAX_PLATFORMS": "cpu",
    "JAX_ENABLE_COMPILATION_CACHE": "0",
    "TPU_SKIP_MDS_QUERY": "1",
    "TPU_ACCELERATOR_TYPE": "v5litepod-8",
    "TPU_WORKER_HOSTNAMES": "localhost",
    "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",
}


@dataclasses.dataclass(frozen=True)
class Chip:
    """What one chip has.

    Attributes:
      flops: a second at most, of products in bfloat16; XLA rounds those of float32 to it, too.
      hbm: bytes of memory that a program may take.
      bandwidth: of that memory, bytes a second.
      interconnect: bytes a second that it sends to other chips at most, over all of its links.
      slices: some that Google Cloud has.
      options: for ``get_topology_desc``.
    """

    flops: float
    hbm: float
    bandwidth: float
    interconnect: float
    slices: tuple[str, ...]
    options: dict[str, Any] = dataclasses.field(default_factory=dict)


_FLAT = ("1x1", "2x2", "2x4", "4x4", "4x8", "8x8", "8x16", "16x16")
_DEEP = ("1x1x1", "2x2x1", "2x2x2", "2x2x4", "2x4x4", "4x4x4", "4x4x8", "4x8x8")
_GIB = 2.0**30
CHIPS = {
    # Both cores of a chip as one device, as JAX has them where there is one.
    "v4": Chip(275e12, 30.75 * _GIB, 1200e9, 300e9, _DEEP, {"chip_config_name": "megacore"}),
    "v5e": Chip(197e12, 15.75 * _GIB, 819e9, 200e9, _FLAT),
    "v5p": Chip(459e12, 95.74 * _GIB, 2765e9, 600e9, _DEEP),
    "v6e": Chip(918e12, 31.25 * _GIB, 1638e9, 400e9, _FLAT),
}


@dataclasses.dataclass(frozen=True)
class Slice:
    """Chips that are connected.

    Attributes:
      name: such as ``v5e:4x4``.
      chip: what each of them is.
      count: how many there are.
    """

    name: str
    chip: Chip
    count: int

    @property
    def options(self) -> dict[str, Any]:
        """For ``get_topology_desc``: its hosts have four chips each, unless there is only one."""
        alone = {"chips_per_host_bounds": (1, 1, 1)} if self.count == 1 else {}
        return {**self.chip.options, **alone}


def find(name: str) -> Slice:
    """The slice of that name, which libtpu may still refuse.

    Raises:
      UserError: naming those there are.
    """
    kind, _, shape = name.partition(":")
    if kind not in CHIPS or not re.fullmatch(r"[1-9]\d{0,2}(x[1-9]\d{0,2}){1,2}", shape):
        raise UserError(f"unknown topology {name!r}; there are {known()}")
    count = math.prod(map(int, shape.split("x")))
    if count > MOST:
        raise UserError(f"topology {name!r} has {count} chips, and at most {MOST} are compiled for")
    return Slice(name, CHIPS[kind], count)


def known() -> str:
    """The slices there are, in words."""
    return "; ".join(f"{name}:{', '.join(chip.slices)}" for name, chip in CHIPS.items())


@dataclasses.dataclass(frozen=True)
class Work:
    """What one chip has to do in a step.

    Attributes:
      flops: operations.
      moved: bytes that cross to its memory and back at least.
      reduced: bytes that are summed over all chips.
      passed: bytes that are gathered, or summed where each chip keeps a part.
    """

    flops: float
    moved: float
    reduced: float
    passed: float = 0


def times(tpus: Slice, work: Work) -> dict[str, float]:
    """The least seconds that the work takes, by what is needed for it; the largest bounds it.

    To sum B bytes over n chips, each sends 2 (n - 1) / n B at least: a part of what it has for the
    sums, and sums to the others. To gather B bytes, or to keep a part of the sums, takes one half.
    """
    chip, n = tpus.chip, tpus.count
    return {
        "arithmetic": work.flops / chip.flops,
        "memory": work.moved / chip.bandwidth,
        "interconnect": (n - 1) / n * (2 * work.reduced + work.passed) / chip.interconnect,
    }
