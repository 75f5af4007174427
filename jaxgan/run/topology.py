"""A run's step compiled for a TPU slice that is not there: what it needs, and what bounds it."""

import dataclasses
import importlib.metadata
import importlib.util
import re
import time
from collections.abc import Iterator
from typing import Any

import jax
from jax.experimental import topologies
from ml_collections import ConfigDict

from jaxgan import config as configs
from jaxgan import data
from jaxgan.base import errors, parallel
from jaxgan.base.errors import UserError
from jaxgan.run import chips, encoded, lowering, program
from jaxgan.run.chips import Slice
from jaxgan.run.needs import Needs

PyTree = Any
# How many batches are tried between the largest that is known to fit and the least that does not;
# but none where one took so many seconds to compile.
BISECTIONS, PATIENCE = 3, 600
_MIB = 2**20


@dataclasses.dataclass(frozen=True)
class Trial:
    """A batch that was compiled for.

    Attributes:
      batch_size: of the config.
      samples: real ones that a step takes.
      needs: ``None`` where it could not be compiled.
      refusal: why it does not fit, '' where it does.
      state: bytes of it on a chip.
      total: bytes of a chip that it needs; 0 where the compiler does not say.
      seconds: that it took to compile.
    """

    batch_size: int
    samples: int
    needs: Needs | None
    refusal: str
    state: float = 0
    total: float = 0
    seconds: float = 0


def find(name: str) -> Slice:
    """The slice of that name.

    Raises:
      UserError: if there is none, as far as is known, and as ``devices`` does.
    """
    tpus = chips.find(name)
    devices(tpus)
    return tpus


def devices(tpus: Slice) -> list[jax.Device]:
    """The chips of a slice, on paper.

    Raises:
      UserError: if libtpu is missing, or does not take the slice.
    """
    if importlib.util.find_spec("libtpu") is None:
        raise UserError(
            "--topology needs libtpu, which compiles for TPUs that are not there: pip install "
            "'jaxgan[tpu]'"
        )
    try:
        found = topologies.get_topology_desc(tpus.name, platform="tpu", **tpus.options)
    except Exception as error:
        raise UserError(
            f"libtpu does not take topology {tpus.name!r} ({errors.describe(error)}); there are "
            f"{chips.known()}"
        ) from error
    return list(found.devices)


def describe(config: ConfigDict, tpus: Slice, hbm: float = 0, *, quick: bool = False) -> str:
    """What a step needs on each chip of a slice, and how many there can be in a second at most.

    Args:
      config: completed.
      tpus: the slice to compile for.
      hbm: bytes of memory of a chip; 0 for what it has.
      quick: see ``trials``.

    Raises:
      UserError: as ``trials`` does.
    """
    hbm = hbm or tpus.chip.hbm
    tried = trials(config, tpus, hbm, quick=quick)
    chip = "chip" if tpus.count == 1 else "chips"
    lines = [f"slice: {tpus.name}, {tpus.count} {chip}, on paper by libtpu {version()}"]
    if config.parallel.mode == "pmap":
        lines.append("mode: compiled as parallel.mode='jit', not 'pmap'")
    if quick:
        lines.append("quick: of a program that is not made to be fast; a run's needs other memory")
    if tried[0].refusal:
        fits = [f"{each.batch_size} {'does not' if each.refusal else 'does'}" for each in tried]
        lines += [
            f"a batch of {tried[0].batch_size} does not fit: {tried[0].refusal}",
            f"tried: {', '.join(fits)}",
        ]
    found = largest(tried)
    if found is None or found.needs is None:
        least = tried[-1].batch_size
        lines.append(f"no batch fits, down to {least}; see config.rematerialize, accumulate")
        return "\n".join(lines)
    if tried[0].refusal:
        lines.append(f"largest batch of these that fits: {found.batch_size}, with which")
    return "\n".join([*lines, *told(found.needs, found.samples, tpus, hbm)])


def told(found: Needs, samples: int, tpus: Slice, hbm: float) -> Iterator[str]:
    """The lines about a step of so many samples that fits."""
    chip = tpus.chip
    parts = {
        "state": found.state,
        "data": found.data,
        "batch and padding": found.arguments,
        "results": found.results,
        "temporary": found.temporary,
        "program": found.code,
    }
    memory = ", ".join(f"{name} {size / _MIB:,.1f}" for name, size in parts.items())
    yield (
        f"memory of a chip, MiB: {memory}; in all {found.total / _MIB:,.1f} of {hbm / _MIB:,.0f}, "
        "it fits"
    )
    passed = f", {found.passed / _MIB:,.1f} gathered or summed in parts" if found.passed else ""
    yield (
        f"collectives: {exchanges(found)}; {found.reduced / _MIB:,.1f} MiB are summed over chips"
        f"{passed}"
    )
    yield (
        f"work of a chip in a step: {found.flops:.3g} flops, {found.accessed:.3g} bytes accessed, "
        "in on-chip memory or outside"
    )
    if found.loops:
        yield f"  of {found.loops} loops each is counted as if it ran once: it is more"
    if found.branches:
        yield f"  of {found.branches} branches the dearer way is counted, as of a lazy term"
    times = chips.times(tpus, found.work)
    outside = 1e3 * found.accessed / chip.bandwidth
    at = {
        "arithmetic": f"{chip.flops / 1e12:.0f} TFLOP/s in bfloat16",
        "memory": f"{chip.bandwidth / 1e9:,.0f} GB/s; {outside:.3g} were no byte in on-chip memory",
        "interconnect": f"{chip.interconnect / 1e9:.0f} GB/s",
    }
    yield "least milliseconds of a step, which the most of these bounds:"
    for name, seconds in times.items():
        yield f"  {name} {1e3 * seconds:.3g}, at {at[name]}"
    by = max(times, key=lambda name: times[name])
    rate = 1 / times[by]
    such = " were all steps such" if found.branches else ""
    yield f"bound: {by}, at most {rate:,.0f} steps/s, {rate * samples:,.0f} images/s{such}"
    yield f"compiled in {found.seconds:.0f} s"


