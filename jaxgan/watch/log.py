"""What a run says: a line on the terminal, a line in metrics.jsonl, and TensorBoard where it is."""

import contextlib
import dataclasses
import importlib.util
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax

from jaxgan.base import files, lookup

TIMINGS = "time/"


@dataclasses.dataclass
class Log:
    """The log of a run; process 0 writes, the others are silent.

    Attributes:
      path: of the JSON-lines file.
      steps: of the whole run, for the time left.
      batch_size: for images a second.
      board: clu's writer, or ``None``.
      whose: begins each line on the terminal, where several runs share it.
    """

    path: Path
    steps: int
    batch_size: int
    board: Any = None
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
        self._show(lambda board: board.write_scalars(step, values))

    def picture(self, step: int, image: Any) -> None:
        """Shows a picture [H, W, C] uint8 on TensorBoard."""
        self._show(lambda board: board.write_images(step, {"samples": image[None]}))

    def open_board(self, workdir: Path, first: int) -> None:
        """Opens TensorBoard's files, see ``tensorboard``."""
        with self._board_or_none():
            self.board = tensorboard(workdir, first)

    def _show(self, call: Callable[[Any], None]) -> None:
        """Does something with TensorBoard."""
        with self._board_or_none():
            if self.board is not None:
                call(self.board)

    @contextlib.contextmanager
    def _board_or_none(self) -> Iterator[None]:
        """A context in which TensorBoard is given up at the first error: it has a copy."""
        with self.sparing("TensorBoard"):
            try:
                yield
            except Exception as error:  # of TensorFlow, out of a thread of clu's
                self.board = None
                raise files.WriteError(f"TensorBoard: {cause(error)}") from error

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
        """Writes out what TensorBoard still holds."""
        self._show(lambda board: board.close())


def cause(error: BaseException) -> str:
    """What lies behind an error of TensorBoard's writers, in one line."""
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


def tensorboard(workdir: Path, first: int) -> Any:
    """Clu's TensorBoard writer, if the ``tf`` extra is installed.

    Args:
      workdir: the run's folder.
      first: step that comes first; what is there of it and of later ones is dropped.
    """
    wanted = ("tensorflow", "tensorboard")
    if jax.process_index() != 0 or not all(map(importlib.util.find_spec, wanted)):
        return None
    lookup.quiet_tensorflow()
    import tensorflow
    from clu import metric_writers

    # TensorFlow would take all of the accelerator's memory for itself.
    tensorflow.config.set_visible_devices([], "GPU")
    folder = workdir / "tensorboard"
    for path in folder.glob("events.out.tfevents.*"):
        drop_events(path, first)
    writer = metric_writers.SummaryWriter(str(folder))
    # For a TensorBoard that has read the old files. Neither clu nor TensorFlow has a call for it.
    v1 = tensorflow.compat.v1
    start = v1.SessionLog(status=v1.SessionLog.START)
    event = v1.Event(wall_time=time.time(), step=first, session_log=start).SerializeToString()
    tensorflow.raw_ops.ImportEvent(writer=writer._summary_writer._resource, event=event)
    return metric_writers.AsyncWriter(writer)


def drop_events(path: Path, first: int) -> None:
    """Drops the events of step ``first`` and later from a file, and one that was cut off.

    A file that cannot be read or written is left as it is.
    """
    import tensorflow as tf

    def kept(record: bytes) -> bool:
        event = tf.compat.v1.Event.FromString(record)
        return event.step < first or event.HasField("file_version")

    with (
        contextlib.suppress(OSError, tf.errors.OpError),
        files.replacing(path) as new,
        tf.io.TFRecordWriter(str(new)) as file,
        contextlib.suppress(tf.errors.DataLossError),
    ):
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            if kept(record):
                file.write(record)
