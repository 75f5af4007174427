"""TensorBoard's files of a run, in which no step is twice when a run goes on."""

import contextlib
import importlib.util
import time
from pathlib import Path
from typing import Any

from jaxgan.base import files, lookup


def is_installed() -> bool:
    """Whether the ``tf`` extra is."""
    return all(map(importlib.util.find_spec, ("tensorflow", "tensorboard")))


def open_files(workdir: Path, first: int) -> Any:
    """Clu's TensorBoard writer.

    Args:
      workdir: the run's folder.
      first: step that comes first; what is there of it and of later ones is dropped.
    """
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
