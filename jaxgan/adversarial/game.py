"""What two-player variants are made of: the fields they share, and the functions they differ in."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan import losses, networks
from jaxgan.adversarial import techniques
from jaxgan.adversarial.packing import in_packs, pack
from jaxgan.adversarial.techniques import Techniques
from jaxgan.base import draws, lookup
from jaxgan.base.state import Batch, Metrics, State
from jaxgan.learning import optimizers
from jaxgan.learning.player import Player
from jaxgan.losses import AdversarialLoss
from jaxgan.networks import Critique

PyTree = Any
Terms = tuple[jax.Array, Metrics]


class Samples(NamedTuple):
    """Samples and what they are made or judged under.

    Attributes:
      values: [B, ...].
      conditions: any tree of arrays [B, ...]: ``{}``, or ``{'labels': [B]}``.
    """

    values: jax.Array
    conditions: PyTree


@dataclasses.dataclass(frozen=True)
class Common:
    """The fields of every two-player variant; they lie flat in ``config.method``.

    Attributes:
      generator: the generator's family and its fields, see ``networks``.
      discriminator: likewise.
      g_optimizer: Optax name, learning rate and arguments; apart from the discriminator's, so that
        the two may learn at two time scales (TTUR, Heusel et al. 2017, arXiv:1706.08500).
      d_optimizer: likewise.
      shape: of one sample, filled in from the dataset.
      loss: a name in ``jaxgan.losses``, or the dotted name of an ``AdversarialLoss`` elsewhere.
      latent_dim: length of z, drawn from N(0, I).
      n_critic: discriminator updates before each generator update, each on a minibatch of its own
        (k of Goodfellow et al. 2014, Algorithm 1).
      ema_decay: of the generator's moving average; 0 keeps none.
      ema_start: steps in which the average is a copy; then it decays as ``ema_decay`` says, without
        the bound that it else has in the first steps (Brock et al. 2019, arXiv:1809.11096).
      techniques: switches that stabilize, see ``techniques``.
      axis_name: the mapped axis over which the batch is split, set by ``parallel``.
      precision: what the networks compute in, set by ``config.precision``.
      accumulate: parts of a minibatch whose gradients are averaged, set by ``config.accumulate``.
      rematerialize: whether networks are worked out once more for their gradients, to need less
        memory, set by ``config.rematerialize``.
    """

    generator: Mapping[str, Any]
    discriminator: Mapping[str, Any]
    g_optimizer: Mapping[str, Any]
    d_optimizer: Mapping[str, Any]
    shape: tuple[int, ...]
    loss: str = "non_saturating"
    latent_dim: int = 100
    n_critic: int = 1
    ema_decay: float = 0.999
    ema_start: int = 0
    techniques: Techniques = Techniques()  # noqa: RUF009
    axis_name: str | None = None
    precision: str = "float32"
    accumulate: int = 1
    rematerialize: bool = False

    def __post_init__(self) -> None:
        """Refuses values that no run can have."""
        if self.latent_dim < 1 or self.n_critic < 1:
            raise ValueError("latent_dim and n_critic must be at least 1")
        if not 0 <= self.ema_decay < 1:
            raise ValueError("ema_decay must be in [0, 1)")
        if self.ema_start < 0 or (self.ema_start and not self.ema_decay):
            raise ValueError("ema_start must be at least 0, and has no effect without ema_decay")
        techniques.check(
            self.techniques, self.objective, self.n_critic, self.discriminator, self.shape
        )
        for name, does in (("unrolled", "looks ahead on"), ("top_k", "chooses among")):
            if self.accumulate > 1 and getattr(self.techniques, name):
                raise ValueError(
                    f"techniques.{name} {does} a whole minibatch, which "
                    f"config.accumulate={self.accumulate} cuts in parts"
                )

    @property
    def objective(self) -> AdversarialLoss:
        """The loss that ``loss`` names."""
        if self.loss in losses.NAMES:
            return losses.adversarial(self.loss)
        return lookup.load_object("loss", self.loss, AdversarialLoss, losses.NAMES)


def generator(shared: Common, **given: Any) -> Player:
    """The generator; ``given`` is what else the network must take, see ``networks.build``."""
    module = network(shared, "generator", given, shape=shared.shape)
    return player(shared, module, shared.g_optimizer, shared.ema_decay > 0)


def discriminator(shared: Common, *, averaged: bool = False, **given: Any) -> Player:
    """The discriminator likewise; ``averaged``: with a moving average of its weights."""
    module = network(shared, "discriminator", given)
    return player(shared, module, shared.d_optimizer, averaged)


def player(
    shared: Common, module: nn.Module, optimizer: Mapping[str, Any], averaged: bool
) -> Player:
    """A network that learns by an optimizer of a config, as the run has it."""
    built = optimizers.build(optimizer)
    return Player(module, built, averaged, shared.axis_name, shared.rematerialize)


def network(shared: Common, role: str, needed: Mapping[str, Any], **given: Any) -> Any:
    """A player's network, in the run's precision and on its devices."""
    run: dict[str, Any] = {"axis_name": shared.axis_name, "precision": shared.precision}
    return networks.build(role, getattr(shared, role), needed=needed, **run, **given)


def normal_latents(game: "Game", keys: jax.Array) -> PyTree:
    """The z of each key, [B, latent_dim] from N(0, I)."""
    return draws.normal(keys, (game.common.latent_dim,))


def plain_judge(
    game: "Game",
    params: PyTree,
    stats: PyTree,
    values: jax.Array,
    conditions: PyTree,
    *,
    train: bool,
) -> tuple[Critique, PyTree]:
    """What D says of the samples, told of their conditions by ``d_inputs``."""
    return game.d.apply(params, stats, values, *game.d_inputs(conditions), train=train)


@dataclasses.dataclass(frozen=True)
class Game:
    """Two players, and the functions in which variants differ; each default is the plain GAN's.

    Attributes:
      common: the fields.
      g: the generator.
      d: the discriminator.
      names: of the two in ``State.nets``, in metrics and in extras.
      entries: of the batch that the players read.
      conditions: names of those that samples may be asked for by.
      choices: see ``Method``.
      example: the conditions of one sample, without a batch axis, for their shapes.
      latents: ``(game, keys) -> z``, a row for each key.
      drawn: ``keys -> conditions`` that are drawn for samples that none are asked for.
      given: ``(drawn, asked for, n) -> conditions`` of n samples to draw outside training.
      of_real: ``(batch, keys) -> conditions`` that the real samples are judged under.
      of_fake: likewise of those generated beside them; ``None``: the same.
      g_inputs: ``(z, conditions) -> inputs`` of the generator's network.
      d_inputs: ``conditions -> inputs`` of the discriminator's network beside the samples.
      judged_by: how many classes there are where D is told the labels, else 0.
      judge: ``(game, params, stats, values, conditions, *, train) -> (Critique, stats)``; of packs
        of m samples where ``techniques.pack`` asks for them: values [B/m, ..., m C], conditions
        [B/m, m, ...].
      sight: ``(keys, real, fake) -> (view of real, view of fake)`` of an update's samples, in the
        place of ``techniques.augment`` and ``instance_noise``, see ``sight``. G may then make
        several images of a sample in training, one beside the other in channels, the last of which
        is the sample.
      shown: samples [B, ...] as D's network is shown them outside training.
      d_terms: ``(real critique, fake critique, real's conditions, fake's) -> (loss, metrics)``,
        added to D's adversarial loss.
      g_terms: ``(fake critique, conditions) -> (loss, metrics)``, added to G's.
      g_shape: ``what G makes -> (loss, metrics)``, likewise.
      schedule: ``step -> {name: value}`` of techniques that change as training goes on: ``'r1'``,
        ``'r2'``, and ``'augment_p'``, which then follows nothing else; ``None``: none do.
      decay: ``(step, samples a step) -> `` that of the generator's average; ``None``:
        ``ema_decay``, which is bounded in the first steps.
    """

    common: Common
    g: Player
    d: Player
    names: tuple[str, str] = ("g", "d")
    entries: tuple[str, ...] = ("image",)
    conditions: tuple[str, ...] = ()
    choices: Mapping[str, int] = dataclasses.field(default_factory=dict)
    example: PyTree = dataclasses.field(default_factory=dict)
    latents: Callable[["Game", jax.Array], PyTree] = normal_latents
    drawn: Callable[[jax.Array], PyTree] = lambda keys: {}
    given: Callable[[PyTree, Mapping[str, Any], int], PyTree] = lambda drawn, asked, n: drawn
    of_real: Callable[[Batch, jax.Array], PyTree] = lambda batch, keys: {}
    of_fake: Callable[[Batch, jax.Array], PyTree] | None = None
    g_inputs: Callable[[PyTree, PyTree], tuple] = lambda z, conditions: (z,)
    d_inputs: Callable[[PyTree], tuple] = lambda conditions: ()
    judged_by: int = 0
    judge: Callable[..., tuple[Critique, PyTree]] = plain_judge
    sight: Callable[[jax.Array, jax.Array, jax.Array], tuple[Callable, Callable]] | None = None
    shown: Callable[[jax.Array], jax.Array] = lambda samples: samples
    d_terms: Callable[[Critique, Critique, PyTree, PyTree], Terms] | None = None
    g_terms: Callable[[Critique, PyTree], Terms] | None = None
    g_shape: Callable[[jax.Array], Terms] | None = None
    schedule: Callable[[jax.Array], Mapping[str, jax.Array]] | None = None
    decay: Callable[[jax.Array, int], jax.Array] | None = None

    def now(self, step: jax.Array) -> Mapping[str, jax.Array]:
        """What ``schedule`` gives after so many steps."""
        return {} if self.schedule is None else self.schedule(step)

    def extra(self, what: str) -> str:
        """The name in ``State.extras`` of what an update of D remembers."""
        return what if self.names[1] == "d" else f"{self.names[1]}_{what}"


def plain(shared: Common, **different: Any) -> Game:
    """The game of plain players, with the functions in which a variant differs."""
    return Game(shared, generator(shared), discriminator(shared), **different)


def generate(
    game: Game, params: PyTree, stats: PyTree, z: PyTree, conditions: PyTree, *, train: bool
) -> tuple[jax.Array, PyTree]:
    """Samples [B, *shape] of latents under conditions, and G's new statistics."""
    return game.g.apply(params, stats, *game.g_inputs(z, conditions), train=train)


