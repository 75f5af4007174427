"""What methods of any number of networks share: the fields, and the functions of the record."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan import networks
from jaxgan.adversarial.method import check_asked
from jaxgan.adversarial.purposes import OfRow
from jaxgan.base import draws
from jaxgan.base.method import Method, flat
from jaxgan.base.state import Batch, Metrics, Net, State
from jaxgan.learning import optimizers
from jaxgan.learning.player import Player
from jaxgan.learning.players import Players, Run

__all__ = ["Common", "at_rest", "flat", "gaussian", "given", "method"]

PyTree = Any
# What a loss has of each sample: the batch's entries, ``z``, ``key`` and ``step``; and ``extras``.
Rows = Mapping[str, Any]
Loss = Callable[[Run, Rows], tuple[jax.Array, Metrics]]
Latents = Callable[[jax.Array], PyTree]


def gaussian(latent_dim: int) -> Latents:
    """Latents [B, latent_dim] from N(0, I), one of each key [B].

    Raises:
      ValueError: if there are none.
    """
    if latent_dim < 1:
        raise ValueError("latent_dim must be at least 1")
    return partial(draws.normal, shape=(latent_dim,))


@dataclasses.dataclass(frozen=True)
class Common:
    """The fields of a method of several networks; they lie flat in ``config.method``.

    Attributes:
      optimizer: of every network that is given none of its own: Optax name and arguments.
      shape: of one sample, filled in from the dataset.
      ema_decay: of the moving average of what generates, and of an encoder that a method
        averages with it; 0 keeps none.
      axis_name: the mapped axis over which the batch is split.
      precision: what the networks compute in.
      accumulate: parts of a batch whose gradients are averaged.
      rematerialize: whether networks are worked out once more for their gradients.
    """

    optimizer: Mapping[str, Any]
    shape: tuple[int, ...]
    ema_decay: float = 0.999
    axis_name: str | None = None
    precision: str = "float32"
    accumulate: int = 1
    rematerialize: bool = False

    def __post_init__(self) -> None:
        """Refuses values that no run can have."""
        if not 0 <= self.ema_decay < 1:
            raise ValueError("ema_decay must be in [0, 1)")

    def player(
        self,
        role: str,
        network: Mapping[str, Any],
        optimizer: Mapping[str, Any] | None = None,
        **given: Any,
    ) -> Player:
        """A network of the config that learns, as the run has it.

        Args:
          role: ``'encoder'`` is the class ``Encoder`` of the family that the network names.
          network: its group in the config.
          optimizer: its own; ``None``: the common one.
          **given: what it is told beside its group: the ``shape`` of what it gives, for one.
        """
        run: dict[str, Any] = {"axis_name": self.axis_name, "precision": self.precision}
        module = networks.build(role, network, **run, **given)
        built = optimizers.build(optimizer or self.optimizer)
        return Player(module, built, False, self.axis_name, self.rematerialize)


def method(
    common: Common,
    players: Mapping[str, Player],
    inputs: Callable[[Rows], Mapping[str, tuple]],
    updates: Sequence[tuple[Sequence[str], Loss]],
    *,
    latents: Latents,
    generator: str = "g",
    averaged: Sequence[str] = (),
    conditions: tuple[str, ...] = (),
    extras: Callable[[Batch], dict[str, PyTree]] = lambda batch: {},
    **members: Any,
) -> Method:
    """The method of several networks, which move in turn, each time some of them by one loss.

    Args:
      common: the fields.
      players: by their names in ``State.nets``.
      inputs: ``rows -> {name: inputs}``: what each is called with, for its first call.
      updates: ``(names, loss)`` in their order in a step: who moves, and by which loss, see
        ``Players.update``. Its rows are the batch's entries, latents ``z`` [B, ...] of this
        update's own, for its other draws ``key`` [B], ``step`` int32 [B], the same for all, and
        the state's ``extras``, whole.
      latents: keys [B] to what as many samples are generated from, such as ``gaussian(100)``.
      generator: the name of the network that generates. It is called with z, and the conditions.
      averaged: names of others whose weights are averaged as the generator's are.
      conditions: see ``Method``.
      extras: the batch that ``init`` gets to what the state keeps beside the networks, unchanged.
      **members: members of the record, beside the five that it makes or in their places.

    Raises:
      ValueError: if a player is moved by no update, or one that is named is none.
    """
    if generator not in players:
        raise ValueError(f"no player is called {generator!r}, which is to generate: give generator")
    if unknown := [name for name in averaged if name not in players]:
        raise ValueError(f"no player is called {unknown[0]!r}, which is to be averaged")
    moved = [name for names, _ in updates for name in names]
    if idle := [name for name in players if name not in moved]:
        raise ValueError(f"no update moves the player {idle[0]!r}: it would not learn")
    kept = {
        name: replace(players[name], averaged=common.ema_decay > 0)
        for name in (generator, *averaged)
    }
    everyone = Players({**players, **kept}, common.accumulate)

    def rows(batch: Batch, keys: jax.Array, step: jax.Array) -> Rows:
        z = latents(draws.fold(keys, OfRow.LATENT))
        its_own = {"z": z, "key": draws.fold(keys, OfRow.OWN), "step": jnp.full(len(z), step)}
        return {**batch, **its_own}

    def with_extras(loss: Loss, kept: Mapping[str, PyTree]) -> Loss:
        # Not among the rows that are split for accumulation: it is no sample's.
        return lambda run, rows: loss(run, {**rows, "extras": kept})

    def init(key: jax.Array, batch: Batch) -> State:
        two = jax.tree.map(lambda x: x[:2], dict(batch))
        step = jnp.zeros((), jnp.int32)
        nets = everyone.init(key, **inputs(rows(two, draws.sample_keys(key, 2), step)))
        return State(step, nets, extras(batch))

    def step(state: State, batch: Batch, key: jax.Array) -> tuple[State, Metrics]:
        n = len(batch["image"])
        nets: Mapping[str, Net] = state.nets
        metrics: Metrics = {}
        for i, (names, loss) in enumerate(updates):
            keys = draws.sample_keys(jax.random.fold_in(key, i), n, common.axis_name)
            its_own = rows(batch, keys, state.step)
            told = with_extras(loss, state.extras)
            nets, measured = everyone.update(nets, names, told, its_own)
            metrics = {**metrics, **measured}
        moving = {
            name: player.average(nets[name], common.ema_decay, state.step)
            for name, player in kept.items()
        }
        return replace(state, step=state.step + 1, nets={**nets, **moving}), metrics

    def drawn(key: jax.Array, n: int) -> PyTree:
        return latents(draws.sample_keys(key, n))

    def generate(
        state: State, latents: PyTree, *, averaged: bool = True, **asked: Any
    ) -> jax.Array:
        told = given(asked, conditions)
        return everyone.apply(state.nets, generator, latents, *told, averaged=averaged)

    return replace(Method(init, step, drawn, generate, conditions=conditions), **members)


def at_rest(first: Method, whole: Method) -> Method:
    """``whole`` in a phase that has the step of ``first``, which moves some of its networks.

    What is measured of the others is 0: all phases log the same metrics.
    """

    def step(state: State, batch: Batch, key: jax.Array) -> tuple[State, Metrics]:
        new, metrics = first.step(state, batch, key)
        _, every = jax.eval_shape(whole.step, state, batch, key)
        idle = {name: jnp.zeros(x.shape, x.dtype) for name, x in every.items()}
        return new, {**idle, **metrics}

    return replace(whole, step=step)


def given(asked: Mapping[str, Any], conditions: tuple[str, ...]) -> list[Any]:
    """The conditions that samples are asked for by, in the order of those that they are made under.

    Raises:
      ValueError: naming one that is missing, or that there is not.
    """
    check_asked(asked, conditions)
    if missing := [name for name in conditions if name not in asked]:
        raise ValueError(f"samples are made under {missing[0]!r}, which is not given")
    return [asked[name] for name in conditions]
