"""How a figure was made: written beside it, and equal before two figures are compared."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jaxgan.base import files
from jaxgan.base.errors import UserError

Result = dict[str, Any]


def differences(first: Result, second: Result) -> dict[str, tuple[Any, Any]]:
    """The fields of the protocol in which two results differ, with both values."""
    a, b = first["protocol"], second["protocol"]
    return {
        name: (a.get(name), b.get(name))
        for name in sorted(a.keys() | b.keys())
        if a.get(name) != b.get(name)
    }


def compare(
    first: Result | files.Place, second: Result | files.Place, *, despite: Sequence[str] = ()
) -> dict[str, tuple[float, float]]:
    """The figures that two results share, side by side.

    Args:
      first: a result, or the file it was written to.
      second: likewise.
      despite: names of fields of the protocol that may differ.

    Raises:
      UserError: if the protocols differ in another field, or nothing was measured in both.
    """
    a, b = (r if isinstance(r, dict) else read(r) for r in (first, second))
    different = {k: v for k, v in differences(a, b).items() if k not in despite}
    if different:
        told = "; ".join(
            f"{k} is {x!r} in one, {y!r} in the other" for k, (x, y) in different.items()
        )
        raise UserError(
            f"these results are not comparable: {told}; to compare them all the same, name what "
            f"may differ: despite={tuple(different)!r}"
        )
    shared = [name for name in a["figures"] if name in b["figures"]]
    if not shared:
        raise UserError("these results have no figure in common")
    return {name: (a["figures"][name]["value"], b["figures"][name]["value"]) for name in shared}


def read(path: files.Place) -> Result:
    """A result from its file.

    Raises:
      UserError: if it is not there, or not one.
    """
    try:
        result = json.loads(Path(path).read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {error}") from error
    if not isinstance(result, dict) or not {"protocol", "figures"} <= result.keys():
        raise UserError(f"{path} does not hold the result of an evaluation")
    return result


def write(result: Result, folder: files.Place) -> Path:
    """Writes a result to ``step_N_PART_DIGEST.json``: one file for each step and protocol.

    Raises:
      UserError: if it cannot be written.
    """
    folder = Path(folder)
    name = f"step_{result['step']:08}_{result['protocol']['part']}_{result['digest']}.json"
    with files.replacing(folder / name) as path:
        path.write_text(json.dumps(result, indent=2) + "\n")
    return folder / name


def in_a_line(result: Result) -> str:
    """The figures of a result, those of real samples in brackets."""
    told = []
    for name, figure in result["figures"].items():
        floor = figure.get("floor")
        told.append(f"{name} {figure['value']:.4g}" + ("" if floor is None else f" ({floor:.4g})"))
    return f"step {result['step']} evaluated: " + "  ".join(told)


def describe(result: Result) -> str:
    """The result as a table."""
    protocol, figures = result["protocol"], result["figures"]
    role = f" ({result['checkpoint']})" if result.get("checkpoint") else ""
    whose = result["file"]["name"] if "file" in result else f"step {result['step']}{role}"
    lines = [
        f"{whose}: {protocol['n_generated']} generated samples against "
        f"{protocol['n_real']} of {protocol['data']} ({protocol['split']}), features: "
        f"{protocol['extractor']}",
        f"  {'figure':<24}{'value':>12}{'real to real':>14}{'perfect':>12}",
    ]
    for name, figure in figures.items():
        cells = [figure.get(column) for column in ("value", "floor", "perfect")]
        shown = ["" if cell is None else f"{cell:.5g}" for cell in cells]
        lines.append(f"  {name:<24}{shown[0]:>12}{shown[1]:>14}{shown[2]:>12}".rstrip())
    return "\n".join(lines + [f"  warning: {text}" for text in result["warnings"]])
