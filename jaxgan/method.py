"""The contract of a method (a GAN variant), and finding one by its name.

A method is one frozen dataclass in one file: its fields are its hyper-parameters. The laws every
method keeps are listed in ``docs/laws.md`` and tested over every method in ``tests/test_laws.py``.
"""

import dataclasses
import types
from typing import Any, Protocol

import jax

from jaxgan import errors, methods
from jaxgan.lookup import load_module, submodules
from jaxgan.state import Batch, Metrics, State


class Method(Protocol):
    """What the training loop, the sampler and the tests ask of a method.

    Optional members: ``minibatches``, the number of minibatches of ``batch_size`` that one step
    consumes (1 where absent); ``phase(step)``, a hashable that is static in the compiled step;
    ``prepare(source)``, entries of the batch that ``init`` gets, read from the training data on the
    host before anything is written (it may refuse the data by a ValueError; without these entries
    ``init`` must give a state of the same shapes); and for evaluation ``scores(state, images)``,
    the discriminator's logits [B], ``classify(state, images, averaged=)``, class logits [B, K] by
    name of classifier, ``log_weight(state, images, keys)``, the log importance weights [B] of a
    model with an encoder, and ``recalibrate(state, key, n, batches, averaged=)``, the state with
    renewed batch statistics; ``choices``, the conditions of ``sample`` beside ``labels`` that are
    whole numbers, each with how many it may be.
    A field ``shape`` or ``num_classes`` is filled in from the dataset.
    """

    def init(self, key: jax.Array, batch: Batch) -> State:
        """The state before the first step; ``batch`` gives shapes (values may be used too)."""
        ...

    def step(self, state: State, batch: Batch, key: jax.Array) -> tuple[State, Metrics]:
        """One training step: pure, and the same for any number of devices.

        Args:
          state: as ``init`` or the step before left it.
          batch: ``image`` [minibatches * B, *shape] in [-1, 1], ``label`` int32 if any.
          key: this step's key; every draw from it belongs to a sample, see ``draws.sample_keys``.

        Returns:
          The next state (``step`` one higher) and float32 scalars named ``{network}/{quantity}``.
        """
        ...

    def sample(self, state: State, key: jax.Array, n: int, **conditions: Any) -> jax.Array:
        """Samples [n, *shape] in [-1, 1], from the averaged weights where there are any."""
        ...


def find(name: str) -> type:
    """The method class called ``name``.

    Args:
      name: a file in ``jaxgan/methods`` (``'gan'``), or any importable module that holds exactly
        one method (``'mypackage.mymethod'``).

    Raises:
      UserError: if there is no such module, or it does not hold exactly one method.
    """
    return only_method(load_module(methods, "method", name))


def names() -> list[str]:
    """The names of the methods that come with the package."""
    return submodules(methods)


def only_method(module: types.ModuleType) -> type:
    """The one method defined in ``module``."""
    found = [
        c
        for c in vars(module).values()
        if isinstance(c, type)
        and c.__module__ == module.__name__
        and dataclasses.is_dataclass(c)
        and all(callable(getattr(c, m, None)) for m in ("init", "step", "sample"))
    ]
    if len(found) != 1:
        names = f": {', '.join(c.__name__ for c in found)}" if found else ""
        raise errors.UserError(
            f"module {module.__name__!r} must define one method (a dataclass with init, step and "
            f"sample), found {len(found)}{names}"
        )
    return found[0]
