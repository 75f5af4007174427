"""What an experiment's ``get_sweep()`` returns: arms, each the fields that it sets, and seeds.

Arms are dictionaries, ``{name: {field: value}}``: written out, or made by ``values``, ``product``,
``union`` and ``draws``.
"""

import dataclasses
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

Fields = Mapping[str, Any]
Arms = dict[str, dict[str, Any]]
# What an arm sets to be of another experiment: the name of a file beside this one.
EXPERIMENT = "experiment"
# Of a sweep that trains arms side by side, too.
ARMS = "arms"
# Names of a sweep's own files; how long that of a folder may be.
RESERVED, TOGETHER, LONGEST = ("sweep", "slurm"), "together_", 200
# What may stand in the name of a folder as it is.
KEPT = r"[^\w.=+-]+"


@dataclasses.dataclass(frozen=True)
class Sweep:
    """Runs of one experiment.

    Attributes:
      arms: what each sets of the experiment's config, by dotted field: ``Arms``; pairs of a name
        and its fields are taken, too. ``'experiment'`` names the file of another one beside it.
      seeds: of each arm, a tuple of values of ``config.seed``; a number is so many from 0 on.
      baseline: the arm that the others are compared with; ``''`` is the first.
      together: whether the seeds of an arm are trained side by side, as lanes of one program: less
        time where a step of one leaves the machine idle, as many times the memory. They must be
        consecutive. ``'arms'``: so are arms that differ in numbers of the method alone, learning
        rates and weights of losses among them.

    Raises:
      ValueError: for no arms or seeds, two of one name, a baseline that is none, or seeds that
        cannot be trained together.
    """

    arms: Any
    seeds: Any = 3
    baseline: str = ""
    together: bool | str = False

    def __post_init__(self) -> None:
        """Puts everything in one form, and looks at it."""
        given = self.arms.items() if isinstance(self.arms, Mapping) else self.arms
        pairs = [(str(name), {field: plain(x) for field, x in of.items()}) for name, of in given]
        seeds = range(self.seeds) if isinstance(self.seeds, int) else self.seeds
        object.__setattr__(self, "seeds", tuple(int(seed) for seed in seeds))
        if not pairs or not self.seeds:
            raise ValueError("a sweep needs an arm and a seed")
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"a seed stands twice in {list(self.seeds)}")
        if self.together not in (False, True, ARMS):
            raise ValueError(f"together is False, True or {ARMS!r}, not {self.together!r}")
        first = self.seeds[0]
        if self.together and self.seeds != tuple(range(first, first + len(self.seeds))):
            raise ValueError(f"seeds trained together are consecutive, not {list(self.seeds)}")
        object.__setattr__(self, "arms", joined([dict([pair]) for pair in pairs]))
        for name, fields in self.arms.items():
            check(name, fields)
        apart: dict[str, str] = {}
        for name in self.arms:
            if (other := apart.setdefault(folder(name), name)) != name:
                raise ValueError(f"the arms {other!r} and {name!r} would have one folder")
        object.__setattr__(self, "baseline", self.baseline or pairs[0][0])
        if self.baseline not in self.arms:
            raise ValueError(f"the baseline {self.baseline!r} is not one of {list(self.arms)}")


def check(name: str, fields: Fields) -> None:
    """Refuses an arm that no folder can be called by, or that sets what no arm can.

    Raises:
      ValueError: saying which it is.
    """
    place = folder(name)
    taken = place in RESERVED or place.startswith(TOGETHER) or place.endswith((".json", ".log"))
    if taken or len(place) > LONGEST:
        raise ValueError(f"an arm cannot be called {name[:50]!r}: its folder would be {place[:50]}")
    for field, value in fields.items():
        if field in ("seed", "seeds", "arms"):
            raise ValueError(f"arm {name!r} sets {field}: seeds and arms are those of the sweep")
        if field == EXPERIMENT and (not isinstance(value, str) or Path(value).name != value):
            raise ValueError(f"arm {name!r}: experiment is a file beside this one, not {value!r}")
        try:
            json.dumps(value)
        except (TypeError, ValueError) as error:
            raise ValueError(f"arm {name!r}: {field} cannot be {value!r}") from error


