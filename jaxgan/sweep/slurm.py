"""Runs as jobs of SLURM, through submitit: an array, of which so many run at once."""

import dataclasses
import importlib.util
import logging
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from jaxgan.base import errors, preemption
from jaxgan.sweep.runs import Ended
from jaxgan.sweep.work import Work

# Seconds between two looks at a process, and at SLURM's queue.
PAUSE, LOOK = 0.5, 20.0
# Seconds in which SLURM ends a job that it has told to save.
GRACE = 60.0


@dataclasses.dataclass
class Job:
    """What a job does: a run's commands, which begin again where they were when it is put back."""

    work: Work

    def __call__(self) -> int:
        """Works until all has ended, or one has failed.

        Returns:
          The exit code.
        """
        while True:
            code = self.work.advance()
            if code == preemption.EXIT_CODE:
                # Who told it to save takes its place, too, and begins it anew elsewhere. Else it
                # goes on here.
                time.sleep(GRACE)
                self.work = self.again()
            elif code is not None:
                return code
            time.sleep(PAUSE)

    def again(self) -> Work:
        """The work from the command on that was begun last."""
        current = self.work.current
        return Work(self.work.run, dict([current] if current else []) | self.work.commands)

    def checkpoint(self) -> Any:
        """Saves before the job's time is over or its place is taken; submitit calls it then."""
        from submitit.helpers import DelayedSubmission

        again = Job(self.again())
        self.work.stop()
        self.work.wait()
        return DelayedSubmission(again)


@dataclasses.dataclass
class Slurm:
    """The executor of a cluster.

    Attributes:
      submit: takes functions, gives a job of submitit's for each.
      queued: the numbers of the jobs that wait or run.
      going: the jobs, with what they do, and when they were submitted.
    """

    submit: Callable[[list[Job]], list[Any]]
    queued: Callable[[], set[str]]
    going: list[tuple[Any, Work, float]] = dataclasses.field(default_factory=list)
    _lost: set[str] = dataclasses.field(default_factory=set)
    _looked: float = 0.0

    def add(self, works: Iterable[Work]) -> None:
        """Submits these."""
        works = list(works)
        jobs = self.submit([Job(work) for work in works]) if works else []
        now = time.monotonic()
        self.going += [(job, work, now) for job, work in zip(jobs, works, strict=True)]

    @property
    def busy(self) -> bool:
        """Whether a job has not ended."""
        return bool(self.going)

    def advance(self) -> list[Ended]:
        """Tells which have ended since."""
        lost = self._gone()
        done = [each for each in self.going if each[0].done() or each[0].job_id in lost]
        self.going = [each for each in self.going if each not in done]
        now = time.monotonic()
        return [Ended(work.run, code_of(job), now - began) for job, work, began in done]

    def _gone(self) -> set[str]:
        """Jobs that were missing from the queue at this look and at the one before.

        One that is killed leaves no result; where SLURM keeps no accounts nothing else tells.
        """
        if time.monotonic() - self._looked < LOOK:
            return set()
        self._looked, before = time.monotonic(), self._lost
        self._lost = {job.job_id for job, _, _ in self.going} - self.queued()
        return before & self._lost

    def stop(self) -> None:
        """Takes the jobs back; SLURM's signal has those that run save."""
        for job, _, _ in self.going:
            job.cancel(check=False)
        self.going.clear()


def code_of(job: Any) -> int:
    """The exit code that a job of submitit's returned; 1 where it was ended without one."""
    if not job.paths.result_pickle.exists() or job.exception() is not None:
        return 1
    return int(job.result())


def squeue() -> set[str]:
    """The numbers of this user's jobs, those of arrays as ``4_1``.

    Raises:
      UserError: if SLURM does not answer.
    """
    command = ["squeue", "--me", "--noheader", "--array", "--format=%i"]
    done = subprocess.run(command, text=True, capture_output=True)
    if done.returncode:
        raise errors.UserError(f"squeue: {done.stderr.strip()}")
    return set(done.stdout.split())


def open_slurm(folder: Path, most: int, parameters: Mapping[str, str]) -> Slurm:
    """An executor that submits to this machine's SLURM.

    Args:
      folder: for what submitit writes.
      most: jobs that run at once; 0: as many as SLURM has room for.
      parameters: of submitit's ``SlurmExecutor``: ``partition``, ``time`` (minutes), ``mem``,
        ``gpus_per_node``, ...

    Raises:
      UserError: without SLURM or submitit, or for a parameter that there is not.
    """
    if shutil.which("sbatch") is None:
        raise errors.UserError("--executor=slurm: there is no sbatch on this machine")
    if importlib.util.find_spec("submitit") is None:
        raise errors.UserError("--executor=slurm needs submitit: pip install 'jaxgan[slurm]'")
    import submitit

    # It says at each look that SLURM keeps no accounts, where it keeps none.
    logging.getLogger("submitit").setLevel(logging.ERROR)
    executor = submitit.SlurmExecutor(folder=folder)
    given = {name: int(x) if x.isdigit() else x for name, x in parameters.items()}
    if most:
        given["array_parallelism"] = most
    try:
        executor.update_parameters(job_name="jaxgan", **given)
    except (ValueError, TypeError) as error:
        raise errors.UserError(f"--slurm: {errors.describe(error)}") from error

    def submit(jobs: list[Job]) -> list[Any]:
        with executor.batch():  # they become one array
            return [executor.submit(job) for job in jobs]

    return Slurm(submit, squeue)
