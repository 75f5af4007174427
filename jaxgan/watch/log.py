"""What a run says: on the terminal, in metrics.jsonl, and on trackers."""

import contextlib
import dataclasses
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
from ml_collections import ConfigDict

from jaxgan.base import files
from jaxgan.watch import tensorboard, wandb

TIMINGS = "time/"
TENSORBOARD, WANDB = "TensorBoard", "Weights & Biases"


@dataclasses.dataclass
class Log:
    """The log of a run; process 0 writes, the others are silent.

    Attributes:
      path: of the JSON-lines file.
      steps: of the whole run, for the time left.
      batch_size: for images a second.
      trackers: what else shows it, by name; each has the calls of clu's ``MetricWriter``.
      whose: begins each line on the terminal, where several runs share it.
    """

    path: Path
    steps: int
    batch_size: int
    trackers: dict[str, Any] = dataclasses.field(default_factory=dict)
    whose: str = ""
    _since: tuple[int, float] | None = None
    _without: set[str] = dataclasses.field(default_factory=set)

    def clock(self, step: int) -> None:
        """Starts to measure speed from ``step`` on."""
        self._since = (step, time.perf_counter())

    def train(self, step: int, metrics: dict[str, float]) -> None:
        """Logs the means of an interval, with the speed of it."""
        timings, left = {}, ""
        if self._since and step > self._since[0]:
            now = time.perf_counter()
            rate = (step - self._since[0]) / (now - self._since[1])
            timings = {
                TIMINGS + "steps_per_second": round(rate, 3),
                TIMINGS + "images_per_second": round(rate * self.batch_size, 1),
            }
            left = f"{rate:.1f} steps/s  {rate * self.batch_size:.0f} images/s  "
            left += f"{duration((self.steps - step) / rate)} left"
        self.clock(step)
        self.write(step, {**metrics, **timings})
        shown = "  ".join(f"{k} {v:.4g}" for k, v in metrics.items())
        self.say(f"step {step}/{self.steps}  {shown}  {left}")

    def write(self, step: int, values: dict[str, float]) -> None:
        """Adds one line to metrics.jsonl.

        Raises:
          WriteError: if it cannot be written.
        """
        if jax.process_index() != 0:
            return
        with files.writing(self.path), self.path.open("a") as file:
            file.write(json.dumps({"step": step, **values}) + "\n")
        self._show(lambda tracker: tracker.write_scalars(step, values))

    def picture(self, step: int, image: Any) -> None:
        """Shows a picture [H, W, C] uint8 on the trackers."""
        self._show(lambda tracker: tracker.write_images(step, {"samples": image[None]}))

    def open_trackers(self, workdir: Path, config: ConfigDict, first: int) -> None:
        """Opens those that the config asks for.

        Args:
          workdir: of the run.
          config: of the run.
          first: the step that is logged next.
        """
        if jax.process_index() != 0:
            return
        if config.log.tensorboard and tensorboard.is_installed():
            with self._tried(TENSORBOARD):
                self.trackers[TENSORBOARD] = tensorboard.open_files(workdir, first)
        if config.log.wandb:
            with self._tried(WANDB):
                self.trackers[WANDB] = wandb.Tracker.open(workdir, config)
                self.say(f"{WANDB}: {self.trackers[WANDB].place}")

    def _show(self, call: Callable[[Any], None]) -> None:
        """Does something with each tracker."""
        for name, tracker in [*self.trackers.items()]:
            with self._tried(name):
                call(tracker)

    @contextlib.contextmanager
    def _tried(self, name: str) -> Iterator[None]:
        """A context in which a tracker is given up at the first error: it has a copy."""
        with self.sparing(name):
            try:
                yield
            except Exception as error:  # of TensorFlow, out of a thread of clu's, or of W&B
                self.trackers.pop(name, None)
                raise files.WriteError(f"{name}: {cause(error)}") from error

    @contextlib.contextmanager
    def sparing(self, what: str) -> Iterator[None]:
        """A context for what a run can do without: the first that cannot be written is a warning.

        Args:
          what: its name.
        """
        try:
            yield
        except files.WriteError as error:
            if what not in self._without:
                self._without.add(what)
                self.warn(f"{error}; the run goes on without {what}")

    def say(self, text: str) -> None:
        """One line on the terminal."""
        if jax.process_index() == 0:
            with self.sparing("lines on standard output"), files.writing("standard output"):
                print(self.whose + text, flush=True)

    def warn(self, text: str) -> None:
        """One line on standard error."""
        # Where it goes to a file on a full disk, or to nobody, there is no place left to say so.
        if jax.process_index() == 0:
            with contextlib.suppress(OSError):
                print(self.whose + text, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Writes out what trackers still hold, and closes them."""
        self._show(lambda tracker: tracker.close())
        self.trackers.clear()


def cause(error: BaseException) -> str:
    """What lies behind an error of a tracker, in one line."""
    while error.__cause__:
        error = error.__cause__
    first = next(iter(str(error).splitlines()), "") or type(error).__name__
    # TensorFlow begins with the name of an operation.
    return first.rpartition("}} ")[2][:300]


def duration(seconds: float) -> str:
    """Hours, minutes and seconds: 1:02:03."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def truncate(path: Path, step: int) -> None:
    """Drops the lines after ``step`` and one that was cut off, so that none is there twice.

    Raises:
      WriteError: if the file cannot be read or written anew.
    """
    with files.writing(path):
        if not path.exists():
            return
        kept = []
        # Bytes: after a crash a line may hold anything.
        for line in path.read_bytes().splitlines():
            try:
                if json.loads(line)["step"] <= step:
                    kept.append(line + b"\n")
            except (ValueError, KeyError, TypeError):
                continue
        with files.replacing(path) as new:
            new.write_bytes(b"".join(kept))
