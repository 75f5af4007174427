"""A run of a sweep at work: its commands one after another, each a process of its own."""

import dataclasses
import os
import signal
import subprocess
import time
from typing import Any

from jaxgan.base import files, preemption
from jaxgan.sweep.runs import FINISHED, Run


@dataclasses.dataclass
class Work:
    """What ``run`` does, and how far it is.

    Attributes:
      run: which it is.
      commands: that are still to come, by mode: ``'train'``, ``'evaluate'``.
      current: the mode and the command that was begun last.
    """

    run: Run
    commands: dict[str, list[str]]
    current: tuple[str, list[str]] | None = None
    _stopped: bool = False
    _process: Any = None
    _began: float = 0.0

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self._began

    def advance(self) -> int | None:
        """Begins what is due; the exit code if all has ended, or one has failed.

        That of a run that saved, too, where it was stopped before all had begun.

        Raises:
          WriteError: if there is no place for its output.
        """
        if self._process is None:
            self._began = time.monotonic()
            self._begin()
        code = self._process.poll()
        if code == FINISHED and self.commands:
            if self._stopped:  # as its training ended: it is not finished, but for the rest
                return preemption.EXIT_CODE
            self._begin()
            return None
        return code

    def _begin(self) -> None:
        """Starts the next command."""
        mode = next(iter(self.commands))
        self.current = mode, self.commands.pop(mode)
        with files.writing(self.run.log):
            self.run.log.parent.mkdir(parents=True, exist_ok=True)
            with self.run.log.open("a") as log:
                # Apart from the terminal's group: what is typed there comes once, from the sweep.
                self._process = subprocess.Popen(
                    self.current[1],
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    stdin=subprocess.DEVNULL,
                    start_new_session=True,
                    env={**os.environ, "PYTHONUNBUFFERED": "1"},
                )

    def stop(self) -> None:
        """Has it save, and end; an evaluation has nothing to save, and is made again."""
        self._stopped = True
        if self.current is not None and self._process.poll() is None:
            saves = self.current[0] == "train"
            self._process.send_signal(signal.SIGTERM if saves else signal.SIGKILL)

    def wait(self) -> None:
        """Until the process has ended."""
        if self._process is not None:
            self._process.wait()