def values(field: str, choices: Iterable[Any], name: str = "") -> Arms:
    """An arm for each value of one field.

    Args:
      field: dotted, such as ``'method.n_critic'``.
      choices: its values: a list, a ``range``, ``numpy.geomspace(...)``.
      name: what the field is called in the arms' names; ``''`` is its last part.

    Raises:
      ValueError: if two values are written alike, or a text stands for a list.
    """
    if isinstance(choices, str):
        raise ValueError(f"values({field!r}, ...) takes a list, not {choices!r}")
    called = name or field.rpartition(".")[2]
    return joined([{f"{called}={written(plain(x))}": {field: plain(x)}} for x in choices])


def product(*factors: Mapping[str, Fields]) -> Arms:
    """Every arm of one factor together with every arm of the others.

    Raises:
      ValueError: if two factors set one field.
    """
    found: Arms = {"": {}}
    for factor in factors:
        pairs = [(left, right) for left in found for right in factor]
        for left, right in pairs:
            if both := found[left].keys() & factor[right].keys():
                raise ValueError(f"two factors set {', '.join(sorted(both))}")
        found = {
            ", ".join(filter(None, (left, right))): {**found[left], **factor[right]}
            for left, right in pairs
        }
    return found


def union(*parts: Mapping[str, Fields]) -> Arms:
    """The arms of all parts.

    Raises:
      ValueError: if two have one name.
    """
    return joined(parts)


def joined(parts: Iterable[Mapping[str, Fields]]) -> Arms:
    """One dictionary of several, in which no name stood twice.

    Raises:
      ValueError: if one did.
    """
    found: Arms = {}
    for part in parts:
        for name, fields in part.items():
            if name in found:
                raise ValueError(f"two arms have the name {name!r}")
            found[name] = dict(fields)
    return found


Drawn = Callable[[np.random.Generator], Any]


def draws(n: int, seed: int, fields: Mapping[str, Drawn | Sequence[Any]]) -> Arms:
    """Arms drawn at random: ``draw 0``, ``draw 1``, ...

    Args:
      n: how many.
      seed: of the draws; with it, the first ones stay what they are for a larger n.
      fields: for each what its values are drawn from: ``uniform``, ``log_uniform``, or a list.
    """

    def draw(i: int) -> dict[str, Any]:
        rng = np.random.default_rng((seed, i))
        return {
            field: plain(of(rng) if callable(of) else of[int(rng.integers(len(of)))])
            for field, of in fields.items()
        }

    return {f"draw {i}": draw(i) for i in range(n)}


def uniform(low: float, high: float) -> Drawn:
    """Numbers between both, for ``draws``."""
    return lambda rng: float(rng.uniform(low, high))


def log_uniform(low: float, high: float) -> Drawn:
    """Numbers between both whose logarithm is uniform, for ``draws``: learning rates, weights.

    Raises:
      ValueError: unless 0 < low < high.
    """
    if not 0 < low < high:
        raise ValueError(f"log_uniform needs 0 < low < high, not {low} and {high}")
    return lambda rng: float(math.exp(rng.uniform(math.log(low), math.log(high))))


def folder(name: str) -> str:
    """The name of an arm's folder."""
    return re.sub(KEPT, "_", name).strip("_.") or "arm"


def plain(value: Any) -> Any:
    """Numbers of NumPy as Python's, lists as tuples."""
    if isinstance(value, np.generic):
        return value.item()
    return tuple(map(plain, value)) if isinstance(value, tuple | list) else value


def written(value: Any) -> str:
    """A value as it stands on the command line, and in a name."""
    return value if isinstance(value, str) else repr(value)
