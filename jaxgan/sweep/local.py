"""Runs as processes of this machine."""

import dataclasses
from collections.abc import Iterable

from jaxgan.run import run_folder
from jaxgan.sweep.runs import Ended
from jaxgan.sweep.work import Work


@dataclasses.dataclass
class Local:
    """The executor of one machine.

    Attributes:
      most: how many run at once.
      waiting: those that have not begun, in their order.
      going: those that have.
    """

    most: int
    waiting: list[Work] = dataclasses.field(default_factory=list)
    going: list[Work] = dataclasses.field(default_factory=list)

    def add(self, works: Iterable[Work]) -> None:
        """Runs these too, after those that wait."""
        self.waiting += works

    @property
    def busy(self) -> bool:
        """Whether anything runs or waits."""
        return bool(self.waiting or self.going)

    def advance(self) -> list[Ended]:
        """Begins what there is room for, and tells which have ended since.

        Raises:
          WriteError: if there is no place for the output of one.
        """
        # One that an earlier sweep has left running is waited for, and takes its place meanwhile.
        free = [work for work in self.waiting if not run_folder.holder(work.run.place)]
        elsewhere = len(self.waiting) - len(free)
        begin = free[: max(0, self.most - len(self.going) - elsewhere)]
        self.waiting = [work for work in self.waiting if work not in begin]
        self.going += begin
        codes = [(work, work.advance()) for work in self.going]
        self.going = [work for work, code in codes if code is None]
        return [Ended(work.run, code, work.seconds) for work, code in codes if code is not None]

    def stop(self) -> None:
        """Has all that run save and end; those that wait do not begin."""
        self.waiting.clear()
        for work in self.going:
            work.stop()
