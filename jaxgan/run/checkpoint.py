"""Checkpoints: Orbax behind one small door.

A step's folder appears whole or not at all: the state, what the loop keeps beside it, and a
manifest of checksums are written to a temporary folder, which is renamed last. Orbax restores a
damaged array without a word, so a step is verified against its manifest before it is believed.
"""

import dataclasses
import json
import logging
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp
from etils import epath
from orbax.checkpoint import checkpoint_managers as policies

from jaxgan.base import errors, liveness
from jaxgan.base.files import Place, amount, nearest, writing
from jaxgan.run.architecture import compare, leaves
from jaxgan.run.manifest import damage, write_manifests

PyTree = Any


@dataclasses.dataclass(frozen=True)
class Restored:
    """A step that was read back: its number, its arrays, and the loop's record beside them."""

    step: int
    tree: PyTree
    meta: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Checkpoints:
    """The checkpoints of a run that may write them; made by ``open_to_write``."""

    directory: Path
    manager: ocp.CheckpointManager
    needed: int

    def save(self, step: int, tree: PyTree, meta: dict, metric: float | None = None) -> None:
        """Starts to write ``step``; returns once the arrays may be overwritten.

        Raises:
          UserError: if the disk is too full, or the save before this one failed.
        """
        if step in self.manager.all_steps():
            return
        require_space(self.directory, self.needed)
        items = ocp.args.Composite(
            state=ocp.args.StandardSave(tree), meta=ocp.args.JsonSave({"step": step, **meta})
        )
        metrics = None if metric is None else {"metric": metric}
        with failing_as_user_error(self.directory):
            if not self.manager.save(step, args=items, metrics=metrics):
                latest = self.manager.latest_step()
                raise errors.UserError(f"checkpoint {step} was not written: {latest} is newer")

    def wait(self) -> None:
        """Waits until all is written.

        Raises:
          UserError: if it could not be.
        """
        with failing_as_user_error(self.directory):
            self.manager.wait_until_finished()

    def close(self) -> None:
        """Ends Orbax's threads.

        Raises:
          UserError: if what was still being written could not be.
        """
        with failing_as_user_error(self.directory):
            self.manager.close()


@contextmanager
def failing_as_user_error(directory: Place) -> Iterator[None]:
    """A context in which a failed write becomes one line that says what is left.

    Raises:
      UserError: for Orbax's and the system's errors.
    """
    try:
        yield
    except errors.UserError:
        raise
    except Exception as error:
        # Somewhere in a long story TensorStore has the number of what the system said.
        system = re.search(r"os_error_code='(\d+)'", str(error))
        said = os.strerror(int(system.group(1))) if system else str(error)
        reason = " ".join(said.split())[:200]
        good = last_good(directory)
        left = "there is none yet" if good is None else f"the last good one is step {good}"
        raise errors.UserError(
            f"a checkpoint could not be written to {directory} ({reason}); {left}"
        ) from error


def last_good(directory: Place) -> int | None:
    """The newest step that is whole, or ``None``."""
    return next((s for s in steps(directory)[::-1] if damage(directory, s) is None), None)


def open_to_write(
    directory: Place, *, keep: int, needed: int, best: bool = False, best_mode: str = "min"
) -> Checkpoints:
    """Opens ``directory`` for a run that holds its lock.

    Args:
      directory: where the steps lie; made if it is not there.
      keep: how many of the latest steps stay.
      needed: the size of one step in bytes, for the check of free space.
      best: whether the best step by the metric given to ``save`` stays as well.
      best_mode: ``'min'`` or ``'max'``.

    Raises:
      UserError: if there can be no such folder.
    """
    directory = Path(directory).absolute()  # Orbax takes no other
    with writing(directory):
        directory.mkdir(parents=True, exist_ok=True)
    if jax.process_index() == 0:
        for leftover in directory.glob("*.orbax-checkpoint-tmp*"):
            shutil.rmtree(leftover, ignore_errors=True)
    keeping: list[Any] = [policies.LatestN(keep)]
    if best:
        keeping.append(
            policies.BestN(
                get_metric_fn=metric_of,
                reverse=best_mode == "min",
                n=1,
                keep_checkpoints_without_metrics=False,
            )
        )
    options = ocp.CheckpointManagerOptions(
        preservation_policy=policies.AnyPreservationPolicy(keeping),
        best_fn=metric_of if best else None,
        best_mode=best_mode,
        async_options=ocp.options.AsyncOptions(
            post_finalization_callback=lambda: write_manifests(directory)
        ),
    )
    return Checkpoints(directory, ocp.CheckpointManager(directory, options=options), needed)


def metric_of(metrics: dict[str, float]) -> float:
    """The number that ``save`` was given."""
    return metrics["metric"]


