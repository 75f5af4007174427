"""What experiments need on a TPU slice, as a table in a page.

Command: python -m benchmarks.on_paper v5e:2x4 --out=docs/devices.md

Compiles a step of each experiment on CIFAR-10 or larger images, on black ones in the place of its
data, and writes a row about it between the two markers of that slice in the file. Each is a process
of its own with a limit of time. A row that is there already for the same settings stays, so that
the command goes on where it stopped; ``--again`` compiles it once more. Fields of the config
may be changed as for a run. Needs libtpu.
"""

import argparse
import dataclasses
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jaxgan.run import chips

if __name__ == "__main__":
    os.environ.update(chips.ENVIRONMENT)  # before JAX is loaded

import jax
from ml_collections import ConfigDict

from jaxgan import config as configs
from jaxgan.base import files
from jaxgan.base.errors import UserError
from jaxgan.run import topology
from jaxgan.run.needs import Needs
from jaxgan.run.run_folder import to_json

EXPERIMENTS = Path(__file__).resolve().parent.parent / "experiments"
# What experiments on each kind of data are compiled with, see `blank`.
DATA = {
    "cifar10": "10",
    "imagenet128": "1000",
    "imagenet256": "32,32,4,1000",
    **dict.fromkeys(("ffhq256", "ffhq1024", "celebahq1024", "folder96", "folder256"), "0"),
    **dict.fromkeys(("pairs256", "domains256"), "pairs"),
}
# Those in the latents of images of that kind.
LATENTS = {"gat_latent_cifar10": "8,8,4,10"}
# The field for the file of weights, of those whose losses look at features of Inception.
WEIGHTS = {
    "fast_style_folder256": "method.weights",
    "srgan_folder96": "method.features.weights",
}
# Nothing but the step is compiled.
ALONE = {
    "sample.every": 0,
    "evaluation.every": 0,
    "evaluation.extractor": "none",
    "checkpoint.best": "",
}
COLUMNS = (
    "experiment",
    "settings",
    "batch",
    "state, MiB",
    "temporary, MiB",
    "all, MiB",
    "fits",
    "Gflop",
    "GB accessed",
    "bound",
    "share of peak",
    "steps/s at most",
    "all from HBM",
    "collectives",
    "compiled in s",
)


def known() -> list[str]:
    """The experiments on CIFAR-10 or larger images."""
    names = (path.stem for path in EXPERIMENTS.glob("*.py"))
    return sorted(name for name in names if name.rpartition("_")[2] in DATA)


def load(name: str, inception: str = "", changed: Sequence[str] = ()) -> ConfigDict:
    """The config of an experiment, on black images, with a file of weights if it needs one.

    Args:
      name: of the experiment.
      inception: the file.
      changed: fields as on the command line, ``--config.FIELD=VALUE``.
    """
    given = {**ALONE, "data.name": "benchmarks.blank.images"}
    given["data.data_dir"] = LATENTS.get(name) or DATA[name.rpartition("_")[2]]
    if given["data.data_dir"] == "pairs":
        given["data.domains"] = "()"
    if inception and name in WEIGHTS:
        given[WEIGHTS[name]] = inception
    overrides = [f"--config.{field}={value}" for field, value in given.items()]
    return configs.load(str(EXPERIMENTS / f"{name}.py"), [*overrides, *changed])


def digest(config: ConfigDict) -> str:
    """A short text that differs where a config does, or what compiles it.

    A field that is as it is by default is left away: rows outlive a new one.
    """
    common = dict(configs.flatten(configs.default()))
    set_apart = {k: v for k, v in configs.flatten(config) if common.get(k) != v}
    known = [to_json(set_apart), jax.__version__, topology.version()]
    # Files beside the experiments lie elsewhere on another machine.
    text = json.dumps(known, sort_keys=True).replace(str(EXPERIMENTS), "")
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def compiled(config: ConfigDict, tpus: chips.Slice, *, quick: bool = False) -> list[str]:
    """The cells of a row but for the first two; a batch of at least a sample for each chip."""
    config = config.copy_and_resolve_references().unlock()
    config.batch_size += -config.batch_size % tpus.count
    config.lock()
    try:
        tried = topology.trials(config, tpus, quick=quick)
    except UserError as error:
        return said(config, str(error))
    found = topology.largest(tried)
    if found is None or found.needs is None:
        return said(config, f"no, nor any down to {tried[-1].batch_size}")
    fits = "yes" if found is tried[0] else f"no; this one of {len(tried)} tried"
    cells = [f"{found.batch_size:,}", *figures(found.needs, tpus, fits)]
    return [*cells[:-1], f"{cells[-1]}, quick"] if quick else cells


def said(config: ConfigDict, why: str) -> list[str]:
    """The cells where there are no figures."""
    empty = [""] * (len(COLUMNS) - 7)
    return [f"{config.batch_size:,}", "", "", "", " ".join(why.split()).replace("|", "/"), *empty]


