"""A table of text, laid so that it is longer than wide."""

import dataclasses
from collections.abc import Sequence
from typing import Any

# Columns beside the first one, before rows and columns change places.
WIDE = 6


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows of text; the first cell of each is its name.

    Attributes:
      head: the names of the columns, the first one that of the names.
      rows: as long as the head.
    """

    head: list[str]
    rows: list[list[str]]


def laid(table: Table, wide: int = WIDE) -> Table:
    """The table, turned if it would be wider than ``wide`` and than it is long."""
    if len(table.head) - 1 <= max(wide, len(table.rows)):
        return table
    turned = [list(column) for column in zip(table.head, *table.rows, strict=True)]
    return Table(turned[0], turned[1:])


def number(value: float | None) -> str:
    """A number as it is read; '' for none."""
    return "" if value is None else f"{value:.5g}"


def text(value: Any) -> str:
    """The value of a field as it is read."""
    if isinstance(value, str):
        return value or "''"
    if isinstance(value, Sequence):
        return ", ".join(map(text, value)) or "()"
    return str(value)
