"""The log of a run as columns: read fast, and as far as it is whole."""

import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.json

STEP = "step"
NONE = "no log lines yet"
# Of the file, parsed at once.
BLOCK = 1 << 22


@dataclasses.dataclass(frozen=True)
class Series:
    """One metric.

    Attributes:
      steps: at which it was logged, int [n], rising.
      values: float64 [n], NaN and infinities as they were.
    """

    steps: np.ndarray
    values: np.ndarray

    def finite(self) -> "Series":
        """Without what is not finite."""
        kept = np.isfinite(self.values)
        return Series(self.steps[kept], self.values[kept])


@dataclasses.dataclass(frozen=True)
class Lines:
    """A log.

    Attributes:
      count: of its lines.
      last: step; 0 of an empty one.
      series: by the name of the metric, in the order in which they first appear.
      remark: what could not be read; '' if all could.
    """

    count: int
    last: int
    series: dict[str, Series]
    remark: str


def read(path: Path) -> Lines:
    """The log in ``metrics.jsonl``; one that is not there yet is empty.

    A line without its end is being written, and is left out; so are lines that hold no JSON.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return Lines(0, 0, {}, NONE)
    except OSError as error:
        return Lines(0, 0, {}, f"{path.name} cannot be read: {error.strerror}")
    end = data.rfind(b"\n") + 1
    cut = bool(data[end:].strip())
    table, bad = parse(memoryview(data)[:end])
    steps = table.get(STEP)
    last = int(steps.values.max()) if steps is not None and len(steps.values) else 0
    told: list[str] = []
    if cut:
        told.append(f"the last line of the log is half-written: it is shown up to step {last}")
    if bad:
        told.append(f"{bad} lines of the log could not be read and are left out")
    if steps is None:
        return Lines(0, 0, {}, "; ".join(told) or NONE)
    series = {name: each for name, each in table.items() if name != STEP and len(each.steps)}
    return Lines(len(steps.steps), last, series, "; ".join(told))


def parse(data: memoryview) -> tuple[dict[str, Series], int]:
    """The columns of whole lines, and how many lines hold none."""
    if not bytes(data[:4096]).strip() and not bytes(data).strip():
        return {}, 0
    options = pyarrow.json.ReadOptions(block_size=BLOCK)
    try:
        table = pyarrow.json.read_json(pyarrow.BufferReader(data), read_options=options)
    except pyarrow.ArrowInvalid:
        # It says neither where nor how much: what a crash left behind is found line by line.
        return parse_lines(bytes(data).splitlines())
    number = pyarrow.types
    names = [
        field.name
        for field in table.schema
        if number.is_integer(field.type) or number.is_floating(field.type)
    ]
    if STEP not in names:
        return {}, table.num_rows
    steps = column(table[STEP])
    known = np.asarray(table[STEP].is_valid())
    found = {}
    for name in names:
        there = known & np.asarray(table[name].is_valid())
        found[name] = rising(steps[there], column(table[name])[there])
    return found, int((~known).sum())


def column(values: pyarrow.ChunkedArray) -> np.ndarray:
    """A column as float64, NaN where it has nothing."""
    return np.asarray(values.cast(pyarrow.float64(), safe=False).to_numpy(), np.float64)


def parse_lines(lines: Iterable[bytes]) -> tuple[dict[str, Series], int]:
    """The same, one by one."""
    found: dict[str, tuple[list[float], list[float]]] = {}
    bad = 0
    for line in filter(bytes.strip, lines):
        try:
            values = json.loads(line)
            step = float(values[STEP])
        except (ValueError, KeyError, TypeError):
            bad += 1
            continue
        for name, value in values.items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                steps, own = found.setdefault(name, ([], []))
                steps.append(step)
                own.append(float(value))
    return {name: rising(np.array(s), np.array(v)) for name, (s, v) in found.items()}, bad


def rising(steps: np.ndarray, values: np.ndarray) -> Series:
    """A series in the order of its steps."""
    if len(steps) and (np.diff(steps) < 0).any():
        order = np.argsort(steps, kind="stable")
        steps, values = steps[order], values[order]
    return Series(steps.astype(np.int64), values)