def judge(
    game: Game,
    params: PyTree,
    stats: PyTree,
    values: jax.Array,
    conditions: PyTree,
    *,
    train: bool = True,
) -> tuple[Critique, PyTree]:
    """What D says of samples as it sees them, and its new statistics.

    Args:
      game: the players.
      params: D's.
      stats: D's.
      values: [B/m, ..., m C], packed already.
      conditions: [B, ...], one for each sample.
      train: whether in training.

    Raises:
      ValueError: if it does not return a ``Critique``, or not with logits of each sample.
    """
    together = in_packs(conditions, game.common.techniques.pack)
    critique, stats = game.judge(game, params, stats, values, together, train=train)
    if not isinstance(critique, Critique):
        given = "an array" if isinstance(critique, jax.Array) else type(critique).__name__
        raise ValueError(
            f"a discriminator must return a jaxgan.networks.Critique, and this one returns {given}"
        )
    rows, shape = len(values), critique.logits.shape
    if shape[:1] != (rows,) or len(shape) not in (1, 4) or shape[3:] not in ((), (1,)):
        raise ValueError(
            f"a discriminator's logits must have the shape [B], or [B, h, w, 1] of a map; for "
            f"{rows} samples they have {list(shape)}"
        )
    return critique, stats


def look(game: Game, state: State, samples: jax.Array, conditions: PyTree) -> Critique:
    """What D says, outside training, of samples [B, ...] in packs of m: ceil(B / m) rows.

    Args:
      game: the players.
      state: of training.
      samples: [B, ...]; the first ones again fill the last pack.
      conditions: [B, ...], what D is told of the samples.
    """
    net, m = state.nets[game.names[1]], game.common.techniques.pack
    if len(samples) % m:
        places = jnp.arange(-(-len(samples) // m) * m) % len(samples)
        samples, conditions = jax.tree.map(lambda x: x[places], (samples, conditions))
    seen = pack(game.shown(samples), m)
    return judge(game, net.params, net.stats, seen, conditions, train=False)[0]


def head(critique: Critique, name: str) -> jax.Array:
    """An output of D's beside the logits.

    Raises:
      ValueError: if it has none of that name.
    """
    if name not in critique.heads:
        raise ValueError(f"the discriminator has no head {name!r}; take a network with `heads`")
    return critique.heads[name]
