"""What a step that is compiled for TPUs needs on each chip, read from the compiled program."""

import collections
import dataclasses
import math
import re
from typing import Any

from jaxgan.run.chips import Work

_COLLECTIVE = re.compile(
    r" = (.+?) (all-reduce|all-gather|reduce-scatter|all-to-all|collective-permute)(?:-start)?\("
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
    scattered = [x for part in _SCATTERED.findall(text) for x in _COLLECTIVE.findall(part)]
    collectives = _COLLECTIVE.findall(_SCATTERED.sub("", text))
    gathered = [arrays for arrays, name in collectives if name == "all-gather"]
    collectives += [(arrays, "reduce-scatter") for arrays, _ in scattered]
    return Needs(
        state=state,
        data=data,
        arguments=max(memory.argument_size_in_bytes - state - data, 0),
        results=max(memory.output_size_in_bytes - memory.alias_size_in_bytes, 0),
        temporary=memory.temp_size_in_bytes,
        code=memory.generated_code_size_in_bytes,
        flops=cost["flops"],
        accessed=cost["bytes accessed"],
        reduced=sum(size(arrays) for arrays, name in collectives if name == "all-reduce"),
        passed=sum(map(size, [*gathered, *(arrays for arrays, _ in scattered)])),
        collectives=dict(collections.Counter(name for _, name in collectives)),
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
