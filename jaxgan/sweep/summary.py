"""The table of a sweep: ``--summarize``, as Markdown, LaTeX, HTML or CSV."""

import csv
import html
import io
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tabulate import tabulate

from jaxgan.base import errors, files
from jaxgan.sweep import outcomes, sweep_folder
from jaxgan.sweep.outcomes import ROLES, Outcome
from jaxgan.sweep.statistics import MANY, Interval, interval, seeds_needed

FORMATS = {".md": "github", ".tex": "latex_booktabs", ".html": "html"}
PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ font: 1rem/1.5 sans-serif; margin: 1rem auto; max-width: 70rem; padding: 0 1rem }}
div {{ margin: 2rem 0; overflow-x: auto }}
table {{ border-collapse: collapse; white-space: nowrap }}
td, th {{ border-bottom: 1px solid #ccc; padding: .2rem .8rem; text-align: left }}
</style>
<h1>{title}</h1>
{body}
</html>"""
EXPLAINED = (
    "Mean and 95 % interval (Student's t) over training seeds, of those that finished. The "
    "difference is that of the final checkpoints, seed by seed, to the baseline. Seeds: with so "
    "many a paired t-test at 5 % would tell the two apart in four of five such sweeps, if mean and "
    "spread are as here."
)
Row = dict[str, Any]


def summarize(
    workdir: Path, figures: Sequence[str] | None, out: str | None, despite: Sequence[str] = ()
) -> str:
    """The table as Markdown; written to ``out`` instead where it is given, in the form of its name.

    Args:
      workdir: of the sweep.
      figures: to show; all of them by default.
      out: a ``.md``, ``.tex``, ``.html`` or ``.csv``.
      despite: fields of the protocol that may differ between runs.

    Returns:
      What to say: the table, or where it is.

    Raises:
      UserError: if it is no sweep's folder, for what ``outcomes.read`` refuses, a figure that there
        is not, or a place that cannot be written.
    """
    path = None if out is None else Path(out)
    if path is not None and path.suffix not in (*FORMATS, ".csv"):
        raise errors.UserError(f"--out must end in .md, .tex, .html or .csv, not {path.name!r}")
    stored = sweep_folder.read(workdir)
    found = outcomes.read(workdir, stored, despite)
    known = outcomes.names(found)
    for name in figures or ():
        if name not in known:
            raise errors.unknown("figure", name, known)
    baseline = stored["baseline"]
    rows = [row for name in figures or known for row in of_figure(found, baseline, name)]
    if path is None:
        return document(rows, found, stored, "github")
    if path.suffix == ".csv":
        text = as_csv(rows)
    else:
        text = document(rows, found, stored, FORMATS[path.suffix])
    with files.replacing(path) as new:
        new.write_text(text + "\n")
    return str(path)


def of_figure(found: dict[str, list[Outcome]], baseline: str, figure: str) -> list[Row]:
    """A row for each arm."""
    before = {each.seed: outcomes.value(each, "final", figure) for each in found[baseline]}
    rows = []
    for arm, of in found.items():
        states = Counter(each.state for each in of)
        values = {
            role: [v for each in of if (v := outcomes.value(each, role, figure)) is not None]
            for role in ROLES
        }
        pairs = [(outcomes.value(each, "final", figure), before.get(each.seed)) for each in of]
        both = [a - b for a, b in pairs if a is not None and b is not None]
        rows.append(
            {
                "figure": figure,
                "arm": arm,
                "runs": len(of),
                **{name: states[name] for name in ("finished", "diverged", "failed")},
                "unfinished": states["unfinished"],
                "collapsed": sum(each.collapsed for each in of),
                **{role: interval(values[role]) for role in ROLES},
                "difference": None if arm == baseline else interval(both),
                "seeds": None if arm == baseline else seeds_needed(both),
            }
        )
    return rows


def document(
    rows: Sequence[Row], found: dict[str, list[Outcome]], stored: dict[str, Any], form: str
) -> str:
    """A table for each figure, and how it was measured."""
    if form == "html":
        title = html.escape(Path(stored["experiment"]).name)
        return PAGE.format(title=title, body=body(rows, found, stored))
    notes = explained(found, stored)
    if form.startswith("latex"):
        notes = [f"% {note}" for note in notes]
    return "\n\n".join([*tables(rows, form), "\n".join(notes)])


def body(rows: Sequence[Row], found: dict[str, list[Outcome]], stored: dict[str, Any]) -> str:
    """What stands in a page, escaped: the tables, and how they were measured."""
    notes = [f"<p>{html.escape(note)}</p>" for note in explained(found, stored)]
    return "\n".join(
        [*(f'<div tabindex="0">{table}</div>' for table in tables(rows, "html")), *notes]
    )


def tables(rows: Sequence[Row], form: str) -> list[str]:
    """A table for each figure."""
    parts = []
    for figure in dict.fromkeys(row["figure"] for row in rows):
        mine = [row for row in rows if row["figure"] == figure]
        ranked = any(row["best"].n for row in mine)
        table = tabulate(
            [cells(row, ranked) for row in mine],
            headers=[figure, "runs", "final", *(["best"] if ranked else []), "difference", "seeds"],
            tablefmt=form,
            disable_numparse=True,
        )
        parts.append(table)
    return parts


def explained(found: dict[str, list[Outcome]], stored: dict[str, Any]) -> list[str]:
    """How the figures were measured, in sentences."""
    seeds = ", ".join(map(str, stored["seeds"]))
    told = ", ".join(f"{k} {v}" for k, v in outcomes.shown(found).items() if k != "metrics")
    name = Path(stored["experiment"]).name
    return [
        f"{name}, seeds {seeds}, baseline: {stored['baseline']}.",
        EXPLAINED,
        f"Protocol: {told}.",
    ]


def cells(row: Row, ranked: bool) -> list[str]:
    """A row as it is read."""
    ends = [
        f"{row[name]} {name}"
        for name in ("diverged", "failed", "unfinished", "collapsed")
        if row[name]
    ]
    told = ", ".join([f"{row['finished']} of {row['runs']}", *ends])
    seeds = row["seeds"]
    return [
        row["arm"],
        told,
        written(row["final"]),
        *([written(row["best"])] if ranked else []),
        written(row["difference"]) if row["difference"] else "",
        "" if seeds is None else f"over {MANY}" if seeds > MANY else str(seeds),
    ]


def written(x: Interval) -> str:
    """A mean and its interval, with two digits of the latter."""
    if not x.n:
        return ""
    if not math.isfinite(x.half):
        return f"{x.mean:.4g}"
    digits = 4 if x.half == 0 else max(0, 1 - math.floor(math.log10(x.half)))
    return f"{x.mean:.{digits}f} ± {x.half:.{digits}f}"


def as_csv(rows: Sequence[Row]) -> str:
    """All rows, with every number as it is."""
    flat = []
    for row in rows:
        line = {k: v for k, v in row.items() if not isinstance(v, Interval)}
        for name in (*ROLES, "difference"):
            each = row[name] or Interval(math.nan, math.nan, 0)
            line |= {name: each.mean, f"{name}_half": each.half, f"{name}_n": each.n}
        flat.append({k: "" if v is None or v != v else v for k, v in line.items()})
    text = io.StringIO()
    writer = csv.DictWriter(text, flat[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    return text.getvalue().rstrip("\n")
