"""The page: everything that is told of the arms, in one file that needs no other."""

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from jaxgan.base import errors, files
from jaxgan.report import alarmed, charts, differences, evaluations, facts, pictures, reading
from jaxgan.report.reading import Arm
from jaxgan.run import run_folder
from jaxgan.sweep import outcomes, summary, sweep_folder

# How a report begins, so that no other file is written over.
MARK = "<!DOCTYPE html>\n<!-- A report of jaxgan. -->\n"
TEMPLATES = Path(__file__).parent / "template"


def write(workdirs: Sequence[Path], path: Path) -> str:
    """Writes the page.

    Returns:
      What to say: where it is, and its size.

    Raises:
      UserError: if a folder holds no run, or the place cannot be written or holds another file.
    """
    check_place(path)
    text = render(workdirs)
    with files.replacing(path) as new:
        new.write_text(text, encoding="utf-8")
    return f"{path} ({files.amount(len(text.encode()))})"


def check_place(path: Path) -> None:
    """Refuses a place for the page before the work for it is done.

    Raises:
      UserError: if it cannot be written, or holds what is no report.
    """
    if path.suffix != ".html":
        raise errors.UserError(f"--out must end in .html, not {path.name!r}")
    files.check_place(path)
    try:
        with path.open("rb") as file:
            mine = file.read(len(MARK)) == MARK.encode()
    except FileNotFoundError:
        return
    except OSError as error:
        raise errors.UserError(f"{path} cannot be read: {error.strerror}") from error
    if not mine:
        raise errors.UserError(f"{path} is not a report; it is left alone: name another --out")


def render(workdirs: Sequence[Path], *, state: str = "") -> str:
    """The page of the runs in these folders.

    Args:
      workdirs: of runs, of runs of several seeds or arms, or of sweeps.
      state: of the files, for a page that asks its server whether it has changed; '' for a file.

    Raises:
      UserError: if one of them holds no run.
    """
    arms = reading.read(workdirs)
    metrics = charts.metrics(arms)
    names = [name for of in metrics.values() for name in of]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["verbatim"] = Markup
    body = environment.get_template("page.html").render(
        title=title(arms),
        made=datetime.datetime.now().astimezone().isoformat(" ", "seconds"),
        state=state,
        looks=[charts.look(i) for i in range(len(arms))],
        arms=arms,
        facts=facts.table(arms),
        remarks=remarks(arms),
        sweeps=sweeps(workdirs),
        different=differences.different(arms),
        shared=differences.shared(arms),
        metrics=metrics,
        values={name: charts.values(arms, name) for name in names},
        data=charts.data(arms, names),
        charts={axis: charts.empty(axis) for axis in ("linear", "log")},
        strips=pictures.strips(arms),
        measured=evaluations.measured(arms),
        alarms=alarmed.table(arms),
        library=charts.library(),
    )
    return MARK + body


def title(arms: Sequence[Arm]) -> str:
    """The experiments, and how many runs there are."""
    stems = (Path(str(arm.stored.get(run_folder.EXPERIMENT, ""))).stem for arm in arms)
    names = list(dict.fromkeys(filter(None, stems))) or ["jaxgan"]
    told = ", ".join(names[:3]) + (" and others" if len(names) > 3 else "")
    runs = sum(len(arm.runs) for arm in arms)
    many = f"{runs} runs" if runs > 1 else "one run"
    return f"{told}: {many}" + (f" in {len(arms)} arms" if 1 < len(arms) < runs else "")


def remarks(arms: Sequence[Arm]) -> list[str]:
    """What could not be read, each with whose it is; of many seeds that say the same, once."""
    found: dict[tuple[str, str], list[int]] = {}
    for arm in arms:
        for run in arm.runs:
            for remark in run.remarks:
                found.setdefault((arm.name, remark), []).append(run.seed)
    alone = {arm.name for arm in arms if len(arm.runs) == 1}
    return [
        f"{name}: {remark}"
        if name in alone
        else f"{name}, seed {', '.join(map(str, seeds))}: {remark}"
        for (name, remark), seeds in found.items()
    ]


def sweeps(workdirs: Sequence[Path]) -> list[dict[str, Any]]:
    """The table of each sweep, or why there is none yet."""
    found = []
    for workdir in filter(reading.is_sweep, workdirs):
        table, told = "", ""
        try:
            stored = sweep_folder.read(workdir)
            of = outcomes.read(workdir, stored)
            rows = [
                row
                for name in outcomes.names(of)
                for row in summary.of_figure(of, stored["baseline"], name)
            ]
            table = summary.body(rows, of, stored)
        except errors.UserError as error:
            told = str(error)
        found.append({"name": workdir.name, "table": table, "told": told})
    return found
