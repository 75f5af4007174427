"""What a step that is compiled for TPUs needs on each chip, read from the compiled program."""

import collections
import dataclasses
import math
import re
from typing import Any

from jaxgan.run.chips import Work

SUM, GATHER = "all-reduce", "all-gather"
_COLLECTIVE = re.compile(
    r" = (.+?) (all-reduce|all-gather|reduce-scatter|all-to-all|collective-permute)(?:-start)?\("
    r"(?:[^\n]*?channel_id=(\d+))?"
)
# On TPUs a sum of which each chip keeps a part: what it has inside is no sum for all.
_SCATTERED = re.compile(r"^%all-reduce-scatter[^\n]*\{\n.*?^\}", re.MULTILINE | re.DOTALL)
_ARRAY = re.compile(r"(?:pred|[a-z]+(\d+)\w*)\[([\d,]*)\]")


@dataclasses.dataclass(frozen=True)
class Needs:
    """Of one chip.

    Attributes:
      state: bytes of the state and the sums of its metrics, which a step replaces in place.
      data: bytes of the data set, where it lies on the chip; a step reads its batch alone.
      arguments: bytes of the batch, and of the padding of all that is given.
      results: bytes of what is returned and replaces nothing.
      temporary: bytes while it runs.
      code: bytes of the program.
      flops: as XLA counts them.
      accessed: bytes that operations read and write, in on-chip memory or outside.
      reduced: bytes that are summed over chips.
      passed: bytes of which each chip begins or ends with a part alone: gathered, or summed for it.
      collectives: how many there are, by name.
      loops: how many; the work of each is counted as if it ran once.
      branches: how many; the work of the dearer way is counted.
      seconds: that it took to compile.
    """

    state: int
    data: int
    arguments: int
    results: int
    temporary: int
    code: int
    flops: float
    accessed: float
    reduced: int
    passed: int
    collectives: dict[str, int]
    loops: int
    branches: int
    seconds: float

    @property
    def total(self) -> int:
        """Bytes of memory."""
        given = self.state + self.data + self.arguments
        return given + self.results + self.temporary + self.code

    @property
    def work(self) -> Work:
        """What there is to do at least: the state is read and written, the rest once.

        Temporaries are left out: some are reserved and not used.
        """
        moved = 2 * self.state + self.arguments + self.results
        return Work(self.flops, min(moved, self.accessed), self.reduced, self.passed)


def read(compiled: Any, state: int, data: int, seconds: float) -> Needs:
    """The needs of a ``jax.stages.Compiled``, of whose arguments so many bytes are known."""
    memory, cost, text = compiled.memory_analysis(), compiled.cost_analysis(), compiled.as_text()
    found = _COLLECTIVE.findall(_SCATTERED.sub("", text))
    # One that runs beside other work is in pieces there, of one channel.
    gathered = {channel or i: x for i, (x, name, channel) in enumerate(found) if name == GATHER}
    summed = [x for x, name, _ in found if name == SUM]
    inside = "\n".join(_SCATTERED.findall(text))
    scattered = [x for x, name, _ in _COLLECTIVE.findall(inside) if name == SUM]
    names = collections.Counter(name for _, name, _ in found)
    names += collections.Counter({"reduce-scatter": len(scattered)})
    names[GATHER] = len(gathered)
    return Needs(
        state=state,
        data=data,
        arguments=max(memory.argument_size_in_bytes - state - data, 0),
        results=max(memory.output_size_in_bytes - memory.alias_size_in_bytes, 0),
        temporary=memory.temp_size_in_bytes,
        code=memory.generated_code_size_in_bytes,
        flops=cost["flops"],
        accessed=cost["bytes accessed"],
        reduced=sum(map(size, summed)),
        passed=sum(map(size, [*gathered.values(), *scattered])),
        collectives=dict(+names),
        loops=text.count(" while("),
        branches=text.count(" conditional("),
        seconds=seconds,
    )


def size(arrays: str) -> int:
    """The bytes of the arrays in a piece of a compiled program's text."""
    found = 0
    for bits, shape in _ARRAY.findall(arrays):
        found += max(int(bits or 8) // 8, 1) * math.prod(map(int, filter(None, shape.split(","))))
    return found
