"""What a run says: a line on the terminal, a line in metrics.jsonl, and TensorBoard where it is."""

import contextlib
import dataclasses
import importlib.util
import json
import sys
import time
from pathlib import Path
from typing import Any

import jax

from jaxgan import files, lookup

TIMINGS = "time/"


@dataclasses.dataclass
class Log:
    """The log of a run; process 0 writes, the others are silent.

    Attributes:
      path: of the JSON-lines file.
      steps: of the whole run, for the time left.
      batch_size: for images a second.
      board: clu's writer, or ``None``.
    """

    path: Path
    steps: int
    batch_size: int
    board: Any = None
    _since: tuple[int, float] | None = None

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
        """Adds one line to metrics.jsonl."""
        if jax.process_index() != 0:
            return
        with self.path.open("a") as file:
            file.write(json.dumps({"step": step, **values}) + "\n")
        if self.board is not None:
            self.board.write_scalars(step, values)

    def picture(self, step: int, image: Any) -> None:
        """Shows a picture [H, W, C] uint8 on TensorBoard."""
        if self.board is not None:
            self.board.write_images(step, {"samples": image[None]})

    def say(self, text: str) -> None:
        """One line on the terminal."""
        if jax.process_index() == 0:
            print(text, flush=True)

    def warn(self, text: str) -> None:
        """One line on standard error."""
        if jax.process_index() == 0:
            print(text, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Writes out what TensorBoard still holds."""
        if self.board is not None:
            self.board.close()


def duration(seconds: float) -> str:
    """Hours, minutes and seconds: 1:02:03."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def truncate(path: Path, step: int) -> None:
    """Drops the lines after ``step`` and one that was cut off, so that none is there twice."""
    if not path.exists():
        return
    kept = []
    for line in path.read_text().splitlines():
        try:
            number = json.loads(line)["step"]
        except (ValueError, KeyError, TypeError):
            continue
        if number <= step:
            kept.append(line + "\n")
    with files.replacing(path) as new:
        new.write_text("".join(kept))


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
