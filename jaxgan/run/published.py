"""What ``--weights=PATH`` asks for: samples of a published file, their worth, our form of it."""

import argparse
import json
from pathlib import Path
from typing import Any

import jax
from ml_collections import ConfigDict

from jaxgan import data, evaluation, weights
from jaxgan.base import errors, files
from jaxgan.evaluation.protocol import Result
from jaxgan.run import judge, pretrained, program, written
from jaxgan.run.pretrained import Pretrained
from jaxgan.weights import converting

SUFFIX = ".json"


def answer(flags: argparse.Namespace, config: ConfigDict | None) -> str:
    """Does what the command line asks of ``--weights``, and says what to print.

    The last line is the licence.

    Raises:
      UserError: as ``sample``, ``evaluate`` and ``jaxgan.weights.convert`` do.
    """
    names = ("truncation", "guidance")
    settings = {name: getattr(flags, name) for name in names if getattr(flags, name) is not None}
    if flags.mode == "convert":
        place = converting.check_request(flags.out)
        file = weights.read(flags.weights)
        converting.write(file, place)
        return f"{place}\n{file.licence}"
    if config is not None:
        result = evaluate(flags.weights, config, flags.n, out=flags.out, **settings)
        return f"{evaluation.describe(result)}\n{result['file']['licence']}"
    n, seed = 64 if flags.n is None else flags.n, flags.seed or 0
    made = sample(flags.weights, flags.out, n, seed, labels=flags.labels, **settings)
    return f"{flags.out}\n{made.file.licence}"


def sample(path: files.Place, out: files.Place, n: int, seed: int, **settings: Any) -> Pretrained:
    """Writes samples, see ``written.write``, and gives back what made them.

    Raises:
      UserError: as ``pretrained.load`` and ``written.write`` do.
    """
    written.check_request(out, n, seed)
    model = pretrained.load(path)
    written.write(model, out, n, seed, **settings)
    return model


def evaluate(
    path: files.Place,
    config: ConfigDict,
    n: int | None = None,
    truncation: float = 1.0,
    guidance: float = 1.0,
    out: files.Place | None = None,
) -> Result:
    """Measures samples on the report part of the config's data.

    Args:
      path: the published file.
      config: completed: its data, evaluation and seed are of use, and no other field.
      n: samples to generate, instead of ``config.evaluation.n``.
      truncation: of the samples.
      guidance: of the samples, see ``Pretrained.generate``.
      out: a ``.json`` file to write the result to.

    Raises:
      UserError: for images or classes that are not those of the data, or as
        ``evaluation.open_evaluator`` does.
    """
    judge.check_count(n)
    if out is not None:
        check_place(Path(out))
    if config.evaluation.recalibrate:
        raise errors.UserError(
            "config.evaluation.recalibrate is of a run: published statistics are taken as they are"
        )
    model, splits = pretrained.load(path), data.Splits(config.data)
    check_data(model, splits.spec(), config.data.name)
    model.check_settings(truncation=truncation, guidance=guidance)
    config = config.copy_and_resolve_references()
    config.evaluation.n = n or config.evaluation.n
    conditions = ("labels",) if model.networks.num_classes else ()
    evaluator = evaluation.open_evaluator(config, "report", conditions, splits)

    def draw(key: jax.Array, n: int, labels: Any = None) -> Any:
        return model.sample(key, n, labels, truncation=truncation, guidance=guidance)

    subject = evaluation.Subject(
        draw,
        weights="as published",
        statistics="as published",
        conditional=bool(conditions),
        truncation="none" if truncation == 1 else str(truncation),
        guidance="none" if guidance == 1 else str(guidance),
    )
    key = jax.random.fold_in(jax.random.key(config.seed), program.EVALUATE)
    result = evaluator.measure(subject, key, 0)
    file = model.file
    result["file"] = {
        "name": file.path.name,
        "sha256": file.sha256,
        "family": file.family,
        "licence": file.licence,
    }
    if out is not None:
        with files.replacing(Path(out)) as new:
            new.write_text(json.dumps(result, indent=2) + "\n")
    return result


def check_place(out: Path) -> None:
    """Refuses a place that no result can be written to.

    Raises:
      UserError: for another ending than ``.json``, or where no file can be made.
    """
    if out.suffix != SUFFIX:
        raise errors.UserError(f"a result is written as {SUFFIX}, not {out.name!r}")
    files.check_place(out)


def check_data(model: Pretrained, spec: data.Spec, name: str) -> None:
    """Refuses data that a model's samples cannot be compared with.

    Raises:
      UserError: if their shape or the number of their classes is another.
    """
    made, path = list(model.networks.shape), model.file.path
    if made != list(spec.shape):
        raise errors.UserError(f"{path} makes images {made}, and {name} has {list(spec.shape)}")
    K = model.networks.num_classes
    if K and spec.num_classes != K:
        raise errors.UserError(
            f"{path} makes images of {K} classes, and {name} has {spec.num_classes or 'no labels'}"
        )