def exchanges(found: Needs) -> str:
    """How many collectives there are of each name, in words."""
    return ", ".join(f"{n:,} {name}" for name, n in sorted(found.collectives.items())) or "none"


def trials(config: ConfigDict, tpus: Slice, hbm: float = 0, *, quick: bool = False) -> list[Trial]:
    """The config's batch compiled, and smaller ones where it does not fit.

    After one that is too large the next is the largest that fits if memory beside the state grows
    with the batch, or half of it where that is not known. When one fits, some between are tried.
    All are multiples of the chips and of ``accumulate``.

    Args:
      config: completed.
      tpus: the slice to compile for.
      hbm: bytes of memory of a chip; 0 for what it has.
      quick: whether the compiler takes the least trouble: a fraction of the time, for a program
        with the same work, but other memory than that of a run.

    Raises:
      UserError: as ``devices`` and ``program.prepare`` do.
    """
    found, hbm, splits = devices(tpus), hbm or tpus.chip.hbm, encoded.of(config)
    unit = tpus.count * config.accumulate
    tried: list[Trial] = []

    def fits(size: int) -> bool:
        tried.append(trial(config, found, splits, size, hbm, quick=quick))
        return not tried[-1].refusal

    size = most = config.batch_size
    while not fits(size):
        size, most = smaller(tried[-1], hbm) // unit * unit, size
        if not size:
            return tried
    soon = max(each.seconds for each in tried) < PATIENCE
    for _ in range(BISECTIONS if len(tried) > 1 and soon else 0):
        between = (size + most) // 2 // unit * unit
        if between in (size, most):
            break
        size, most = (between, most) if fits(between) else (size, between)
    return tried


def smaller(refused: Trial, hbm: float) -> int:
    """The batch to try after one that does not fit."""
    size, state = refused.batch_size, refused.state
    if not refused.total > hbm > state:
        return size // 2
    return min(int(size * (hbm - state) / (refused.total - state)), size - 1)


def largest(tried: list[Trial]) -> Trial | None:
    """The largest batch that fits, if one does."""
    fitting = [each for each in tried if not each.refusal]
    return max(fitting, key=lambda each: each.batch_size, default=None)


def trial(
    config: ConfigDict,
    chosen: list[jax.Device],
    splits: data.Splits | encoded.Encoded,
    size: int,
    hbm: float,
    *,
    quick: bool = False,
) -> Trial:
    """The step of a batch of this size, compiled for chips with so many bytes of memory.

    Raises:
      UserError: as ``program.prepare`` does.
    """
    config = config.copy_and_resolve_references()
    # As many samples: by these, images grow, and the last phase is that of the whole.
    config.steps = -(-config.steps * config.batch_size // size)
    config.batch_size = size
    cut = config.parallel.shard_parameters
    over = parallel.over(chosen, "jit", size, configs.count(config), "chips", in_parts=cut)
    ready = program.prepare(config, splits, begins=False, devices=over)
    start = time.perf_counter()
    try:
        found = lowering.compiled(ready, splits, quick=quick)
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error) or "hbm" not in str(error).lower():
            raise
        refusal, total = str(error).splitlines()[0].partition(": ")[2], said(str(error))
        seconds = time.perf_counter() - start
        return Trial(size, ready.batch, None, refusal, ready.share, total, seconds)
    refusal = f"{found.total / _MIB:,.1f} MiB of {hbm / _MIB:,.1f}" if found.total > hbm else ""
    return Trial(size, ready.batch, found, refusal, found.state, found.total, found.seconds)


def said(error: str) -> float:
    """The bytes that a step needs, of the compiler's words that they are too many; else 0."""
    used = re.search(r"(?:Used |temporaries \()([\d.]+)([KMG])", error)
    return float(used[1]) * 2.0 ** {"K": 10, "M": 20, "G": 30}[used[2]] if used else 0


def version() -> str:
    """That of libtpu."""
    return importlib.metadata.version("libtpu")
