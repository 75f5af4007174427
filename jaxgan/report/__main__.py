"""Reports: ``python -m jaxgan.report WORKDIR [WORKDIR ...] [--out=FILE.html]``.

Writes one page of a run, of several side by side, or of a sweep, that opens without a network.
``--watch`` shows it in a browser instead, and follows runs that are still going.
"""

import argparse
import importlib.util
from collections.abc import Sequence
from pathlib import Path

from jaxgan.base import files, terminal
from jaxgan.base.errors import UserError

NAME = "report.html"
NEEDED = {"bokeh": "Bokeh", "jinja2": "Jinja2", "pyarrow": "PyArrow"}


def run(arguments: Sequence[str] | None = None) -> int:
    """Parses the arguments and does what they ask.

    Returns:
      An exit code: 0.

    Raises:
      UserError: for a mistake of the user's.
    """
    flags, overrides = parser().parse_known_args(arguments)
    check(flags, overrides)
    # Here and not above: `--help` or a typo should not wait for Bokeh.
    from jaxgan.report import page, serving

    workdirs = [Path(each) for each in flags.workdirs]
    if flags.watch:
        serving.follow(workdirs)
        return 0
    alone = workdirs[0] / NAME if len(workdirs) == 1 else Path(NAME)
    terminal.show(page.write(workdirs, Path(flags.out) if flags.out else alone))
    return 0


def check(flags: argparse.Namespace, overrides: Sequence[str]) -> None:
    """Refuses flags that there are not or that would have no effect, and what is not installed.

    Raises:
      UserError: naming it.
    """
    terminal.check_fields(flags, overrides)
    if overrides:
        raise UserError(f"a report has no config: {overrides[0]}")
    if not flags.workdirs:
        raise UserError("WORKDIR is missing: the folder of a run or of a sweep")
    for place in filter(None, (*flags.workdirs, flags.out)):
        files.check_local(place)
    if flags.watch and flags.out:
        raise UserError("--out is for the file; --watch writes none")
    missing = [told for name, told in NEEDED.items() if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(f"a report needs {' and '.join(missing)}: pip install 'jaxgan[report]'")


def parser() -> argparse.ArgumentParser:
    """The flags."""
    p = terminal.Parser(prog="python -m jaxgan.report", description=__doc__, allow_abbrev=False)
    p.add_argument("workdirs", nargs="*", metavar="WORKDIR", help="of a run or a sweep")
    p.add_argument(
        "--out", help=f"the file (default: {NAME} in WORKDIR, or here if there are several)"
    )
    p.add_argument("--watch", action="store_true", help="follow runs that are still going")
    return p


if __name__ == "__main__":
    terminal.process(run)