def require_space(directory: Place, needed: int) -> None:
    """Refuses to start a save that the disk has no room for.

    Raises:
      UserError: if less than twice ``needed`` bytes are free (the step and its temporary files).
    """
    try:
        total, _, free = shutil.disk_usage(nearest(directory))
    except OSError:  # what cannot be asked may be written to all the same
        return
    if total and free < 2 * needed:  # what has no size at all is no disk
        raise errors.UserError(
            f"the disk is too full for a checkpoint in {directory}: {amount(free)} free, "
            f"{amount(2 * needed)} wanted; make room and run the same command again"
        )


def steps(directory: Place) -> list[int]:
    """The steps that have a folder, whole or damaged, in order.

    Raises:
      UserError: if the folder may not be looked into.
    """
    try:
        folders = [p for p in Path(directory).iterdir() if p.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise errors.UserError(f"{directory} cannot be read: {error.strerror}") from error
    return sorted(int(p.name) for p in folders if p.name.isdigit())


def metrics(directory: Place) -> dict[int, float]:
    """The metric that ranked each step that has one."""
    found = {}
    for step in steps(directory):
        try:
            stored = json.loads((Path(directory, str(step)) / "metrics" / "metrics").read_text())
            found[step] = float(stored["metric"])
        except (OSError, ValueError, KeyError):
            continue
    return found


def restore(
    directory: Place, template: PyTree, *, step: int | None = None, aside: Place | None = None
) -> Restored | None:
    """The newest good step, or ``step``.

    Args:
      directory: where the steps lie.
      template: a dictionary of arrays or ``ShapeDtypeStruct`` with the shardings to restore to;
        what is ``None`` there is taken as it is stored.
      step: take this one and no other.
      aside: where to move the damaged steps that are passed over, so that they can be written anew.

    Returns:
      The step, or ``None`` if there is none at all.

    Raises:
      UserError: if there are steps but none can be used.
      Exception: of JAX's or Orbax's, if another process was lost meanwhile.
    """
    directory = Path(directory)
    found = steps(directory)
    if step is not None and step not in found:
        have = ", ".join(map(str, found)) or "none"
        raise errors.UserError(f"there is no checkpoint of step {step} in {directory}; have {have}")
    reasons: list[tuple[int, str]] = []
    for candidate in [step] if step is not None else found[::-1]:
        reason = damage(directory, candidate)
        if reason is None:
            restored, reason = read(directory, candidate, template)
            if restored is not None:
                warn(reasons, candidate)
                move_aside(directory, [bad for bad, _ in reasons], Path(aside) if aside else None)
                return restored
        reasons.append((candidate, str(reason)))
    if reasons:
        told = "; ".join(f"step {bad}: {reason}" for bad, reason in reasons)
        raise errors.UserError(f"no checkpoint in {directory} can be used ({told})")
    return None


def read(directory: Path, step: int, template: PyTree) -> tuple[Restored | None, str]:
    """The step, or why it does not fit the template."""
    folder = directory.absolute() / str(step)
    try:
        stored = ocp.StandardCheckpointHandler().metadata(epath.Path(folder / "state")).tree
        sharding = jax.tree.leaves(template)[0].sharding
        taken = {name: stored.get(name) for name, part in template.items() if part is None}
        taken = jax.tree.map(
            lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharding), taken
        )
        template = {**template, **taken}
        difference = compare(leaves(stored), leaves(template))
        if difference:
            return None, difference
        with ocp.StandardCheckpointer() as arrays:
            tree = arrays.restore(folder / "state", template)
        with ocp.Checkpointer(ocp.JsonCheckpointHandler()) as records:
            return Restored(step, tree, records.restore(folder / "meta")), ""
    # Orbax raises whatever its backends do, a bare Exception among them.
    except Exception as error:
        # A process that was lost is no damage.
        if jax.process_count() > 1 and liveness.is_of_an_exchange(error):
            raise
        lines = str(error).strip().splitlines() or [type(error).__name__]
        return None, f"it cannot be read: {lines[0][:200]}"


def warn(reasons: list[tuple[int, str]], used: int) -> None:
    """Says which steps were passed over."""
    for bad, reason in reasons:
        logging.getLogger("jaxgan").warning(
            "checkpoint %d cannot be used (%s); using checkpoint %d", bad, reason, used
        )


def move_aside(directory: Path, bad: list[int], aside: Path | None) -> None:
    """Moves damaged steps out of the way: nothing is deleted, and their numbers are free again.

    Raises:
      UserError: if the place for them cannot be written to.
    """
    if aside is None or jax.process_index() != 0:
        return
    for step in bad:
        with writing(aside):
            aside.mkdir(parents=True, exist_ok=True)
            target = next(
                path
                for i in range(1_000_000)
                if not (path := aside / (f"checkpoint_{step}" + (f"_{i}" if i else ""))).exists()
            )
            (directory / str(step)).rename(target)
