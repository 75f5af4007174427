"""The runs that one program trains side by side: every arm with every seed."""

from ml_collections import ConfigDict

from jaxgan.base import errors
from jaxgan.config.fields import get
from jaxgan.config.overriding import apply_override


def count(config: ConfigDict) -> int:
    """How many runs a program trains."""
    return config.seeds * max(1, len(config.arms))


def lanes(config: ConfigDict) -> list[ConfigDict]:
    """The config of each run, as it would be by itself: the seeds of the first arm come first.

    Raises:
      UserError: for an arm that sets anything but numbers of the method.
    """
    if count(config) == 1:
        return [config]
    found = []
    for arm in arms(config):
        for seed in range(config.seed, config.seed + config.seeds):
            own = arm.copy_and_resolve_references()
            own.update({"seed": seed, "seeds": 1})
            found.append(own.lock())
    return found


def arms(config: ConfigDict) -> list[ConfigDict]:
    """The config of each arm with all seeds; of none, the config itself.

    Raises:
      UserError: for one that sets anything but numbers of the method.
    """
    if not config.arms:
        return [config]
    return [arm(config, text) for text in config.arms]


def arm(config: ConfigDict, text: str) -> ConfigDict:
    """The config of one arm.

    Raises:
      UserError: if it sets anything but numbers of the method.
    """
    own = config.copy_and_resolve_references()
    own.unlock()
    own.arms = ()
    for each in text.split():
        field, equals, value = each.partition("=")
        if not equals or not field.startswith("method."):
            raise errors.UserError(f"config.arms: {each!r} is not method.FIELD=NUMBER")
        apply_override(own, field, value)
        number = get(own, field)
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise errors.UserError(f"config.arms: {field} is no number, and cannot differ by lane")
    return own.lock()
