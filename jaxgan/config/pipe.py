"""From an experiment to a config that is whole, and from a config to its method.

read, name, complete, override, check: each stage is a file.
"""

from collections.abc import Sequence

from ml_collections import ConfigDict

from jaxgan import data
from jaxgan.base import errors
from jaxgan.base.method import Method
from jaxgan.config import variants
from jaxgan.config.checking import check
from jaxgan.config.completing import Describe, fill_from_data, fill_method, merge
from jaxgan.config.fields import plain
from jaxgan.config.lanes import arms
from jaxgan.config.overriding import apply_override, forget, join_values, parse_override
from jaxgan.config.reading import call_experiment


def load(
    path: str,
    overrides: Sequence[str] = (),
    *,
    smoke: bool = False,
    describe: Describe | None = None,
) -> ConfigDict:
    """The config of an experiment file, completed and locked.

    Args:
      path: a Python file with ``get_config()`` and ``get_smoke_config()``.
      overrides: ``--config.FIELD=VALUE`` or ``--config.FIELD``, ``VALUE``.
      smoke: take ``get_smoke_config()``, which runs in seconds.
      describe: gives the spec of what ``config.data`` names: ``run.encoded.describe`` for a config
        that may have ``data.latent``, of which this room knows nothing.

    Raises:
      UserError: naming the nearest experiment, field or choice for an unknown one; for arms that
        set anything but numbers; for ``data.latent`` without ``describe``.
    """
    config = merge(call_experiment(path, "get_smoke_config" if smoke else "get_config"))
    changes = dict(parse_override(text) for text in join_values(overrides))
    # Names first, the outer ones before the inner: they decide which fields there are.
    named = [key for key in changes if key.endswith(".name")]
    for key in sorted(named, key=lambda key: key.count(".")):
        apply_override(config, key, changes[key])
        if key.startswith("method."):
            forget(config, key.removesuffix(".name"))
    fill_method(config)
    for key, text in changes.items():
        apply_override(config, key, text)
    # Once more, now that every value is set: a field's annotation says more than its default.
    fill_method(config)
    if config.data.latent and describe is None:
        raise errors.UserError(
            "config.data.latent needs describe=jaxgan.run.encoded.describe in config.load"
        )
    fill_from_data(config, describe or data.describe)
    check(config)
    arms(config)
    return config.lock()


def build(config: ConfigDict, axis_name: str | None = None) -> Method:
    """The method of a completed config.

    Raises:
      UserError: with the method's own reason, if its fields contradict each other.
    """
    section = plain(config.method)
    name = section.pop("name")
    with errors.stage("building", f"method {name!r}"):
        return variants.build(
            name,
            section,
            axis_name=axis_name,
            precision=config.precision,
            accumulate=config.accumulate,
            rematerialize=config.rematerialize,
            batch_size=config.batch_size,
            steps=config.steps,
        )