def figures(needs: Needs, tpus: chips.Slice, fits: str) -> list[str]:
    """The cells from that of the state on; a mark tells of work that is counted in part."""
    times = chips.times(tpus, needs.work)
    by = max(times, key=lambda name: times[name])
    part = "+" * bool(needs.loops)
    return [
        *(f"{size / 2**20:,.0f}" for size in (needs.state, needs.temporary, needs.total)),
        fits,
        f"{needs.flops / 1e9:,.4g}{part}",
        f"{needs.accessed / 1e9:,.3g}{part}",
        by,
        f"{times['arithmetic'] / times[by]:.2f}",
        f"{1 / times[by]:,.0f}",
        f"{1 / max(times[by], needs.accessed / tpus.chip.bandwidth):,.0f}",
        topology.exchanges(needs),
        f"{needs.seconds:.0f}",
    ]


@dataclasses.dataclass(frozen=True)
class Table:
    """The rows between two markers of a file.

    Attributes:
      path: of the file.
      name: of the slice, which the markers have.
    """

    path: Path
    name: str

    def cut(self) -> tuple[str, str, str]:
        """The file before the rows, the rows, and the file after them.

        Raises:
          UserError: if the markers are not there, each once.
        """
        text = self.path.read_text()
        begin, end = (f"<!-- {which}: on paper, {self.name} -->\n" for which in ("begin", "end"))
        if text.count(begin) != 1 or text.count(end) != 1:
            raise UserError(f"{self.path} must have {begin.strip()} and {end.strip()}, once each")
        before, rest = text.split(begin)
        rows, after = rest.split(end)
        return before + begin, rows, end + after

    def read(self) -> dict[str, list[str]]:
        """The cells by experiment."""
        lines = [line for line in self.cut()[1].splitlines() if line.startswith("| `")]
        cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
        return {row[0].strip("`"): row for row in cells}

    def write(self, rows: dict[str, list[str]]) -> None:
        """Puts the rows in the place of those that are there, whole or not at all."""
        before, _, after = self.cut()
        cells = [list(COLUMNS), ["---"] * len(COLUMNS), *(rows[name] for name in sorted(rows))]
        table = "\n".join("| " + " | ".join(row) + " |" for row in cells)
        with files.replacing(self.path) as path:
            path.write_text(f"{before}\n{table}\n\n{after}")


def fill(
    table: Table,
    names: list[str],
    limit: int,
    *,
    again: bool,
    inception: str = "",
    quick: bool = False,
    changed: Sequence[str] = (),
) -> None:
    """Compiles what has no row, and writes each row as soon as it is there."""
    for name in names:
        rows, config = table.read(), load(name, changed=changed)
        settings = f"`{digest(config)}`"
        if not again and name in rows and rows[name][1] == settings:
            continue
        print(f"{name} ...", flush=True)
        command = [sys.executable, "-m", "benchmarks.on_paper", table.name]
        command += [f"--inception={inception}", *["--quick"] * quick, *changed, f"--one={name}"]
        try:
            done = subprocess.run(command, stdout=subprocess.PIPE, timeout=limit, check=False)
            if done.returncode:
                cells = said(config, f"not compiled: exit code {done.returncode}")
            else:
                cells = json.loads(done.stdout.splitlines()[-1])
        except subprocess.TimeoutExpired:
            cells = said(config, f"not compiled in {limit:,} s")
        table.write({**table.read(), name: [f"`{name}`", settings, *cells]})


def main() -> None:
    """Parses the command line."""
    p = argparse.ArgumentParser(prog="python -m benchmarks.on_paper", description=__doc__)
    p.add_argument("topology", help="the slice, such as v5e:2x4")
    p.add_argument("--out", type=Path, help="the file with the markers")
    p.add_argument("--only", help="names of experiments: a,b; all of them without it")
    p.add_argument("--limit", type=int, default=1800, help="seconds for each (default: 1800)")
    p.add_argument("--inception", default="", help="its file of weights, for losses of features")
    p.add_argument("--again", action="store_true", help="also what has a row")
    p.add_argument("--quick", action="store_true", help="compile with the least trouble")
    p.add_argument("--one", help=argparse.SUPPRESS)  # a process that compiles one
    flags, changed = p.parse_known_args()
    if odd := [each for each in changed if not each.startswith("--config.")]:
        p.error(f"unknown {' '.join(odd)}")
    asked: Any = flags.only.split(",") if flags.only else known()
    try:
        tpus = topology.find(flags.topology)
        if flags.one:
            config = load(flags.one, flags.inception, changed)
            print(json.dumps(compiled(config, tpus, quick=flags.quick)))
            return
        if flags.out is None or not set(asked) <= {*known()}:
            p.error(f"--out=FILE is needed, and --only of: {', '.join(known())}")
        fill(
            Table(flags.out, tpus.name),
            asked,
            flags.limit,
            again=flags.again,
            inception=flags.inception,
            quick=flags.quick,
            changed=changed,
        )
    except UserError as error:
        p.error(str(error))


if __name__ == "__main__":
    main()
